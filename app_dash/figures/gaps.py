"""Gaps in a series: where data are missing, a line that breaks there, and the hatch over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tsdownsample import MinMaxLTTBDownsampler

from app_dash.figures.chart import Trace
from app_dash.figures.time_axis import epochs
from app_dash.theme import Tokens
from solar.sharp import CADENCE_SECONDS

CADENCES_TO_A_GAP = 3
# Where single records count, one that is missing is a gap already.
CADENCES_TO_A_MISSING_RECORD = 1.5
MOST_POINTS = 2_000

Times = NDArray[np.datetime64]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Gap:
    """A stretch without data: after the last sample before it, up to the first one behind."""

    start_at: np.datetime64
    end_at: np.datetime64


def cadence(times: Times) -> np.timedelta64:
    """Return the usual distance of samples (n,), never less than that of the instrument."""
    nominal = np.timedelta64(CADENCE_SECONDS, "s")
    if len(times) < 2:
        return nominal
    usual = np.median(np.diff(times).astype("timedelta64[s]").astype(np.int64))
    return max(nominal, np.timedelta64(int(usual), "s"))


def find_gaps(
    times: Times, usual: np.timedelta64, *, cadences: float = CADENCES_TO_A_GAP
) -> list[Gap]:
    """List the stretches between samples (n,) that are longer than some cadences."""
    wide = np.flatnonzero(_is_wide(times, usual, cadences))
    return [Gap(times[i], times[i + 1]) for i in wide]


def _is_wide(times: Times, usual: np.timedelta64, cadences: float) -> NDArray[np.bool_]:
    apart = np.diff(times) / np.timedelta64(1, "us")
    return np.asarray(apart > cadences * (usual / np.timedelta64(1, "us")), np.bool_)


def broken_line(
    times: Times, values: Values, usual: np.timedelta64, *, most: int = MOST_POINTS,
    cadences: float = CADENCES_TO_A_GAP,
) -> tuple[Times, Values]:  # fmt: skip
    """Return a line that breaks at every gap, with at most `most` points.

    Parameters
    ----------
    times, values : (n,) each, times ascending; NaN values are left out and count as missing

    Returns
    -------
    times and values with a NaN between the pieces; each piece keeps its extremes and ends.
    """
    known = ~np.isnan(values)
    times, values = times[known], values[known]
    cuts = np.flatnonzero(_is_wide(times, usual, cadences)) + 1
    pieces_t, pieces_v = np.split(times, cuts), np.split(values, cuts)
    # One place of each piece goes to the NaN that ends it.
    share = (most - 2 * len(pieces_t)) / max(len(times), 1)
    out_t: list[Times] = []
    out_v: list[Values] = []
    for piece_t, piece_v in zip(pieces_t, pieces_v, strict=True):
        kept = thin(piece_t, piece_v, most=max(2, int(share * len(piece_t))))
        out_t += [piece_t[kept], piece_t[-1:]]
        out_v += [piece_v[kept], np.full(min(1, len(piece_v)), np.nan)]
    return np.concatenate(out_t)[:-1], np.concatenate(out_v)[:-1]


def thin(times: Times, values: Values, *, most: int) -> NDArray[np.int64]:
    """Choose the indices of at most `most` samples that keep the shape of the line."""
    if len(times) <= max(most, 4):
        return np.arange(len(times))
    even = max(4, most - most % 2)
    stamps = times.astype("datetime64[ms]").astype(np.int64)
    downsampler: Any = MinMaxLTTBDownsampler  # tsdownsample leaves its constructor untyped
    chosen = downsampler().downsample(stamps, values, n_out=even)
    return np.asarray(chosen, np.int64)


def stamps(times: Times) -> NDArray[np.int64]:
    """Return times (n,) as whole milliseconds: half as long as numbers with a point."""
    return times.astype("datetime64[ms]").astype(np.int64)


def hatch(gaps: list[Gap], low: float, high: float, tokens: Tokens) -> Trace:
    """Return the hatched areas over the gaps between two heights of the plot."""
    x: list[float | None] = []
    y: list[float | None] = []
    for gap in gaps:
        left, right = epochs(np.array([gap.start_at, gap.end_at]))
        x += [left, right, right, left, left, None]
        y += [low, low, high, high, low, None]
    return {
        "type": "scatter", "name": "no data", "x": x, "y": y, "mode": "lines",
        "line": {"width": 0}, "fill": "toself", "hoverinfo": "skip",
        "fillpattern": {
            "shape": "/", "fgcolor": tokens.axis, "bgcolor": tokens.sunk, "size": 6,
            "solidity": 0.2,
        },
    }  # fmt: skip
