"""The panels of the Now page: full-disk cards, alerts, the solar disk, the flares of three days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
from dash import dcc, html
from dash.development.base_component import Component
from numpy.typing import NDArray

from app_dash.frame.page import PageContext
from app_dash.now.agencies import agency_table
from app_dash.now.data import FLARE_DAYS, NowData
from app_dash.now.definitions import DEFINITIONS
from app_dash.now.disk_figure import DiskRegion, disk_figure
from app_dash.now.flare_figure import DiskLine, FluxLine, Stem, flare_figure
from app_dash.now.xrays import stem_of
from app_dash.shared.alerts import (
    acknowledge_button,
    acknowledged_text,
    alert_grade,
    comment_field,
    is_in_place,
    outcome_mark,
    part,
)
from app_dash.shared.disk_forecast import DiskForecast
from app_dash.shared.injected import band_legend, with_bands
from app_dash.shared.numbers import duration, moment, points, probability, region_name
from app_dash.shared.panels import (
    aria_hidden,
    aria_label,
    big_percent,
    empty_message,
    event_badge,
    explanation,
    graph,
    legend,
    panel,
)
from app_dash.shared.region_status import (
    BEHIND_LIMB,
    GONE,
    MAIN_EVENT,
    ON_DISK,
    AlertLevel,
    RegionStatus,
    alert_level,
    count_regions,
    threshold_of,
)
from app_dash.shared.sparkline import Scale, sparkline
from app_dash.shared.theme import STEP_BOUNDS, Tokens
from app_dash.shared.url_state import ALERTS_PATH, REGIONS_PATH
from database.alerts.alerts import CLOSED, MISSED, OPEN, Alert
from database.flares.flares import Flare
from database.people.principal import ACKNOWLEDGE
from solar.flares import EVENTS, Event, FluxScale
from solar.windows import ForecastWindow

DAY = 24
_CLASSES = "CMX"
_MOST_OTHERS = 6
# With names below it the disk is smaller, so that the page keeps its height; beside a table of
# many regions it may be as large as the panel is wide.
DISK_HEIGHT, DISK_HEIGHT_WITH_NAMES, DISK_HEIGHT_OF_MANY = 304, 272, 380
MANY = 12
FLARES_HEIGHT = 184


def disk_card(
    event: Event, forecast: DiskForecast, data: NowData, *, sun_now: datetime, tokens: Tokens
) -> Component:
    """Show the full-disk probability, what it is made of, and what agencies say."""
    past = data.series.full_disk[:, EVENTS.index(event)]
    head: list[Component] = [event_badge(event), html.H2("full disk, 24 h")]
    return html.Section(
        [
            html.Div(
                [*head, _change(forecast.best, past)],
                className="card-head",
            ),
            html.Div(
                [
                    html.Span(big_percent(forecast.best), className="card-number"),
                    _line(past, event, tokens),
                ],
                className="card-body",
            ),
            html.Div(_aggregates(forecast), className="card-foot"),
            *agency_table(event, data.outlooks, sun_now=sun_now),
        ],
        className="panel card span-3",
        **aria_label(f"Full-disk probability of {event.label} in 24 h"),
    )


def _aggregates(forecast: DiskForecast) -> list[Component]:
    definition = DEFINITIONS["full-disk"]
    now = (
        f" Now: 1−∏(1−p) {probability(forecast.product)}, by the flares alone"
        f" {probability(forecast.activity)}; the riskiest region has"
        f" {probability(forecast.largest)}."
    )
    why = "" if forecast.why_not is None else f": {forecast.why_not}"
    return [
        html.Span(f"{forecast.basis}{why}"),
        explanation(replace(definition, meaning=definition.meaning + now)),
    ]


def _change(combined: float | None, past: NDArray[np.float64]) -> Component:
    before = float(past[-1 - DAY]) if len(past) > DAY else float("nan")
    known = combined is not None and not np.isnan(before)
    change = combined - before if combined is not None and known else None
    return html.Span(
        [html.B(f"{points(change)} pp"), html.Span(" vs −24 h")], className="card-change"
    )


def _line(past: NDArray[np.float64], event: Event, tokens: Tokens) -> Component:
    day = past[-1 - DAY :]
    scale = Scale(width=120, height=36, high=_scale_top(day))
    text = f"{event.label} full disk over the last 24 h, scale 0 to {probability(scale.high)}"
    return html.Img(
        src=sparkline(day, scale, colour=tokens.mark(event.name)),
        alt=text,
        className="sparkline",
        title=text,
    )


def _scale_top(values: NDArray[np.float64]) -> float:
    """Choose the top of the scale from few steps, so that small noise looks flat."""
    highest = float(np.nanmax(values)) if np.isfinite(values).any() else 0.0
    return next(step for step in (0.02, 0.05, 0.1, 0.2, 0.5, 1.0) if highest <= step)


def alert_list(
    alerts: Sequence[Alert], context: PageContext, names: Mapping[int, str] | None = None
) -> Component:
    """List alerts: the open ones first, then the others, each newest first.

    `names` are those of regions by id, beyond those on the disk.
    """
    known = _on_disk(context) | dict(names or {})
    in_place = [alert for alert in alerts if is_in_place(alert, context.now)]
    missed = [alert for alert in alerts if alert.outcome == MISSED]
    others = [a for a in alerts if not is_in_place(a, context.now) and a.outcome != MISSED]
    first = next((alert.alert_id for alert in in_place if alert.state == OPEN), None)
    if not alerts:
        link = dcc.Link("See all past alerts", href=f"{ALERTS_PATH}?range=all", className="button")
        return empty_message("No alert in the last 7 days.", link)
    cards = [
        _open_alert(alert, _name(alert, known), context, is_first=alert.alert_id == first)
        for alert in in_place
    ] or [html.P("No open alert.", className="alert-item quiet")]
    parts: list[Any] = [html.Div(cards, className="parts")]
    if first is not None and context.who.may(ACKNOWLEDGE):
        parts.append(
            html.Details(
                [html.Summary("Add a comment"), comment_field()],
                className="alert-item naming",
            )
        )
    if others:
        parts.append(html.H3("Acknowledged and closed", className="alert-divider"))
    parts += [_past_alert(alert, _name(alert, known)) for alert in others[:_MOST_OTHERS]]
    if missed:
        parts.append(_last_miss(missed[0], _name(missed[0], known)))
    return html.Div(parts, className="alert-list parts")


def _on_disk(context: PageContext) -> dict[int, str]:
    return {r.region_id: region_name(r.region_id, r.noaa_ars) for r in context.state.regions}


def _name(alert: Alert, known: Mapping[int, str]) -> str:
    name = known.get(alert.region_id) or region_name(alert.region_id, ())
    return name if name.startswith("HARP") else f"AR {name}"


def _open_alert(alert: Alert, name: str, context: PageContext, *, is_first: bool) -> Component:
    link = dcc.Link("Open region", href=f"{REGIONS_PATH}/{alert.region_id}", className="button")
    return html.Div(
        [
            _head(alert, name),
            html.P(_probability_text(alert)),
            html.P(_open_text(alert, context)),
            html.Div(
                [acknowledge_button(alert, name, who=context.who, is_first=is_first), link],
                className="alert-actions",
            ),
        ],
        className=f"alert-item parts {alert.state}",
        **part(alert),
    )


def _past_alert(alert: Alert, name: str) -> Component:
    parts: list[Component] = [html.Span(_past_text(alert)), outcome_mark(alert)]
    end = html.Div(parts, className="alert-end")
    kept = part(alert)
    return html.Div(
        [_head(alert, name), end], className="alert-item", title=alert.comment or "", **kept
    )


def _head(alert: Alert, name: str) -> Component:
    when = html.Time(moment(alert.opened_at), className="secondary")
    return html.Div([alert_grade(alert), html.B(name), when], className="alert-head")


def _probability_text(alert: Alert) -> str:
    first, peak, last = (
        probability(p)
        for p in (alert.opened_probability, alert.peak_probability, alert.last_probability)
    )
    return f"Crossed {probability(alert.threshold)} at {first}, peak {peak}, now {last}."


def _open_text(alert: Alert, context: PageContext) -> list[Component | str]:
    newest = context.state.newest_t_rec
    open_for = "" if newest is None else f"Open {duration(newest - alert.opened_at)}. "
    return [open_for, outcome_mark(alert)]


def _past_text(alert: Alert) -> str:
    by = acknowledged_text(alert)
    acknowledged = f"acknowledged by {by}" if by else "not acknowledged"
    if alert.state != CLOSED or alert.closed_at is None:
        return f"Open, peak {probability(alert.peak_probability)}, {acknowledged}."
    peak = probability(alert.peak_probability)
    return f"Closed {moment(alert.closed_at)}, peak {peak}, {acknowledged}."


def _last_miss(alert: Alert, name: str) -> Component:
    letter = (alert.outcome_class or "C")[0].lower()
    parts: list[Component | str] = [
        "Last miss: ",
        html.B(alert.outcome_class or "", className=f"{letter}-text"),
        f" {name} {moment(alert.opened_at)}, at {probability(alert.last_probability)}",
    ]
    return html.P(parts, className="last-miss")


def disk_panel(data: NowData, window: ForecastWindow, context: PageContext) -> Component:
    """Draw the regions at their current positions; name those without one below."""
    statuses, target = data.statuses, MAIN_EVENT.within(window)
    placed = [status for status in statuses if status.where == ON_DISK and status.place]
    threshold = threshold_of(context.state, target)
    regions = [_disk_region(s, data.probability(s, target), threshold) for s in placed]
    figure = disk_figure(regions, data.at, context.tokens)
    over = sum(region.is_over for region in regions)
    names = _names_below(statuses)
    height = DISK_HEIGHT_WITH_NAMES if names else DISK_HEIGHT
    text = (
        f"Solar disk with {len(regions)} regions coloured by their probability of M1.0+"
        f" {window.words};"
        f" {over} over the threshold. {count_regions(statuses)}."
    )
    return panel(
        "Solar disk",
        graph(
            "disk",
            figure,
            text=text,
            height=DISK_HEIGHT_OF_MANY if len(statuses) > MANY else height,
        ),
        *names,
        _step_scale(),
        subtitle=f"P(M1.0+), {window.label}",
        actions="dashed ±70° · size = area",
        class_name="span-4 disk-panel",
        definition=DEFINITIONS["solar-disk"],
    )


def _names_below(statuses: Sequence[RegionStatus]) -> list[Component]:
    """Name the regions with no position on the disk, or an uncertain one, and say why."""
    here = [status for status in statuses if status.where == ON_DISK]
    unplaced = [status for status in here if not status.place]
    edge = [status for status in here if status.place and status.is_near_limb]
    texts = (
        (unplaced, f"{len(unplaced)} of {len(here)} {ON_DISK} without a position"),
        (edge, "Beyond 70°"),
        *(
            ([s for s in statuses if s.where == left], left.capitalize())
            for left in (BEHIND_LIMB, GONE)
        ),
    )
    lines = [
        html.Div(f"{what}: {', '.join(f'{s.name} {s.place}'.strip() for s in group)}")
        for group, what in texts
        if group
    ]
    return [html.Div(lines, className="secondary unplaced")] if lines else []


def _disk_region(status: RegionStatus, value: float | None, threshold: float | None) -> DiskRegion:
    region = status.region
    return DiskRegion(
        status.name,
        region.lat_fwt or 0.0,
        status.lon_now or 0.0,
        region.area_acr,
        value,
        alert_level(value, threshold) is AlertLevel.ALERT,
        status.is_near_limb,
    )


def _step_scale() -> Component:
    steps = [
        html.Div([html.I(style={"background": f"var(--step{i})"}), f"{bound * 100:.0f}"])
        for i, bound in enumerate(STEP_BOUNDS)
    ]
    return html.Div([*steps, html.Span("%")], className="step-scale", **aria_hidden())


def flare_panel(data: NowData, forecast: DiskForecast, tokens: Tokens) -> Component:
    """Draw the flares over the X-ray flux, with the window of the forecast."""
    listed = [Stem(f.peak_at, f.goes_class, f.peak_flux_w_m2, _region(f)) for f in data.flares]
    seen = [stem_of(event) for event in data.events]
    own = [stem for stem in seen if stem.is_hollow and stem.letter in _CLASSES]
    line = DiskLine(data.series.times, data.series.full_disk[:, EVENTS.index(MAIN_EVENT)])
    flux = FluxLine(data.xray.start_at, data.xray.step, data.xray.flux) if data.xray else None
    figure = flare_figure(
        [*listed, *own],
        line,
        shown=data.shown,
        now=data.at,
        tokens=tokens,
        xray=flux,
    )
    figure = with_bands(figure, data.faults, tokens)
    counts = ", ".join(f"{sum(s.goes_class[0] == c for s in listed)} {c}" for c in _CLASSES)
    now = probability(forecast.product)
    text = f"Flares of the last {FLARE_DAYS} days: {counts}; full-disk P(M1.0+) is now {now}."
    hollow = f"hollow: {len(own)} not in the list" if own else ""
    notes = [f"GOES 1–8 Å, {counts}", hollow, _without_forecast(data), _satellites(data)]
    return panel(
        f"Flares, last {FLARE_DAYS} days",
        graph("flares", figure, text=text, height=FLARES_HEIGHT),
        subtitle=" · ".join(filter(None, notes)),
        actions=[*band_legend(data.faults), *(legend(name.lower(), name) for name in "CMX")],
        class_name="span-9 flare-panel",
        definition=DEFINITIONS["flares-now"],
    )


def _region(flare: Flare) -> str:
    return str(flare.noaa_ar) if flare.noaa_ar else "region unknown"


def _without_forecast(data: NowData) -> str:
    forecast = {status.region.region_id for status in data.statuses if status.forecast is not None}
    n = sum(flare.region_id not in forecast for flare in data.flares)
    return f"{n} from regions without a forecast" if n else ""


def _satellites(data: NowData) -> str:
    """Name the satellites of the flux, and warn if its scale is not that of the classes."""
    if data.xray is None:
        return ""
    measured = f"flux by {', '.join(data.xray.satellites)}"
    scales = {flare.flux_scale for flare in data.flares}
    is_true = any(_is_calibrated(name) for name in data.xray.satellites)
    if is_true and FluxScale.OPERATIONAL in scales:
        return f"{measured}, true scale: the classes are operational, 0.7 of it"
    return measured


def _is_calibrated(satellite: str) -> bool:
    """Tell whether a satellite's flux is on the true scale, as from GOES-16 on."""
    digits = satellite.upper().removeprefix("GOES").removeprefix("G").removeprefix("-")
    return digits.isdigit() and int(digits) >= 16
