"""Node2Vec: a sample's place in the network of training samples, then logistic regression."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from onnx import TensorProto
from scipy.special import expit

from model_training.artefact.graph import Graph
from model_training.features import Floats, Inputs
from model_training.fitting.estimators.estimator import Classifier, both_classes, fewer_rows
from model_training.fitting.estimators.logistic_regression import (
    LogisticRegressionEstimator,
)
from model_training.fitting.networks.embedding import EPOCHS, WALKERS, embed
from model_training.fitting.networks.network import Network
from model_training.fitting.networks.samples import (
    NOT_IN_NETWORK,
    Anchors,
    check_rows,
    fit_standardiser,
    place,
    placement_to_onnx,
    sample_network,
    unit_rows,
)
from model_training.journal import Journal
from model_training.recipe.estimators import Penalty, Solver, Walker
from solar.errors import InvalidInputError


class Node2VecEstimator(Classifier):
    """Node2Vec (Grover & Leskovec 2016) on the Pearson network of samples, then regression.

    The network has at most `most_rows` of the training samples, with all events as long as they
    are at most half of it, and its embedding never sees an outcome. Every training sample, in
    the network or not, is then placed as a new one will be: by the samples of the network that
    it correlates with, itself left out.
    """

    reads_windows: ClassVar[bool] = True
    takes_missing: ClassVar[bool] = False

    def __init__(
        self,
        *,
        threshold: float = 0.5,
        max_neighbours: int = 8,
        dimensions: int = 32,
        walk_length: int = 10,
        walks: int = 20,
        walker: Walker = "numpy",
        window: int = 10,
        batch_words: int = 10_000,
        p: float = 1.0,
        q: float = 1.0,
        most_rows: int = 5000,
        penalty: Penalty = "l2",
        inverse_penalty: float = 1.0,
        solver: Solver = "lbfgs",
        max_iterations: int = 5000,
        seed: int = 0,
    ) -> None:
        self.threshold = threshold
        self.max_neighbours = max_neighbours
        self.dimensions = dimensions
        self.walk_length = walk_length
        self.walks = walks
        self.walker = walker
        self.window = window
        self.batch_words = batch_words
        self.p = p
        self.q = q
        self.most_rows = most_rows
        self.penalty = penalty
        self.inverse_penalty = inverse_penalty
        self.solver = solver
        self.max_iterations = max_iterations
        self.seed = seed

    def fit(
        self, X: Inputs, y: Floats, sample_weight: Floats | None = None, *, journal: Journal
    ) -> Self:
        """Embed the network of the samples, then fit the outcome (n,) to their places."""
        self.standard_ = fit_standardiser(X)
        rows = self.standard_.rows(X)
        check_rows(rows)
        chosen = fewer_rows(y, most_rows=self.most_rows, seed=self.seed)
        network = self._network(rows[chosen], journal)
        # A sample without an edge takes no part in a walk: it has no place to give to others.
        joined = np.flatnonzero(network.degrees)
        self.anchors_ = Anchors(
            unit_rows(rows[chosen[joined]]).astype(np.float32),
            self._embedding(network.part(joined), journal),
            self.threshold,
            self.max_neighbours,
        )
        nodes = np.full(len(rows), NOT_IN_NETWORK)
        nodes[chosen[joined]] = np.arange(len(joined))
        return self._regress(
            place(self.anchors_, rows, nodes).astype(np.float32), y, sample_weight, journal
        )

    def predict_proba(self, X: Inputs) -> Floats:
        """Return (n, 2) probabilities of no event and of an event."""
        places = place(self.anchors_, self.standard_.rows(X))
        event = expit(places @ self.weights_.astype(float) + float(self.intercept_))
        return both_classes(event)

    def to_onnx(self, graph: Graph, inputs: str) -> str:
        """Add the same function of (rows, steps, features) to the graph; return (rows, 1)."""
        mean, deviation = self.standard_.mean, self.standard_.deviation
        centred = graph.node("Sub", inputs, graph.constant(mean))
        scaled = graph.node("Div", centred, graph.constant(deviation))
        rows = graph.node("Reshape", scaled, graph.constant([-1, self.anchors_.rows.shape[1]]))
        places = placement_to_onnx(graph, rows, self.anchors_)
        product = graph.node("MatMul", places, graph.double(self.weights_[:, None]))
        logit = graph.node("Add", product, graph.double(self.intercept_))
        return graph.node("Cast", graph.node("Sigmoid", logit), to=TensorProto.FLOAT)

    def _network(self, rows: Inputs, journal: Journal) -> Network:
        journal.check()
        network = sample_network(rows, threshold=self.threshold, max_neighbours=self.max_neighbours)
        if not len(network.edges):
            raise InvalidInputError(
                f"no two of {len(rows)} samples correlate by {self.threshold:g} or more; "
                "lower the threshold of node2vec"
            )
        isolated = int((network.degrees == 0).sum())
        journal.tell("network", nodes=network.n, edges=len(network.edges), isolated=isolated)
        return network

    def _embedding(self, network: Network, journal: Journal) -> Inputs:
        rng = np.random.default_rng(self.seed)
        paths = WALKERS[self.walker](
            network, length=self.walk_length, walks=self.walks, p=self.p, q=self.q, rng=rng
        )
        steps = journal.steps("epoch", EPOCHS)

        def ended() -> None:
            steps.advance()
            journal.check()

        return embed(
            paths,
            network.n,
            dimensions=self.dimensions,
            window=self.window,
            batch_words=self.batch_words,
            seed=self.seed,
            ended=ended,
        )

    def _regress(self, places: Inputs, y: Floats, weight: Floats | None, journal: Journal) -> Self:
        regression = LogisticRegressionEstimator(
            penalty=self.penalty,
            inverse_penalty=self.inverse_penalty,
            solver=self.solver,
            max_iterations=self.max_iterations,
            seed=self.seed,
        ).fit(places, y, weight, journal=journal)
        # Rounded here, so that the graph, whose constants are float32, has the same numbers.
        self.weights_ = regression.weights_.astype(np.float32)
        self.intercept_ = np.float32(regression.intercept_)
        return self
