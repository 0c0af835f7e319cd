"""Resampling: the scores of many weighted draws of the same days, at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solar import binned
from solar.bins import threshold_bin
from solar.contingency import score_arrays
from solar.draws import Draws
from solar.tally import Stacked

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]


@dataclass(frozen=True)
class _Steps:
    """What lies at or above each bin that holds an event (e, resamples), from the lowest up.

    `yes` forecasts and `hits` among them; `yes_over` leaves out the bin itself.
    """

    yes: Singles
    yes_over: Singles
    hits: Singles


def resampled_scores(stacked: Stacked, *, threshold: float, draws: Draws) -> dict[str, Floats]:
    """Score every draw: as `solar.summary` scores the whole, one (resamples,) array each.

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
    brier = binned.brier_of(np.stack((n, events, sum_p2, sum_po), axis=-1))
    climatology = binned.climatology_brier_of(events, n)
    area, precision = _ranks(_steps(*at_or_above, draws), n, events)
    return score_arrays(cells) | {
        "brier": brier,
        "bss": binned.brier_skill(brier, climatology),
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
    """Return AUC and average precision (resamples,), as `binned.ranks` does."""
    hits_over = np.zeros_like(steps.hits)
    hits_over[:-1] = steps.hits[1:]
    came = steps.hits - hits_over
    # Non-events above an event are lost to it, those in its own bin half.
    lost = (steps.yes - steps.hits) + (steps.yes_over - hits_over)
    share = steps.hits / np.maximum(steps.yes, 1)
    lost_sum, gained = (np.einsum("ir,ir->r", came, part).astype(float) for part in (lost, share))
    pairs = events * (n - events)
    return binned.share(pairs - 0.5 * lost_sum, pairs), binned.share(gained, events)
