"""A forecaster: a fitted model of every frequent event, and the rarer ones derived from M1.0.

The size distribution of flares says how often a flare of one class is also one of a rarer
class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import onnx
from numpy.typing import NDArray

from model_training.artefact.graph import Graph
from model_training.artefact.manifest import SizeRatio
from model_training.data.dataset import Dataset
from model_training.data.hazard_bins import (
    DAY,
    OTHER_WINDOWS,
    WINDOW_COLUMNS,
    any_within,
    ladder_of,
)
from model_training.data.split import Split
from model_training.features import FlareHistory, Floats, Inputs
from model_training.fitting import model as fitting
from model_training.fitting.estimators.hazard import any_within_to_onnx
from model_training.fitting.model import Cases, Model, PreparedModel
from model_training.fitting.training_cases import map_instrument, with_missing_copy
from model_training.journal import FoldSkill, Journal
from model_training.recipe.recipe import Recipe
from solar.errors import InvalidInputError
from solar.flares import event as event_named
from solar.time import isoformat, to_datetime64
from solar.truth import reaches

# In the single precision of the graph 1 - p has no digits left to be raised to a power near p = 1.
LEAST_QUIET = 1e-3
REFERENCE = "M1.0"


def size_ratio(event: str, flares: FlareHistory, *, of: str, until: datetime) -> SizeRatio:
    """Count the flares that peaked before `until`, whatever their region."""
    flux = flares.flux[flares.peak_at < to_datetime64(until)]
    n_rare, n_reference = (
        int(np.count_nonzero(reaches(flux, event_named(name).peak_flux_w_m2)))
        for name in (event, of)
    )
    if not n_reference:
        raise InvalidInputError(
            f"no {of}+ flare peaks before {isoformat(until)}, so that {event}+ cannot be derived"
            " from it; give a longer flare list"
        )
    return SizeRatio(of=of, until=isoformat(until), flares=n_rare, reference_flares=n_reference)


def rarer(probability: Floats, ratios: NDArray[np.float64]) -> Floats:
    """Turn (n,) chances of a flare into (n, k) chances of a rarer one: 1 - (1 - p)^ratio.

    Flares that come independently at a rate L in the window give p = 1 - exp(-L), and of
    them the share `ratios` is large; the chance of at least one is 1 - exp(-ratio L).
    """
    spared: Floats = np.maximum(1 - probability, LEAST_QUIET)[:, None] ** ratios[None, :]
    return 1 - spared


def rarer_to_onnx(graph: Graph, probability: str, ratios: NDArray[np.float64]) -> str:
    """Add `rarer` of a (rows, 1) tensor to the graph; return (rows, k)."""
    one = graph.constant(1.0)
    quiet = graph.node("Sub", one, probability)
    bounded = graph.node("Max", quiet, graph.constant(LEAST_QUIET))
    return graph.node("Sub", one, graph.node("Pow", bounded, graph.constant(ratios[None, :])))


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
    """Raw probabilities of all events of a plan; `sizes` are those of its derived events.

    Where all models tell hazards, no event has a higher hazard than the one before it in any bin,
    and the output of the graph has a column for each other window and event as well: those of
    ``6h`` in the order of `plan.fitted`, then those of ``12h``, ``48h``, ``d2`` and ``d3``.

    `fitted_on` are the cases that the models were fitted on, for the leak audit.
    """

    plan: Plan
    models: tuple[Model, ...]
    sizes: Mapping[str, SizeRatio]
    fitted_on: Dataset

    def predict(self, windows: Inputs) -> Floats:
        """Return (n, columns) raw probabilities of (n, steps, f) windows, NaN = missing."""
        if self._of_hazards:
            fitted = any_within(self.hazards(windows), DAY)
        else:
            fitted = np.stack([model.predict(windows) for model in self.models], axis=1)
        if not self.sizes:
            return fitted
        return np.hstack([fitted, rarer(fitted[:, self._reference], self._ratios)])

    def to_onnx(self, *, steps: int, features: int) -> onnx.ModelProto:
        """Return the same function as one graph."""
        graph = Graph(steps=steps, features=features)
        hazards = self._hazards_to_onnx(graph)
        if hazards:
            columns = [any_within_to_onnx(graph, hazard, DAY) for hazard in hazards]
        else:
            columns = [model.to_onnx(graph) for model in self.models]
        if self.sizes:
            columns.append(rarer_to_onnx(graph, columns[self._reference], self._ratios))
        others = [
            any_within_to_onnx(graph, hazard, WINDOW_COLUMNS[name])
            for name in OTHER_WINDOWS
            for hazard in hazards
        ]
        return graph.finish([*columns, *others], len(self.plan.columns) + len(others))

    def hazards(self, windows: Inputs) -> Floats:
        """Return (n, fitted events, columns) of `WINDOW_COLUMNS` of (n, steps, f) windows."""
        told = np.stack([model.hazards(windows) for model in self._of_hazards], axis=1)
        lowered: Floats = np.minimum.accumulate(told, axis=1)
        return lowered

    def predict_windows(self, windows: Inputs) -> Floats:
        """Return what the graph has beyond `predict`: (n, other windows x fitted events)."""
        if not self._of_hazards:
            return np.empty((len(windows), 0))
        hazards = self.hazards(windows)
        return np.hstack([any_within(hazards, WINDOW_COLUMNS[name]) for name in OTHER_WINDOWS])

    def _hazards_to_onnx(self, graph: Graph) -> list[str]:
        lowered: list[str] = []
        for model in self._of_hazards:
            hazard = model.hazards_to_onnx(graph)
            lowered.append(graph.node("Min", lowered[-1], hazard) if lowered else hazard)
        return lowered

    @property
    def targets(self) -> tuple[str, ...]:
        """What the graph has beyond the columns of the plan, by name, in its order."""
        if not self._of_hazards:
            return ()
        return tuple(f"{event}/{name}" for name in OTHER_WINDOWS for event in self.plan.fitted)

    @property
    def _of_hazards(self) -> tuple[PreparedModel, ...]:
        """The models, if each of them tells the hazard of each bin of time after t, or none."""
        models = [model for model in self.models if isinstance(model, PreparedModel)]
        every = len(models) == len(self.models) and all(model.tells_hazards for model in models)
        return tuple(models) if every else ()

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
    recipe: Recipe,
    cases: Dataset,
    *,
    plan: Plan,
    flares: FlareHistory | None,
    until: datetime | None,
    journal: Journal,
    held_out: Dataset | None = None,
) -> Forecaster:
    """Fit on cases, and count flares, that lie before `until`.

    The journal may tell of the skill on cases `held_out` meanwhile; the fit is the same without.
    """
    journal.tell_parts(plan.fitted)
    models = tuple(
        fit_event(
            recipe,
            cases,
            event,
            journal=_telling_skill(journal.within(event), recipe, held_out, event),
        )
        for event in plan.fitted
    )
    return Forecaster(plan, models, _sizes(plan, flares, until), fitted_on=cases)


def _sizes(plan: Plan, flares: FlareHistory | None, until: datetime | None) -> dict[str, SizeRatio]:
    if not plan.derived:
        return {}
    if flares is None or until is None:
        raise InvalidInputError(
            f"{', '.join(plan.derived)} cannot be derived without a flare list and a split in"
            f" time: {'; '.join(plan.derived.values())}; leave them out of events"
        )
    return {event: size_ratio(event, flares, of=REFERENCE, until=until) for event in plan.derived}


def _telling_skill(
    journal: Journal, recipe: Recipe, held_out: Dataset | None, event: str
) -> Journal:
    if held_out is None or journal.folder is None:
        return journal
    known = held_out.take(~np.isnan(held_out.truth[event]))
    skill = FoldSkill(lambda: known.windows(recipe.features), known.truth[event])
    return replace(journal, fold_skill=skill)


def fit_event(recipe: Recipe, cases: Dataset, event: str, *, journal: Journal) -> Model:
    """Fit one event on the cases whose truth is known."""
    known = cases.take(~np.isnan(cases.truth[event]))
    outcome = known.truth[event]
    if len(np.unique(outcome)) < 2:
        raise InvalidInputError(
            f"{recipe.name}: {event}+ cannot be fitted on {len(known)} rows of one outcome;"
            " change [split] so that every fit has events"
        )
    measured = np.isin(recipe.features, recipe.keywords)
    windows = known.windows(recipe.features)
    if getattr(recipe.data, "pooled", None):
        windows = map_instrument(windows, known.is_scored, measured)
    weight = np.ones(len(known)) if known.weight is None else known.weight
    ladder = ladder_of(event)
    by_bin = np.stack([known.by_bin[name] for name in ladder], axis=1) if known.by_bin else None
    place = ladder.index(event)
    is_added = None if known.is_scored.all() else ~known.is_scored
    training = Cases(windows, outcome, weight, recipe.features, by_bin, place, is_added)
    training = with_missing_copy(training, recipe.features, config=recipe.hiding, seed=recipe.seed)
    return fitting.fit(recipe.estimator, training, seed=recipe.seed, journal=journal)


def _too_few(recipe: Recipe, parts: Split, event: str) -> str | None:
    # Out-of-fold forecasts represent those of the final fit only if each fit had enough cases.
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
