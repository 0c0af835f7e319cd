"""Schemas of the life of models: line-ups, the processes that serve them, and rolling back."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from app.contract.answers import TIME, Answer
from app.contract.pages import Page
from app.contract.schemas import Strict

Why = Annotated[str, Field(min_length=1, max_length=500)]


class LineUpItem(Answer):
    """The models that serve from a time on, who chose them and why.

    ``unaudited`` says by model why one that was made elsewhere serves without a leak audit;
    ``proposal_id`` is that of the proposal that was accepted, if it was one.
    """

    number: int
    at: str = TIME
    by: str
    why: str
    live: str
    shadow: list[str]
    unaudited: dict[str, str]
    proposal_id: str | None


class LineUpsPage(Page):
    """Line-ups, the newest first: it is what serves."""

    items: list[LineUpItem]


class ServerProcessItem(Answer):
    """A process that scores records; ``fault`` says why it serves no newer line-up."""

    process_id: str
    kind: Literal["api", "consumer"]
    host: str
    pid: int
    line_up: int | None
    fault: str | None
    began_at: str = TIME
    seen_at: str = TIME


class ServerProcessesPage(Page):
    """The processes that have been seen within half a minute, the oldest first."""

    items: list[ServerProcessItem]


class ReadyProcess(Answer):
    """A process that scores records, with its line-up, and why that is not the newest one."""

    process_id: str
    kind: str
    line_up: int | None
    fault: str | None


class Ready(Answer):
    """The store answers with the right schema and a model is live: that of the line-up here."""

    status: Literal["ready"]
    model: str
    shadows: list[str]
    line_up: int | None
    processes: list[ReadyProcess]


class RollBackBody(Strict):
    """Why the model that was live before shall be live again."""

    why: Why
