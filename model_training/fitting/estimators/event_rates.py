"""Estimators that are event rates of training rows.

Climatology is the rate of all rows. Persistence has one rate for regions that flared in the day
before, and one for the others. McIntosh-Poisson has a flare rate for each McIntosh class
(Gallagher et al. 2002).
"""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from model_training.artefact.graph import Graph
from model_training.features import Floats, Inputs
from model_training.fitting.estimators.estimator import Classifier, both_classes
from model_training.journal import Journal

# Counts are whole numbers: one flare or none.
_SOME = 0.5


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

    def to_onnx(self, graph: Graph, inputs: str) -> str:
        rows = graph.node("Shape", inputs, start=0, end=1)
        shape = graph.node("Concat", rows, graph.constant([1]), axis=0)
        return graph.node("Expand", graph.constant([[self.rate_]]), shape)


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

    def to_onnx(self, graph: Graph, inputs: str) -> str:
        count = graph.node("Gather", inputs, graph.constant([0]), axis=1)
        flared = graph.node("Greater", count, graph.constant(_SOME))
        after_flare = graph.constant(self.rate_after_flare_)
        rate = graph.node("Where", flared, after_flare, graph.constant(self.rate_after_quiet_))
        return graph.node("Where", graph.node("IsNaN", count), graph.constant(self.rate_), rate)

    def _rate(self, y: Floats, weight: Floats, cases: NDArray[np.bool_]) -> float:
        total = weight[cases].sum()
        return float((weight * y)[cases].sum() / total) if total else self.rate_


class McIntoshPoissonEstimator(Classifier):
    """The first input is the code of the class.

    The rate of a class is the one at which a Poisson process has an event on the share of its
    days that had one, p = 1 - exp(-rate). Every class starts with `prior_days` days of which
    the share of all days had one; that share is also the answer for a class that is missing
    or was never seen.

    References
    ----------
    Gallagher, Moon & Wang 2002, Solar Physics 209, 171, doi:10.1023/A:1020950221179
    """

    reads_windows: ClassVar[bool] = False
    takes_missing: ClassVar[bool] = True

    def __init__(self, *, prior_days: float = 10.0) -> None:
        self.prior_days = prior_days

    def fit(
        self, X: Inputs, y: Floats, sample_weight: Floats | None = None, *, journal: Journal
    ) -> Self:
        weight = np.ones(len(y)) if sample_weight is None else sample_weight
        # A day of no weight does not count for its class.
        known = ~np.isnan(X[:, 0]) & (weight > 0)
        share = np.average(y, weights=weight)
        self.codes_, place = np.unique(X[known, 0], return_inverse=True)
        days = np.bincount(place, weight[known], len(self.codes_))
        events = np.bincount(place, (weight * y)[known], len(self.codes_))
        shares = (events + self.prior_days * share) / (days + self.prior_days)
        self.rate_ = float(_rate(np.array([share]))[0])
        self.rates_ = _rate(shares)
        return self

    def predict_proba(self, X: Inputs) -> Floats:
        is_class = X[:, :1] == self.codes_
        rates = np.append(self.rates_, self.rate_)
        place = np.where(is_class.any(axis=1), is_class.argmax(axis=1), len(self.codes_))
        return both_classes(_probability(rates[place]))

    def to_onnx(self, graph: Graph, inputs: str) -> str:
        code = graph.node("Gather", inputs, graph.constant([0]), axis=1)
        is_class = graph.node("Equal", code, graph.constant(self.codes_[None]))
        others = _probability(np.array([self.rate_]))
        excess = _probability(self.rates_)[:, None] - others
        of_class = graph.node("Cast", is_class, to=TensorProto.FLOAT)
        chosen = graph.node("MatMul", of_class, graph.constant(excess))
        return graph.node("Add", chosen, graph.constant(others))


def _rate(share: Floats) -> Floats:
    """Return the events a day of a Poisson process that has one on a share of days."""
    # A share of 1 would need an endless rate, which no number of days proves.
    rate: Floats = -np.log1p(-np.minimum(share, 1 - 1e-9))
    return rate


def _probability(rate: Floats) -> Floats:
    probability: Floats = -np.expm1(-rate)
    return probability
