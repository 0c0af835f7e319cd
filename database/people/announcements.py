"""Announcements: what the desk tells everybody who looks, until a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from database.people.audit import record
from database.people.principal import Principal
from database.schema.people_tables import announcements
from solar.errors import InvalidInputError, NotFoundError
from solar.identifiers import is_id, new_id

SEVERITIES = ("info", "warning", "urgent")
LONGEST_TEXT = 500
MOST_SHOWN = 100


@dataclass(frozen=True)
class Announcement:
    """A text that is shown from one time until another."""

    announcement_id: str
    severity: str
    text: str
    from_at: datetime
    until_at: datetime
    author: str


def announce(
    connection: sa.Connection,
    who: Principal,
    text: str,
    *,
    severity: str,
    from_at: datetime,
    until_at: datetime,
    now: datetime,
) -> Announcement:
    """Show a text to everybody between two times."""
    if severity not in SEVERITIES:
        raise InvalidInputError(f"no severity {severity!r}; choose from {', '.join(SEVERITIES)}")
    if not 0 < len(text.strip()) <= LONGEST_TEXT:
        raise InvalidInputError(f"an announcement has 1 to {LONGEST_TEXT} characters")
    if until_at <= max(from_at, now):
        raise InvalidInputError("the announcement would end before it is seen; name a later end")
    row = Announcement(new_id(now), severity, text.strip(), from_at, until_at, who.name)
    connection.execute(announcements.insert().values(vars(row)))
    after = {"severity": severity, "text": row.text, "until": until_at}
    record(connection, who, "announced", "announcement", row.announcement_id, after=after, now=now)
    return row


def end_announcement(
    connection: sa.Connection, who: Principal, announcement_id: str, *, now: datetime
) -> None:
    """Show an announcement no longer; raises NotFoundError when it is not shown."""
    condition = (announcements.c.announcement_id == announcement_id) & (
        announcements.c.until_at > now
    )
    ended = announcements.update().where(condition).values(until_at=now)
    if not is_id(announcement_id) or connection.execute(ended).rowcount == 0:
        raise NotFoundError("no such announcement is shown; GET /api/v1/announcements lists them")
    record(connection, who, "ended", "announcement", announcement_id, now=now)


def list_announcements(
    connection: sa.Connection, *, now: datetime, with_past: bool = False
) -> list[Announcement]:
    """Return what is announced now, the most severe first; with the past, the newest first."""
    query = sa.select(announcements).limit(MOST_SHOWN)
    if with_past:
        query = query.order_by(announcements.c.announcement_id.desc())
        return [Announcement(*row) for row in connection.execute(query)]
    query = query.where(announcements.c.from_at <= now, announcements.c.until_at > now)
    rows = [Announcement(*row) for row in connection.execute(query)]
    return sorted(rows, key=lambda row: (-SEVERITIES.index(row.severity), row.from_at))
