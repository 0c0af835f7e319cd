"""The panels of what came in over time: rows a second, processing time, latency of the data."""

from __future__ import annotations

import numpy as np
from dash import html
from dash.development.base_component import Component
from numpy.typing import NDArray

from app_dash.components.panels import empty_message, graph, panel
from app_dash.figures.flow import (
    MOST_NAMED,
    NAMES,
    OTHERS,
    SHARES,
    durations_figure,
    named,
    percentiles,
    sender_colours,
    throughput_figure,
)
from app_dash.numbers import count, quantity
from app_dash.theme import Tokens
from database.delivery.flow import Flow
from solar.durations import LATENCY, PROCESSING, DurationScale
from solar.time import Window

TALL, SHORT = 232, 208
# Title, scale, unit for display, seconds in one unit, and what to say when nothing was timed.
_TIMED: dict[str, tuple[str, DurationScale, str, float, str]] = {
    "processing": ("Processing time", PROCESSING, "ms", 1e-3,
                   "No request came in this range. Widen it above."),
    "latency": ("Data latency", LATENCY, "min", 60.0,
                "No new record came within 115 days of its time, as in a replay of the past."),
}  # fmt: skip


def throughput_panel(flow: Flow, window: Window, tokens: Tokens, *, label: str) -> Component:
    """Show the rows a second of every sender; `label` names the range."""
    figure = throughput_figure(
        flow.start_at, flow.rows_by_sender, flow.bucket_seconds, window, tokens
    )
    rows = sum(int(of_one.sum()) for of_one in flow.rows_by_sender.values())
    requests = int(flow.counts["requests"].sum())
    said = f"{count(rows)} rows in {count(requests)} requests in the last {label}"
    return panel(
        "Throughput",
        graph("throughput", figure, text=f"Rows a second over time: {said}", height=TALL),
        subtitle=said,
        actions=[
            _key(name, place, tokens) for place, name in enumerate(named(flow.rows_by_sender))
        ],
        how="pipeline-throughput",
        class_name="span-12",
    )


def durations_panel(flow: Flow, window: Window, tokens: Tokens, *, name: str) -> Component:
    """Show the percentiles of ``processing`` or ``latency`` over time."""
    title, scale, unit, per_unit, nothing = _TIMED[name]
    histograms = getattr(flow, name)
    how = f"pipeline-{name}"
    if np.isnan(percentiles(histograms, scale)).all():
        return panel(title, empty_message(nothing), how=how, class_name="span-6")
    figure = durations_figure(
        flow.start_at, histograms, scale, window, tokens,
        bucket_seconds=flow.bucket_seconds, unit=unit, per_unit=per_unit, title=title,
    )  # fmt: skip
    whole = scale.quantiles(histograms.sum(axis=0), SHARES)[0] / per_unit
    said = _summed_up(whole, unit)
    drawn = graph(name, figure, text=f"{title} over time; in the whole range {said}", height=SHORT)
    return panel(title, drawn, subtitle=said, how=how, class_name="span-6")


def _summed_up(whole: NDArray[np.float64], unit: str) -> str:
    """Write the percentiles (3,) of a whole range; infinite is longer than the scale."""
    if not np.isfinite(whole).any():
        return "most of it beyond the scale"
    texts = [f"{quantity(value)} {unit}" if np.isfinite(value) else "beyond" for value in whole]
    return ", ".join(f"{share} {text}" for share, text in zip(NAMES, texts, strict=True))


def _key(name: str, place: int, tokens: Tokens) -> Component:
    slot = MOST_NAMED if name == OTHERS else place
    colour = {"--own": sender_colours(tokens)[slot]}
    return html.Span([html.I(style=colour), name], className=f"legend sender-key slot-{slot}")
