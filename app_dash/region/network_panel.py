"""The panel of the keyword network: which keywords correlate now, and what has changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
from dash import html
from dash.development.base_component import Component
from numpy.typing import NDArray

from app_dash.frame.page import PageContext
from app_dash.region.data import RegionData
from app_dash.region.definitions import DEFINITIONS
from app_dash.region.keyword_figures import circle_figure, matrix_figure
from app_dash.region.keyword_panels import GROUPS
from app_dash.region.query import RegionQuery, address
from app_dash.shared.numbers import MINUS, moment
from app_dash.shared.panels import empty_message, graph, legend, panel, segmented
from solar.network import FEWEST_RECORDS, Edges, changes, correlation, edges
from solar.sharp import BY_NAME, LIVE_KEYWORDS, Keyword
from solar.time import to_datetime64

HEIGHT = 330
_MOST_CHANGES = 3


def network_panel(data: RegionData, query: RegionQuery, context: PageContext) -> Component:
    """Show the network of the window up to the time shown, compared with the window before."""
    hours = int(query.window)
    network = keyword_network(data, hours)
    start_at = data.at - timedelta(hours=hours)
    return panel(
        "Keyword network",
        *_content(network, query, hours, context),
        subtitle=f"correlation over {hours} h, {moment(start_at)} – {moment(data.at)} UTC",
        actions=_choices(data, query),
        class_name="network",
        definition=DEFINITIONS["region-network"],
    )


@dataclass(frozen=True)
class KeywordNetwork:
    """The keywords (k,) with values, and their correlations (k, k) in two windows."""

    keywords: list[Keyword]
    groups: list[int]
    records: int
    now: NDArray[np.float64]
    before: NDArray[np.float64]

    @property
    def undefined(self) -> int:
        """The number of pairs without a correlation now."""
        return int(np.isnan(self.now[np.triu_indices(len(self.keywords), 1)]).sum())

    @property
    def pairs(self) -> int:
        """The number of pairs."""
        return len(self.keywords) * (len(self.keywords) - 1) // 2


def keyword_network(data: RegionData, hours: int) -> KeywordNetwork:
    """Correlate the keywords over the hours up to the time shown, and over the hours before."""
    names = [(name, group) for group, named in enumerate(GROUPS.values()) for name in named]
    columns = [LIVE_KEYWORDS.index(BY_NAME[name]) for name, _ in names]
    end, span = to_datetime64(data.at), np.timedelta64(hours, "h")
    times, values = data.records.t_rec, data.records.values[:, columns]
    is_now = (times > end - span) & (times <= end)
    is_before = (times > end - 2 * span) & (times <= end - span)
    varies = ~np.isnan(values[is_now]).all(axis=0)
    kept = np.flatnonzero(varies).tolist()
    return KeywordNetwork(
        [BY_NAME[names[i][0]] for i in kept],
        [names[i][1] for i in kept],
        int(is_now.sum()),
        correlation(values[is_now][:, kept]),
        correlation(values[is_before][:, kept]),
    )


def _choices(data: RegionData, query: RegionQuery) -> list[Component]:
    def offer(name: str, field: str, options: dict[str, str]) -> Component:
        chosen = getattr(query, field)
        links: list[tuple[str, str, bool]] = []
        for value, label in options.items():
            changed: dict[str, Any] = {field: value}
            href = address(data.region.region_id, query.changed(**changed))
            links.append((label, href, value == chosen))
        return segmented(name, links)

    return [
        offer("Window of the network", "window", {"12": "12 h", "24": "24 h"}),
        offer(
            "Least correlation of an edge",
            "least",
            {"0.5": "|r| ≥ 0.5", "0.7": "0.7", "0.9": "0.9"},
        ),
    ]


def _content(
    network: KeywordNetwork, query: RegionQuery, hours: int, context: PageContext
) -> list[Component]:
    if network.records < FEWEST_RECORDS or network.undefined == network.pairs:
        return [empty_message(_why_none(network, hours))]
    least = float(query.least)
    joined = edges(network.now, network.before, least=least)
    matrix = matrix_figure(network.keywords, network.now, network.before, context.tokens)
    circle = circle_figure(network.keywords, network.groups, network.now, joined, context.tokens)
    summary = _summary(network, joined, least)
    return [
        html.Div(
            [
                graph(
                    "network-matrix",
                    matrix,
                    height=HEIGHT,
                    text=f"Correlations of {len(network.keywords)} keywords below the diagonal,"
                    " their change since the window before above it.",
                ),
                graph("network-circle", circle, height=HEIGHT, text=summary),
            ],
            className="network-pair",
        ),
        html.Div(
            [
                legend("positive", "r > 0"),
                legend("negative", "r < 0"),
                legend("new-edge", "new"),
                legend("gone-edge", "no longer joined"),
                html.Span("Matrix: r below the diagonal, Δr since the window before above it"),
            ],
            className="network-legend",
        ),
        html.P(summary, className="footnote"),
        html.P(_moved(network), className="footnote"),
    ]


def _why_none(network: KeywordNetwork, hours: int) -> str:
    if network.records < FEWEST_RECORDS:
        return (
            f"{network.records} records in these {hours} h; a correlation needs {FEWEST_RECORDS}."
            " Choose 24 h, or a later time."
        )
    return "No two keywords vary in this window, so that no correlation is defined."


def _summary(network: KeywordNetwork, joined: Edges, least: float) -> str:
    n = len(joined.kept) + len(joined.new)
    absent = [k.name for k in LIVE_KEYWORDS if k not in network.keywords]
    parts = [
        f"{n} of {network.pairs} pairs have |r| ≥ {least:g} over {network.records} records",
        f"{len(joined.new)} new, {len(joined.gone)} no longer",
        f"{network.undefined} undefined (constant, or fewer than {FEWEST_RECORDS} common records)",
    ]
    tail = f" Not measured: {', '.join(absent)}." if absent else ""
    return "; ".join(parts) + "." + tail


def _moved(network: KeywordNetwork) -> str:
    names = [keyword.name for keyword in network.keywords]
    moved = [
        f"{names[i]} – {names[j]} {_signed(network.before[i, j])} → {_signed(network.now[i, j])}"
        for i, j in changes(network.now, network.before, most=_MOST_CHANGES)
    ]
    if not moved:
        return "No change is known: the window before has too few records."
    return f"Largest changes: {'; '.join(moved)}."


def _signed(r: float) -> str:
    return f"{r:+.2f}".replace("-", MINUS)
