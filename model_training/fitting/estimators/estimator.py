"""The interface of estimators, their base class, and the thinning of training rows.

An estimator has scikit-learn's interface to one event, and exports its fitted function to ONNX.
Rows are thinned where the cost of a fit grows with their square.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from model_training.artefact.graph import Graph
from model_training.features import Floats, Inputs
from model_training.journal import Journal


class Estimator(Protocol):
    """What learns the probability of one event from prepared inputs.

    Its options are keyword-only arguments of ``__init__`` kept under their own names, as
    scikit-learn's ``get_params`` wants. `reads_windows`: inputs are (n, steps, features) and
    the last step is t, else (n, features). `takes_missing`: NaN is allowed in the inputs. A class
    may have `is_stepwise` = True: it jumps between inputs that are nearly equal, and gets them
    from the graph to the last digit.
    """

    reads_windows: ClassVar[bool]
    takes_missing: ClassVar[bool]

    def fit(
        self, X: Inputs, y: Floats, sample_weight: Floats | None = None, *, journal: Journal
    ) -> Self:
        """Learn from outcomes (n,) 0 or 1 and weights (n,); report progress to the journal."""
        ...

    def predict_proba(self, X: Inputs) -> Floats:
        """Return (n, 2) probabilities of no event and of an event."""
        ...

    def to_onnx(self, graph: Graph, inputs: str) -> str:
        """Add the same function of a tensor of prepared inputs to the graph; return (rows, 1)."""
        ...


@runtime_checkable
class HazardReader(Protocol):
    """What an estimator has that learns from outcomes by bin, and tells the hazard of each."""

    def fit(
        self,
        X: Inputs,
        y: Floats,
        sample_weight: Floats | None = None,
        *,
        journal: Journal,
        is_added: NDArray[np.bool_] | None = None,
    ) -> Self:
        """Learn from outcomes (n, events, bins); tell rows of another source from the main ones."""
        ...

    def hazards(self, X: Inputs) -> Floats:
        """Return the hazard of each bin, then the chance of each later day, (n, columns)."""
        ...

    def hazards_to_onnx(self, graph: Graph, inputs: str) -> str:
        """Add the same function to the graph; return (rows, columns)."""
        ...


class Classifier(ClassifierMixin, BaseEstimator):
    """What scikit-learn expects around `fit` and `predict_proba`."""

    classes_ = np.array([0.0, 1.0])

    @abstractmethod
    def predict_proba(self, X: Inputs) -> Floats:
        """Return (n, 2) probabilities of no event and of an event."""

    def predict(self, X: Inputs) -> NDArray[np.float64]:
        """Return the likelier class of each row, (n,)."""
        likelier: Floats = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return likelier


def both_classes(probability: Floats) -> Floats:
    """Put (n,) probabilities of an event beside those of none, (n, 2)."""
    return np.column_stack([1 - probability, probability])


def fewer_rows(outcome: Floats, *, most_rows: int, seed: int) -> NDArray[np.intp]:
    """Choose at most so many rows, at most half of them events unless other rows are too few."""
    events, quiet = np.flatnonzero(outcome == 1), np.flatnonzero(outcome == 0)
    n_events = min(len(events), max(most_rows // 2, most_rows - len(quiet)))
    n_quiet = min(len(quiet), most_rows - n_events)
    rng = np.random.default_rng(seed)
    parts = [
        rng.choice(places, count, replace=False)
        for places, count in ((events, n_events), (quiet, n_quiet))
    ]
    return np.sort(np.concatenate(parts))


def rows_represented(outcome: Floats, kept: NDArray[np.intp]) -> Floats:
    """Return for each kept row how many rows of its class it represents."""
    numbers = np.empty(len(kept))
    for value in (0, 1):
        of_class = outcome[kept] == value
        numbers[of_class] = np.sum(outcome == value) / np.sum(of_class)
    return numbers
