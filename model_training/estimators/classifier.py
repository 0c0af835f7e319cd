"""The base of estimators of two classes: options as scikit-learn reads and clones them."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from model_training.estimators.estimator import Inputs
from model_training.features import Floats


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
