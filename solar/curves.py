"""Curves of a forecast: its scores at every threshold, its value at every cost-loss ratio.

The value is that to a user who can protect against the event at a cost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from solar.contingency import defined, score_arrays
from solar.histogram import EDGES, Tally, threshold_bin

Floats = NDArray[np.float64]

CURVE_SCORES = ("tss", "hss2", "precision", "recall", "far", "csi", "f1")
MOST_POINTS = 120

# All of them edges of probability bins, so that acting from p = cost/loss on is exact.
COST_LOSS: tuple[float, ...] = tuple(
    unit / 10_000
    for unit in (*range(20, 200, 20), *range(200, 1000, 100), *range(1000, 10_000, 500))
)
_COST_LOSS_BINS = np.array([threshold_bin(ratio) for ratio in COST_LOSS])


@dataclass(frozen=True)
class CurvePoint:
    """The `CURVE_SCORES` by name when yes is p >= threshold; None where undefined."""

    threshold: float
    scores: dict[str, float | None]


@dataclass(frozen=True)
class PrecisionRecallPoint:
    """Precision and recall when yes is p >= threshold."""

    threshold: float
    precision: float
    recall: float


def threshold_curve(total: Tally, *, most: int = MOST_POINTS) -> tuple[CurvePoint, ...]:
    """Score the thresholds that make a difference, thinned evenly; empty without cases."""
    bins = _chosen_bins(total, most)
    if not len(bins):
        return ()
    scores = score_arrays(cells_from(total, bins))
    columns = [scores[name].tolist() for name in CURVE_SCORES]
    return tuple(
        CurvePoint(at, dict(zip(CURVE_SCORES, map(defined, row), strict=True)))
        for at, *row in zip(EDGES[bins].tolist(), *columns, strict=True)
    )


def precision_recall_points(
    total: Tally, *, most: int = MOST_POINTS
) -> tuple[PrecisionRecallPoint, ...]:
    """Draw precision against recall from the highest threshold down; empty without events."""
    if not total.events.sum():
        return ()
    bins = _chosen_bins(total, most)[::-1]
    hits, false_alarms, misses, _ = cells_from(total, bins)
    precision, recall = hits / (hits + false_alarms), hits / (hits + misses)
    rows = zip(EDGES[bins].tolist(), precision.tolist(), recall.tolist(), strict=True)
    return tuple(PrecisionRecallPoint(*row) for row in rows)


def _chosen_bins(total: Tally, most: int) -> NDArray[np.int64]:
    """Choose at most that many of the occupied bins, with the lowest and the highest."""
    occupied: NDArray[np.int64] = total.bins[np.flatnonzero(total.n)]
    if len(occupied) <= most:
        return occupied
    evenly = np.linspace(0, len(occupied) - 1, most).round().astype(int)
    kept: NDArray[np.int64] = occupied[np.unique(evenly)]
    return kept


def cells_from(total: Tally, bins: NDArray[np.int64]) -> tuple[Floats, Floats, Floats, Floats]:
    """Count the cells of one total when yes is everything from bin (b,) on, each (b,)."""
    below = np.searchsorted(total.bins, bins)
    events, n = (
        np.concatenate(([0.0], np.cumsum(part, dtype=float))) for part in (total.events, total.n)
    )
    hits, yes = events[-1] - events[below], n[-1] - n[below]
    return hits, yes - hits, events[below], n[below] - events[below]


@dataclass(frozen=True)
class ValuePoint:
    """The relative value to a user of that `cost_loss` ratio; None where undefined.

    `at_threshold` is that of acting from the threshold of the forecast on, `at_cost_loss` that
    of acting from p = cost/loss on, the best rule for probabilities that are reliable.
    """

    cost_loss: float
    at_threshold: float | None
    at_cost_loss: float | None


def relative_value(
    cells: tuple[ArrayLike, ArrayLike, ArrayLike, ArrayLike], cost_loss: ArrayLike
) -> Floats:
    """Compute the saving by a forecast, relative to that by a perfect one.

    V = (min(C, s) - C(a + b)/n - c/n)/(min(C, s) - C s), with C the cost of protection per
    loss, s = (a + c)/n, and the expense without forecasts min(C, s): always or never protect.

    Parameters
    ----------
    cells : hits a, false alarms b, misses c and correct negatives d, each (...)
    cost_loss : (...) between 0 and 1

    Returns
    -------
    (...), at most 1, 0 for what anybody could do; NaN without cases, or when perfect knowledge
    saves nothing. Reference: Richardson 2000, doi 10.1002/qj.49712656313.
    """
    a, b, c, d = (np.asarray(cell, float) for cell in cells)
    ratio = np.asarray(cost_loss, float)
    n = a + b + c + d
    without = np.minimum(ratio * n, a + c)
    saved, possible = without - ratio * (a + b) - c, without - ratio * (a + c)
    undefined = np.full(np.broadcast(saved, possible).shape, np.nan)
    value: Floats = np.divide(saved, possible, out=undefined, where=possible > 1e-12 * n)
    return value


def value_curve(total: Tally, threshold: float) -> tuple[ValuePoint, ...]:
    """Compute the value of one total over the `COST_LOSS` ratios; empty without cases."""
    if not total.n.sum():
        return ()
    ratios = np.array(COST_LOSS)
    fixed = relative_value(cells_from(total, np.array([threshold_bin(threshold)])), ratios)
    fitting = relative_value(cells_from(total, _COST_LOSS_BINS), ratios)
    return tuple(
        ValuePoint(ratio, defined(one), defined(other))
        for ratio, one, other in zip(COST_LOSS, fixed.tolist(), fitting.tolist(), strict=True)
    )
