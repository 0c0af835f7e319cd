"""Decisions: the calibration and the threshold of each event, made on validation cases."""

from __future__ import annotations

import numpy as np

from model_training.artefact import calibration
from model_training.artefact.calibration import Calibration
from model_training.artefact.manifest import EventModel
from model_training.data.dataset import Dataset
from model_training.features import Floats
from model_training.fitting.forecaster import Forecaster
from model_training.fitting.out_of_fold import OutOfFold
from model_training.recipe.recipe import Recipe
from solar.contingency import score_arrays
from solar.curves import cells_from
from solar.flares import event
from solar.histogram import EDGES, snapped, stack_cases

# A threshold chosen on fewer would be luck.
_FEWEST_EVENTS = 10
_RANKS = np.linspace(0, 1, 1001)


def choose_threshold(
    probability: Floats, outcome: Floats, *, score: str, span: float = 0.0
) -> float:
    """Find the bin edge of the verification histogram with the best contingency score.

    Where neighbouring edges tell the rows apart alike, the middle one is taken. With a `span`
    the score of an edge is its mean over the edges that call this share of the rows more or
    less a yes, so that a lucky peak among few events is passed over. A case without a forecast
    (NaN) does not count, as in verification.
    """
    edges, is_given = EDGES[:-1], ~np.isnan(probability)
    probability, outcome = probability[is_given], outcome[is_given]
    one_day = np.zeros(len(outcome), np.int64)
    total = stack_cases(probability, outcome == 1, day=one_day).total()
    cells = cells_from(total, np.arange(len(edges)))
    values = score_arrays(cells)[score]
    if span:
        hits, false_alarms, *_ = cells
        values = _smoothed(values, (hits + false_alarms) / len(outcome), span)
    best = np.nan_to_num(values, nan=-np.inf)
    first = int(np.argmax(best))
    after = np.flatnonzero(best[first:] != best[first])
    length = int(after[0]) if after.size else len(edges) - first
    return float(edges[first + (length - 1) // 2])


def _smoothed(values: Floats, share: Floats, span: float) -> Floats:
    """Average scores (edges,) over edges whose `share` of yes is within the span."""
    known = ~np.isnan(values)
    # The share falls from edge to edge, and interpolation wants it to rise.
    curve = np.interp(_RANKS, share[known][::-1], values[known][::-1])
    reach = max(1, round(span * (len(_RANKS) - 1)))
    padded = np.pad(curve, reach, mode="edge")
    means = np.convolve(padded, np.full(2 * reach + 1, 1 / (2 * reach + 1)), "valid")
    smooth: Floats = np.interp(share, _RANKS, means)
    return smooth


def decide(
    recipe: Recipe, out_of_fold: OutOfFold, final: Forecaster, *, train: Dataset
) -> tuple[EventModel, ...]:
    """Decide on each event by its out-of-fold forecasts or, if it is derived, by `train`."""
    return tuple(
        _derived(final, name, train=train)
        if name in final.sizes
        else _fitted(recipe, out_of_fold, name, final.plan.columns.index(name), train=train)
        for name in recipe.events
    )


def decide_targets(
    recipe: Recipe, out_of_fold: OutOfFold, final: Forecaster, *, train: Dataset
) -> tuple[EventModel, ...]:
    """Decide on the events of other windows than 24 h, if the model tells of any."""
    columns = enumerate(final.targets, start=len(final.plan.columns))
    return tuple(
        _fitted(recipe, out_of_fold, name, column, train=train) for column, name in columns
    )


def _fitted(
    recipe: Recipe, out_of_fold: OutOfFold, name: str, column: int, *, train: Dataset
) -> EventModel:
    target = event(name)
    truth = out_of_fold.rows.outcome(target)
    known = ~np.isnan(truth)
    outcome, probability = truth[known], out_of_fold.raw[known, column]
    chosen = (
        calibration.choose(probability, outcome, blocks=out_of_fold.blocks[known])
        if recipe.calibration == "choose"
        else calibration.fit(recipe.calibration, probability, outcome=outcome)
    )
    decided = EventModel(name=name, column=column, calibration=chosen, basis="fitted")
    if (n_events := int(outcome.sum())) < _FEWEST_EVENTS:
        of_train = train.take(train.is_scored).outcome(target)
        note = f"threshold at the base rate of training: {n_events} events in validation"
        return decided.model_copy(update={"threshold": _base_rate(of_train), "note": note})
    threshold = choose_threshold(
        chosen.apply(probability),
        outcome,
        score=recipe.threshold_score,
        span=recipe.threshold_span,
    )
    return decided.model_copy(update={"threshold": threshold})


def _base_rate(truth: Floats) -> float:
    # The Peirce score of a calibrated forecast is highest at the base rate, which is known
    # where there are too few cases to look for the best threshold.
    return snapped(float(np.nanmean(truth)))


def _derived(final: Forecaster, name: str, *, train: Dataset) -> EventModel:
    size = final.sizes[name]
    return EventModel(
        name=name,
        column=final.plan.columns.index(name),
        calibration=Calibration(kind="identity"),
        threshold=_base_rate(train.truth[name]),
        basis="size distribution",
        size=size,
        note=f"{final.plan.derived[name]}; 1 - (1 - p)^{size.ratio:.4f} with p of {size.of},"
        " threshold at the base rate of training",
    )
