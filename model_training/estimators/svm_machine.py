"""A support-vector machine as numbers: which rows it compares with, how, and their say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self
from warnings import catch_warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import SVC, LinearSVC

from model_training.estimators.estimator import Inputs
from model_training.features import Floats
from model_training.graph import Graph
from solar.errors import InvalidInputError

Kernel = Literal["linear", "rbf", "poly", "sigmoid"]
_CACHE_MIB = 500
_MOST_ITERATIONS = 1_000_000
_SIMILARITIES_AT_A_TIME = 4_000_000


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
        product: Floats = rows @ vectors.T
        if self.kernel == "linear":
            return product
        if self.kernel == "rbf":
            squares = (rows**2).sum(axis=1)[:, None] + (vectors**2).sum(axis=1)
            return np.asarray(np.exp(-self.gamma * np.maximum(squares - 2 * product, 0)))
        scaled = self.gamma * product
        return np.asarray(scaled**self.degree if self.kernel == "poly" else np.tanh(scaled))

    def draw(self, graph: Graph, rows: str, vectors: Floats) -> str:
        """Draw `between` on a tensor of doubles."""
        product = graph.node("MatMul", rows, graph.double(vectors.T))
        if self.kernel == "linear":
            return product
        gamma = graph.double(self.gamma)
        if self.kernel == "rbf":
            distance = _draw_distance(graph, rows, product, vectors)
            return graph.node("Exp", graph.node("Neg", graph.node("Mul", distance, gamma)))
        scaled = graph.node("Mul", product, gamma)
        if self.kernel == "sigmoid":
            return graph.node("Tanh", scaled)
        return graph.node("Pow", scaled, graph.double(float(self.degree)))


@dataclass(frozen=True)
class Machine:
    """A fitted machine: the margin of x is the sum of coefficient · similarity(x, vector).

    Its numbers are kept in float32 as a drawing holds them, but sums of thousands of terms
    that nearly cancel are computed in float64 here and there, so that both agree.
    """

    similarity: Similarity
    vectors: NDArray[np.float32]
    coefficients: NDArray[np.float32]
    intercept: float

    @classmethod
    def fitted(
        cls, similarity: Similarity, rows: Inputs, *, outcome: Floats, weight: Floats,
        inverse_penalty: float,
    ) -> Self:  # fmt: skip
        """Fit on rows (n, features), outcomes 0 or 1 and weights (n,)."""
        if similarity.kernel == "linear":
            # The solver for any kernel hardly ends on many rows of few features; this one, for
            # the squared hinge loss, does at any penalty. The weights are the one vector.
            line = LinearSVC(C=inverse_penalty, dual=False)
            line.fit(rows.astype(float), outcome, sample_weight=weight)
            return cls._of(similarity, line.coef_, np.ones(1), intercept=line.intercept_[0])
        found = SVC(
            C=inverse_penalty, kernel=similarity.kernel, gamma=similarity.gamma,
            degree=similarity.degree, cache_size=_CACHE_MIB, max_iter=_MOST_ITERATIONS,
        )  # fmt: skip
        with catch_warnings(action="ignore", category=ConvergenceWarning):
            found.fit(rows, outcome, sample_weight=weight)
        if found.fit_status_:
            raise InvalidInputError(
                f"the SVM found no margin within {_MOST_ITERATIONS:,} steps; choose a smaller"
                " inverse_penalty, the rbf kernel, or a scaling in the preparation"
            )
        return cls._of(
            similarity, found.support_vectors_, found.dual_coef_[0], intercept=found.intercept_[0]
        )

    @classmethod
    def _of(
        cls, similarity: Similarity, vectors: Floats, coefficients: Floats, *, intercept: float
    ) -> Self:
        return cls(
            similarity, vectors.astype(np.float32), coefficients.astype(np.float32),
            float(np.float32(intercept)),
        )  # fmt: skip

    def margin(self, rows: Inputs) -> Floats:
        """Return (n,) margins, above 0 on the side of the events."""
        vectors, coefficients = self.vectors.astype(float), self.coefficients.astype(float)
        size = max(1, _SIMILARITIES_AT_A_TIME // len(vectors))
        margin = np.empty(len(rows))
        for start in range(0, len(rows), size):
            part = rows[start : start + size].astype(float)
            margin[start : start + size] = self.similarity.between(part, vectors) @ coefficients
        return margin + self.intercept

    def draw(self, graph: Graph, rows: str) -> str:
        """Draw `margin` on a tensor of doubles; return (rows, 1) doubles."""
        similar = self.similarity.draw(graph, rows, self.vectors.astype(float))
        total = graph.node("MatMul", similar, graph.double(self.coefficients[:, None]))
        return graph.node("Add", total, graph.double(self.intercept))


def _draw_distance(graph: Graph, rows: str, product: str, vectors: Floats) -> str:
    """Draw the squared distances |x|² + |v|² - 2 x·v, never below 0."""
    columns = graph.constant([1])
    own = graph.node("ReduceSum", graph.node("Mul", rows, rows), columns, keepdims=1)
    kept = graph.double(vectors)
    theirs = graph.node("ReduceSum", graph.node("Mul", kept, kept), columns, keepdims=1)
    squares = graph.node("Add", own, graph.node("Transpose", theirs, perm=[1, 0]))
    twice = graph.node("Mul", product, graph.double(2.0))
    return graph.node("Relu", graph.node("Sub", squares, twice))
