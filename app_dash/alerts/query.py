"""The state of the Alerts page, and the alerts that it selects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import sqlalchemy as sa
from pydantic import field_validator

from app_dash.components.range_picker import RangeQuery, window_of
from app_dash.numbers import region_name
from app_dash.view import View
from database.alerts.alerts import (
    Alert,
    Place,
    count_outcomes,
    first_opened_at,
    list_alerts,
)
from database.engine import reading
from database.exploration.records import find_regions, known_regions
from database.flares.flares import Flare, list_flares
from database.notifications import noaa_ars_of
from solar.errors import InvalidInputError
from solar.flares import EVENTS
from solar.flares import event as find_event
from solar.time import Window, isoformat, parse_time

PATH = "/alerts"
PAGE_ROWS = 50
# More spans than this would overlap in the picture.
MOST_SPANS = 200
MOST_FLARES = 200

StateName = Literal["", "open", "acknowledged", "closed"]


class AlertQuery(RangeQuery):
    """Range of opening, state, event, region (HARP or NOAA number) and where the page begins."""

    state: StateName = ""
    event: str = ""
    region: str = ""
    after: str = ""

    @field_validator("event")
    @classmethod
    def _is_an_event(cls, name: str) -> str:
        return find_event(name).name if name else ""

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
            parse_time(text.partition("_")[0])
        return text

    @property
    def place(self) -> Place | None:
        """The last alert of the page before, None on the first page."""
        at, _, name = self.after.partition("_")
        return (parse_time(at), name) if self.after else None


@dataclass(frozen=True)
class AlertHistory:
    """What the page shows; `spans` are the alerts of the picture, `rows` those of the table.

    `following` begins the next page, None on the last one.
    """

    shown: Window
    rows: Sequence[Alert]
    spans: Sequence[Alert]
    flares: Sequence[Flare]
    counts: Mapping[tuple[str, str | None], int]
    names: Mapping[int, str]
    following: str | None


def read_history(view: View, query: AlertQuery) -> AlertHistory | None:
    """Read what the query selects, None while no alert is stored at all."""
    with reading(view.engine) as connection:
        stored = _stored(connection, view.state.newest_t_rec)
        if stored is None:
            return None
        shown = window_of(query, stored)
        region_id = _region(connection, query.region)
        event = query.event or None
        states = [query.state] if query.state else []
        rows = list_alerts(
            connection, window=shown, states=states, region_id=region_id, event=event,
            limit=PAGE_ROWS + 1, after=query.place,
        )  # fmt: skip
        spans = list_alerts(
            connection, window=shown, region_id=region_id, event=event, limit=MOST_SPANS
        )
        flares = list_flares(
            connection, window=shown, region_id=region_id, limit=MOST_FLARES,
            min_flux=find_event(query.event or EVENTS[1].name).peak_flux_w_m2,
        )  # fmt: skip
        counts = count_outcomes(connection, window=shown, region_id=region_id)
        names = region_names(connection, [*rows, *spans])
    rows, more = rows[:PAGE_ROWS], len(rows) > PAGE_ROWS
    following = f"{isoformat(rows[-1].opened_at)}_{rows[-1].alert_id}" if more else None
    return AlertHistory(shown, rows, spans, flares, counts, names, following)


def region_names(connection: sa.Connection, alerts: Sequence[Alert]) -> dict[int, str]:
    """Name the regions of some alerts as forecasters do."""
    region_ids = {alert.region_id for alert in alerts}
    known = noaa_ars_of(connection, region_ids)
    return {r: region_name(r, tuple(known.get(r, ()))) for r in region_ids}


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
    found = known_regions(connection, find_regions(connection, [abs(number)]))
    # The positive ids are last: a HARP before the NOAA region that had none yet.
    return found[-1] if found else number
