"""The address of the Help page, and what it shows of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import ConfigDict, Field

from app_dash.frame.page import PageContext
from app_dash.shared.url_state import Query
from database.engine import reading
from database.people.announcements import Announcement, list_announcements
from database.people.feedback import Feedback, list_feedback
from database.people.principal import ANSWER

LONGEST_PAGE = 500


class HelpQuery(Query):
    """What is to be said, and the address of the page that the reader came from."""

    model_config = ConfigDict(serialize_by_alias=True)

    kind: Literal["feedback", "bug"] = "feedback"
    from_page: str = Field(default="", alias="from", max_length=LONGEST_PAGE)


@dataclass(frozen=True)
class HelpData:
    """What was said, and what is announced."""

    own: Sequence[Feedback]
    of_others: Sequence[Feedback]
    announcements: Sequence[Announcement]


def read_help(context: PageContext) -> HelpData:
    """Read what the page shows; what others said only for those who answer."""
    who = context.who
    with reading(context.engine) as connection:
        rows = list_feedback(connection, of=None if who.may(ANSWER) else who)
        announcements = list_announcements(connection, now=context.now, with_past=True)
    own = [row for row in rows if row.person_id == who.person_id]
    of_others = [row for row in rows if row.person_id != who.person_id]
    return HelpData(own, of_others, announcements)
