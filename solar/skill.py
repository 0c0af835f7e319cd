"""The skill of a forecast: all its scores over a range of days, each with its interval.

This is the public face of verification; what it re-exports is what the other rooms use.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from solar.bins import snapped
from solar.bootstrap import (
    BLOCK_DAYS,
    RESAMPLES,
    Interval,
    block_interval,
    group_interval,
    paired_difference,
)
from solar.contingency import SCORES, Contingency
from solar.draws import Draws, draw, seeded_draw
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
from solar.summary import Entry, Estimate, Summary, Versus, compare, estimates
from solar.tally import Stacked

__all__ = [
    "BLOCK_DAYS", "EMPTY", "RELIABILITY_EDGES", "RESAMPLES", "SCORES", "Contingency", "DayCounts",
    "Draws", "Entry", "Estimate", "Interval", "Murphy", "ReliabilityBin", "Stacked", "Summary",
    "Versus", "auc", "average_precision", "best_tss", "block_interval", "brier", "brier_skill",
    "compare", "draw", "estimates", "full_disk", "group_interval", "murphy", "paired_difference",
    "precision_recall_curve", "reliability", "roc_curve", "score", "seeded_draw", "snapped",
    "stack", "stack_cases", "summary", "wilson_interval",
]  # fmt: skip


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
    draws = draw(len(stacked.rows.n), row_days=stacked.row_days, rng=rng, block_days=block_days,
                 resamples=resamples)  # fmt: skip
    asked = ""
    entries = {asked: stacked, **(references or {})}
    found = compare({name: Entry(one, threshold) for name, one in entries.items()}, draws=draws)
    return found[asked]


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
