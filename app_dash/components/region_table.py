"""The table of regions on the disk, by risk; those without a forecast say why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from dash import dcc, html
from dash.development.base_component import Component

from app_dash.components.aria import unspoken
from app_dash.disk_series import HourlySeries
from app_dash.figures.sparkline import Scale, sparkline
from app_dash.now_query import change
from app_dash.numbers import moment, points, position, probability
from app_dash.standing import MAIN, Alert, Standing
from app_dash.theme import Tokens
from database.flares import Flare
from solar.flares import EVENTS
from solar.sharp import LONGITUDE_LIMIT_DEG

_DAY = 24
_HEADINGS = ("Region", "State", "M1.0+", "C1.0+", "X1.0+", "M1.0+, 24 h", "Δ pp", "Flares 24 h")
_NUMBERS = {"M1.0+", "C1.0+", "X1.0+", "Δ pp", "Flares 24 h"}
_NARROW_HIDDEN = {"C1.0+", "X1.0+", "Flares 24 h"}
_SHAPES = {Alert.ALERT: "▲", Alert.WATCH: "◆", Alert.NONE: "○"}


@dataclass(frozen=True)
class Sources:
    """What the rows draw from besides the standings."""

    series: HourlySeries
    flares: Mapping[int, Sequence[Flare]]
    threshold: float | None
    tokens: Tokens


def region_table(found: Sequence[Standing], lost: Sequence[Flare], sources: Sources) -> Component:
    """List the standings; `lost` are flares of numbered regions that no patch belongs to."""
    rows = [
        _blind_row(standing) if standing.forecast is None else _row(standing, sources)
        for standing in found
    ]
    head = html.Tr([html.Th(name, scope="col", className=_class(name)) for name in _HEADINGS])
    return html.Table(
        [html.Thead(head), html.Tbody([*rows, *(_lost_row(flare) for flare in lost)])],
        className="data regions",
    )


def _class(name: str) -> str:
    kinds = ["number"] if name in _NUMBERS else []
    return " ".join([*kinds, *(["wide"] if name in _NARROW_HIDDEN else [])])


def _name_cell(standing: Standing) -> Component:
    region = standing.region
    place = "" if region.lon_fwt is None else position(region.lat_fwt, region.lon_fwt)
    near_limb = region.lon_fwt is not None and abs(region.lon_fwt) > LONGITUDE_LIMIT_DEG
    return html.Td(
        [
            dcc.Link(standing.name, href=f"/regions/{region.region_id}", className="row-link"),
            html.Div([place, html.B(" · limb") if near_limb else ""], className="place"),
        ],
        className="region-name",
    )


def _row(standing: Standing, sources: Sources) -> Component:
    main = standing.probability(MAIN)
    recent = sources.flares.get(standing.region.region_id, ())
    swatch = html.Span(className="swatch", style={"background": sources.tokens.step(main or 0.0)})
    cells = [
        _name_cell(standing),
        html.Td(_alert(standing.alert)),
        html.Td([swatch, html.B(probability(main))], className="number main"),
        html.Td(probability(standing.probability(EVENTS[0])), className="number wide"),
        html.Td(probability(standing.probability(EVENTS[3])), className="number wide"),
        html.Td(_line(standing, sources)),
        html.Td(points(change(standing, sources.series)), className="number"),
        html.Td(_flares(recent), className="number wide"),
    ]  # fmt: skip
    over = " over" if standing.alert is Alert.ALERT else ""
    return html.Tr(cells, className=f"linked{over}")


def _alert(alert: Alert) -> Component:
    return html.Span([html.I(_SHAPES[alert], **unspoken()), alert.value],
                     className=f"state {alert.value}")  # fmt: skip


def _line(standing: Standing, sources: Sources) -> Component:
    series = sources.series.regions.get(standing.region.region_id)
    if series is None:
        return html.Span("–", className="quiet")
    day = series[-1 - _DAY :, EVENTS.index(MAIN)]
    highest = float(np.nanmax(day)) if np.isfinite(day).any() else 0.0
    threshold = sources.threshold
    scale = Scale(high=max(highest, 1.25 * (threshold or 0.01)))
    tokens = sources.tokens
    colour = tokens.accent if standing.alert is Alert.ALERT else tokens.text3
    image = sparkline(day, scale, colour=colour, threshold=threshold, threshold_colour=tokens.axis)
    text = f"M1.0+ of AR {standing.name} over 24 h, now {probability(standing.probability(MAIN))}"
    return html.Img(src=image, alt=text, className="sparkline")


def _flares(flares: Sequence[Flare]) -> Component | str:
    if not flares:
        return "0"
    largest = max(flares, key=lambda flare: flare.peak_flux_w_m2)
    name = html.B(largest.goes_class, className=f"{largest.goes_class[0].lower()}-text")
    return html.Span([name, html.Span(f" ×{len(flares)}", className="secondary")])


def _blind_row(standing: Standing) -> Component:
    reason = html.Td(
        [html.B("No forecast"), f" · {standing.reason}"], colSpan=7, className="reason"
    )
    return html.Tr([_name_cell(standing), reason], className="linked blind")


def _lost_row(flare: Flare) -> Component:
    said = f" · no SHARP patch; flared {flare.goes_class} at {moment(flare.peak_at)}"
    reason = html.Td([html.B("No forecast"), said], colSpan=7, className="reason")
    return html.Tr([html.Td(html.B(str(flare.noaa_ar)), className="region-name"), reason],
                   className="blind")  # fmt: skip
