"""Decisions: the calibration and the threshold of each event, and what they rest on."""

from __future__ import annotations

import numpy as np

from model_training import calibration, thresholds
from model_training.calibration import Calibration
from model_training.datasets.dataset import Dataset
from model_training.forecaster import Forecaster
from model_training.manifest import EventModel
from model_training.pool import Pool
from model_training.recipe import Recipe
from solar.histogram import snapped


def decide(
    recipe: Recipe, pool: Pool, final: Forecaster, *, train: Dataset
) -> tuple[EventModel, ...]:
    """Describe each event of the recipe, from the pool and, if it is derived, from `train`."""
    return tuple(
        _derived(final, name, train=train)
        if name in final.sizes
        else _fitted(recipe, pool, name, column=final.plan.columns.index(name))
        for name in recipe.events
    )


def _fitted(recipe: Recipe, pool: Pool, name: str, *, column: int) -> EventModel:
    truth = pool.rows.truth[name]
    known = ~np.isnan(truth)
    outcome, probability = truth[known], pool.raw[known, column]
    chosen = (
        calibration.choose(probability, outcome, blocks=pool.blocks[known])
        if recipe.calibration == "choose"
        else calibration.fit(recipe.calibration, probability, outcome=outcome)
    )
    threshold = thresholds.choose(
        chosen.apply(probability), outcome, score=recipe.threshold_score,
        span=recipe.threshold_span,
    )  # fmt: skip
    return EventModel(
        name=name, column=column, calibration=chosen, threshold=threshold, basis="fitted"
    )


def _derived(final: Forecaster, name: str, *, train: Dataset) -> EventModel:
    # The Peirce score of a calibrated forecast is highest at the base rate, which can be told
    # where there are too few cases to look for the best threshold.
    threshold = snapped(float(np.nanmean(train.truth[name])))
    size = final.sizes[name]
    return EventModel(
        name=name,
        column=final.plan.columns.index(name),
        calibration=Calibration(kind="identity"),
        threshold=threshold,
        basis="size distribution",
        size=size,
        note=f"{final.plan.derived[name]}; 1 - (1 - p)^{size.ratio:.4f} with p of {size.of},"
        " threshold at the base rate of training",
    )
