"""Scores of binned forecasts: read off tallies, for one total or many resamples at once.

Contingency tables (at bin edges) and Brier scores are exact; ROC, AUC, average precision and
Murphy's terms treat the forecasts within a bin as equal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solar.bins import BINS, EDGES, threshold_bin
from solar.bins import sums as sums_of_bins
from solar.contingency import Contingency
from solar.probability import Murphy, murphy_terms
from solar.reliability import RELIABILITY_EDGES, ReliabilityBin, table
from solar.tally import Stacked, Tally

Floats = NDArray[np.float64]

_COARSE = np.searchsorted(EDGES, RELIABILITY_EDGES[:-1])


@dataclass(frozen=True)
class RocPoint:
    """Recall and false-alarm rate when yes is p >= threshold."""

    threshold: float
    pofd: float
    recall: float


def cells(tally: Tally, threshold: float) -> tuple[Floats, Floats, Floats, Floats]:
    """Return hits, false alarms, misses and correct negatives (...) at the nearest bin edge."""
    first = int(np.searchsorted(tally.bins, threshold_bin(threshold)))
    events, n = tally.events.sum(axis=-1, dtype=float), tally.n.sum(axis=-1, dtype=float)
    hits = tally.events[..., first:].sum(axis=-1, dtype=float)
    false_alarms = tally.n[..., first:].sum(axis=-1, dtype=float) - hits
    return hits, false_alarms, events - hits, n - events - false_alarms


def contingency(tally: Tally, threshold: float) -> Contingency:
    """Return the table of one total at the nearest bin edge."""
    return Contingency(*(int(cell) for cell in cells(tally, threshold)))


def sums(tally: Tally) -> Floats:
    """Return forecasts, events, sum of p^2 and sum of p over events as (..., 4)."""
    n, events = (part.sum(axis=-1, dtype=float) for part in (tally.n, tally.events))
    return np.stack((n, events, tally.sum_p2, tally.sum_po), axis=-1)


def brier_of(sums: Floats) -> Floats:
    """Brier score (...) from `sums` (..., 4), exact; NaN without cases."""
    n, events, sum_p2, sum_po = np.moveaxis(sums, -1, 0)
    return share(sum_p2 - 2 * sum_po + events, n)


def brier(tally: Tally) -> Floats:
    """Brier score (...) of a tally, exact; NaN without cases."""
    return brier_of(sums(tally))


def climatology_brier(tally: Tally) -> Floats:
    """Brier score (...) of always saying the base rate of the very cases scored."""
    events, n = (part.sum(axis=-1, dtype=float) for part in (tally.events, tally.n))
    return climatology_brier_of(events, n)


def climatology_brier_of(events: Floats, n: Floats) -> Floats:
    """Brier score (...) of the base rate of `events` in `n` cases; NaN without cases."""
    base_rate = share(events, n)
    return base_rate * (1 - base_rate)


def brier_skill(own: Floats, reference: Floats) -> Floats:
    """1 - own/reference (...); NaN where the reference is perfect or undefined."""
    return 1 - share(own, reference)


def auc(tally: Tally) -> Floats:
    """Area under the ROC curve (...), ties within a bin counting half; NaN with one class."""
    return ranks(tally)[0]


def average_precision(tally: Tally) -> Floats:
    """Precision averaged over the steps of recall (...), from the highest bin down."""
    return ranks(tally)[1]


def ranks(tally: Tally) -> tuple[Floats, Floats]:
    """Return `auc` and `average_precision` (...), which share their running sums."""
    events, n = tally.events.astype(float), tally.n.astype(float)
    events_up_to, n_up_to = np.cumsum(events, axis=-1), np.cumsum(n, axis=-1)
    all_events, all_n = events_up_to[..., -1], n_up_to[..., -1]
    quiet_below = (n_up_to - events_up_to) - 0.5 * (n - events)
    won = np.einsum("...i,...i->...", events, quiet_below)
    hits = all_events[..., np.newaxis] - events_up_to + events
    yes = all_n[..., np.newaxis] - n_up_to + n
    # Bins above the highest forecast have 0/0; no event can be there.
    weighted = np.einsum("...i,...i->...", events, hits / np.maximum(yes, 1))
    return share(won, all_events * (all_n - all_events)), share(weighted, all_events)


def roc_points(total: Tally, *, most: int = 100) -> tuple[RocPoint, ...]:
    """Draw the ROC curve of one total with at most that many points; empty with one class."""
    hits = np.cumsum(total.events[::-1])
    false_alarms = np.cumsum((total.n - total.events)[::-1])
    if not hits[-1] or not false_alarms[-1]:
        return ()
    recall, pofd = hits / hits[-1], false_alarms / false_alarms[-1]
    # Even steps along the curve keep its shape better than even steps in probability.
    wanted = np.searchsorted(recall + pofd, np.linspace(0, 2, most - 1))
    at = np.unique(np.minimum(np.append(wanted, len(recall) - 1), len(recall) - 1))
    kept = at[total.n[::-1][at] > 0]
    rows = zip(EDGES[total.bins][::-1][kept], pofd[kept], recall[kept], strict=True)
    return (RocPoint(1.0, 0.0, 0.0), *(RocPoint(*(float(v) for v in row)) for row in rows))


def reliability(stacked: Stacked) -> tuple[ReliabilityBin, ...]:
    """Tabulate reliability on the coarse fixed edges, all of which are bin edges."""
    total = stacked.total()
    n, events, sum_p = (
        np.add.reduceat(sums_of_bins(total.bins, values, length=BINS), _COARSE)
        for values in (total.n, total.events, stacked.sum_p)
    )
    return table(n, events, sum_p=sum_p)


def murphy(stacked: Stacked) -> Murphy | None:
    """Split the *binned* Brier score, each bin standing for its mean forecast; None if empty."""
    total = stacked.total()
    used = total.n > 0
    if not used.any():
        return None
    n, events = (np.asarray(part[used], float) for part in (total.n, total.events))
    return murphy_terms(n, events, forecast=stacked.sum_p[used] / n)


def share(numerator: Floats, denominator: Floats) -> Floats:
    """Divide (...) by (...); NaN where the denominator is not positive."""
    undefined = np.full(np.shape(denominator), np.nan)
    quotient: Floats = np.divide(
        numerator, denominator, out=undefined, where=np.asarray(denominator) > 0
    )
    return quotient
