"""The skill of a forecast: all its scores over a range of days, each with its interval.

This is the public face of verification; what it re-exports is what the other rooms use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from solar import binned
from solar.bins import snapped
from solar.bootstrap import (
    BLOCK_DAYS,
    FEWEST_DAYS,
    RESAMPLES,
    Interval,
    block_interval,
    block_length,
    block_weights,
    group_interval,
    interval,
    paired_difference,
)
from solar.contingency import SCORES, Contingency, defined, score_arrays
from solar.errors import InvalidInputError
from solar.histogram import EMPTY, DayCounts, stack, stack_cases
from solar.probability import (
    Murphy,
    auc,
    average_precision,
    best_tss,
    brier,
    brier_skill,
    full_disk,
    murphy,
    precision_recall_curve,
    roc_curve,
)
from solar.reliability import RELIABILITY_EDGES, ReliabilityBin, reliability, wilson_interval
from solar.tally import Stacked, Tally

__all__ = [
    "BLOCK_DAYS", "EMPTY", "RELIABILITY_EDGES", "RESAMPLES", "SCORES", "Contingency", "DayCounts",
    "Estimate", "Interval", "Murphy", "ReliabilityBin", "Stacked", "Summary", "Versus", "auc",
    "average_precision", "best_tss", "block_interval", "brier", "brier_skill", "full_disk",
    "group_interval", "murphy", "paired_difference", "precision_recall_curve", "reliability",
    "roc_curve", "score", "snapped", "stack", "stack_cases", "summary", "wilson_interval",
]  # fmt: skip

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A score with its 95 % bootstrap interval; None where undefined."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Versus:
    """Brier skill against another entrant; it compares like with like only on the same cases."""

    bss: Estimate
    same_cases: bool


@dataclass(frozen=True)
class Summary:
    """Everything there is to say about one entrant and event over a range of days.

    `scores` holds the contingency scores at `threshold` (the bin edge nearest to the one asked
    for), then brier, bss, auc and average_precision. The reference of ``bss`` is the base rate
    of the scored cases. `block_days` is 1 when the range was too short for longer blocks; below
    `FEWEST_DAYS` there are no intervals.
    """

    n: int
    n_events: int
    threshold: float
    contingency: Contingency
    scores: dict[str, Estimate]
    versus: dict[str, Versus]
    murphy: Murphy | None
    reliability: tuple[ReliabilityBin, ...]
    roc: tuple[binned.RocPoint, ...]
    block_days: int
    resamples: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain dictionaries and lists, ready for JSON."""
        return asdict(self)


def summary(
    stacked: Stacked,
    *,
    threshold: float,
    rng: np.random.Generator,
    references: Mapping[str, Stacked] | None = None,
    block_days: int = BLOCK_DAYS,
    resamples: int = RESAMPLES,
) -> Summary:
    """Score stacked day histograms.

    Parameters
    ----------
    threshold : probability from which a forecast counts as yes
    references : other entrants over the same days, for Brier skill against each of them
    rng : seed it alike in every call, and a page shows the same interval when reloaded
    """
    total = stacked.total()
    n_rows, row_days = len(stacked.rows.n), stacked.row_days
    length = block_length(n_rows, max(1, block_days // row_days))
    weights = _weights(n_rows, block_rows=length, resamples=resamples, rng=rng)
    values = _scores(total, threshold)
    resampled = _scores(stacked.resampled(weights), threshold)
    return Summary(
        n=int(total.n.sum()),
        n_events=int(total.events.sum()),
        threshold=snapped(threshold),
        contingency=binned.contingency(total, threshold),
        scores={name: _estimate(values[name], resampled[name]) for name in values},
        versus={
            name: _versus(stacked, other, weights=weights)
            for name, other in (references or {}).items()
        },
        murphy=binned.murphy(stacked),
        reliability=binned.reliability(stacked),
        roc=binned.roc_points(total),
        block_days=length * row_days,
        resamples=resamples,
    )


def score(
    probability: ArrayLike,
    observed: ArrayLike,
    *,
    day: ArrayLike,
    threshold: float,
    rng: np.random.Generator,
    block_days: int = BLOCK_DAYS,
    resamples: int = RESAMPLES,
) -> Summary:
    """Score (n,) cases; `day` (n,) is the day number or datetime64 that each belongs to."""
    return summary(
        stack_cases(probability, observed, day=day),
        threshold=threshold,
        rng=rng,
        block_days=block_days,
        resamples=resamples,
    )


def _weights(
    n_rows: int, *, block_rows: int, resamples: int, rng: np.random.Generator
) -> NDArray[np.int16]:
    if n_rows < FEWEST_DAYS:
        return np.zeros((0, n_rows), np.int16)
    return block_weights(n_rows, block_days=block_rows, resamples=resamples, rng=rng)


def _scores(tally: Tally, threshold: float) -> dict[str, Floats]:
    own = binned.brier(tally)
    return score_arrays(binned.cells(tally, threshold)) | {
        "brier": own,
        "bss": binned.brier_skill(own, binned.climatology_brier(tally)),
        "auc": binned.auc(tally),
        "average_precision": binned.average_precision(tally),
    }


def _estimate(value: Floats, resampled: Floats) -> Estimate:
    bounds = interval(resampled)
    low, high = (bounds.low, bounds.high) if bounds else (None, None)
    return Estimate(defined(float(value)), low, high)


def _versus(stacked: Stacked, other: Stacked, *, weights: NDArray[np.int16]) -> Versus:
    if len(stacked.rows.n) != len(other.rows.n):
        raise InvalidInputError(
            f"{stacked.n_days} days cannot be compared with {other.n_days}; stack the same range"
        )
    own, reference = binned.sums(stacked.rows), binned.sums(other.rows)
    value, drawn = (
        binned.brier_skill(binned.brier_of(w @ own), binned.brier_of(w @ reference))
        for w in (np.ones(len(own)), weights)
    )
    # Columns 0 and 1 are forecasts and events: the days agree when both do.
    return Versus(_estimate(value, drawn), bool(np.array_equal(own[:, :2], reference[:, :2])))
