"""Announcements above the strip of every page, until their time is over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import dash
import sqlalchemy as sa
from dash import Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from app_dash.frame.shell import Ids
from app_dash.guard import SHELL, callback
from app_dash.shared.people import day_or_time
from app_dash.shared.url_state import HELP_PATH
from database.engine import reading
from database.people.announcements import Announcement, list_announcements
from solar.errors import StoreUnavailableError

WORDS = {"info": "Announcement", "warning": "Warning", "urgent": "Urgent"}
MOST_SHOWN = 3


def register(app: dash.Dash, engine: sa.Engine) -> None:
    """Ask at every tick for what is announced; only a change is drawn."""

    @callback(
        app,
        SHELL,
        Output(Ids.ANNOUNCEMENTS, "children"),
        Output(Ids.ANNOUNCEMENTS, "data-shown"),
        Input(Ids.TICK, "n_intervals"),
        State(Ids.ANNOUNCEMENTS, "data-shown"),
    )
    def ask(_tick: int | None, shown: str | None) -> Any:
        now = datetime.now(UTC)
        try:
            with reading(engine) as connection:
                rows = list_announcements(connection, now=now)
        except StoreUnavailableError:
            # The strip says so; what was announced stays.
            return no_update, no_update
        names = " ".join(row.announcement_id for row in rows)
        if names == (shown or ""):
            return no_update, no_update
        return announced(rows, now=now), names


def announced(rows: Sequence[Announcement], *, now: datetime) -> list[Component]:
    """Draw announcements, the most severe first; of many only the first ones."""
    drawn = [_row(row, now) for row in rows[:MOST_SHOWN]]
    if len(rows) > MOST_SHOWN:
        more = f"{len(rows) - MOST_SHOWN} more"
        drawn.append(dcc.Link(more, href=HELP_PATH, className="link announcement-more"))
    return drawn


def _row(row: Announcement, now: datetime) -> Component:
    until = f"{row.author}, until {day_or_time(row.until_at, now)} UTC"
    return html.Div(
        [
            html.Span([html.B(f"{WORDS[row.severity]}: "), row.text]),
            html.Span(until, className="announced-by"),
        ],
        className=f"strip announcement {row.severity}",
    )
