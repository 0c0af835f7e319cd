"""The panels of a region: the timeline, the forecast, the as-of time, the facts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import numpy as np
from dash import dcc, html
from dash.development.base_component import Component
from pydantic import Field

from app_dash.frame.page import PageContext
from app_dash.region.data import RegionData
from app_dash.region.definitions import DEFINITIONS
from app_dash.region.outcomes import Passage
from app_dash.region.probability_lines import OTHER_DASHES, OtherLine
from app_dash.region.query import LIVE_ONLY, RegionQuery, address
from app_dash.region.timeline_figure import TimelineContext, timeline_figure
from app_dash.region.timeline_lanes import AlertSpan
from app_dash.shared.gaps import cadence
from app_dash.shared.injected import band_legend, with_bands
from app_dash.shared.numbers import (
    ABSENT,
    NARROW,
    count,
    date_moment,
    duration,
    moment,
    probability,
)
from app_dash.shared.panels import (
    aria_hidden,
    aria_label,
    facts,
    graph,
    legend,
    menu,
    panel,
    segmented,
)
from database.alerts.alerts import Alert
from database.flares.flares import Flare
from database.regions.timeline import ForecastLine
from solar.flares import EVENTS, Event
from solar.flares import event as find_event
from solar.time import isoformat, to_datetime, to_datetime64
from solar.windows import DAY

_DAY = np.timedelta64(24, "h")
_FALLBACK_LABELS = {"full": "Full window", "partial": "Partial keywords", "none": "No forecast"}
HEIGHT = 360
SLIDER = "as-of"
# A value of the slider: whole minutes since 1970, up to the end of the year 9999.
Minutes = Annotated[float, Field(ge=0, le=4_223_371_679)]
# While the slider is dragged, the page is not redrawn at every step.
PAUSE_SECONDS = 0.3
_MINUTE = timedelta(minutes=1)


def timeline_panel(
    data: RegionData, shown: Passage, query: RegionQuery, context: PageContext
) -> Component:
    """Show the issued forecasts of all classes, and other models' forecasts of one class."""
    event = query.definition
    figure = timeline_figure(
        shown, _timeline_context(data, event), is_log=query.scale == "log", tokens=context.tokens
    )
    figure = with_bands(figure, data.faults, context.tokens)
    outcomes = Counter(str(mark.outcome) for mark in shown.flares if mark.outcome is not None)
    result = ", ".join(f"{n} {name}" for name, n in outcomes.items()) or "none observed"
    return panel(
        "Probability and observed flares",
        graph(
            "timeline",
            figure,
            height=HEIGHT,
            text=(
                f"Probability of a flare within 24 h of region {data.region.region_id} over"
                f" {count(len(shown.t_rec))} forecasts; {event.label} flares: {result}."
            ),
        ),
        subtitle="24 h ahead",
        actions=[
            *_others(data),
            legend("hit", "hit"),
            legend("miss", "miss"),
            legend("false-alarm", "false alarm"),
            legend("no-data", "no data"),
            *band_legend(data.faults),
            *_models(data, query),
        ],
        class_name="timeline",
        definition=DEFINITIONS["region-timeline"],
    )


def _timeline_context(data: RegionData, event: Event) -> TimelineContext:
    column = EVENTS.index(event)
    others = [
        OtherLine(model_id, line.t_rec, line.probability[:, column])
        for model_id, line in data.others.items()
    ]
    spans = [
        _alert_span(alert, data.region.last_t_rec)
        for alert in data.alerts
        if alert.event == event.name and _is_shown(alert, data)
    ]
    return TimelineContext(data.shown, data.at, data.as_of, others, spans)


def _is_shown(alert: Alert, data: RegionData) -> bool:
    closed_at = alert.closed_at or data.shown.end_at
    return alert.opened_at < data.shown.end_at and closed_at > data.shown.start_at


def _alert_span(alert: Alert, newest: datetime) -> AlertSpan:
    end_at = max(alert.closed_at or newest, alert.opened_at)
    length = duration(end_at - alert.opened_at)
    name = find_event(alert.event).label
    outcome = alert.outcome or ("not judged yet" if alert.closed_at else alert.state)
    text = (
        f"<b>{name} alert</b>, {alert.severity}, {outcome}"
        f"<br>{moment(alert.opened_at)} – {moment(end_at)} UTC"
        f"<br>highest {probability(alert.peak_probability)}"
    )
    return AlertSpan(alert.opened_at, end_at, f"{name} alert, {length}", text)


def _others(data: RegionData) -> list[Component]:
    return [
        html.Span(
            [
                html.I(style={"borderTopStyle": "dotted" if place == 0 else "dashed"}),
                model_id.partition("@")[0],
            ],
            className="legend line",
            title=model_id,
        )
        for place, model_id in enumerate(list(data.others)[: len(OTHER_DASHES)])
    ]


def _models(data: RegionData, query: RegionQuery) -> list[Component]:
    """Offer the models that are not live, each to be shown or hidden."""
    if not data.other_models:
        return []
    drawn = list(data.others)
    number = str(1 + len(drawn))

    def to(chosen: Sequence[str]) -> str:
        text = "" if list(chosen) == list(data.other_models) else ",".join(chosen) or LIVE_ONLY
        return address(data.region.region_id, query.changed(models=text))

    toggles = [
        (
            model_id,
            to([m for m in data.other_models if (m in drawn) != (m == model_id)]),
            model_id in drawn,
        )
        for model_id in data.other_models
    ]
    return [menu("Models", number, [("Live only", to([]), not drawn), *toggles])]


def facts_panel(data: RegionData) -> Component:
    """List what was known of the region as of the time shown."""
    region, place, row, line = data.region, data.place, data.forecast_row, data.issued.line
    until = data.as_of or region.last_t_rec
    known = [flare for flare in data.known_flares if flare.peak_at <= until]
    letters = Counter(f.goes_class[0] for f in known if f.peak_at > data.at - DAY.validity)
    last = known[-1] if known else None
    rows = [
        (
            "Fallback level",
            ABSENT if row is None else _FALLBACK_LABELS.get(line.rungs[row], line.rungs[row]),
        ),
        ("Imputed share", _share(line, row)),
        ("Area", ABSENT if place.area_acr is None else f"{count(round(place.area_acr))} µHem"),
        ("First seen", date_moment(region.first_t_rec)),
        ("Last record", date_moment(region.last_t_rec)),
        ("Flares 24 h", ", ".join(f"{letters[c]} {c}" for c in "XMC" if letters[c]) or "none"),
        ("Last flare", ABSENT if last is None else f"{last.goes_class}, {moment(last.peak_at)}"),
        ("Series", region.series),
        ("Model", "none live" if row is None else line.model_ids[row]),
    ]
    return panel("Facts", facts(rows), definition=DEFINITIONS["region-facts"])


def _share(line: ForecastLine, row: int | None) -> str:
    share = float("nan") if row is None else float(line.imputed_share[row])
    return ABSENT if np.isnan(share) else f"{share * 100:.0f}{NARROW}%"


def minutes(at: datetime) -> int:
    """Return a time as minutes since 1970, rounded up, as the slider counts."""
    return math.ceil(at.timestamp() / 60)


def moved_to(value: str | float, query: RegionQuery, newest: float) -> RegionQuery:
    """Return the state for the slider's value in `minutes`; its right end is now.

    The browser writes the value of a slider as text. For a time between two minutes the slider is
    drawn at the later one; that is no move.
    """
    at = datetime.fromtimestamp(float(value) * 60, UTC)
    if query.as_of is not None and minutes(query.as_of) == float(value):
        return query
    return query.changed(at=None if float(value) >= newest else isoformat(at))


def as_of_panel(data: RegionData, query: RegionQuery) -> Component:
    """Offer the times of the passage, and which revision of its forecasts to show."""
    region = data.region
    return panel(
        "As of",
        html.Div([_ticks(data, query), _slider(data)], className="as-of"),
        html.Div(
            [html.Span(moment(region.first_t_rec)), html.Span(moment(data.newest_at))],
            className="as-of-ends",
        ),
        html.Div([*_steps(data, query), _latest(data, query)], className="as-of-steps"),
        html.P(f"Ticks: {query.definition.label} flares of the passage", className="footnote"),
        subtitle=moment(data.at),
        actions=_revisions(data, query),
        class_name="as-of-panel",
        definition=DEFINITIONS["as-of"],
    )


def _revisions(data: RegionData, query: RegionQuery) -> Component:
    labels = {"issued": "As issued", "latest": "Latest"}
    return segmented(
        "Revision of the forecasts",
        [
            (
                label,
                address(data.region.region_id, query.changed(revision=name)),
                query.revision == name,
            )
            for name, label in labels.items()
        ],
    )


def _slider(data: RegionData) -> Component:
    region = data.region
    usual_minutes = cadence(data.records.t_rec) / np.timedelta64(1, "m")
    name = html.Span("Time as of which the page is shown", className="visually-hidden")
    first, last = minutes(region.first_t_rec), minutes(data.newest_at)
    slider = dcc.Input(
        id=SLIDER,
        type="range",
        min=first,
        max=last,
        step=max(1, int(usual_minutes)),
        value=minutes(data.at),
        debounce=PAUSE_SECONDS,
        className="slider",
        disabled=first == last,
    )
    read_as: dict[str, Any] = {"data-unit": "time"}
    return html.Label([name, slider], **read_as)


def _ticks(data: RegionData, query: RegionQuery) -> Component:
    event = query.definition
    flares = [f for f in data.flares if f.peak_flux_w_m2 >= event.peak_flux_w_m2]
    return html.Div(
        [_tick(flare, data) for flare in flares], className="as-of-ticks", **aria_hidden()
    )


def _tick(flare: Flare, data: RegionData) -> Component:
    length = data.newest_at - data.region.first_t_rec or _MINUTE
    share = min(max((flare.peak_at - data.region.first_t_rec) / length, 0.0), 1.0)
    return html.I(
        className=f"{flare.goes_class[0].lower()}-tick",
        style={"left": f"{share:.2%}"},
        title=f"{flare.goes_class}, {moment(flare.peak_at)} UTC",
    )


def _steps(data: RegionData, query: RegionQuery) -> list[Component]:
    times, here = data.records.t_rec, to_datetime64(data.at)
    before, after = times[times < here], times[times > here]
    if not len(after) and data.next_at is not None:
        after = np.array([to_datetime64(data.next_at)])
    return [
        _step("‹ Earlier", "ArrowLeft", before[-1:], data, query),
        _step("Later ›", "ArrowRight", after[:1], data, query),
    ]


def _step(
    label: str,
    key: str,
    to: np.ndarray[Any, np.dtype[np.datetime64]],
    data: RegionData,
    query: RegionQuery,
) -> Component:
    """Link a neighbouring record; the key in ``data-key`` follows the link."""
    if not len(to):
        return html.Span(label, className="button off", **aria_label(f"{label}: no record there"))
    at = to_datetime(to[0])
    to_at = None if at >= data.newest_at else isoformat(at)
    attributes: dict[str, Any] = {"data-key": key, "data-at": query.at or ""}
    link = dcc.Link(
        label,
        href=address(data.region.region_id, query.changed(at=to_at)),
        className="button",
        title=f"{moment(at)} UTC",
    )
    return html.Span(link, **attributes)


def _latest(data: RegionData, query: RegionQuery) -> Component:
    href = address(data.region.region_id, query.changed(at=None))
    if data.as_of is None:
        return html.Span("at the latest", className="secondary")
    return dcc.Link("Go to latest", href=href, className="link")
