"""The pool: the validation years, each forecast by a model that was fitted before it began."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model_training import forecaster
from model_training.datasets import Dataset
from model_training.features import FlareHistory, Floats
from model_training.forecaster import Plan
from model_training.recipe import Recipe, midnight
from model_training.splits import Split
from solar.bootstrap import BLOCK_DAYS


@dataclass(frozen=True)
class Pool:
    """Rows and their raw probabilities (n, events of the plan), all out of fold.

    Calibration, thresholds and the choice between models rest on these rows alone.
    """

    rows: Dataset
    raw: Floats

    @property
    def blocks(self) -> NDArray[np.int64]:
        """The number of the solar rotation of each row, whose rows stay together (n,)."""
        days: NDArray[np.int64] = self.rows.t_rec.astype("datetime64[D]").astype(np.int64)
        return days // BLOCK_DAYS


def forecast_folds(recipe: Recipe, parts: Split, *, plan: Plan, flares: FlareHistory) -> Pool:
    """Fit once for every validation year, and forecast that year."""
    raw = [
        forecaster.fit(
            recipe, fold.train, plan=plan, flares=flares, until=midnight(fold.begins_on)
        ).predict(fold.held_out.matrix(recipe.features))
        for fold in parts.folds
    ]
    return Pool(parts.validation, np.vstack(raw))
