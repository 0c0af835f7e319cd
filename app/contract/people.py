"""Schemas of people, sessions, keys, audit, announcements and feedback."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from app.contract.answers import TIME, Answer
from app.contract.pages import Page
from app.contract.queries import PageQuery, UrlQuery, WindowQuery
from app.contract.schemas import Strict
from app.contract.times import Time
from database.people.announcements import LONGEST_TEXT as LONGEST_ANNOUNCEMENT
from database.people.credentials import LONGEST_PASSWORD
from database.people.feedback import HIGHEST_SCORE, LONGEST_TEXT, LOWEST_SCORE
from database.people.people import STATES
from database.people.principal import ROLES, SCOPES
from database.schema.people_tables import LONGEST_NAME

Password = Annotated[str, Field(max_length=LONGEST_PASSWORD)]
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
Roles = Annotated[
    list[Annotated[str, Field(json_schema_extra={"enum": list(ROLES)})]], Field(max_length=8)
]
Scopes = Annotated[
    list[Annotated[str, Field(json_schema_extra={"enum": list(SCOPES)})]], Field(max_length=8)
]


class SignInBody(Strict):
    """Name and password."""

    name: Annotated[str, Field(max_length=256)]
    password: Password


class PasswordBody(Strict):
    """The password that an invited person chooses."""

    password: Password


class NewPasswordBody(Strict):
    """The password until now, and the new one."""

    old: Password
    new: Password


class PersonBody(Strict):
    """A person to invite."""

    name: Name
    display_name: Annotated[str, Field(max_length=LONGEST_NAME)] = ""
    email: Annotated[str, Field(max_length=254)] | None = None
    roles: Roles


class PersonChanges(Strict):
    """What changes of a person; what is left out stays."""

    roles: Roles | None = None
    state: Annotated[str, Field(json_schema_extra={"enum": list(STATES)})] | None = None
    display_name: Name | None = None
    email: Annotated[str, Field(max_length=254)] | None = None


class OwnKeyBody(Strict):
    """A key of the person who asks."""

    name: Name
    scopes: Scopes
    expires_at: Time | None = None


class KeyBody(OwnKeyBody):
    """A key of a service, or of a person."""

    person_id: str | None = None


class AnnouncementBody(Strict):
    """What everybody is told, from now or a later time on, until a time."""

    severity: Literal["info", "warning", "urgent"]
    text: Annotated[str, Field(min_length=1, max_length=LONGEST_ANNOUNCEMENT)]
    from_at: Time | None = None
    until_at: Time


class FeedbackBody(Strict):
    """What a person says of the program."""

    kind: Literal["feedback", "bug"]
    score: Annotated[int, Field(ge=LOWEST_SCORE, le=HIGHEST_SCORE)] | None = None
    text: Annotated[str, Field(max_length=LONGEST_TEXT)] = ""
    page: Annotated[str, Field(max_length=500)] = ""
    version: Annotated[str, Field(max_length=32, pattern=r"^[ -~]*$")] = ""


class AnswerBody(Strict):
    """The answer to feedback."""

    answer: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]


class EndQuery(UrlQuery):
    """This session alone, or all of the person."""

    everywhere: bool = False


class AnnouncementsQuery(UrlQuery):
    """What is announced now, or all."""

    past: bool = False


class AuditQuery(WindowQuery, PageQuery):
    """Acts in a range of time, on kinds of objects, in which a text occurs."""

    kind: str = Field(
        default="", pattern=r"^[a-z ,]{0,200}$", description="person, key, alert, …, or several"
    )
    text: str = Field(default="", max_length=100)
    format: Literal["json", "csv"] = "json"


class PersonItem(Answer):
    """A person; one who is invited has a link that nobody has used yet."""

    person_id: str
    name: str
    display_name: str
    email: str | None
    roles: list[str]
    state: Literal["active", "locked", "left"]
    is_invited: bool
    signs_in_by: Literal["password", "proxy"]
    created_at: str = TIME
    last_seen_at: str | None
    sessions: int
    keys: int


class SessionItem(Answer):
    """A sign-in from one browser."""

    session_id: str
    created_at: str = TIME
    last_seen_at: str = TIME
    expires_at: str = TIME
    agent: str
    is_current: bool


class KeyItem(Answer):
    """A key without its secret."""

    name: str
    person_id: str | None
    scopes: list[str]
    created_at: str = TIME
    expires_at: str | None
    last_used_at: str | None


class PersonAnswer(Answer):
    """One person."""

    person: PersonItem


class PersonDetail(PersonAnswer):
    """One person with sessions and keys."""

    sessions: list[SessionItem]
    keys: list[KeyItem]


class InvitationItem(Answer):
    """A link, valid once; it is shown only now."""

    token: str
    path: str
    expires_at: str = TIME


class InvitedAnswer(PersonAnswer):
    """A person and the invitation for them."""

    invitation: InvitationItem


class InvitationAnswer(Answer):
    """Whom an invitation is for."""

    name: str
    display_name: str


class SignInAnswer(PersonAnswer):
    """A session that has begun; the token is shown only now."""

    token: str
    expires_at: str = TIME


class WhoAnswer(Answer):
    """Who asks, and what they may do."""

    via: Literal["session", "key", "local"]
    name: str
    login: str
    person_id: str | None
    roles: list[str]
    permissions: list[str]
    session_id: str | None
    expires_at: str | None


class EndedAnswer(Answer):
    """How many sessions or invitations ended."""

    ended: int


class NewKeyAnswer(Answer):
    """A key, which is shown only now."""

    name: str
    key: str


class RevokedAnswer(Answer):
    """The key that is no longer valid."""

    revoked: str


class PeoplePage(Page):
    """Everybody by name."""

    items: list[PersonItem]


class KeysPage(Page):
    """Keys by name."""

    items: list[KeyItem]


class AuditItem(Answer):
    """One act."""

    audit_id: str
    at: str = TIME
    person_id: str | None
    actor: str
    via: str
    action: str
    object_kind: str
    object_id: str
    before: Any
    after: Any
    request_id: str | None


class AuditPage(Page):
    """Acts, the newest first."""

    items: list[AuditItem]


class AnnouncementItem(Answer):
    """What everybody is told between two times."""

    announcement_id: str
    severity: Literal["info", "warning", "urgent"]
    text: str
    from_at: str = TIME
    until_at: str = TIME
    author: str


class AnnouncementsPage(Page):
    """Announcements, the most severe first; with past ones, the newest first."""

    items: list[AnnouncementItem]


class FeedbackItem(Answer):
    """What somebody said, and the answer."""

    feedback_id: str
    person_id: str | None
    author: str
    kind: Literal["feedback", "bug"]
    score: int | None
    text: str
    page: str
    version: str
    state: Literal["open", "answered"]
    answer: str | None
    answered_by: str | None
    created_at: str = TIME
    answered_at: str | None


class FeedbackPage(Page):
    """Feedback, the newest first."""

    items: list[FeedbackItem]
