"""Scores of binned forecasts: read off tallies, for one total or many resamples at once.

Contingency tables (at bin edges) and Brier scores are exact; ROC, AUC, average precision and
Murphy's terms treat the forecasts within a bin as equal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solar.bootstrap import Draws
from solar.contingency import Contingency, score_arrays
from solar.histogram import BINS, EDGES, Stacked, Tally, threshold_bin
from solar.histogram import sums as sums_of_bins
from solar.probability import Murphy, murphy_terms
from solar.reliability import RELIABILITY_EDGES, ReliabilityBin, reliability_table

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

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
    return divide(sum_p2 - 2 * sum_po + events, n)


def brier(tally: Tally) -> Floats:
    """Brier score (...) of a tally, exact; NaN without cases."""
    return brier_of(sums(tally))


def climatology_brier(tally: Tally) -> Floats:
    """Brier score (...) of always forecasting the base rate of the very cases scored."""
    events, n = (part.sum(axis=-1, dtype=float) for part in (tally.events, tally.n))
    return climatology_brier_of(events, n)


def climatology_brier_of(events: Floats, n: Floats) -> Floats:
    """Brier score (...) of the base rate of `events` in `n` cases; NaN without cases."""
    base_rate = divide(events, n)
    return base_rate * (1 - base_rate)


def brier_skill(score: Floats, reference: Floats) -> Floats:
    """1 - score/reference (...); NaN where the reference is perfect or undefined."""
    return 1 - divide(score, reference)


def auc(tally: Tally) -> Floats:
    """Area under the ROC curve (...), ties within a bin counting half; NaN with one class.

    The area without bins differs by at most half the sum over the bins of e q, with e the share of
    the events and q that of the non-events in a bin: half the pairs that share one.
    """
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
    return divide(won, all_events * (all_n - all_events)), divide(weighted, all_events)


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
    return reliability_table(n, events, sum_p=sum_p)


def murphy(stacked: Stacked) -> Murphy | None:
    """Split the *binned* Brier score, each bin taken at its mean forecast; None if empty."""
    total = stacked.total()
    used = total.n > 0
    if not used.any():
        return None
    n, events = (np.asarray(part[used], float) for part in (total.n, total.events))
    return murphy_terms(n, events, forecast=stacked.sum_p[used] / n)


def divide(numerator: Floats, denominator: Floats) -> Floats:
    """Divide (...) by (...); NaN where the denominator is not positive."""
    undefined = np.full(np.shape(denominator), np.nan)
    quotient: Floats = np.divide(
        numerator, denominator, out=undefined, where=np.asarray(denominator) > 0
    )
    return quotient


@dataclass(frozen=True)
class _Steps:
    """Counts at or above each bin that holds an event (e, resamples), from the lowest up.

    `yes` forecasts and `hits` among them; `yes_over` leaves out the bin itself.
    """

    yes: Singles
    yes_over: Singles
    hits: Singles


def resampled_scores(stacked: Stacked, *, threshold: float, draws: Draws) -> dict[str, Floats]:
    """Score every draw: as `solar.skill` scores the whole, one (resamples,) array each.

    AUC and average precision change only where events are, so that the bins between them
    need not be looked at; they are in single precision, seven digits being plenty for an
    interval. All other scores are in double.
    """
    rows = stacked.rows
    at_or_above = _at_or_above(rows.n), _at_or_above(rows.events)
    edge = int(np.searchsorted(rows.bins, threshold_bin(threshold)))
    marks = [part[:, column] for column in (0, edge) for part in at_or_above]
    exact = draws.double @ np.stack([*marks, rows.sum_p2, rows.sum_po], axis=1)
    n, events, yes, hits, sum_p2, sum_po = exact.T
    cells = (hits, yes - hits, events - hits, n - events - yes + hits)
    brier = brier_of(np.stack((n, events, sum_p2, sum_po), axis=-1))
    climatology = climatology_brier_of(events, n)
    area, precision = _ranks(_steps(*at_or_above, draws), n, events)
    return score_arrays(cells) | {
        "brier": brier,
        "bss": brier_skill(brier, climatology),
        "auc": area,
        "average_precision": precision,
    }


def _at_or_above(counts: NDArray[np.floating]) -> Floats:
    """Add up from each bin to the highest (rows, k + 1); nothing lies above the last."""
    above = np.zeros((counts.shape[0], counts.shape[1] + 1))
    above[:, :-1] = np.cumsum(counts[:, ::-1], axis=1)[:, ::-1]
    return above


def _steps(yes: Floats, hits: Floats, draws: Draws) -> _Steps:
    has_event = hits[:, :-1].sum(axis=0) > hits[:, 1:].sum(axis=0)
    at = np.flatnonzero(has_event)
    columns = np.union1d(at, at + 1)
    counts = np.concatenate((yes[:, columns], hits[:, at]), axis=1, dtype=np.float32)
    # Bins stand in rows here, because whole rows are what is picked out and added up below.
    drawn = counts.T @ draws.single.T
    drawn_yes, drawn_hits = drawn[: len(columns)], drawn[len(columns) :]
    place = np.searchsorted(columns, at)
    return _Steps(drawn_yes[place], drawn_yes[place + 1], drawn_hits)


def _ranks(steps: _Steps, n: Floats, events: Floats) -> tuple[Floats, Floats]:
    """Return AUC and average precision (resamples,), as `ranks` does."""
    hits_over = np.zeros_like(steps.hits)
    hits_over[:-1] = steps.hits[1:]
    in_bin = steps.hits - hits_over
    # Non-events above an event are lost to it, those in its own bin half.
    lost = (steps.yes - steps.hits) + (steps.yes_over - hits_over)
    share = steps.hits / np.maximum(steps.yes, 1)
    lost_sum, gained = (np.einsum("ir,ir->r", in_bin, part).astype(float) for part in (lost, share))
    pairs = events * (n - events)
    return divide(pairs - 0.5 * lost_sum, pairs), divide(gained, events)
