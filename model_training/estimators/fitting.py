"""Fitting: from a choice and training windows to a model that predicts and draws itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from model_training.augmentation.prior import PriorShift
from model_training.augmentation.smote import smote
from model_training.augmentation.undersampling import share_kept, undersample
from model_training.choices.augmentation import SmoteChoice, TimeGanChoice, UndersampleChoice
from model_training.choices.estimators import BlendChoice, Single
from model_training.estimators.blend import draw_weighted_mean, weighted_mean
from model_training.estimators.estimator import Estimator, Inputs
from model_training.estimators.registry import kind_of, make
from model_training.features import Floats
from model_training.graph import Graph
from model_training.journal import Journal
from model_training.preparation.pipeline import Preparation, fit_preparation
from solar.errors import InvalidInputError


class Model(Protocol):
    """A fitted model of one event, from raw windows to probabilities."""

    def predict(self, windows: Inputs) -> Floats:
        """Return (n,) raw probabilities of (n, steps, features) windows, NaN = missing."""
        ...

    def draw(self, graph: Graph) -> str:
        """Draw the same function on the windows of a graph; return (rows, 1)."""
        ...


@dataclass(frozen=True)
class Cases:
    """Training cases: (n, steps, features) windows, (n,) outcome 0 or 1, (n,) weight.

    `names` are those of the features.
    """

    windows: Inputs
    outcome: Floats
    weight: Floats
    names: tuple[str, ...]

    def take(self, cases: NDArray[np.bool_]) -> Cases:
        """Return the chosen cases."""
        return Cases(self.windows[cases], self.outcome[cases], self.weight[cases], self.names)

    def only(self, names: tuple[str, ...]) -> Cases:
        """Return the cases with these features alone."""
        return replace(self, windows=self.windows[..., self.places(names)], names=names)

    def places(self, names: tuple[str, ...]) -> list[int]:
        """Return where the features stand in the windows."""
        return [self.names.index(name) for name in names]


@dataclass(frozen=True)
class _Training:
    """What an estimator is fitted on: prepared inputs, the `n_synthetic` made-up ones first.

    Estimators that decide on the end of the rows when to stop thus decide on real ones.
    """

    inputs: Inputs
    outcome: Floats
    weight: Floats
    prior: PriorShift | None = None
    n_synthetic: int = 0


@dataclass(frozen=True)
class PreparedModel:
    """An estimator behind its preparation, with the prior put right where training bent it.

    `places` are those of the features it looks at in the windows; None is all of them.
    """

    places: list[int] | None
    preparation: Preparation
    estimator: Estimator
    prior: PriorShift | None
    n_synthetic: int

    def predict(self, windows: Inputs) -> Floats:
        seen = windows if self.places is None else windows[..., self.places]
        raw: Floats = self.estimator.predict_proba(self.preparation.apply(seen))[:, 1]
        return self.prior.apply(raw) if self.prior else raw

    def draw(self, graph: Graph) -> str:
        seen = graph.windows
        if self.places is not None:
            seen = graph.node("Gather", seen, graph.constant(self.places), axis=2)
        raw = self.estimator.draw(graph, self.preparation.draw(graph, seen))
        return self.prior.draw(graph, raw) if self.prior else raw


@dataclass(frozen=True)
class BlendedModel:
    """The weighted mean of several models."""

    members: tuple[Model, ...]
    weights: tuple[float, ...]

    def predict(self, windows: Inputs) -> Floats:
        return weighted_mean([member.predict(windows) for member in self.members], self.weights)

    def draw(self, graph: Graph) -> str:
        columns = [member.draw(graph) for member in self.members]
        return draw_weighted_mean(graph, columns, self.weights)


def fit(choice: Single | BlendChoice, cases: Cases, *, seed: int, journal: Journal) -> Model:
    """Fit one event on training cases."""
    if not isinstance(choice, BlendChoice):
        return _fit_one(choice, cases, seed=seed, journal=journal)
    members = tuple(
        _fit_one(member, cases, seed=seed, journal=journal.within(f"{place}-{member.kind}"))
        for place, member in enumerate(choice.members)
    )
    weights = choice.weights or (1.0,) * len(members)
    return BlendedModel(members, tuple(weight / sum(weights) for weight in weights))


def _fit_one(choice: Single, cases: Cases, *, seed: int, journal: Journal) -> PreparedModel:
    journal.check()
    places = None if choice.inputs is None else cases.places(choice.inputs)
    cases = cases if choice.inputs is None else cases.only(choice.inputs)
    kind = kind_of(choice)
    preparation = fit_preparation(
        choice.preparation, cases.windows,
        reads_windows=kind.reads_windows, takes_missing=kind.takes_missing,
    )  # fmt: skip
    real = _kept(cases, preparation)
    used = _balanced(choice, real, preparation, seed=seed, journal=journal)
    estimator = make(choice, seed=seed, inputs=preparation.names(cases.names))
    estimator = estimator.fit(used.inputs, used.outcome, used.weight, journal=journal)
    return PreparedModel(places, preparation, estimator, used.prior, used.n_synthetic)


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
    choice: Single, real: Cases, preparation: Preparation, *, seed: int, journal: Journal
) -> _Training:
    """Prepare training cases and meet the rare class as the choice says."""
    remedy = choice.augmentation
    if isinstance(remedy, TimeGanChoice):
        return _generated(remedy, real, preparation, seed=seed, journal=journal)
    inputs = preparation.apply(real.windows)
    if isinstance(remedy, SmoteChoice):
        made = smote(inputs, real.outcome, choice=remedy, seed=seed)
        return _with_made_up(made.inputs[made.synthetic], inputs, real)
    if isinstance(remedy, UndersampleChoice):
        places = undersample(real.outcome, choice=remedy, seed=seed)
        prior = PriorShift.of_undersampling(share_kept(real.outcome, places))
        return _Training(inputs[places], real.outcome[places], real.weight[places], prior)
    if choice.class_weight == "balanced":
        is_event = real.outcome == 1
        factor = float(real.weight[~is_event].sum() / real.weight[is_event].sum())
        weight = np.where(is_event, real.weight * factor, real.weight)
        return _Training(inputs, real.outcome, weight, PriorShift.of_class_weight(factor))
    return _Training(inputs, real.outcome, real.weight)


def _generated(
    choice: TimeGanChoice, real: Cases, preparation: Preparation, *, seed: int, journal: Journal
) -> _Training:
    # Imported when chosen: torch takes a second, and most runs do without it.
    from model_training.augmentation.event_windows import made_up_events

    made = made_up_events(real.windows, real.outcome, choice=choice, seed=seed, journal=journal)
    return _with_made_up(preparation.apply(made), preparation.apply(real.windows), real)


def _with_made_up(made: Inputs, inputs: Inputs, real: Cases) -> _Training:
    """Put made-up events, of the mean weight of real cases, before the real ones."""
    ones = np.ones(len(made))
    return _Training(
        np.concatenate([made, inputs]),
        np.concatenate([ones, real.outcome]),
        np.concatenate([ones * real.weight.mean(), real.weight]),
        n_synthetic=len(made),
    )
