"""Bands of injected faults: where a tester has damaged the source, on every axis of event time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import sqlalchemy as sa
from dash.development.base_component import Component

from app_dash.shared.chart import Figure, Trace, epoch
from app_dash.shared.numbers import moment
from app_dash.shared.panels import legend
from app_dash.shared.theme import Tokens
from database.clock.clock import read_clock
from database.engine import store_time
from database.injected_faults import list_faults
from database.known import known_until
from solar.injected_faults import InjectedFault

# An axis of its own from 0 to 1, so that a band is as high as the figure, whatever is drawn in it.
_AXIS = "9"


def injected_faults(
    connection: sa.Connection, *, region_id: int | None = None
) -> list[InjectedFault]:
    """Read the faults that have begun by the time read, cut off there; those of a region or all."""
    faults = [stored.fault for stored in list_faults(connection)]
    if not faults:
        return []
    now = known_until(connection) or read_clock(connection).now(store_time(connection))
    return [
        replace(fault, end_at=min(fault.end_at, now))
        for fault in faults
        if fault.start_at < now and (region_id is None or fault.region in (None, abs(region_id)))
    ]


def with_bands(figure: Figure, faults: Sequence[InjectedFault], tokens: Tokens) -> Figure:
    """Return a figure over time with a hatched band for each fault within its range."""
    first, last = figure["layout"]["xaxis"]["range"]
    bands = [
        _band(fault, max(left, first), min(right, last), tokens)
        for fault in faults
        for left, right in [(epoch(fault.start_at), epoch(fault.end_at))]
        if left < last and right > first
    ]
    if not bands:
        return figure
    whole = {"domain": [0, 1], "range": [0, 1], "visible": False, "fixedrange": True}
    layout = {**figure["layout"], f"yaxis{_AXIS}": {**whole, "anchor": "x"}}
    return {**figure, "data": [*figure["data"], *bands], "layout": layout}


def band_legend(faults: Sequence[InjectedFault]) -> list[Component]:
    """Explain the bands where there are any."""
    return [legend("injected", "injected")] if faults else []


def _band(fault: InjectedFault, left: float, right: float, tokens: Tokens) -> Trace:
    text = f"injected: {fault.kind}, {moment(fault.start_at)} to {moment(fault.end_at)} UTC"
    return {
        "type": "scatter",
        "name": "injected",
        "x": [left, right, right, left, left],
        "y": [0, 0, 1, 1, 0],
        "yaxis": f"y{_AXIS}",
        "mode": "lines",
        "line": {"width": 1, "color": tokens.warning_border},
        "fill": "toself",
        "hoveron": "fills",
        "hoverinfo": "text",
        "text": text,
        "fillpattern": {
            "shape": "\\",
            "fgcolor": tokens.warning_border,
            "bgcolor": "rgba(0,0,0,0)",
            "size": 8,
            "solidity": 0.15,
        },
    }
