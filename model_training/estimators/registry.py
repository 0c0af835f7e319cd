"""The registry of estimators: which class answers to which kind of choice."""

from __future__ import annotations

import inspect
from importlib import import_module

from model_training import plugins
from model_training.choices.estimators import EstimatorChoice, PluginChoice, Single
from model_training.estimators.estimator import Estimator
from solar.errors import InvalidInputError

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
_INTERFACE = ("reads_windows", "takes_missing", "fit", "predict_proba", "draw")


def kind_of(choice: Single) -> type[Estimator]:
    """Return the class that answers to a choice."""
    if isinstance(choice, PluginChoice):
        return _of_another_package(choice)
    module, name = _CLASSES[choice.kind]
    try:
        kind: type[Estimator] = getattr(import_module(f"model_training.estimators.{module}"), name)
    except OSError as error:
        # LightGBM is linked to OpenMP and does not bring it.
        raise InvalidInputError(
            f"{choice.kind} cannot be loaded: {error}; on Debian: apt-get install libgomp1"
        ) from error
    return kind


def make(choice: Single, *, seed: int, inputs: tuple[str, ...] = ()) -> Estimator:
    """Return a blank estimator with the options of a choice.

    `inputs` are the names of the prepared inputs, for estimators that tell them apart.
    """
    kind = kind_of(choice)
    options = (
        choice.options
        if isinstance(choice, PluginChoice)
        else choice.model_dump(exclude={"kind", *EstimatorChoice.model_fields})
    )
    extra = {"seed": seed, "inputs": inputs}
    known = inspect.signature(kind).parameters
    given = {name: value for name, value in extra.items() if name in known}
    if isinstance(choice, PluginChoice):
        plugins.refuse_unknown_options(choice.plugin, kind, options, *given)
    return kind(**options, **given)


def _of_another_package(choice: PluginChoice) -> type[Estimator]:
    kind = plugins.load(plugins.ESTIMATORS, choice.plugin)
    lacking = [name for name in _INTERFACE if not hasattr(kind, name)]
    if not isinstance(kind, type) or lacking:
        raise InvalidInputError(
            f"the estimator {choice.plugin!r} is no class with {', '.join(lacking or _INTERFACE)};"
            " docs/models.md says what an estimator is"
        )
    return kind
