"""The address of the Alerts page, and the alerts that it selects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import sqlalchemy as sa
from pydantic import field_validator

from app_dash.frame.page import PageContext
from app_dash.shared.alerts import KEPT_FOR, region_names
from app_dash.shared.range_picker import RangeQuery, window_of
from database.alerts.alerts import (
    OPEN,
    Alert,
    Place,
    count_outcomes,
    first_opened_at,
    list_alerts,
)
from database.engine import reading
from database.exploration.records import find_regions, known_regions
from database.flares.flares import Flare, list_flares
from solar.alerting import ALERTED
from solar.errors import InvalidInputError
from solar.flares import EVENTS
from solar.flares import event as find_event
from solar.time import Window, isoformat, parse_time
from solar.windows import WINDOWS, ForecastWindow, forecast_window

PAGE_ROWS = 50
# More bars than this would overlap in the timeline.
MOST_SPANS = 200
MOST_FLARES = 200

StateName = Literal["", "open", "acknowledged", "closed"]


class AlertQuery(RangeQuery):
    """Range of opening, state, event and window, region (HARP or NOAA number), and the page of
    the table.
    """

    state: StateName = ""
    event: str = ""
    window: str = ""
    region: str = ""
    after: str = ""

    @field_validator("event")
    @classmethod
    def _is_an_event(cls, name: str) -> str:
        return find_event(name).goes_class if name else ""

    @field_validator("window")
    @classmethod
    def _is_a_window(cls, name: str) -> str:
        return forecast_window(name).name if name else ""

    @field_validator("region")
    @classmethod
    def _is_a_number(cls, text: str) -> str:
        digits = text.strip().removeprefix("AR").strip()
        if digits and not (digits.removeprefix("-").isdigit() and len(digits) <= 10):
            raise InvalidInputError(f"{text!r} is no region; write a NOAA or HARP number")
        return digits

    @field_validator("after")
    @classmethod
    def _is_a_place(cls, text: str) -> str:
        if text:
            at, _, name = text.partition("_")
            parse_time(at)
            if not name.isascii():
                raise InvalidInputError(f"after={text!r} names no alert; begin with the newest")
        return text

    @property
    def events(self) -> tuple[str, ...]:
        """The names of the events in their windows that are shown; empty is all."""
        if not (self.event or self.window):
            return ()
        return tuple(
            event.name
            for event in ALERTED
            if self.event in ("", event.goes_class) and self.window in ("", event.window.name)
        )

    @property
    def place(self) -> Place | None:
        """The last alert of the previous page, None on the first page."""
        at, _, name = self.after.partition("_")
        return (parse_time(at), name) if self.after else None


@dataclass(frozen=True)
class AlertHistory:
    """What the page shows; `bars` are the alerts of the timeline, `rows` those of the table.

    `following` is the place of the next page, None on the last page.
    """

    shown: Window
    rows: Sequence[Alert]
    bars: Sequence[Alert]
    flares: Sequence[Flare]
    counts: Mapping[tuple[str, str | None], int]
    names: Mapping[int, str]
    following: str | None

    @property
    def windows(self) -> tuple[ForecastWindow, ...]:
        """The windows of the alerts in the range, the shortest first."""
        shown = {find_event(event).window for event, _ in self.counts}
        return tuple(window for window in WINDOWS if window in shown)


def read_history(context: PageContext, query: AlertQuery) -> AlertHistory | None:
    """Read what the query selects; None while no alert is stored at all."""
    with reading(context.engine) as connection:
        stored = _stored(connection, context.state.newest_t_rec)
        if stored is None:
            return None
        shown = window_of(query, stored)
        region_id = _region(connection, query.region)
        states = [query.state] if query.state else []
        rows = list_alerts(
            connection,
            window=shown,
            states=states,
            # Nothing leaves the list of open alerts under the pointer that acknowledged it.
            or_acknowledged_since=context.now - KEPT_FOR if query.state == OPEN else None,
            region_id=region_id,
            events=query.events,
            limit=PAGE_ROWS + 1,
            after=query.place,
        )
        bars = list_alerts(
            connection, window=shown, region_id=region_id, events=query.events, limit=MOST_SPANS
        )
        flares = list_flares(
            connection,
            window=shown,
            region_id=region_id,
            limit=MOST_FLARES,
            min_flux=find_event(query.event or EVENTS[1].name).peak_flux_w_m2,
        )
        counts = count_outcomes(connection, window=shown, region_id=region_id)
        names = region_names(connection, [*rows, *bars])
    rows, more = rows[:PAGE_ROWS], len(rows) > PAGE_ROWS
    following = f"{isoformat(rows[-1].opened_at)}_{rows[-1].alert_id}" if more else None
    return AlertHistory(shown, rows, bars, flares, counts, names, following)


def _stored(connection: sa.Connection, newest: datetime | None) -> Window | None:
    first = first_opened_at(connection)
    if first is None:
        return None
    end_at = max(first, newest or first) + timedelta(seconds=1)
    return Window(first, end_at)


def _region(connection: sa.Connection, text: str) -> int | None:
    if not text:
        return None
    number = int(text)
    known = known_regions(connection, find_regions(connection, [abs(number)]))
    # Positive ids come last: prefer the HARP to a NOAA region without one.
    return known[-1] if known else number
