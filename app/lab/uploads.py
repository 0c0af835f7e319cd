"""Uploads: files that arrive piece by piece, and are refused before the first byte."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from app.contract.problems import RequestError
from app.lab.dataset_files import (
    check_file,
    check_file_name,
    is_arrays,
    open_archive,
    refuse_clashes,
    unpack,
    unpacked_members,
)
from app.settings import LabSettings
from database.engine import reading, transact
from database.lab.attempts import attempts_at_work
from database.lab.datasets import DataFile
from database.lab.file_store import PIECE_BYTES, FileStore
from database.lab.uploads import (
    RECEIVING,
    Upload,
    add_upload,
    advance_upload,
    expected_bytes,
    expire_uploads,
    find_upload,
    open_uploads,
    owned_bytes,
    withdraw_upload,
)
from database.people.principal import Principal
from solar.errors import ConflictError, StoreFullError
from solar.identifiers import LENGTH

# The store of the records may lie on the same disk.
SPARE_BYTES = 2**28
# What arrives under a name that `_key` or `output_key` gives.
_ARRIVING = re.compile(rf"upload-\w{{{LENGTH}}}|\w{{{LENGTH}}}\.\d+\.")


@dataclass(frozen=True)
class Uploads:
    """Takes what people send, within the limits of the settings."""

    engine: sa.Engine
    store: FileStore
    settings: LabSettings
    clock: Callable[[], datetime]

    def begin(self, who: Principal, name: str, size: int) -> Upload:
        """Begin an upload, unless its name, its size, the quota or the disk forbids it."""
        check_file_name(name)
        largest = self.settings.lab_upload_bytes
        if size > largest:
            raise too_large(
                f"the file has {size:,} bytes, and at most {largest:,} are taken"
                " (FLARE_LAB_UPLOAD_BYTES); cut it into smaller files"
            )

        def work(connection: sa.Connection) -> Upload:
            self._refuse_without_space(connection, size)
            upload = add_upload(connection, who, name, size, now=self.clock())
            self._refuse_over_quota(connection, who, size, counted=size)
            return upload

        return transact(self.engine, work)

    def _refuse_without_space(self, connection: sa.Connection, size: int) -> None:
        free = self.store.free_bytes() - expected_bytes(connection) - SPARE_BYTES
        if size > free:
            raise no_space(
                f"this takes {size:,} bytes, and the disk has space for {max(0, free):,} more; ask"
                " whoever runs Flarewatch for space"
            )

    def _refuse_over_quota(
        self, connection: sa.Connection, who: Principal, size: int, *, counted: int
    ) -> None:
        """Refuse bytes beyond somebody's quota, in which so many of them are `counted` already."""
        used = owned_bytes(connection, who.owner) - counted
        quota = self.settings.lab_quota_bytes
        if used + size > quota:
            raise too_large(
                f"you have {used:,} of {quota:,} bytes (FLARE_LAB_QUOTA_BYTES), and this takes"
                f" {size:,}; delete data sets that you no longer need"
            )

    def find(self, who: Principal, upload_id: str) -> Upload:
        """Return an upload of one's own that is open; raises NotFoundError."""
        with reading(self.engine) as connection:
            return find_upload(connection, who, upload_id)

    def offset(self, upload: Upload) -> int:
        """Return how many bytes of an upload are on the disk and known to be."""
        if upload.state != RECEIVING:
            return upload.bytes
        return min(upload.received, self.store.received(_key(upload.upload_id)))

    def receive(self, who: Principal, upload_id: str, piece: bytes, *, offset: int) -> Upload:
        """Add a piece to an upload; it is on the disk before the row says so.

        Raises
        ------
        NotFoundError
            When the person has no such upload.
        ConflictError
            When the upload does not end at `offset`, or another request brings it at this moment.
        RequestError
            When the piece is too large, or the disk is full.
        """
        key = _key(upload_id)
        self.find(who, upload_id)
        with self.store.claim(key):
            # Read once nobody else writes to the file.
            upload = self.find(who, upload_id)
            begins = self.offset(upload)
            _refuse_piece(upload, len(piece), offset=offset, begins=begins)
            # What came after the last known byte, when a process died, comes again.
            self.store.cut(key, begins)
            try:
                received = self.store.append(key, piece, offset=begins)
            except StoreFullError as error:
                raise no_space(f"{error}; free space, then go on from byte {begins:,}") from error
            sha256 = self.store.hash_of(key) if received == upload.bytes else None
            return transact(
                self.engine,
                lambda connection: advance_upload(
                    connection, who, upload, received, sha256=sha256, now=self.clock()
                ),
            )

    def withdraw(self, who: Principal, upload_id: str) -> None:
        """Give up an upload with its file; raises NotFoundError."""
        key = _key(upload_id)
        self.find(who, upload_id)
        with self.store.claim(key):
            now = self.clock()
            transact(self.engine, lambda c: withdraw_upload(c, who, upload_id, now=now))
            self.store.discard(key)

    def expire(self) -> None:
        """End the uploads that have been silent for a day, and remove the files of all ended.

        So go the outputs that a job has begun to deliver, and will not: its attempt is over.
        """
        transact(self.engine, lambda connection: expire_uploads(connection, now=self.clock()))
        # The files are listed first: one that arrives later belongs to what is open.
        keys = [key for key in self.store.arriving() if _ARRIVING.match(key)]
        with reading(self.engine) as connection:
            are_open = [_key(one) for one in open_uploads(connection)]
            are_open += [output_key(*one) for one in attempts_at_work(connection)]
        for key in keys:
            if not key.startswith(tuple(are_open)):
                self.store.discard(key)

    def keep(self, who: Principal, sent: Sequence[Upload]) -> list[DataFile]:
        """Check complete uploads and keep them by their hash; an archive becomes its members.

        Their rows still say that they are complete: a request that failed can be sent again.

        Raises
        ------
        InvalidInputError
            When a file is refused, with the way to convert it.
        ConflictError
            When another request makes a data set of one of them at this moment.
        RequestError
            When an archive unpacks to more than quota or disk allow.
        """
        files: list[DataFile] = []
        for upload in sent:
            with self.store.claim(_key(upload.upload_id)):
                try:
                    files += self._keep(who, upload)
                except OSError as error:
                    # Of the disk or the object storage, in the middle of a file.
                    text = f"{upload.name} cannot be kept: {error}; send this again"
                    raise no_space(text) from error
        refuse_clashes(file.name for file in files)
        return files

    def _keep(self, who: Principal, upload: Upload) -> list[DataFile]:
        store, key, digest = self.store, _key(upload.upload_id), str(upload.sha256)
        whole = [DataFile(upload.name, digest, upload.bytes)]
        if store.received(key) != upload.bytes:
            # A request that failed after it had brought the file.
            if not store.has(digest):
                raise ConflictError(f"the content of {upload.name} is gone; send it again")
            return whole
        path = store.incoming(key)
        check_file(path, upload.name)
        with open_archive(path, upload.name) as archive:
            if archive is None or is_arrays(archive):
                store.bring(key, digest)
                return whole
            size = sum(member.file_size for member in unpacked_members(archive))
            with reading(self.engine) as connection:
                self._refuse_without_space(connection, size)
                self._refuse_over_quota(connection, who, size, counted=upload.bytes)
            return unpack(store, archive, key, upload.name)

    def discard(self, sent: Sequence[Upload]) -> None:
        """Remove what is left of uploads that were consumed."""
        for upload in sent:
            self.store.discard(_key(upload.upload_id))


def _key(upload_id: str) -> str:
    """Return the name under which the file of an upload arrives."""
    return f"upload-{upload_id}"


def output_key(run_id: str, attempt: int, sha256: str = "") -> str:
    """Return the name under which an output of a run arrives, or how those of an attempt begin."""
    return f"{run_id}.{attempt}.{sha256}"


def too_large(detail: str) -> RequestError:
    """Return the refusal of what is larger than a limit."""
    return RequestError(detail, status=413, title="Too large")


def no_space(detail: str) -> RequestError:
    """Return the refusal of what the disk has no space for."""
    return RequestError(detail, status=507, title="No space")


def _refuse_piece(upload: Upload, size: int, *, offset: int, begins: int) -> None:
    if upload.state != RECEIVING:
        raise ConflictError("the upload is complete; make a data set of it")
    if offset != begins:
        raise ConflictError(f"{begins:,} bytes are here, not {offset:,}; go on from there")
    if size > PIECE_BYTES or begins + size > upload.bytes:
        raise too_large(
            f"a piece has {PIECE_BYTES:,} bytes at most and ends within the {upload.bytes:,} of its"
            " file"
        )
