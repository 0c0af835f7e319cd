"""The address of the People page, and what it selects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Self

import sqlalchemy as sa
from pydantic import Field, field_validator, model_validator

from app_dash.frame.page import PageContext
from app_dash.shared.url_state import Query, parse_utc
from database.engine import reading
from database.people.audit import AuditEntry, count_audit, list_audit
from database.people.invitations import open_invitations
from database.people.keys import ApiKey, list_keys
from database.people.people import ACTIVE, LEFT, LOCKED, Person, list_people
from database.people.sessions import Session, list_sessions
from solar.time import Window, isoformat, parse_time

AUDIT_ROWS = 40
MOST_ROWS = 200
INVITED = "invited"

Form = Literal["", "invitation", "key"]
Kind = Literal["", "people", "alerts", "models", "settings"]
OBJECT_KINDS: dict[str, tuple[str, ...]] = {
    "": (),
    "people": ("person", "session", "key"),
    "alerts": ("alert",),
    "models": ("model", "stage"),
    "settings": ("setting",),
}
_EARLIEST = parse_time("1970-01-01T00:00:00Z")
_LATEST = parse_time("9000-01-01T00:00:00Z")
_OF_AUDIT = {"kind", "text", "start", "end"}
_STATES = (ACTIVE, LOCKED, INVITED, LEFT)


class PeopleQuery(Query):
    """Who is looked for and chosen, the open form, and the actions that the audit shows."""

    find: str = Field(default="", max_length=100)
    person: str = Field(default="", pattern=r"^[0-9A-Z]{0,26}$")
    form: Form = ""
    kind: Kind = ""
    text: str = Field(default="", max_length=100)
    start: str | None = None
    end: str | None = None
    after: str = ""

    # InvalidInputError passes through pydantic unchanged, so its text reaches the reader.
    @field_validator("start", "end", mode="before")
    @classmethod
    def _is_a_time(cls, text: str | None) -> str | None:
        return isoformat(parse_utc(text)) if text else None

    @field_validator("after")
    @classmethod
    def _is_a_place(cls, text: str) -> str:
        if text:
            parse_time(text.partition("_")[0])
        return text

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        _ = self.window
        return self

    @property
    def window(self) -> Window | None:
        """The times of the audit, None for all."""
        if not (self.start or self.end):
            return None
        start_at = parse_time(self.start) if self.start else _EARLIEST
        return Window(start_at, parse_time(self.end) if self.end else _LATEST)

    @property
    def place(self) -> tuple[datetime, str] | None:
        """The last action of the previous page, None on the first page."""
        at, _, audit_id = self.after.partition("_")
        return (parse_time(at), audit_id) if self.after else None

    def changed(self, **fields: Any) -> Self:
        """Return the same state with some fields replaced; another audit begins at its start."""
        begins = {"after": ""} if fields.keys() & _OF_AUDIT else {}
        return super().changed(**begins | fields)


@dataclass(frozen=True)
class Audit:
    """A page of the audit; `following` is the place of the next one, "" on the last."""

    rows: Sequence[AuditEntry]
    total: int
    following: str


@dataclass(frozen=True)
class PeopleData:
    """Everybody, what they have open, and the audit."""

    people: Sequence[Person]
    sessions: Sequence[Session]
    keys: Sequence[ApiKey]
    invited: dict[str, datetime]
    audit: Audit

    @property
    def session_counts(self) -> Counter[str]:
        """The number of sessions by person id."""
        return Counter(session.person_id for session in self.sessions)

    def state(self, person: Person) -> str:
        """Return the state that is shown; an invited person has not come yet."""
        is_awaited = person.state == ACTIVE and person.person_id in self.invited
        return INVITED if is_awaited else person.state

    def chosen(self, query: PeopleQuery) -> Person | None:
        """Return the person of the address."""
        return next((p for p in self.people if p.person_id == query.person), None)

    def signs_in_by(self, person: Person) -> str | None:
        """Return what a person signs in with, None when they have not come yet.

        Passwords lie where the dashboard cannot look, so it is told from what happened.
        """
        if person.subject is not None:
            return "proxy"
        has_come = person.last_seen_at is not None and self.state(person) != INVITED
        return "password" if has_come else None


def read_people(context: PageContext, query: PeopleQuery) -> PeopleData:
    """Read what the page shows."""
    with reading(context.engine) as connection:
        return PeopleData(
            people=list_people(connection),
            sessions=list_sessions(connection, now=context.now),
            keys=list_keys(connection),
            invited=open_invitations(connection, now=context.now),
            audit=_read_audit(connection, query),
        )


def _read_audit(connection: sa.Connection, query: PeopleQuery) -> Audit:
    rows = list_audit(
        connection,
        window=query.window,
        object_kinds=OBJECT_KINDS[query.kind],
        text=query.text,
        limit=AUDIT_ROWS + 1,
        after=query.place,
    )
    following = ""
    if len(rows) > AUDIT_ROWS:
        last = rows[AUDIT_ROWS - 1]
        following = f"{isoformat(last.at)}_{last.audit_id}"
    return Audit(rows[:AUDIT_ROWS], count_audit(connection), following)


def found(data: PeopleData, query: PeopleQuery, me: str | None) -> list[Person]:
    """Return those with the role, or with the text in a name: oneself, then by state and name."""
    text = query.find.casefold()
    people = [
        person
        for person in data.people
        if text in person.roles or any(text in part.casefold() for part in _searched(person))
    ]
    return sorted(
        people,
        key=lambda one: (
            one.person_id != me,
            _STATES.index(data.state(one)),
            one.display_name.casefold(),
        ),
    )


def _searched(person: Person) -> tuple[str, ...]:
    return (person.name, person.display_name, person.email or "")
