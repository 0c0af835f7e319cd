"""Gaps in a series: where data are missing, a line that breaks there, and the hatch over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tsdownsample import MinMaxLTTBDownsampler

from app_dash.shared.chart import Trace, epochs
from app_dash.shared.theme import Tokens
from solar.sharp import CADENCE_SECONDS

CADENCES_TO_A_GAP = 3
# Where single records count, one missing record is a gap.
CADENCES_TO_A_MISSING_RECORD = 1.5
MOST_POINTS = 2_000

Times = NDArray[np.datetime64]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Gap:
    """An interval without data, from the last sample before it to the first one after."""

    start_at: np.datetime64
    end_at: np.datetime64


def cadence(times: Times) -> np.timedelta64:
    """Return the median distance of samples (n,), at least the cadence of the instrument."""
    nominal = np.timedelta64(CADENCE_SECONDS, "s")
    if len(times) < 2:
        return nominal
    usual_cadence = np.median(np.diff(times).astype("timedelta64[s]").astype(np.int64))
    return max(nominal, np.timedelta64(int(usual_cadence), "s"))


def find_gaps(
    times: Times, usual_cadence: np.timedelta64, *, cadences: float = CADENCES_TO_A_GAP
) -> list[Gap]:
    """List the intervals between samples (n,) that are longer than `cadences`."""
    wide = np.flatnonzero(_is_wide(times, usual_cadence, cadences))
    return [Gap(times[i], times[i + 1]) for i in wide]


def _is_wide(times: Times, usual_cadence: np.timedelta64, cadences: float) -> NDArray[np.bool_]:
    distance = np.diff(times) / np.timedelta64(1, "us")
    return np.asarray(distance > cadences * (usual_cadence / np.timedelta64(1, "us")), np.bool_)


def broken_line(
    times: Times,
    values: Values,
    usual_cadence: np.timedelta64,
    *,
    most: int = MOST_POINTS,
    cadences: float = CADENCES_TO_A_GAP,
) -> tuple[Times, Values]:
    """Return a line that breaks at every gap, with at most `most` points.

    Parameters
    ----------
    times, values : (n,) each, times ascending; NaN values are left out and count as missing

    Returns
    -------
    times and values with a NaN between the segments; each keeps its extremes and ends.
    """
    known = ~np.isnan(values)
    times, values = times[known], values[known]
    cuts = np.flatnonzero(_is_wide(times, usual_cadence, cadences)) + 1
    segments_t, segments_v = np.split(times, cuts), np.split(values, cuts)
    # One point of each segment is the NaN that ends it.
    share = (most - 2 * len(segments_t)) / max(len(times), 1)
    out_t: list[Times] = []
    out_v: list[Values] = []
    for segment_t, segment_v in zip(segments_t, segments_v, strict=True):
        kept = thin(segment_t, segment_v, most=max(2, int(share * len(segment_t))))
        out_t += [segment_t[kept], segment_t[-1:]]
        out_v += [segment_v[kept], np.full(min(1, len(segment_v)), np.nan)]
    return np.concatenate(out_t)[:-1], np.concatenate(out_v)[:-1]


def thin(times: Times, values: Values, *, most: int) -> NDArray[np.int64]:
    """Return the indices of at most `most` samples that keep the shape of the line."""
    if len(times) <= max(most, 4):
        return np.arange(len(times))
    even = max(4, most - most % 2)
    stamps = times.astype("datetime64[ms]").astype(np.int64)
    downsampler: Any = MinMaxLTTBDownsampler  # tsdownsample leaves its constructor untyped
    chosen = downsampler().downsample(stamps, values, n_out=even)
    return np.asarray(chosen, np.int64)


def stamps(times: Times) -> NDArray[np.int64]:
    """Return times (n,), none NaT, as whole milliseconds, half as long in JSON as floats."""
    return epochs(times).astype(np.int64)


def hatch(gaps: list[Gap], low: float, high: float, tokens: Tokens) -> Trace:
    """Return the hatched areas over the gaps, between two values of the y axis."""
    x: list[float | None] = []
    y: list[float | None] = []
    for gap in gaps:
        left, right = epochs(np.array([gap.start_at, gap.end_at]))
        x += [left, right, right, left, left, None]
        y += [low, low, high, high, low, None]
    return {
        "type": "scatter",
        "name": "no data",
        "x": x,
        "y": y,
        "mode": "lines",
        "line": {"width": 0},
        "fill": "toself",
        "hoverinfo": "skip",
        "fillpattern": {
            "shape": "/",
            "fgcolor": tokens.axis,
            "bgcolor": tokens.sunk,
            "size": 6,
            "solidity": 0.2,
        },
    }
