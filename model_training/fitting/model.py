"""Models of one event: an estimator behind its preparation, or the weighted mean of several.

A model is fitted from its configuration and training windows; it predicts, and exports itself
to ONNX.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from model_training import plugins
from model_training.artefact.graph import Graph
from model_training.features import Floats, Inputs
from model_training.fitting.augmentation.resampling import (
    PriorShift,
    share_kept,
    smote,
    undersample,
)
from model_training.fitting.estimators.estimator import Estimator, HazardReader
from model_training.fitting.preparation.pipeline import AsServed, Preparation, fit_preparation
from model_training.journal import Journal
from model_training.recipe.estimators import (
    BlendConfig,
    EstimatorConfig,
    PluginConfig,
    Single,
    SmoteConfig,
    TimeGanConfig,
    UndersampleConfig,
)
from solar.errors import InvalidInputError

# Imported when chosen: torch and gensim take seconds, and most runs need neither.
_CLASSES = {
    "logistic-regression": ("logistic_regression", "LogisticRegressionEstimator"),
    "gradient-boosting": ("boosted_trees", "BoostedTreesEstimator"),
    "random-forest": ("random_forest", "RandomForestEstimator"),
    "svm": ("svm", "SvmEstimator"),
    "nearest-neighbours": ("nearest_neighbours", "NearestNeighboursEstimator"),
    "gru": ("gru", "GruEstimator"),
    "hazard": ("hazard", "HazardEstimator"),
    "node2vec": ("node2vec", "Node2VecEstimator"),
    "mcintosh-poisson": ("event_rates", "McIntoshPoissonEstimator"),
    "climatology": ("event_rates", "ClimatologyEstimator"),
    "persistence": ("event_rates", "PersistenceEstimator"),
}
_INTERFACE = ("reads_windows", "takes_missing", "fit", "predict_proba", "to_onnx")


def weighted_mean(columns: Sequence[Floats], weights: Sequence[float]) -> Floats:
    """Return the mean (n,) of columns (n,); weights need not sum to 1."""
    mean: Floats = np.average(np.stack(columns), axis=0, weights=weights)
    return mean


def weighted_mean_to_onnx(graph: Graph, columns: Sequence[str], weights: Sequence[float]) -> str:
    """Add the same mean of (rows, 1) tensors to the graph."""
    share = np.asarray(weights, float)[:, None] / sum(weights)
    return graph.node("MatMul", graph.node("Concat", *columns, axis=1), graph.constant(share))


def estimator_class(config: Single) -> type[Estimator]:
    """Return the class of a configuration."""
    if isinstance(config, PluginConfig):
        return _of_another_package(config)
    module, name = _CLASSES[config.kind]
    try:
        loaded = import_module(f"model_training.fitting.estimators.{module}")
        kind: type[Estimator] = getattr(loaded, name)
    except OSError as error:
        # LightGBM is linked to OpenMP and does not include it.
        raise InvalidInputError(
            f"{config.kind} cannot be loaded: {error}; on Debian: apt-get install libgomp1"
        ) from error
    return kind


def make_estimator(
    config: Single, *, seed: int, inputs: tuple[str, ...] = (), place: int = 0
) -> Estimator:
    """Return an unfitted estimator with the options of a configuration.

    `inputs` are the names of the prepared inputs, for estimators that tell them apart, and
    `place` that of the event among those that are fitted together.
    """
    kind = estimator_class(config)
    options = (
        config.options
        if isinstance(config, PluginConfig)
        else config.model_dump(exclude={"kind", *EstimatorConfig.model_fields})
    )
    extra = {"seed": seed, "inputs": inputs, "place": place}
    known = inspect.signature(kind).parameters
    passed = {name: value for name, value in extra.items() if name in known}
    if isinstance(config, PluginConfig):
        plugins.refuse_unknown_options(config.plugin, kind, options, *passed)
    return kind(**options, **passed)


def _of_another_package(config: PluginConfig) -> type[Estimator]:
    kind = plugins.load(plugins.ESTIMATORS, config.plugin)
    plugins.accept_draw(kind)
    missing = [name for name in _INTERFACE if not hasattr(kind, name)]
    if not isinstance(kind, type) or missing:
        raise InvalidInputError(
            f"the estimator {config.plugin!r} is no class with {', '.join(missing or _INTERFACE)};"
            " docs/own-models.md says what an estimator is"
        )
    return kind


class Model(Protocol):
    """A fitted model of one event, from raw windows to probabilities."""

    def predict(self, windows: Inputs) -> Floats:
        """Return (n,) raw probabilities of (n, steps, features) windows, NaN = missing."""
        ...

    def to_onnx(self, graph: Graph) -> str:
        """Add the same function of the graph's windows to it; return (rows, 1)."""
        ...


@dataclass(frozen=True)
class Cases:
    """Training cases: (n, steps, features) windows, (n,) outcome 0 or 1, (n,) weight.

    `names` are those of the features. `by_bin` (n, events, bins) has the outcome in each bin of
    time after t, NaN where unknown, of the `place`-th event and those fitted together with it.
    `is_added` (n,) tells which come from another source, None where none does.
    """

    windows: Inputs
    outcome: Floats
    weight: Floats
    names: tuple[str, ...]
    by_bin: Floats | None = None
    place: int = 0
    is_added: NDArray[np.bool_] | None = None

    def take(self, cases: NDArray[np.bool_]) -> Cases:
        """Return the chosen cases."""
        by_bin = None if self.by_bin is None else self.by_bin[cases]
        is_added = None if self.is_added is None else self.is_added[cases]
        return replace(
            self,
            windows=self.windows[cases],
            outcome=self.outcome[cases],
            weight=self.weight[cases],
            by_bin=by_bin,
            is_added=is_added,
        )

    def only(self, names: tuple[str, ...]) -> Cases:
        """Return the cases with these features alone."""
        return replace(self, windows=self.windows[..., self.places(names)], names=names)

    def places(self, names: tuple[str, ...]) -> list[int]:
        """Return the columns of the features in the windows."""
        return [self.names.index(name) for name in names]


@dataclass(frozen=True)
class _Training:
    """The rows of a fit: prepared inputs, the `n_synthetic` synthetic ones first.

    Estimators that decide on the end of the rows when to stop thus decide on real ones.
    """

    inputs: Inputs
    outcome: Floats
    weight: Floats
    prior: PriorShift | None = None
    n_synthetic: int = 0


@dataclass(frozen=True)
class PreparedModel:
    """An estimator behind its preparation, with the prior corrected where training changed it.

    `places` are the columns of the features it uses in the windows; None is all of them.
    """

    places: list[int] | None
    preparation: Preparation
    estimator: Estimator
    prior: PriorShift | None
    n_synthetic: int

    def predict(self, windows: Inputs) -> Floats:
        return self.with_prior(self.estimator.predict_proba(self.prepare(windows))[:, 1])

    def prepare(self, windows: Inputs) -> Inputs:
        """Return the inputs of the estimator."""
        seen = windows if self.places is None else windows[..., self.places]
        return self.preparation.apply(seen)

    @property
    def tells_hazards(self) -> bool:
        """Whether the estimator tells the hazard of each bin of time after t."""
        return isinstance(self.estimator, HazardReader)

    def hazards(self, windows: Inputs) -> Floats:
        """Return the hazard of each bin, (n, bins), of an estimator that tells them."""
        return cast(HazardReader, self.estimator).hazards(self.prepare(windows))

    def hazards_to_onnx(self, graph: Graph) -> str:
        """Add the same to the graph; return (rows, bins)."""
        inputs = self._prepared_to_onnx(graph)
        return cast(HazardReader, self.estimator).hazards_to_onnx(graph, inputs)

    def with_prior(self, raw: Floats) -> Floats:
        """Return (n,) forecasts of the estimator with the event rate of all training rows."""
        return self.prior.apply(raw) if self.prior else raw

    def to_onnx(self, graph: Graph) -> str:
        raw = self.estimator.to_onnx(graph, self._prepared_to_onnx(graph))
        return self.prior.to_onnx(graph, raw) if self.prior else raw

    def _prepared_to_onnx(self, graph: Graph) -> str:
        seen = graph.windows
        if self.places is not None:
            seen = graph.node("Gather", seen, graph.constant(self.places), axis=2)
        return self.preparation.to_onnx(graph, seen)


@dataclass(frozen=True)
class BlendedModel:
    """The weighted mean of several models."""

    members: tuple[Model, ...]
    weights: tuple[float, ...]

    def predict(self, windows: Inputs) -> Floats:
        return weighted_mean([member.predict(windows) for member in self.members], self.weights)

    def to_onnx(self, graph: Graph) -> str:
        columns = [member.to_onnx(graph) for member in self.members]
        return weighted_mean_to_onnx(graph, columns, self.weights)


def fit(config: Single | BlendConfig, cases: Cases, *, seed: int, journal: Journal) -> Model:
    """Fit one event on training cases."""
    if not isinstance(config, BlendConfig):
        return _fit_one(config, cases, seed=seed, journal=journal)
    members = tuple(
        _fit_one(member, cases, seed=seed, journal=journal.within(f"{place}-{member.kind}"))
        for place, member in enumerate(config.members)
    )
    weights = config.weights or (1.0,) * len(members)
    return BlendedModel(members, tuple(weight / sum(weights) for weight in weights))


def _fit_one(config: Single, cases: Cases, *, seed: int, journal: Journal) -> PreparedModel:
    journal.check()
    places = None if config.inputs is None else cases.places(config.inputs)
    cases = cases if config.inputs is None else cases.only(config.inputs)
    kind = estimator_class(config)
    preparation = fit_preparation(
        config.preparation,
        cases.windows,
        reads_windows=kind.reads_windows,
        takes_missing=kind.takes_missing,
    )
    # Plug-ins need no such flag. With an imputer of another package the graph stays apart from
    # numpy, so that the two are compared.
    if getattr(kind, "is_stepwise", False) and config.preparation.missing != "plugin":
        preparation = AsServed(**vars(preparation))
    real = _kept(cases, preparation)
    used = _balanced(config, real, preparation, seed=seed, journal=journal)
    estimator = make_estimator(
        config, seed=seed, inputs=preparation.names(cases.names), place=cases.place
    )
    model = PreparedModel(places, preparation, estimator, used.prior, used.n_synthetic)
    if journal.fold_skill is not None:
        skill = journal.fold_skill.behind(model.prepare)
        journal = replace(journal, fold_skill=replace(skill, finish=model.with_prior))
    if isinstance(estimator, HazardReader):
        by_bin = _outcome_by_bin(real)
        estimator.fit(used.inputs, by_bin, used.weight, journal=journal, is_added=real.is_added)
    else:
        estimator.fit(used.inputs, used.outcome, used.weight, journal=journal)
    return model


def _outcome_by_bin(cases: Cases) -> Floats:
    if cases.by_bin is None:
        raise InvalidInputError(
            "a hazard model learns when the first flare peaked, and the data set does not tell it;"
            " give data.flares, in the layout sharp or table"
        )
    return cases.by_bin


def _kept(cases: Cases, preparation: Preparation) -> Cases:
    rows = preparation.rows_kept(cases.windows)
    # Windows of a large set are copied only where some are left out.
    real = cases if rows.all() else cases.take(rows)
    if len(np.unique(real.outcome)) < 2:
        raise InvalidInputError(
            f"{len(real.outcome)} of {len(rows)} training cases are complete, and all of them have"
            ' one outcome; choose another way than missing = "drop"'
        )
    return real


def _balanced(
    config: Single, real: Cases, preparation: Preparation, *, seed: int, journal: Journal
) -> _Training:
    """Prepare training cases, and balance the classes as the configuration says."""
    augmentation = config.augmentation
    if isinstance(augmentation, TimeGanConfig):
        return _generated(augmentation, real, preparation, seed=seed, journal=journal)
    inputs = preparation.apply(real.windows)
    if isinstance(augmentation, SmoteConfig):
        augmented = smote(inputs, real.outcome, config=augmentation, seed=seed)
        return _with_synthetic(augmented.inputs[augmented.synthetic], inputs, real)
    if isinstance(augmentation, UndersampleConfig):
        places = undersample(real.outcome, config=augmentation, seed=seed)
        prior = PriorShift.of_undersampling(share_kept(real.outcome, places))
        return _Training(inputs[places], real.outcome[places], real.weight[places], prior)
    if config.class_weight == "balanced":
        is_event = real.outcome == 1
        factor = float(real.weight[~is_event].sum() / real.weight[is_event].sum())
        weight = np.where(is_event, real.weight * factor, real.weight)
        return _Training(inputs, real.outcome, weight, PriorShift.of_class_weight(factor))
    return _Training(inputs, real.outcome, real.weight)


def _generated(
    config: TimeGanConfig, real: Cases, preparation: Preparation, *, seed: int, journal: Journal
) -> _Training:
    # Imported when chosen: torch takes a second, and most runs do without it.
    from model_training.fitting.augmentation.timegan import synthetic_events

    synthetic = synthetic_events(
        real.windows, real.outcome, config=config, seed=seed, journal=journal
    )
    return _with_synthetic(preparation.apply(synthetic), preparation.apply(real.windows), real)


def _with_synthetic(synthetic: Inputs, inputs: Inputs, real: Cases) -> _Training:
    """Put synthetic events, of the mean weight of real cases, before the real ones."""
    ones = np.ones(len(synthetic))
    return _Training(
        np.concatenate([synthetic, inputs]),
        np.concatenate([ones, real.outcome]),
        np.concatenate([ones * real.weight.mean(), real.weight]),
        n_synthetic=len(synthetic),
    )
