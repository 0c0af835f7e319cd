"""The time axis of every figure: UTC, days named, as milliseconds since 1970 for the browser."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app_dash.figures.chart import axis
from app_dash.theme import Tokens

HOVER = "%{x|%-d %b %Y %H:%M} UTC"

_FORMATS = [
    {"dtickrange": [None, 86_399_999], "value": "%H:%M\n%-d %b"},
    {"dtickrange": [86_400_000, "M1"], "value": "%-d %b\n%Y"},
    {"dtickrange": ["M1", None], "value": "%b %Y"},
]


def time_axis(
    tokens: Tokens, start_at: datetime, end_at: datetime, *, title: str = "Time, UTC", **more: Any
) -> dict[str, Any]:
    """Return a time axis [start_at, end_at)."""
    shown = [epoch(start_at), epoch(end_at)]
    fixed = {"type": "date", "range": shown, "tickformatstops": _FORMATS}
    return axis(tokens, title, **{**fixed, **more})


def epoch(at: datetime) -> float:
    """Return a time as the milliseconds that a time axis counts."""
    return at.timestamp() * 1000


def epochs(times: NDArray[np.datetime64]) -> NDArray[np.float64]:
    """Return times (n,) as milliseconds (n,); NaT becomes NaN."""
    milliseconds = times.astype("datetime64[ms]").astype(np.float64)
    return np.where(np.isnat(times), np.nan, milliseconds)
