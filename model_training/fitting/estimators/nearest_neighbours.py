"""The k-nearest-neighbours estimator: the event rate of the training rows nearest to a row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import numpy as np
from onnx import TensorProto
from scipy.spatial.distance import cdist

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

Metric = Literal["euclidean", "manhattan", "chebyshev", "minkowski", "cosine"]
Weights = Literal["uniform", "distance"]
# Distances are equal that differ by a smaller share: sums in another order differ in the last
# digits. A power of two, which float32 holds.
_TIE = 2.0**-30
_LEAST = float(np.finfo(np.float32).tiny)
_DISTANCES_AT_A_TIME = 4_000_000
_ROWS_OF_SCALE = 200


@dataclass(frozen=True)
class Distance:
    """How far apart two rows x and v are, in double precision.

    ``euclidean``, ``manhattan``, ``chebyshev``: the norm of x - v with exponent 2, 1, infinity.
    ``minkowski``: with exponent `p`. ``cosine``: 1 - cos of their angle; 1 where one is zero.
    """

    metric: Metric
    p: float

    def between(self, rows: Inputs, others: Inputs) -> Floats:
        """Return (n, m) for (n, f) rows and (m, f) others."""
        if self.metric == "cosine":
            cosine: Floats = _unit(rows.astype(float)) @ _unit(others.astype(float)).T
            return 1 - cosine
        name = {"manhattan": "cityblock"}.get(self.metric, self.metric)
        options = {"p": self.p} if self.metric == "minkowski" else {}
        distance: Floats = cdist(rows.astype(float), others.astype(float), name, **options)
        return distance

    def to_onnx(self, graph: Graph, others: Inputs) -> Callable[[str], str]:
        """Add the others to the graph, and return what adds their (m,) distances from one row."""
        # Features first, so that sums run along whole rows of memory.
        columns = graph.double(others.T)
        if self.metric == "cosine":
            return _cosine_to_onnx(graph, columns)
        norm, second = self._norm_to_onnx(graph), graph.constant([1])

        def of_gaps(row: str) -> str:
            gaps = graph.node("Sub", columns, graph.node("Unsqueeze", row, second))
            return norm(graph.node("Abs", gaps))

        return of_gaps

    def _norm_to_onnx(self, graph: Graph) -> Callable[[str], str]:
        """Return what adds the (m,) norms of (f, m) gaps."""
        if self.metric == "chebyshev":
            return lambda gaps: graph.node("ReduceMax", gaps, axes=[0], keepdims=0)
        first = graph.constant([0])
        if self.metric == "manhattan":
            return lambda gaps: graph.node("ReduceSum", gaps, first, keepdims=0)
        power = graph.double(self.p if self.metric == "minkowski" else 2.0)
        root = graph.node("Div", graph.double(1.0), power)

        def norm(gaps: str) -> str:
            powers = graph.node("Pow", gaps, power)
            return graph.node("Pow", graph.node("ReduceSum", powers, first, keepdims=0), root)

        return norm


def _cosine_to_onnx(graph: Graph, columns: str) -> Callable[[str], str]:
    one, least, first = graph.double(1.0), graph.double(_LEAST), graph.constant([0])

    def unit(vectors: str) -> str:
        squares = graph.node("ReduceSum", graph.node("Mul", vectors, vectors), first, keepdims=1)
        return graph.node("Div", vectors, graph.node("Max", graph.node("Sqrt", squares), least))

    units = unit(columns)
    return lambda row: graph.node("Sub", one, graph.node("MatMul", unit(row), units))


def _unit(rows: Floats) -> Floats:
    length = np.sqrt(np.sum(rows * rows, axis=1, keepdims=True))
    unit: Floats = rows / np.maximum(length, _LEAST)
    return unit


class NearestNeighboursEstimator(Classifier):
    """k nearest neighbours (Fix & Hodges 1951; Cover & Hart 1967, doi 10.1109/TIT.1967.1053964).

    Of more than `most_rows` training rows a random part is kept, with all events as long as
    they are at most half of it; every kept row votes with its `sample_weight` and for the rows of
    its class that were left out around it. All rows as near as the k-th vote, so that no order
    of rows decides. With the weights ``distance`` a vote is divided by the distance, and where rows
    are in the very place of the row asked for, they alone vote.

    Attributes
    ----------
    rows_, outcomes_, votes_ : (m, features), (m, 2), (m,) of the rows kept
    near_ : the distance below which two rows are in one place
    """

    reads_windows: ClassVar[bool] = False
    takes_missing: ClassVar[bool] = False
    is_stepwise: ClassVar[bool] = True

    def __init__(
        self,
        *,
        neighbours: int = 25,
        weights: Weights = "uniform",
        metric: Metric = "euclidean",
        p: float = 2.0,
        most_rows: int = 5000,
        seed: int = 0,
    ) -> None:
        self.neighbours = neighbours
        self.weights: Weights = weights
        self.metric: Metric = metric
        self.p, self.most_rows, self.seed = p, most_rows, seed

    def fit(
        self, X: Inputs, y: Floats, sample_weight: Floats | None = None, *, journal: Journal
    ) -> Self:
        """Keep rows (n, features) and their votes.

        Raises
        ------
        InvalidInputError
            When there are fewer rows than neighbours.
        """
        weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, float)
        kept = fewer_rows(y, most_rows=self.most_rows, seed=self.seed)
        if len(kept) < self.neighbours:
            raise InvalidInputError(
                f"{self.neighbours} neighbours cannot be found among {len(kept)} training rows;"
                " choose fewer neighbours or a greater most_rows"
            )
        self.rows_, self.outcomes_ = np.asarray(X[kept], np.float32), both_classes(y[kept])
        # As a graph holds them, so that it computes the same.
        votes = rows_represented(y, kept) * weight[kept] / weight[kept].mean()
        self.votes_ = votes.astype(np.float32).astype(float)
        some = self.rows_[:: -(-len(kept) // _ROWS_OF_SCALE)]
        scale = float(np.mean(self._distance.between(some, self.rows_)))
        self.near_ = float(np.float32(max(_TIE * scale, _LEAST)))
        journal.tell("neighbours", rows=len(kept), of=len(y))
        return self

    @property
    def _distance(self) -> Distance:
        # As a graph holds the exponent.
        return Distance(self.metric, float(np.float32(self.p)))

    def predict_proba(self, X: Inputs) -> Floats:
        size = max(1, _DISTANCES_AT_A_TIME // len(self.rows_))
        event = np.empty(len(X))
        for start in range(0, len(X), size):
            event[start : start + size] = self._event_rate(X[start : start + size])
        return both_classes(event)

    def _event_rate(self, rows: Inputs) -> Floats:
        distance = self._distance.between(rows, self.rows_)
        last = np.partition(distance, self.neighbours - 1, axis=1)[:, self.neighbours - 1]
        vote: Floats = (distance <= last[:, None] * (1 + _TIE) + self.near_) * self.votes_
        if self.weights == "distance":
            here = (distance <= self.near_) * self.votes_
            by_distance = vote / np.maximum(distance, self.near_)
            vote = np.where(here.any(axis=1, keepdims=True), here, by_distance)
        # The share of one class in the sum of both, which no rounding lifts above 1.
        both = vote @ self.outcomes_
        rate: Floats = both[:, 1] / both.sum(axis=1)
        return rate

    def to_onnx(self, graph: Graph, inputs: str) -> str:
        """Add the function row by row: no tensor of rows times training rows is needed."""
        node, distance_of = graph.node, self._distance.to_onnx(graph, self.rows_)
        axis, event, k = (graph.constant([value]) for value in (0, 1, self.neighbours))
        near, tie, zero = (graph.double(value) for value in (self.near_, _TIE, 0.0))
        votes, outcomes = graph.double(self.votes_), graph.double(self.outcomes_)

        def event_rate(row: str) -> str:
            distance = distance_of(row)
            nearest = graph.nodes("TopK", distance, k, outputs=2, axis=0, largest=0)[0]
            last = node("ReduceMax", nearest, axes=[0], keepdims=1)
            reach = node("Add", node("Add", last, node("Mul", last, tie)), near)
            vote = node("Where", node("LessOrEqual", distance, reach), votes, zero)
            if self.weights == "distance":
                here = node("Where", node("LessOrEqual", distance, near), votes, zero)
                is_any_here = node("Greater", node("ReduceMax", here, axes=[0], keepdims=1), zero)
                by_distance = node("Div", vote, node("Max", distance, near))
                vote = node("Where", is_any_here, here, by_distance)
            both = node("MatMul", vote, outcomes)
            share = node("Div", both, node("ReduceSum", both, axis, keepdims=1))
            return node("Gather", share, event)

        rows = node("Cast", inputs, to=TensorProto.DOUBLE)
        return node("Cast", graph.for_each_row(rows, event_rate), to=TensorProto.FLOAT)
