"""The date-time range of a page: presets before the newest record, or two typed times in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Self

from dash import dcc, html
from dash.development.base_component import Component
from pydantic import field_validator, model_validator

from app_dash.shared.panels import aria_label, segmented
from app_dash.shared.url_state import Query, parse_utc
from solar.errors import InvalidInputError
from solar.time import Window, isoformat, nominal, parse_time

# A stored range ends so long after its newest record.
_AFTER_NEWEST = timedelta(seconds=1)

Preset = Literal["24h", "7d", "27d", "120d", "365d", "all"]

PRESETS: Mapping[Preset, tuple[str, timedelta | None]] = {
    "24h": ("24 h", timedelta(hours=24)),
    "7d": ("7 d", timedelta(days=7)),
    "27d": ("27 d", timedelta(days=27)),
    "120d": ("120 d", timedelta(days=120)),
    "365d": ("365 d", timedelta(days=365)),
    "all": ("All", None),
}


class RangeQuery(Query):
    """A preset, or typed times in UTC, which replace the preset."""

    range: Preset = "27d"
    start: str | None = None
    end: str | None = None

    # InvalidInputError passes through pydantic unchanged, so its text reaches the reader.
    @field_validator("start", "end", mode="before")
    @classmethod
    def _is_a_time(cls, text: str | None) -> str | None:
        return isoformat(parse_utc(text)) if text else None

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if self.start and self.end:
            Window(parse_time(self.start), parse_time(self.end))
        return self

    @property
    def is_custom(self) -> bool:
        """Tell whether times were typed."""
        return self.start is not None or self.end is not None


def window_of(query: RangeQuery, stored: Window) -> Window:
    """Return the window of a query; a missing end is that of the stored window.

    Raises
    ------
    InvalidInputError
        When the end is not after the start.
    """
    if query.is_custom:
        start_at = parse_utc(query.start) if query.start else stored.start_at
        end_at = parse_utc(query.end) if query.end else stored.end_at
        return Window(start_at, end_at)
    span = PRESETS[query.range][1]
    return stored if span is None else Window(stored.end_at - span, stored.end_at)


def newest_shown(newest: datetime | None, search: str) -> str:
    """Return a text that changes with the newest record, unless the range ended before it.

    An invalid range is shown as the preset, which ends with the newest record.
    """
    try:
        end = RangeQuery.parse(search).end
    except InvalidInputError:
        end = None
    is_past = end is not None and newest is not None and parse_time(end) <= newest
    return f"until {end}" if is_past else str(newest)


def presets(query: RangeQuery, path: str) -> Component:
    """Offer the presets as links; with typed times none is active and Custom is shown."""
    choices = [
        (
            label,
            path + query.changed(range=name, start=None, end=None).search(),
            not query.is_custom and query.range == name,
        )
        for name, (label, _) in PRESETS.items()
    ]
    bar = segmented("Time range", choices)
    if query.is_custom:
        bar.children.append(html.Span("Custom", className="active"))
    return bar


def time_field(identity: str, label: str, text: str) -> Component:
    """Offer a field for a typed time, with a button that opens the browser's calendar.

    The field is read when Enter is pressed or the field is left.
    """
    typed = dcc.Input(
        id=identity,
        value=text,
        type="text",
        debounce=True,
        className="field time-field",
        placeholder="2014-03-01 12:00",
        autoComplete="off",
    )
    # assets/calendar.js opens the calendar and types the picked day.
    opens: dict[str, Any] = {"data-pick": identity}
    calendar = html.Button(
        type="button",
        className="field pick-day",
        title="Pick the day",
        **opens,
        **aria_label(f"Pick the day: {label.removesuffix(' (UTC)').lower()}"),
    )
    return html.Div(
        [html.Label([html.Span(label), typed], className="labelled"), calendar],
        className="typed-or-picked",
    )


def write_range(query: RangeQuery, window: Window) -> dict[str, str]:
    """Write ``start`` and ``end`` of a window: a typed one as typed, that of a record as its slot.

    An end a second after a record, and a start as long after one, are written as that record.
    """
    ends = {"start": (query.start, window.start_at), "end": (query.end, window.end_at)}
    return {
        name: write_utc(parse_time(typed) if typed else _at_slot(at))
        for name, (typed, at) in ends.items()
    }


def _at_slot(at: datetime) -> datetime:
    before = at - _AFTER_NEWEST
    return nominal(at if nominal(before) == before else before)


def write_utc(at: datetime) -> str:
    """Write a time as it is typed: ``2014-03-01 12:00``, with seconds unless they are 0."""
    utc = at.astimezone(UTC).replace(tzinfo=None, microsecond=0)
    return utc.isoformat(" ", "seconds" if utc.second else "minutes")
