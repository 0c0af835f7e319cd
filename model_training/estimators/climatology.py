"""Climatology: the event rate of the training rows, always."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from model_training.estimators.classifier import Classifier, both_classes
from model_training.estimators.estimator import Inputs
from model_training.features import Floats
from model_training.graph import Graph
from model_training.journal import Journal


class ClimatologyEstimator(Classifier):
    """Inputs say how many rows there are, and no more."""

    reads_windows: ClassVar[bool] = False
    takes_missing: ClassVar[bool] = True

    def fit(
        self, X: Inputs, y: Floats, sample_weight: Floats | None = None, *, journal: Journal
    ) -> Self:
        self.rate_ = float(np.average(y, weights=sample_weight))
        return self

    def predict_proba(self, X: Inputs) -> Floats:
        return both_classes(np.full(len(X), self.rate_))

    def draw(self, graph: Graph, inputs: str) -> str:
        rows = graph.node("Shape", inputs, start=0, end=1)
        shape = graph.node("Concat", rows, graph.constant([1]), axis=0)
        return graph.node("Expand", graph.constant([[self.rate_]]), shape)
