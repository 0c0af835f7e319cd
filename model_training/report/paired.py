"""Paired differences: the scores of the model minus those of an entrant on the same resamples."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from solar import binned
from solar.binned import resampled_scores
from solar.bootstrap import BLOCK_DAYS, Draws, block_length, draw, interval
from solar.contingency import defined, score_arrays
from solar.histogram import Stacked, Tally
from solar.skill import Estimate

Floats = NDArray[np.float64]

# In these the model is compared with every entrant.
DIFFERENCES = ("bss", "auc", "tss")
LEVEL = 0.95


def differences(
    stacked: Mapping[str, Stacked],
    thresholds: Mapping[str, float],
    *,
    model: str,
    resamples: int,
    rng: np.random.Generator,
) -> dict[str, dict[str, Estimate]]:
    """Compare the model with every other entrant; a positive difference speaks for the model.

    Parameters
    ----------
    stacked : entrant -> its cases, the same ones for all
    thresholds : entrant -> its own threshold; the TSS of one that is absent is undefined

    Returns
    -------
    entrant -> score -> difference with its 95 % interval; there is none below ten days.
    """
    own = stacked[model]
    draws = draw(len(own.rows.n), row_days=own.row_days, rng=rng, resamples=resamples)
    values = {
        name: (
            _scores(found.total(), thresholds.get(name)),
            _drawn_scores(found, thresholds.get(name), draws),
        )
        for name, found in stacked.items()
    }
    own_value, own_drawn = values.pop(model)
    return {
        name: {
            score: _estimate(own_value[score] - value[score], own_drawn[score] - drawn[score])
            for score in DIFFERENCES
        }
        for name, (value, drawn) in values.items()
    }


def block_days(stacked: Stacked) -> int:
    """Return the length of the blocks that are drawn, as `solar.skill.summary` draws them."""
    rows = block_length(len(stacked.rows.n), max(1, BLOCK_DAYS // stacked.row_days))
    return rows * stacked.row_days


def rounded(estimate: Estimate) -> Estimate:
    """Cut an estimate to five decimals, all that a thousand resamples can tell."""
    value, low, high = (
        None if number is None else round(number, 5)
        for number in (estimate.value, estimate.low, estimate.high)
    )
    return Estimate(value, low, high) if value is not None else Estimate(None, None, None)


def _scores(tally: Tally, threshold: float | None) -> dict[str, Floats]:
    """Return the compared scores (...) of a tally; NaN where undefined."""
    auc = binned.auc(tally)
    return {
        "bss": binned.brier_skill(binned.brier(tally), binned.climatology_brier(tally)),
        "auc": auc,
        "tss": np.full_like(auc, np.nan)
        if threshold is None
        else score_arrays(binned.cells(tally, threshold))["tss"],
    }


def _drawn_scores(stacked: Stacked, threshold: float | None, draws: Draws) -> dict[str, Floats]:
    found = resampled_scores(stacked, threshold=threshold or 0, draws=draws)
    undefined = np.full_like(found["tss"], np.nan)
    return found if threshold is not None else found | {"tss": undefined}


def _estimate(value: Floats, drawn: Floats) -> Estimate:
    bounds = interval(drawn, level=LEVEL)
    low, high = (bounds.low, bounds.high) if bounds else (None, None)
    return rounded(Estimate(defined(float(value)), low, high))
