"""Feedback: what people say about the program, with a score, or as a bug; and the answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from database.people.audit import record
from database.people.principal import Principal
from database.schema.people_tables import feedback
from solar.errors import InvalidInputError, NotFoundError
from solar.identifiers import is_id, new_id

FEEDBACK, BUG = "feedback", "bug"
OPEN, ANSWERED = "open", "answered"
LONGEST_TEXT = 4_000
LOWEST_SCORE, HIGHEST_SCORE = 1, 5
_LONGEST_PAGE, _LONGEST_VERSION = 500, 32


@dataclass(frozen=True)
class Feedback:
    """What a person said, of which page and version, and the answer, if there is one yet."""

    feedback_id: str
    person_id: str | None
    author: str
    kind: str
    score: int | None
    text: str
    page: str
    version: str
    state: str
    answer: str | None
    answered_by: str | None
    created_at: datetime
    answered_at: datetime | None


def give_feedback(
    connection: sa.Connection,
    who: Principal,
    *,
    kind: str,
    text: str,
    score: int | None = None,
    page: str = "",
    version: str = "",
    now: datetime,
) -> Feedback:
    """Store what a person says; a bug has a text, feedback a score from 1 to 5 or a text."""
    said = text.strip()
    if kind not in (FEEDBACK, BUG):
        raise InvalidInputError(f"no kind {kind!r}; choose feedback or bug")
    if len(said) > LONGEST_TEXT or (not said and (kind == BUG or score is None)):
        raise InvalidInputError(f"write 1 to {LONGEST_TEXT} characters about it")
    if score is not None and not LOWEST_SCORE <= score <= HIGHEST_SCORE:
        raise InvalidInputError(f"a score is a number from {LOWEST_SCORE} to {HIGHEST_SCORE}")
    row = Feedback(
        new_id(now),
        who.person_id,
        who.name,
        kind,
        score,
        said,
        page[:_LONGEST_PAGE],
        version[:_LONGEST_VERSION],
        OPEN,
        None,
        None,
        now,
        None,
    )
    connection.execute(feedback.insert().values(vars(row)))
    return row


def answer_feedback(
    connection: sa.Connection, who: Principal, feedback_id: str, answer: str, *, now: datetime
) -> Feedback:
    """Answer what a person said, in place of an earlier answer; raises NotFoundError."""
    text = answer.strip()
    if not 0 < len(text) <= LONGEST_TEXT:
        raise InvalidInputError(f"an answer has 1 to {LONGEST_TEXT} characters")
    is_it = feedback.c.feedback_id == feedback_id
    values = {"state": ANSWERED, "answer": text, "answered_by": who.name, "answered_at": now}
    answered = feedback.update().where(is_it).values(values)
    if not is_id(feedback_id) or connection.execute(answered).rowcount == 0:
        raise NotFoundError("no such feedback; GET /api/v1/feedback lists it")
    record(connection, who, "answered", "feedback", feedback_id, now=now)
    return Feedback(*connection.execute(sa.select(feedback).where(is_it)).one())


def list_feedback(
    connection: sa.Connection, *, of: Principal | None = None, limit: int = 200
) -> list[Feedback]:
    """Return what was said, the newest first; `of` a person only what they said themselves."""
    query = sa.select(feedback).order_by(feedback.c.feedback_id.desc()).limit(limit)
    if of is not None:
        query = query.where(feedback.c.person_id == of.person_id)
    return [Feedback(*row) for row in connection.execute(query)]
