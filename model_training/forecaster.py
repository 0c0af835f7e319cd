"""A forecaster: a fitted model of every frequent event, and the rarer ones derived from M1.0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import onnx

from model_training import dropout, estimators, export
from model_training.datasets import Dataset
from model_training.estimators import Estimator, Matrix
from model_training.features import FlareHistory, Floats
from model_training.manifest import SizeRatio
from model_training.recipe import Recipe
from model_training.sizes import rarer, size_ratio
from model_training.splits import Split
from solar.errors import InvalidInputError

REFERENCE = "M1.0"


@dataclass(frozen=True)
class Plan:
    """Which events are fitted, and which are derived because of too few cases, and how few."""

    fitted: tuple[str, ...]
    derived: Mapping[str, str]

    @property
    def columns(self) -> tuple[str, ...]:
        """The events in the order of the output of the graph."""
        return (*self.fitted, *self.derived)


@dataclass(frozen=True)
class Forecaster:
    """Raw probabilities of all events of a plan; `sizes` are those of its derived events."""

    plan: Plan
    models: tuple[Estimator, ...]
    sizes: Mapping[str, SizeRatio]

    def predict(self, inputs: Matrix) -> Floats:
        """Return (n, columns) raw probabilities of (n, f) features, NaN = missing."""
        fitted = np.stack([model.predict(inputs) for model in self.models], axis=1)
        if not self.sizes:
            return fitted
        return np.hstack([fitted, rarer(fitted[:, self._reference], self._ratios)])

    def to_onnx(self, n_features: int) -> onnx.ModelProto:
        """Return the same function as one graph."""
        graph = export.merge([model.to_onnx() for model in self.models], n_features)
        if not self.sizes:
            return graph
        return export.with_rarer(graph, reference=self._reference, ratios=self._ratios)

    @property
    def _reference(self) -> int:
        return self.plan.fitted.index(REFERENCE)

    @property
    def _ratios(self) -> Floats:
        return np.array([self.sizes[event].ratio for event in self.plan.derived])


def make_plan(recipe: Recipe, parts: Split) -> Plan:
    """Decide how each event is forecast, by the number of its cases before the test rows.

    Raises
    ------
    InvalidInputError
        When an event is too rare and so is the one that it would be derived from.
    """
    reasons = {event: _too_few(recipe, parts, event) for event in recipe.events}
    fitted = tuple(event for event, reason in reasons.items() if reason is None)
    derived = {event: reason for event, reason in reasons.items() if reason is not None}
    if derived and REFERENCE not in fitted:
        raise InvalidInputError(
            f"{recipe.name}: {', '.join(derived)} cannot be learned, and there is no fitted"
            f" {REFERENCE} to derive them from; {derived}"
        )
    return Plan(fitted, derived)


def fit(
    recipe: Recipe, rows: Dataset, *, plan: Plan, flares: FlareHistory, until: datetime
) -> Forecaster:
    """Fit on rows, and count flares, that lie before `until`."""
    return Forecaster(
        plan,
        models=tuple(fit_event(recipe, rows, event) for event in plan.fitted),
        sizes={
            event: size_ratio(event, flares, of=REFERENCE, until=until) for event in plan.derived
        },
    )


def fit_event(recipe: Recipe, rows: Dataset, event: str) -> Estimator:
    """Fit one event on the rows whose truth is known."""
    known = rows.take(~np.isnan(rows.truth[event]))
    if len(np.unique(known.truth[event])) < 2:
        raise InvalidInputError(
            f"{recipe.name}: {event}+ cannot be fitted on {len(known)} rows of one outcome;"
            " begin with a later year in split.validation_years"
        )
    inputs, outcome, weight = dropout.augment(
        known.matrix(recipe.features), recipe.features, outcome=known.truth[event],
        choice=recipe.missing, seed=recipe.seed,
    )  # fmt: skip
    return estimators.fit(
        recipe.estimator, inputs, outcome=outcome, weight=weight, seed=recipe.seed
    )


def _too_few(recipe: Recipe, parts: Split, event: str) -> str | None:
    # Out-of-fold forecasts stand for those of the final fit only if each fit had enough cases.
    fits = [fold.train for fold in parts.folds] + [parts.train]
    n_train = min(_count(part, event) for part in fits)
    n_validation = _count(parts.validation, event)
    if n_train >= recipe.min_events_train and n_validation >= recipe.min_events_validation:
        return None
    return (
        f"too few events to fit: {n_train} for the first fit (needed {recipe.min_events_train}),"
        f" {n_validation} in validation (needed {recipe.min_events_validation})"
    )


def _count(part: Dataset, event: str) -> int:
    return int(np.nansum(part.truth[event]))
