"""The audit: who did what to which object, when, and by what means; it is only added to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from database.people.principal import PROGRAM, Principal
from database.schema.people_tables import audit
from solar.identifiers import new_id
from solar.time import Window

_LONGEST_OBJECT = 128


@dataclass(frozen=True)
class AuditEntry:
    """One act; `before` and `after` are JSON, None where there is none."""

    audit_id: str
    at: datetime
    person_id: str | None
    actor: str
    via: str
    action: str
    object_kind: str
    object_id: str
    before: str | None
    after: str | None
    request_id: str | None


def record(
    connection: sa.Connection,
    who: Principal,
    action: str,
    object_kind: str,
    object_id: str,
    *,
    before: Any = None,
    after: Any = None,
    now: datetime,
) -> None:
    """Add an act, in the transaction that does it."""
    connection.execute(
        audit.insert().values(
            audit_id=new_id(now),
            at=now,
            person_id=who.person_id,
            actor=who.name,
            via=who.via,
            action=action,
            object_kind=object_kind,
            object_id=object_id[:_LONGEST_OBJECT],
            value_before=_json(before),
            value_after=_json(after),
            request_id=who.request_id,
        )
    )


def record_settings(
    connection: sa.Connection, settings: Mapping[str, Any], *, now: datetime
) -> None:
    """Add what differs from the last known settings: thresholds, rules and retention.

    They come from files and the environment, so that a start is when a change shows.
    """
    for name, value in settings.items():
        query = (
            sa.select(audit.c.value_after)
            .where(audit.c.object_kind == "setting", audit.c.object_id == name)
            .order_by(audit.c.audit_id.desc())
            .limit(1)
        )
        known = connection.execute(query).scalar()
        if known != _json(value):
            before = None if known is None else json.loads(known)
            record(
                connection,
                PROGRAM,
                "changed",
                "setting",
                name,
                before=before,
                after=value,
                now=now,
            )


def list_audit(
    connection: sa.Connection,
    *,
    window: Window | None = None,
    object_kinds: Sequence[str] = (),
    text: str = "",
    limit: int,
    after: tuple[datetime, str] | None = None,
) -> list[AuditEntry]:
    """Return acts, the newest first; `text` occurs in the actor, the action or the object."""
    query = sa.select(audit).order_by(audit.c.at.desc(), audit.c.audit_id.desc()).limit(limit)
    if window is not None:
        query = query.where(audit.c.at >= window.start_at, audit.c.at < window.end_at)
    if object_kinds:
        query = query.where(audit.c.object_kind.in_(list(object_kinds)))
    if text:
        # MySQL compares the actions, which are ASCII, with nothing else.
        columns = [audit.c.actor, audit.c.object_id, *([audit.c.action] if text.isascii() else [])]
        query = query.where(sa.or_(*(c.icontains(text, autoescape=True) for c in columns)))
    if after is not None:
        query = query.where(sa.tuple_(audit.c.at, audit.c.audit_id) < sa.tuple_(*after))
    return [AuditEntry(*row) for row in connection.execute(query)]


def acts_on(
    connection: sa.Connection, object_kind: str, object_id: str, *, limit: int
) -> list[dict[str, Any]]:
    """Return what was done to an object, the newest first, without who was where."""
    c = audit.c
    query = (
        sa.select(c.at, c.actor, c.via, c.action, c.value_before, c.value_after)
        .where(c.object_kind == object_kind, c.object_id == object_id)
        .order_by(c.audit_id.desc())
        .limit(limit)
    )
    return [
        {
            **{name: row[name] for name in ("at", "actor", "via", "action")},
            "before": json.loads(row["value_before"] or "null"),
            "after": json.loads(row["value_after"] or "null"),
        }
        for row in connection.execute(query).mappings()
    ]


def was_done_since(
    connection: sa.Connection,
    who: Principal,
    action: str,
    object_kind: str,
    object_id: str,
    *,
    since: datetime,
) -> bool:
    """Tell whether somebody has done something to an object since a time."""
    c = audit.c
    is_it = sa.and_(c.object_kind == object_kind, c.object_id == object_id)
    query = sa.select(c.audit_id).where(
        is_it, c.at >= since, c.actor == who.name, c.action == action
    )
    return connection.execute(query.limit(1)).one_or_none() is not None


def count_audit(connection: sa.Connection) -> int:
    """Return the number of all acts."""
    return connection.execute(sa.select(sa.func.count()).select_from(audit)).scalar_one()


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, sort_keys=True, default=str)
