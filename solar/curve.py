"""The curves of a forecast: what every threshold would have scored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solar.bins import EDGES
from solar.contingency import defined, score_arrays
from solar.tally import Tally

Floats = NDArray[np.float64]

CURVE_SCORES = ("tss", "hss2", "precision", "recall", "far", "csi", "f1")
MOST_POINTS = 120


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
    bins = _drawn(total, most)
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
    bins = _drawn(total, most)[::-1]
    hits, false_alarms, misses, _ = cells_from(total, bins)
    precision, recall = hits / (hits + false_alarms), hits / (hits + misses)
    rows = zip(EDGES[bins].tolist(), precision.tolist(), recall.tolist(), strict=True)
    return tuple(PrecisionRecallPoint(*row) for row in rows)


def _drawn(total: Tally, most: int) -> NDArray[np.int64]:
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
