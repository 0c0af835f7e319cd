"""What the bar of a replay does: it sets the clock through the API, or opens a page as of then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import dash
import sqlalchemy as sa
from dash import Input, Output, State
from pydantic import BaseModel, Field

from app_dash.api_client import ask
from app_dash.frame import routing
from app_dash.frame.replay_bar import BarIds
from app_dash.frame.shell import Ids
from app_dash.guard import callback
from app_dash.settings import DashSettings
from app_dash.shared.numbers import date_moment
from app_dash.shared.region_status import MAIN_EVENT
from app_dash.shared.url_state import as_of_time, parse_utc, with_time
from database.alerts.alerts import next_opened_at
from database.clock.clock import before_next_flare, read_clock
from database.engine import reading, store_time
from database.people.principal import READ
from solar.errors import FlarewatchError, InvalidInputError
from solar.time import isoformat


class ClockAct(BaseModel):
    """What was pressed in the bar, which showed this `version` of the clock."""

    number: int
    action: Literal["play", "pause", "speed", "jump", "next-flare", "next-alert"]
    speed: float | None = None
    to: str = Field(default="", max_length=40)
    version: int | None = None


@dataclass(frozen=True)
class Moved:
    """What an act leads to: the time as of which the page is shown, and how the clock is now."""

    at: datetime | None
    text: str = ""


def register(app: dash.Dash, engine: sa.Engine, *, settings: DashSettings) -> None:
    """Connect the bar."""

    @callback(
        app,
        READ,
        Output(BarIds.ANSWER, "data"),
        Input(BarIds.ACT, "data"),
        State(Ids.URL, "search"),
        prevent_initial_call=True,
    )
    def act(pressed: ClockAct, search: str | None) -> Any:
        at = as_of_time(search)
        try:
            moved = perform(engine, settings, pressed, at=at)
        except FlarewatchError as error:
            # Who has set the clock meanwhile shows in the bar.
            dash.set_props(BarIds.CLOCK, {"data": routing.read_clock_data(engine)})
            return {"number": pressed.number, "error": str(error)}
        dash.set_props(BarIds.CLOCK, {"data": routing.read_clock_data(engine)})
        dash.set_props(Ids.LIVE_MESSAGE, {"children": moved.text})
        if moved.at != at:
            dash.set_props(Ids.URL, {"search": with_time(search or "", moved.at)})
        else:
            dash.set_props(Ids.VERSION, {"data": routing.version(engine)})
        return {"number": pressed.number, "error": ""}


def perform(
    engine: sa.Engine, settings: DashSettings, act: ClockAct, *, at: datetime | None
) -> Moved:
    """Do what was pressed on a page that is shown as of `at`, or of now.

    Raises
    ------
    FlarewatchError
        When the API or the store refuses, with what to do next.
    """
    body: dict[str, Any] = {"action": act.action, "if_version": act.version}
    match act.action:
        case "next-alert":
            return _to_next_alert(engine, at)
        case "next-flare" if at is not None:
            return _to_next_flare(engine, at)
        case "next-flare":
            body |= {"action": "jump", "next": MAIN_EVENT.name}
        case "speed":
            body |= {"speed": act.speed}
        case "jump":
            to = _read_time(act.to)
            if to < _now(engine):
                return Moved(to)
            body |= {"to": isoformat(to)}
    answer = ask(settings, "PUT", "/clock", body)
    return Moved(None if body["action"] == "jump" else at, _said(answer))


def _read_time(typed: str) -> datetime:
    if not typed.strip():
        raise InvalidInputError("Write a time in UTC, such as 2014-03-29 17:00.")
    return parse_utc(typed)


def _now(engine: sa.Engine) -> datetime:
    with reading(engine) as connection:
        return read_clock(connection).now(store_time(connection))


def _to_next_alert(engine: sa.Engine, at: datetime | None) -> Moved:
    now = _now(engine)
    with reading(engine) as connection:
        opened = next_opened_at(connection, after=at or now, until=now)
    if opened is None:
        raise InvalidInputError(f"No later alert has opened up to {date_moment(now)} UTC, now.")
    return Moved(opened)


def _to_next_flare(engine: sa.Engine, at: datetime) -> Moved:
    """Go on to before the next flare; what is not over by now is not spoken of."""
    now = _now(engine)
    with reading(engine) as connection:
        to = before_next_flare(connection, at, MAIN_EVENT.name, newest=at, until=now)
    return Moved(to)


def _said(answer: dict[str, Any]) -> str:
    at = date_moment(parse_utc(str(answer["now"])))
    return f"The replay is {answer['state']}, {at} UTC."
