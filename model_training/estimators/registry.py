"""The registry of estimators: which class answers to which kind of choice."""

from __future__ import annotations

import inspect
from importlib import import_module

from model_training.choices.estimators import EstimatorChoice, Single
from model_training.estimators.estimator import Estimator

# Imported when chosen: torch and gensim take seconds, and most runs need neither.
_CLASSES = {
    "logistic-regression": ("logistic_regression", "LogisticRegressionEstimator"),
    "gradient-boosting": ("boosted_trees", "BoostedTreesEstimator"),
    "svm": ("svm", "SvmEstimator"),
    "gru": ("gru", "GruEstimator"),
    "node2vec": ("node2vec", "Node2VecEstimator"),
    "mcintosh-poisson": ("mcintosh", "McIntoshPoissonEstimator"),
    "climatology": ("climatology", "ClimatologyEstimator"),
    "persistence": ("persistence", "PersistenceEstimator"),
}


def kind_of(choice: Single) -> type[Estimator]:
    """Return the class that answers to a choice."""
    module, name = _CLASSES[choice.kind]
    kind: type[Estimator] = getattr(import_module(f"model_training.estimators.{module}"), name)
    return kind


def make(choice: Single, *, seed: int, inputs: tuple[str, ...] = ()) -> Estimator:
    """Return a blank estimator with the options of a choice.

    `inputs` are the names of the prepared inputs, for estimators that tell them apart.
    """
    kind = kind_of(choice)
    options = choice.model_dump(exclude={"kind", *EstimatorChoice.model_fields})
    extra = {"seed": seed, "inputs": inputs}
    known = inspect.signature(kind).parameters
    return kind(**options, **{name: value for name, value in extra.items() if name in known})
