"""Ownership: who sees an object of the Lab, and who may change it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from database.people.audit import record, was_done_since
from database.people.principal import Principal
from solar.errors import NotAllowedError, NotFoundError
from solar.identifiers import is_id

PRIVATE, SHARED = "private", "shared"
VISIBILITIES = (PRIVATE, SHARED)
# A page that is open asks again and again, which is one look.
_ONE_LOOK = timedelta(hours=1)
_LOOKED = "looked at"


def visible_to(table: sa.Table, who: Principal) -> sa.ColumnElement[bool]:
    """Return the condition on the rows that somebody sees: their own, and what is shared."""
    if who.sees_all:
        return sa.true()
    return sa.or_(table.c.owner == who.owner, table.c.visibility == SHARED)


@dataclass(frozen=True)
class ListFilter:
    """Which objects a list shows; without an owner, or a text, all of them."""

    owner: str | None = None
    text: str = ""


def newest_visible(
    table: sa.Table,
    who: Principal,
    chosen: ListFilter,
    texts: Sequence[str],
    *,
    limit: int,
    before: str | None,
) -> sa.Select[Any]:
    """Select rows that somebody sees, the newest first, those with a key before `before`.

    `texts` are the columns in one of which the text of the filter occurs.
    """
    (key,) = table.primary_key.columns
    query = sa.select(table).where(visible_to(table, who)).order_by(key.desc()).limit(limit)
    if "deleted_at" in table.c:
        query = query.where(table.c.deleted_at.is_(None))
    if before is not None:
        query = query.where(key < before)
    if chosen.owner is not None:
        query = query.where(table.c.owner == chosen.owner)
    if chosen.text:
        is_there = (table.c[name].icontains(chosen.text, autoescape=True) for name in texts)
        query = query.where(sa.or_(*is_there))
    return query


def find_visible(
    connection: sa.Connection, who: Principal, table: sa.Table, key: str, *, noun: str
) -> sa.Row[tuple[object, ...]]:
    """Return the row with this primary key; raises NotFoundError also for one that is private.

    What somebody may not see answers as what does not exist.
    """
    (column,) = table.primary_key.columns
    is_it = sa.and_(column == key, visible_to(table, who))
    if "deleted_at" in table.c:
        is_it = sa.and_(is_it, table.c.deleted_at.is_(None))
    row = connection.execute(sa.select(table).where(is_it)).one_or_none() if is_id(key) else None
    if row is None:
        raise NotFoundError(f"there is no such {noun}")
    return row


def refuse_others(who: Principal, owner: str, *, noun: str) -> None:
    """Refuse whoever sees an object, but does not own it."""
    if who.owner != owner and not who.sees_all:
        raise NotAllowedError(f"this {noun} belongs to somebody else, who shared it for reading")


def note_look(
    connection: sa.Connection, who: Principal, object_kind: str, object_id: str, *, now: datetime
) -> None:
    """Note in the audit that somebody who sees all looked at what is private to somebody else."""
    since = now - _ONE_LOOK
    if not was_done_since(connection, who, _LOOKED, object_kind, object_id, since=since):
        record(connection, who, _LOOKED, object_kind, object_id, now=now)
