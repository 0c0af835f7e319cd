"""The distribution of predictions: how many forecasts fall into each bin of probability."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from app_dash.figures.chart import Figure, axis, chart
from app_dash.theme import Tokens
from solar.flares import Event

_PALE = 0.3
# As many as a phone has room for.
_LABELLED = (0, 5, 10, 50, 100)


def distribution_figure(
    event: Event,
    counts: Sequence[int],
    edges: Sequence[float],
    tokens: Tokens,
    *,
    chosen: tuple[float | None, float | None] | None = None,
) -> Figure:
    """Draw one event's histogram, a bar of equal width for every bin, on a logarithmic count.

    Parameters
    ----------
    counts : (k,) forecasts per bin
    edges : (k+1,) the bins' limits as probabilities
    chosen : least and upper percentage that the reader has filtered by; other bars turn pale
    """
    percents = [round(100 * edge) for edge in edges]
    bars = {
        "type": "bar",
        "x": [index + 0.5 for index in range(len(counts))],
        "y": [count or None for count in counts],
        "width": 0.9,
        "marker": {"color": tokens.mark(event.name), "opacity": _opacities(percents, chosen)},
        "customdata": [f"{low} to {high} %" for low, high in pairwise(percents)],
        "hovertemplate": f"P({event.label}) %{{customdata}}<br>%{{y:,}} forecasts<extra></extra>",
    }
    return chart(
        tokens,
        [bars],
        xaxis=_probability_axis(event, percents, tokens),
        yaxis=_count_axis(max([*counts, 1]), tokens),
        margin={"l": 48, "r": 16, "t": 8, "b": 40},
    )


def _opacities(
    percents: Sequence[int], chosen: tuple[float | None, float | None] | None
) -> list[float]:
    low, high = chosen or (None, None)
    return [
        1.0 if (low is None or lower >= low) and (high is None or upper <= high) else _PALE
        for lower, upper in pairwise(percents)
    ]


def _probability_axis(event: Event, percents: Sequence[int], tokens: Tokens) -> dict[str, Any]:
    marked = [(index, percent) for index, percent in enumerate(percents) if percent in _LABELLED]
    return axis(
        tokens,
        f"P({event.label}), %",
        range=[0, len(percents) - 0.8],
        tickvals=[index for index, _ in marked],
        ticktext=[str(percent) for _, percent in marked],
        tickangle=0,
        showgrid=False,
    )


def _count_axis(largest: int, tokens: Tokens) -> dict[str, Any]:
    powers = range(len(str(largest)) + 1)
    return axis(
        tokens,
        type="log",
        range=[-0.2, powers[-1]],
        tickvals=[10**power for power in powers],
        ticktext=[_short(power) for power in powers],
    )


def _short(power: int) -> str:
    """Write a power of ten: ``1``, ``100``, ``10k``, ``1M``."""
    thousands, rest = divmod(power, 3)
    return f"{10**rest}{('', 'k', 'M', 'G')[thousands]}"
