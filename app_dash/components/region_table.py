"""The table of regions on the disk, by risk; those without a forecast say why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import numpy as np
from dash import dcc, html
from dash.development.base_component import Component

from app_dash.components.aria import labelled, unspoken
from app_dash.components.panels import panel, segmented
from app_dash.figures.sparkline import Scale, sparkline
from app_dash.now.data import NowData
from app_dash.now.query import NowQuery, Order, change, ordered
from app_dash.now.standing import MAIN, Alert, Standing, threshold_of
from app_dash.numbers import moment, points, position, probability
from app_dash.theme import Tokens
from app_dash.view import View
from database.flares.flares import Flare
from solar.flares import EVENTS

_DAY = 24
_LARGE_CHANGE = 0.01
_HEADINGS = ("Region", "M1.0+", "C1.0+", "X1.0+", "Last 24 h", "Δ pp", "Flares")
_NUMBERS = {"M1.0+", "C1.0+", "X1.0+", "Δ pp", "Flares"}
_NARROW_HIDDEN = {"C1.0+", "X1.0+", "Flares"}
_OF_CHANGE = "Change of M1.0+ in percentage points: over 24 h, below it since the forecast before"
_SHAPES = {Alert.ALERT: "▲", Alert.WATCH: "◆"}


def region_panel(data: NowData, view: View, order: Order) -> Component:
    """List the regions in the order of the address."""
    known = sum(standing.forecast is not None for standing in data.found)
    without = len(data.found) - known + len(data.unseen)
    rows = [
        _blind_row(standing) if standing.forecast is None else _row(standing, data, view)
        for standing in ordered(data.found, data.series, order)
    ]
    return panel(
        "Regions",
        _scrolled(_table([*rows, *(_unseen_row(flare) for flare in data.unseen)], view)),
        subtitle=f"{known} with a forecast, {without} without",
        actions=segmented("Order", _orders(order)),
        class_name="flush span-5 region-panel",
        how="regions",
    )  # fmt: skip


def _scrolled(table: Component) -> Component:
    """Keep many rows within a height; what scrolls must be reachable by the keyboard."""
    name = labelled("Regions on the disk")
    return html.Div(table, className="region-scroll", tabIndex=0, role="region", **name)


def _orders(order: Order) -> list[tuple[str, str, bool]]:
    return [
        (name.capitalize(), f"/{NowQuery(sort=name).search()}", name == order)
        for name in get_args(Order)
    ]


def _table(rows: Sequence[Component], view: View) -> Component:
    threshold = threshold_of(view.state, MAIN)
    limit = "no threshold" if threshold is None else f"threshold {probability(threshold)}, dashed"
    titles = {
        "Δ pp": _OF_CHANGE,
        "Last 24 h": f"M1.0+ over 24 h, {limit}",
        "Flares": "C1.0+ in the last 24 h",
    }
    head = [
        html.Th(name, scope="col", className=_class(name), title=titles.get(name, ""))
        for name in _HEADINGS
    ]
    return html.Table([html.Thead(html.Tr(head)), html.Tbody(rows)], className="data regions")


def _class(name: str) -> str:
    kinds = ["number"] if name in _NUMBERS else []
    return " ".join([*kinds, *(["wide"] if name in _NARROW_HIDDEN else [])])


def _name_cell(standing: Standing) -> Component:
    region = standing.region
    place = "" if standing.lon_now is None else position(region.lat_fwt, standing.lon_now)
    marks: list[Component | str] = [html.B(" · limb")] if standing.is_near_limb else []
    return html.Td(
        [
            dcc.Link(standing.name, href=f"/regions/{region.region_id}", className="row-link"),
            html.Div([place, *marks, *_alert(standing.alert)], className="place"),
        ],
        className="region-name",
    )


def _alert(alert: Alert) -> list[Component | str]:
    if alert is Alert.NONE:
        return []
    shape = html.I(_SHAPES[alert], **unspoken())
    return [" · ", html.Span([shape, alert.value], className=f"state {alert.value}")]


def _row(standing: Standing, data: NowData, view: View) -> Component:
    main = standing.probability(MAIN)
    recent = data.recent.get(standing.region.region_id, ())
    swatch = html.Span(className="swatch", style={"background": view.tokens.step(main or 0.0)})
    cells = [
        _name_cell(standing),
        html.Td([swatch, html.B(probability(main))], className="number main"),
        html.Td(probability(standing.probability(EVENTS[0])), className="number wide"),
        html.Td(probability(standing.probability(EVENTS[3])), className="number wide"),
        html.Td(_line(standing, data, view)),
        _change_cell(standing, data),
        html.Td(_flares(recent), className="number wide"),
    ]  # fmt: skip
    over = " over" if standing.alert is Alert.ALERT else ""
    return html.Tr(cells, className=f"linked{over}")


def _change_cell(standing: Standing, data: NowData) -> Component:
    """Write the change over a day, and small below it the change since the forecast before."""
    of_day = change(standing, data.series)
    before = data.before.get(standing.region.region_id)
    past = before.probabilities[EVENTS.index(MAIN)] if before else None
    main = standing.probability(MAIN)
    latest = None if past is None or main is None else main - past
    since = f" since {moment(before.t_rec)}" if before else ", no forecast before"
    title = f"{points(of_day)} pp over 24 h, {points(latest)} pp{since}"
    is_large = of_day is not None and abs(of_day) >= _LARGE_CHANGE
    return html.Td(
        [html.B(points(of_day)) if is_large else points(of_day),
         html.Div(f"{points(latest)} last", className="place")],
        className="number change", title=title,
    )  # fmt: skip


def _line(standing: Standing, data: NowData, view: View) -> Component:
    series = data.series.regions.get(standing.region.region_id)
    if series is None:
        return html.Span("–", className="quiet")
    day = series[-1 - _DAY :, EVENTS.index(MAIN)]
    highest = float(np.nanmax(day)) if np.isfinite(day).any() else 0.0
    threshold = threshold_of(view.state, MAIN)
    scale = Scale(high=max(highest, 1.25 * (threshold or 0.01)))
    image = sparkline(
        day, scale, colour=_colour(standing, view.tokens), threshold=threshold,
        threshold_colour=view.tokens.axis,
    )  # fmt: skip
    text = f"M1.0+ of AR {standing.name} over 24 h, now {probability(standing.probability(MAIN))}"
    return html.Img(src=image, alt=text, className="sparkline")


def _colour(standing: Standing, tokens: Tokens) -> str:
    return tokens.accent if standing.alert is Alert.ALERT else tokens.text3


def _flares(flares: Sequence[Flare]) -> Component | str:
    if not flares:
        return "0"
    largest = max(flares, key=lambda flare: flare.peak_flux_w_m2)
    name = html.B(largest.goes_class, className=f"{largest.goes_class[0].lower()}-text")
    return html.Span([name, html.Span(f" ×{len(flares)}", className="secondary")])


def _blind_row(standing: Standing) -> Component:
    return html.Tr([_name_cell(standing), _reason(str(standing.reason))], className="linked blind")


def _unseen_row(flare: Flare) -> Component:
    said = f"no SHARP patch; flared {flare.goes_class} at {moment(flare.peak_at)}"
    name = html.Td(html.B(str(flare.noaa_ar)), className="region-name")
    return html.Tr([name, _reason(said)], className="blind")


def _reason(said: str) -> Component:
    words: list[Component | str] = [html.B("No forecast"), f" · {said}"]
    return html.Td(words, colSpan=len(_HEADINGS) - 1, className="reason")
