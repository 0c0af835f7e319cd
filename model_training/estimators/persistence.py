"""Persistence: how often a region flares that did, and that did not, in the day before."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from model_training.estimators.classifier import Classifier, both_classes
from model_training.estimators.estimator import Inputs
from model_training.features import Floats
from model_training.graph import Graph
from model_training.journal import Journal

# Counts are whole numbers: one flare or none.
_SOME = 0.5


class PersistenceEstimator(Classifier):
    """The first input is the number of such flares in the day before.

    A row where it is missing, or a state that no training row was in, takes the rate of all.
    """

    reads_windows: ClassVar[bool] = False
    takes_missing: ClassVar[bool] = True

    def fit(
        self, X: Inputs, y: Floats, sample_weight: Floats | None = None, *, journal: Journal
    ) -> Self:
        weight = np.ones(len(y)) if sample_weight is None else sample_weight
        flared, quiet = X[:, 0] > _SOME, X[:, 0] <= _SOME
        self.rate_ = float(np.average(y, weights=weight))
        self.rate_after_flare_ = self._rate(y, weight, flared)
        self.rate_after_quiet_ = self._rate(y, weight, quiet)
        return self

    def predict_proba(self, X: Inputs) -> Floats:
        rate = np.where(X[:, 0] > _SOME, self.rate_after_flare_, self.rate_after_quiet_)
        return both_classes(np.where(np.isnan(X[:, 0]), self.rate_, rate))

    def draw(self, graph: Graph, inputs: str) -> str:
        count = graph.node("Gather", inputs, graph.constant([0]), axis=1)
        flared = graph.node("Greater", count, graph.constant(_SOME))
        after_flare = graph.constant(self.rate_after_flare_)
        rate = graph.node("Where", flared, after_flare, graph.constant(self.rate_after_quiet_))
        return graph.node("Where", graph.node("IsNaN", count), graph.constant(self.rate_), rate)

    def _rate(self, y: Floats, weight: Floats, cases: NDArray[np.bool_]) -> float:
        total = weight[cases].sum()
        return float((weight * y)[cases].sum() / total) if total else self.rate_
