"""The SVM estimator: a support-vector machine whose margin is mapped to a probability."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from model_training.estimators.classifier import Classifier, both_classes
from model_training.estimators.estimator import Inputs
from model_training.estimators.platt import fit_map
from model_training.estimators.svm_machine import Kernel, Machine, Similarity
from model_training.estimators.thinning import fewer_rows, stands_for
from model_training.features import Floats
from model_training.graph import Graph
from model_training.journal import Journal
from solar.errors import InvalidInputError

THIRDS = 3


class SvmEstimator(Classifier):
    """Support-vector machine (Cortes & Vapnik 1995, doi 10.1007/BF00994018).

    Of more than `most_rows` training rows a random part is used, with all events as long as
    they are at most half of it. The margin becomes a probability by Platt's map, fitted on
    margins of rows that the machine had not seen: each third of the rows, consecutive in the
    order they are given so that near-copies of a row stay together, is judged by a machine of
    the other two. In that fit every row counts for the rows of its class that were left
    out around it: the mean probability is the event rate of all training rows with their
    `sample_weight`, not of the part. The linear kernel minimises the squared hinge loss, the
    others the hinge loss.
    """

    reads_windows: ClassVar[bool] = False
    takes_missing: ClassVar[bool] = False

    def __init__(
        self, *, kernel: Kernel = "rbf", inverse_penalty: float = 1.0,
        gamma: float | None = None, degree: int = 3, most_rows: int = 5000, seed: int = 0,
    ) -> None:  # fmt: skip
        self.kernel: Kernel = kernel
        self.inverse_penalty, self.gamma, self.degree = inverse_penalty, gamma, degree
        self.most_rows, self.seed = most_rows, seed

    def fit(
        self, X: Inputs, y: Floats, sample_weight: Floats | None = None, *, journal: Journal
    ) -> Self:
        """Fit three machines for the map and one for the margin, on rows (n, features)."""
        weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, float)
        kept = fewer_rows(y, most_rows=self.most_rows, seed=self.seed)
        third = thirds(y[kept])
        similarity = self._similarity(X[kept])
        steps = journal.steps("machine", THIRDS + 1)

        def machine_of(places: NDArray[np.intp]) -> Machine:
            journal.check()
            machine = Machine.fitted(
                similarity, X[places], outcome=y[places], weight=weight[places],
                inverse_penalty=self.inverse_penalty,
            )  # fmt: skip
            steps.advance()
            return machine

        margin = np.empty(len(kept))
        for number in range(THIRDS):
            margin[third == number] = machine_of(kept[third != number]).margin(
                X[kept[third == number]]
            )
        self.machine_ = machine_of(kept)
        self.map_ = fit_map(margin, y[kept], stands_for=stands_for(y, kept), weight=weight[kept])
        return self

    def predict_proba(self, X: Inputs) -> Floats:
        return both_classes(self.map_.apply(self.machine_.margin(X)))

    def draw(self, graph: Graph, inputs: str) -> str:
        rows = graph.node("Cast", inputs, to=TensorProto.DOUBLE)
        scaled = graph.node("Mul", self.machine_.draw(graph, rows), graph.double(self.map_.slope))
        score = graph.node("Add", scaled, graph.double(self.map_.intercept))
        return graph.node("Cast", graph.node("Sigmoid", score), to=TensorProto.FLOAT)

    def _similarity(self, rows: Inputs) -> Similarity:
        """Return the similarity; without a gamma it is 1 / (features · variance of all values)."""
        variance = float(rows.var(dtype=float)) or 1.0
        gamma = 1 / (rows.shape[1] * variance) if self.gamma is None else self.gamma
        return Similarity(self.kernel, float(np.float32(gamma)), self.degree)


def thirds(outcome: Floats) -> NDArray[np.intp]:
    """Number the consecutive thirds of the events, and those of the other rows, 0 to 2.

    Each class is cut by itself so that every third has both, wherever the events are.
    """
    third = np.zeros(len(outcome), np.intp)
    for value in (0, 1):
        places = np.flatnonzero(outcome == value)
        if len(places) < THIRDS:
            raise InvalidInputError(
                f"an SVM needs {THIRDS} training rows of each class, but {len(places)} of"
                f" {len(outcome)} have outcome {value}: choose another event or more rows"
            )
        third[places] = THIRDS * np.arange(len(places)) // len(places)
    return third
