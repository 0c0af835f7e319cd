"""Logistic regression: a weighted sum of prepared inputs through the logistic function."""

from __future__ import annotations

import warnings
from typing import ClassVar, Literal, Self

import numpy as np
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from model_training.artefact.graph import Graph
from model_training.features import Floats, Inputs
from model_training.fitting.estimators.estimator import Classifier, both_classes
from model_training.journal import Journal

# The other solvers approach the optimum by small steps and would never get this near.
_TOLERANCE = {"lbfgs": 1e-8}
_TOLERANCE_OF_OTHERS = 1e-5


class LogisticRegressionEstimator(Classifier):
    """Scikit-learn's, fitted in double precision."""

    reads_windows: ClassVar[bool] = False
    takes_missing: ClassVar[bool] = False

    def __init__(
        self,
        *,
        penalty: Literal["l2", "l1", "none"] = "l2",
        inverse_penalty: float = 1.0,
        solver: Literal["lbfgs", "liblinear", "sag", "saga"] = "lbfgs",
        max_iterations: int = 5000,
        seed: int = 0,
    ) -> None:
        self.penalty = penalty
        self.inverse_penalty = inverse_penalty
        self.solver = solver
        self.max_iterations = max_iterations
        self.seed = seed

    def fit(
        self, X: Inputs, y: Floats, sample_weight: Floats | None = None, *, journal: Journal
    ) -> Self:
        model = LogisticRegression(
            C=np.inf if self.penalty == "none" else self.inverse_penalty,
            l1_ratio=1.0 if self.penalty == "l1" else 0.0,
            solver=self.solver,
            max_iter=self.max_iterations,
            tol=_TOLERANCE.get(self.solver, _TOLERANCE_OF_OTHERS),
            random_state=self.seed,
        )
        with warnings.catch_warnings():
            # Written to the journal, since nobody reads the warnings of a run.
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(X.astype(float), y, sample_weight=sample_weight)
        self.weights_: Floats = model.coef_[0].astype(float)
        self.intercept_ = float(model.intercept_[0])
        journal.tell("regression", iterations=int(model.n_iter_.max()), at_most=self.max_iterations)
        return self

    def predict_proba(self, X: Inputs) -> Floats:
        return both_classes(expit(X.astype(float) @ self.weights_ + self.intercept_))

    def to_onnx(self, graph: Graph, inputs: str) -> str:
        weights = graph.constant(self.weights_[:, None])
        score = graph.node("Gemm", inputs, weights, graph.constant([self.intercept_]))
        return graph.node("Sigmoid", score)
