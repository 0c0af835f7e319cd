"""The logarithmic axis of thresholds and cost-loss ratios, which the sliders below share."""

from __future__ import annotations

import math
from typing import Any

from app_dash.figures.chart import axis
from app_dash.theme import Tokens

# Three decades: below 0.1 % rare events are not told apart, and 1 is the end of all.
LOWEST = 0.001
HIGHEST = 1.0
_TICKS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)


def log_axis(tokens: Tokens, title: str, *, scale: float = 1.0) -> dict[str, Any]:
    """Draw the axis; `scale` 100 writes shares in percent."""
    return axis(
        tokens,
        title,
        type="log",
        range=[math.log10(LOWEST * scale), math.log10(HIGHEST * scale)],
        tickvals=[tick * scale for tick in _TICKS],
        ticktext=[f"{tick * scale:g}" for tick in _TICKS],
    )


def slid(value: float) -> float:
    """Return where a slider stands for a value: its decimal logarithm, held within the axis."""
    return round(math.log10(min(max(value, LOWEST), HIGHEST)), 2)
