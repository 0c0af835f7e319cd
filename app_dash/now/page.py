"""The Now page: the full disk, alerts, the regions by risk, the flares of three days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import get_args

import numpy as np
from dash import dcc, html
from dash.development.base_component import Component

from app_dash.frame.page import PageContext
from app_dash.now.data import NowData, NowQuery, Order, change, ordered, read_now
from app_dash.now.definitions import DEFINITIONS
from app_dash.now.panels import alert_list, disk_card, disk_panel, flare_panel
from app_dash.now.xrays import xray_panel
from app_dash.shared.alerts import in_windows
from app_dash.shared.base_rate import base_rate_panel
from app_dash.shared.disk_forecast import DiskForecast, disk_forecast
from app_dash.shared.lead_matrix import TargetForecast, matrix
from app_dash.shared.numbers import moment, points, probability
from app_dash.shared.panels import aria_hidden, aria_label, empty_message, panel, segmented
from app_dash.shared.region_status import (
    BEHIND_LIMB,
    GONE,
    MAIN_EVENT,
    ON_DISK,
    AlertLevel,
    RegionStatus,
    count_regions,
    threshold_of,
)
from app_dash.shared.sparkline import Scale, sparkline
from app_dash.shared.theme import Tokens
from app_dash.shared.url_state import ALERTS_PATH, NOW_PATH, REGIONS_PATH
from database.alerts.alerts import OPEN
from database.flares.flares import Flare
from solar.flares import EVENTS, Event
from solar.windows import DAY, WINDOWS, ForecastWindow

_DAY = 24
_LARGE_CHANGE = 0.01
_HEADINGS = ("Region", "M1.0+", "C1.0+", "X1.0+", "Last 24 h", "Δ pp", "Flares")
_NUMBERS = {"M1.0+", "C1.0+", "X1.0+", "Δ pp", "Flares"}
_NARROW_HIDDEN = {"C1.0+", "X1.0+", "Flares"}
_CHANGE_TITLE = (
    "Change of M1.0+ in percentage points: over 24 h; below, since the previous forecast"
)
_WORDS = {AlertLevel.ALERT: "over threshold", AlertLevel.WATCH: "watch"}
_SHAPES = {AlertLevel.ALERT: "▲", AlertLevel.WATCH: "◆"}
CARDS = (EVENTS[0], EVENTS[1], EVENTS[3])


def layout(context: PageContext, _pathname: str, search: str) -> Component:
    """Draw the page; without a record, say how to get some."""
    query = NowQuery.parse(search)
    if context.state.newest_t_rec is None:
        return empty_message(
            "No SHARP record is stored yet. Start a sender: flarewatch send simulate"
        )
    data = read_now(context, context.state.newest_t_rec)
    forecasts = {event: disk_forecast(event, data.statuses, context.state) for event in EVENTS}
    return html.Div(
        [
            xray_panel(data, context.tokens),
            *(
                disk_card(
                    event, forecasts[event], data, sun_now=context.sun_now, tokens=context.tokens
                )
                for event in CARDS
            ),
            _alert_panel(data, context),
            matrix_panel(data, forecasts, query),
            disk_panel(data, query.chosen, context),
            region_panel(data, context, query),
            flare_panel(data, forecasts[MAIN_EVENT], context.tokens),
            base_rate_panel(MAIN_EVENT, data.base_rates, context.state.model, class_name="span-3"),
        ],
        className="grid now",
    )


def _alert_panel(data: NowData, context: PageContext) -> Component:
    n_open = sum(alert.state == OPEN for alert in data.alerts)
    return panel(
        "Alerts",
        html.Div([alert_list(data.alerts, context, data.names)], className="alert-scroll parts"),
        subtitle=f"{n_open} open",
        actions=dcc.Link("All alerts", href=ALERTS_PATH, className="link"),
        class_name="flush parts span-3 alert-panel",
        definition=DEFINITIONS["alerts-now"],
    )


def matrix_panel(
    data: NowData, forecasts: Mapping[Event, DiskForecast], query: NowQuery
) -> Component:
    """Show the full disk by class and window, and offer the windows for the panels below."""
    day = {event: TargetForecast(data.at, forecasts[event].best) for event in EVENTS}
    return panel(
        "Windows",
        matrix(day | data.disk_leads(), name="the full disk", chosen=query.chosen),
        subtitle="full disk, percent; the chosen one is that of the disk and the regions",
        actions=segmented("Window", _windows(query)),
        class_name="flush span-9 matrix-panel",
        definition=DEFINITIONS["windows"],
    )


def _windows(query: NowQuery) -> list[tuple[str, str, bool]]:
    return [
        (
            window.label,
            NOW_PATH + query.changed(window=window.name).search(),
            window == query.chosen,
        )
        for window in WINDOWS
    ]


def region_panel(data: NowData, context: PageContext, query: NowQuery) -> Component:
    """List the regions in the order of the address."""
    unseen = [_no_record_row(flare) for flare in data.without_record]
    flared = f", {len(unseen)} flared without a record" if unseen else ""
    shown = "" if query.chosen == DAY else f", probabilities {query.chosen.words}"
    rows = [*_rows(data, context, query, where=ON_DISK), *unseen]
    for where in (BEHIND_LIMB, GONE):
        rows += _rows(data, context, query, where=where)
    return panel(
        "Regions",
        _scrolled(_table(rows, context, query.chosen)),
        subtitle=f"{count_regions(data.statuses)}{flared}{shown}",
        actions=segmented("Order", _orders(query)),
        class_name="flush span-5 region-panel",
        definition=DEFINITIONS["regions"],
    )


def _rows(data: NowData, context: PageContext, query: NowQuery, *, where: str) -> list[Component]:
    """Draw the regions at one place; those that left the disk stand under a heading."""
    listed = [s for s in ordered(data.statuses, data.series, query.sort) if s.where == where]
    rows = [
        _row(status, data, context, query.chosen)
        if status.forecast
        else _no_forecast_row(status, data)
        for status in listed
    ]
    if not rows or where == ON_DISK:
        return rows
    heading = html.Th(where.capitalize(), colSpan=len(_HEADINGS), scope="colgroup")
    return [html.Tr(heading, className="group"), *rows]


def _scrolled(table: Component) -> Component:
    """Let many rows scroll within a height, reachable by the keyboard."""
    name = aria_label("Regions on the disk")
    return html.Div(table, className="region-scroll", tabIndex=0, role="region", **name)


def _orders(query: NowQuery) -> list[tuple[str, str, bool]]:
    return [
        (name.capitalize(), NOW_PATH + query.changed(sort=name).search(), name == query.sort)
        for name in get_args(Order)
    ]


def _table(rows: Sequence[Component], context: PageContext, window: ForecastWindow) -> Component:
    threshold = threshold_of(context.state, MAIN_EVENT)
    limit = "no threshold" if threshold is None else f"threshold {probability(threshold)}, dashed"
    titles = {
        "Δ pp": _CHANGE_TITLE,
        "Last 24 h": f"M1.0+ over 24 h, {limit}",
        "Flares": "C1.0+ in the last 24 h",
        **{event.label: f"{event.label} {window.words}" for event in EVENTS},
    }
    head = [
        html.Th(name, scope="col", className=_class(name), title=titles.get(name, ""))
        for name in _HEADINGS
    ]
    return html.Table([html.Thead(html.Tr(head)), html.Tbody(rows)], className="data regions")


def _class(name: str) -> str:
    kinds = ["number"] if name in _NUMBERS else []
    return " ".join([*kinds, *(["wide"] if name in _NARROW_HIDDEN else [])])


def _name_cell(status: RegionStatus, data: NowData) -> Component:
    region = status.region
    events = data.alerted.get(region.region_id, ())
    said: list[Component | str] = [status.place] if status.place else []
    said += [html.B("limb")] if status.is_near_limb else []
    said += _alert_level(status, events)
    return html.Td(
        [
            dcc.Link(status.name, href=f"{REGIONS_PATH}/{region.region_id}", className="row-link"),
            html.Div(_separated(said), className="place"),
        ],
        className="region-name",
    )


def _separated(parts: Sequence[Component | str]) -> list[Component | str]:
    """Put a dot between the parts."""
    return [piece for part in parts for piece in (" · ", part)][1:]


def _alert_level(status: RegionStatus, events: Sequence[Event]) -> list[Component | str]:
    """Name all open alerts of a region; without one, say how its forecast compares."""
    alert = AlertLevel.ALERT if events else status.alert
    if alert is AlertLevel.NONE:
        return []
    text = f"alert {in_windows(events)}" if events else _WORDS[alert]
    shape = html.I(_SHAPES[alert], **aria_hidden())
    return [html.Span([shape, text], className=f"state {alert.value}")]


def _row(
    status: RegionStatus, data: NowData, context: PageContext, window: ForecastWindow
) -> Component:
    common, main, _, rare = (data.probability(status, e.within(window)) for e in EVENTS)
    recent = data.recent.get(status.region.region_id, ())
    swatch = html.Span(className="swatch", style={"background": context.tokens.step(main or 0.0)})
    cells = [
        _name_cell(status, data),
        html.Td([swatch, html.B(probability(main))], className="number main"),
        html.Td(probability(common), className="number wide"),
        html.Td(probability(rare), className="number wide"),
        html.Td(_line(status, data, context)),
        _change_cell(status, data),
        html.Td(_flares(recent), className="number wide"),
    ]
    over = " over" if status.alert is AlertLevel.ALERT else ""
    return html.Tr(cells, className=f"linked{over}")


def _change_cell(status: RegionStatus, data: NowData) -> Component:
    """Write the change over 24 h, and small below it the change since the previous forecast."""
    of_day = change(status, data.series)
    before = data.before.get(status.region.region_id)
    past = before.probabilities[EVENTS.index(MAIN_EVENT)] if before else None
    main = status.probability(MAIN_EVENT)
    latest = None if past is None or main is None else main - past
    since = f" since {moment(before.t_rec)}" if before else ", no previous forecast"
    title = f"{points(of_day)} pp over 24 h, {points(latest)} pp{since}"
    is_large = of_day is not None and abs(of_day) >= _LARGE_CHANGE
    return html.Td(
        [
            html.B(points(of_day)) if is_large else points(of_day),
            html.Div(f"{points(latest)} last", className="place"),
        ],
        className="number change",
        title=title,
    )


def _line(status: RegionStatus, data: NowData, context: PageContext) -> Component:
    series = data.series.regions.get(status.region.region_id)
    if series is None:
        return html.Span("–", className="quiet")
    day = series[-1 - _DAY :, EVENTS.index(MAIN_EVENT)]
    highest = float(np.nanmax(day)) if np.isfinite(day).any() else 0.0
    threshold = threshold_of(context.state, MAIN_EVENT)
    scale = Scale(high=max(highest, 1.25 * (threshold or 0.01)))
    image = sparkline(
        day,
        scale,
        colour=_colour(status, context.tokens),
        threshold=threshold,
        threshold_colour=context.tokens.axis,
    )
    now = probability(status.probability(MAIN_EVENT))
    text = f"M1.0+ of AR {status.name} over 24 h, now {now}"
    return html.Img(src=image, alt=text, className="sparkline")


def _colour(status: RegionStatus, tokens: Tokens) -> str:
    return tokens.accent if status.alert is AlertLevel.ALERT else tokens.text3


def _flares(flares: Sequence[Flare]) -> Component | str:
    if not flares:
        return "0"
    largest = max(flares, key=lambda flare: flare.peak_flux_w_m2)
    name = html.B(largest.goes_class, className=f"{largest.goes_class[0].lower()}-text")
    return html.Span([name, html.Span(f" ×{len(flares)}", className="secondary")])


def _no_forecast_row(status: RegionStatus, data: NowData) -> Component:
    cells = [_name_cell(status, data), _reason_cell(str(status.reason))]
    return html.Tr(cells, className="linked blind")


def _no_record_row(flare: Flare) -> Component:
    text = f"no SHARP patch; flared {flare.goes_class} at {moment(flare.peak_at)}"
    name = html.Td(html.B(str(flare.noaa_ar)), className="region-name")
    return html.Tr([name, _reason_cell(text)], className="blind")


def _reason_cell(text: str) -> Component:
    parts: list[Component | str] = [html.B("No forecast"), f" · {text}"]
    return html.Td(parts, colSpan=len(_HEADINGS) - 1, className="reason")
