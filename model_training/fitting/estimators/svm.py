"""The SVM estimator: a support-vector machine whose margin is mapped to a probability (Platt)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, Self
from warnings import catch_warnings

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics.pairwise import pairwise_kernels
from sklearn.svm import SVC, LinearSVC

from model_training.artefact.graph import Graph
from model_training.features import Floats, Inputs
from model_training.fitting.estimators.estimator import (
    Classifier,
    both_classes,
    fewer_rows,
    rows_represented,
)
from model_training.journal import Journal
from solar.errors import InvalidInputError

Kernel = Literal["linear", "rbf", "poly", "sigmoid"]
_CACHE_MIB = 500
_MOST_ITERATIONS = 1_000_000
_SIMILARITIES_AT_A_TIME = 4_000_000
THIRDS = 3


@dataclass(frozen=True)
class PlattMap:
    """sigmoid(slope · margin + intercept), never falling: slope >= 0.

    Reference: Platt 1999, Probabilistic outputs for support vector machines.
    """

    slope: float
    intercept: float

    def apply(self, margin: Floats) -> Floats:
        """Map (n,) margins to (n,) probabilities."""
        probability: Floats = expit(self.slope * margin + self.intercept)
        return probability


def fit_map(margin: Floats, outcome: Floats, *, stands_for: Floats, weight: Floats) -> PlattMap:
    """Fit the map by likelihood.

    Each row counts `stands_for` times, the rows of its class that were left out around it
    included, and with its `weight`. Platt's targets, a pseudo-row away from 0 and 1, keep the
    slope finite when the classes are apart. Margins that fall with the outcome give slope 0:
    the same probability for all, the (weighted) event rate.
    """
    events, quiet = (float(stands_for[outcome == value].sum()) for value in (1, 0))
    target = np.where(outcome == 1, (events + 1) / (events + 2), 1 / (quiet + 2))
    share = stands_for * weight / np.sum(stands_for * weight)
    scale = float(margin.std()) or 1.0
    design = np.stack([margin / scale, np.ones_like(margin)], axis=1)

    def loss(parameters: Floats) -> tuple[float, Floats]:
        score = design @ parameters
        entropy = np.logaddexp(0, score) - target * score
        return float(share @ entropy), design.T @ (share * (expit(score) - target))

    solution = minimize(
        loss,
        np.array([1.0, 0.0]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0, None), (None, None)],
        options={"ftol": 1e-14, "gtol": 1e-9},
    )
    # As a graph holds them, so that it computes the same.
    slope, intercept = np.float32(solution.x[0] / scale), np.float32(solution.x[1])
    return PlattMap(float(slope), float(intercept))


@dataclass(frozen=True)
class Similarity:
    """How alike two rows x and v are.

    ``linear``: x·v. ``rbf``: exp(-gamma |x - v|²). ``poly``: (gamma x·v)^degree.
    ``sigmoid``: tanh(gamma x·v).
    """

    kernel: Kernel
    gamma: float
    degree: int

    def between(self, rows: Floats, vectors: Floats) -> Floats:
        """Return (n, m) for (n, f) rows and (m, f) vectors."""
        options = {"gamma": self.gamma, "degree": self.degree, "coef0": 0}
        similar: Floats = pairwise_kernels(
            rows, vectors, metric=self.kernel, filter_params=True, **options
        )
        return similar

    def to_onnx(self, graph: Graph, rows: str, vectors: Floats) -> str:
        """Add `between` of a tensor of doubles to the graph."""
        product = graph.node("MatMul", rows, graph.double(vectors.T))
        if self.kernel == "linear":
            return product
        gamma = graph.double(self.gamma)
        if self.kernel == "rbf":
            distance = _distance_to_onnx(graph, rows, product, vectors)
            return graph.node("Exp", graph.node("Neg", graph.node("Mul", distance, gamma)))
        scaled = graph.node("Mul", product, gamma)
        if self.kernel == "sigmoid":
            return graph.node("Tanh", scaled)
        return graph.node("Pow", scaled, graph.double(float(self.degree)))


@dataclass(frozen=True)
class Machine:
    """A fitted machine: the margin of x is the sum of coefficient · similarity(x, vector).

    Its numbers are kept in float32 as a graph holds them, but sums of thousands of terms
    that nearly cancel are computed in float64 here and there, so that both agree.
    """

    similarity: Similarity
    vectors: NDArray[np.float32]
    coefficients: NDArray[np.float32]
    intercept: float

    @classmethod
    def fitted(
        cls,
        similarity: Similarity,
        rows: Inputs,
        *,
        outcome: Floats,
        weight: Floats,
        inverse_penalty: float,
    ) -> Self:
        """Fit on rows (n, features), outcomes 0 or 1 and weights (n,)."""
        if similarity.kernel == "linear":
            # The solver for any kernel hardly ends on many rows of few features; this one, for
            # the squared hinge loss, does at any penalty. The weights are the one vector.
            line = LinearSVC(C=inverse_penalty, dual=False)
            line.fit(rows.astype(float), outcome, sample_weight=weight)
            return cls._of(similarity, line.coef_, np.ones(1), intercept=line.intercept_[0])
        solver = SVC(
            C=inverse_penalty,
            kernel=similarity.kernel,
            gamma=similarity.gamma,
            degree=similarity.degree,
            cache_size=_CACHE_MIB,
            max_iter=_MOST_ITERATIONS,
        )
        with catch_warnings(action="ignore", category=ConvergenceWarning):
            solver.fit(rows, outcome, sample_weight=weight)
        if solver.fit_status_:
            raise InvalidInputError(
                f"the SVM found no margin within {_MOST_ITERATIONS:,} steps; choose a smaller"
                " inverse_penalty, the rbf kernel, or a scaling in the preparation"
            )
        return cls._of(
            similarity,
            solver.support_vectors_,
            solver.dual_coef_[0],
            intercept=solver.intercept_[0],
        )

    @classmethod
    def _of(
        cls, similarity: Similarity, vectors: Floats, coefficients: Floats, *, intercept: float
    ) -> Self:
        return cls(
            similarity,
            vectors.astype(np.float32),
            coefficients.astype(np.float32),
            float(np.float32(intercept)),
        )

    def margin(self, rows: Inputs) -> Floats:
        """Return (n,) margins, above 0 on the side of the events."""
        vectors, coefficients = self.vectors.astype(float), self.coefficients.astype(float)
        size = max(1, _SIMILARITIES_AT_A_TIME // len(vectors))
        margin = np.empty(len(rows))
        for start in range(0, len(rows), size):
            part = rows[start : start + size].astype(float)
            margin[start : start + size] = self.similarity.between(part, vectors) @ coefficients
        return margin + self.intercept

    def to_onnx(self, graph: Graph, rows: str) -> str:
        """Add `margin` of a tensor of doubles to the graph; return (rows, 1) doubles."""
        similar = self.similarity.to_onnx(graph, rows, self.vectors.astype(float))
        total = graph.node("MatMul", similar, graph.double(self.coefficients[:, None]))
        return graph.node("Add", total, graph.double(self.intercept))


def _distance_to_onnx(graph: Graph, rows: str, product: str, vectors: Floats) -> str:
    """Add the squared distances to the graph: |x|² + |v|² - 2 x·v, never below 0."""
    columns = graph.constant([1])
    row_squares = graph.node("ReduceSum", graph.node("Mul", rows, rows), columns, keepdims=1)
    constant = graph.double(vectors)
    vector_squares = graph.node(
        "ReduceSum", graph.node("Mul", constant, constant), columns, keepdims=1
    )
    squares = graph.node("Add", row_squares, graph.node("Transpose", vector_squares, perm=[1, 0]))
    twice = graph.node("Mul", product, graph.double(2.0))
    return graph.node("Relu", graph.node("Sub", squares, twice))


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
        self,
        *,
        kernel: Kernel = "rbf",
        inverse_penalty: float = 1.0,
        gamma: float | None = None,
        degree: int = 3,
        most_rows: int = 5000,
        seed: int = 0,
    ) -> None:
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
                similarity,
                X[places],
                outcome=y[places],
                weight=weight[places],
                inverse_penalty=self.inverse_penalty,
            )
            steps.advance()
            return machine

        margin = np.empty(len(kept))
        for number in range(THIRDS):
            margin[third == number] = machine_of(kept[third != number]).margin(
                X[kept[third == number]]
            )
        self.machine_ = machine_of(kept)
        self.map_ = fit_map(
            margin, y[kept], stands_for=rows_represented(y, kept), weight=weight[kept]
        )
        return self

    def predict_proba(self, X: Inputs) -> Floats:
        return both_classes(self.map_.apply(self.machine_.margin(X)))

    def to_onnx(self, graph: Graph, inputs: str) -> str:
        rows = graph.node("Cast", inputs, to=TensorProto.DOUBLE)
        scaled = graph.node(
            "Mul", self.machine_.to_onnx(graph, rows), graph.double(self.map_.slope)
        )
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
