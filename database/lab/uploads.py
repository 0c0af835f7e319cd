"""Uploads: files that people are sending, until a data set is made of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from database.people.audit import record
from database.people.principal import PROGRAM, Principal
from database.schema.lab_tables import datasets, uploads
from solar.errors import ConflictError, NotFoundError
from solar.identifiers import is_id, new_id

RECEIVING, COMPLETE, CONSUMED = "receiving", "complete", "consumed"
EXPIRED, WITHDRAWN = "expired", "withdrawn"
OPEN = (RECEIVING, COMPLETE)
# Without a byte for so long an upload is given up.
UPLOAD_LASTS = timedelta(hours=24)
# So long the store remembers what became of an upload.
_REMEMBERED_FOR = timedelta(days=7)
_NOUN = "upload"


@dataclass(frozen=True)
class Upload:
    """A file that somebody sends: `received` of its `bytes` are here."""

    upload_id: str
    owner: str
    name: str
    bytes: int
    received: int
    sha256: str | None
    state: str
    expires_at: datetime


def add_upload(
    connection: sa.Connection, who: Principal, name: str, size: int, *, now: datetime
) -> Upload:
    """Store an upload that begins."""
    expires_at = now + UPLOAD_LASTS
    upload = Upload(new_id(now), who.owner, name, size, 0, None, RECEIVING, expires_at)
    connection.execute(uploads.insert().values(vars(upload)))
    after = {"name": name, "bytes": size}
    record(connection, who, "began", _NOUN, upload.upload_id, after=after, now=now)
    return upload


def find_upload(connection: sa.Connection, who: Principal, upload_id: str) -> Upload:
    """Return an upload of one's own that is open; raises NotFoundError for any other."""
    is_own = sa.and_(uploads.c.owner == who.owner, uploads.c.state.in_(OPEN))
    query = sa.select(uploads).where(uploads.c.upload_id == upload_id, is_own)
    row = connection.execute(query).one_or_none() if is_id(upload_id) else None
    if row is None:
        raise NotFoundError("there is no such upload, or it has ended; begin a new one")
    return Upload(*row)


def find_complete(
    connection: sa.Connection, who: Principal, upload_ids: Sequence[str]
) -> list[Upload]:
    """Return uploads of one's own that have arrived whole, in this order.

    Raises
    ------
    NotFoundError
        For an unknown one, or one of somebody else.
    ConflictError
        For one that is still arriving.
    """
    found = [find_upload(connection, who, upload_id) for upload_id in upload_ids]
    for upload in found:
        if upload.state != COMPLETE:
            raise ConflictError(
                f"{upload.received:,} of {upload.bytes:,} bytes of {upload.name} are here; send the"
                " others first"
            )
    return found


def advance_upload(
    connection: sa.Connection,
    who: Principal,
    upload: Upload,
    received: int,
    *,
    sha256: str | None,
    now: datetime,
) -> Upload:
    """Note that bytes are on the disk; with the hash of the whole the upload is complete.

    Raises
    ------
    ConflictError
        When the upload has changed since it was read.
    """
    state = RECEIVING if sha256 is None else COMPLETE
    values: dict[str, Any] = {"received": received, "sha256": sha256, "state": state}
    values["expires_at"] = now + UPLOAD_LASTS
    is_still = sa.and_(
        uploads.c.upload_id == upload.upload_id,
        uploads.c.state == RECEIVING,
        uploads.c.received == upload.received,
    )
    if connection.execute(uploads.update().where(is_still).values(values)).rowcount == 0:
        raise ConflictError("another request has brought bytes of this file; ask how far it is")
    if state == COMPLETE:
        record(connection, who, "completed", _NOUN, upload.upload_id, after=sha256, now=now)
    return replace(upload, **values)


def withdraw_upload(
    connection: sa.Connection, who: Principal, upload_id: str, *, now: datetime
) -> None:
    """Give up an upload; raises NotFoundError."""
    upload = find_upload(connection, who, upload_id)
    _end(connection, who, upload, WITHDRAWN, now=now)


def consume_uploads(
    connection: sa.Connection, who: Principal, consumed: Sequence[Upload], *, now: datetime
) -> None:
    """End uploads of which a data set is made.

    Raises
    ------
    ConflictError
        When another request has made one of them.
    """
    for upload in consumed:
        _end(connection, who, upload, CONSUMED, now=now)


def expire_uploads(connection: sa.Connection, *, now: datetime) -> None:
    """End the uploads that have been silent for too long, and forget old ones."""
    is_over = sa.and_(uploads.c.state.in_(OPEN), uploads.c.expires_at <= now)
    for row in connection.execute(sa.select(uploads).where(is_over)).all():
        _end(connection, PROGRAM, Upload(*row), EXPIRED, now=now)
    is_old = sa.and_(uploads.c.state.not_in(OPEN), uploads.c.expires_at <= now - _REMEMBERED_FOR)
    connection.execute(uploads.delete().where(is_old))


def _end(
    connection: sa.Connection, who: Principal, upload: Upload, state: str, *, now: datetime
) -> None:
    is_still = sa.and_(
        uploads.c.upload_id == upload.upload_id,
        uploads.c.state == upload.state,
        uploads.c.expires_at == upload.expires_at,
    )
    if connection.execute(uploads.update().where(is_still).values(state=state)).rowcount == 0:
        raise ConflictError(f"the upload of {upload.name} has just changed; look again")
    record(connection, who, state, _NOUN, upload.upload_id, before=upload.state, now=now)


def open_uploads(connection: sa.Connection) -> set[str]:
    """Return the ids of the uploads that have a file of their own."""
    query = sa.select(uploads.c.upload_id).where(uploads.c.state.in_(OPEN))
    return set(connection.execute(query).scalars())


def owned_bytes(connection: sa.Connection, owner: str) -> int:
    """Return the size of somebody's data sets, out of the trash, and of their open uploads.

    The uploads are read with locks: of two that were added at a time and counted after that, one
    waits for the other, or is added again.
    """
    is_sent = sa.and_(uploads.c.owner == owner, uploads.c.state.in_(OPEN))
    sizes = sa.select(uploads.c.bytes).where(is_sent).with_for_update()
    is_kept = sa.and_(datasets.c.owner == owner, datasets.c.deleted_at.is_(None))
    listed = connection.execute(sa.select(datasets.c.files).where(is_kept)).scalars()
    kept: int = sum(file["bytes"] for files in listed for file in json.loads(files))
    sent: int = sum(connection.execute(sizes).scalars())
    return kept + sent


def expected_bytes(connection: sa.Connection) -> int:
    """Return how many bytes the uploads of everybody have still to bring."""
    to_come = sa.func.coalesce(sa.func.sum(uploads.c.bytes - uploads.c.received), 0)
    query = sa.select(to_come).where(uploads.c.state == RECEIVING)
    return int(connection.execute(query).scalar_one())
