"""Resampling of training rows: SMOTE, undersampling, and the correction of the prior.

SMOTE adds synthetic events after the real rows (Chawla et al. 2002). Undersampling leaves out
non-events at random. Undersampling and class weights change the odds; the prior shift undoes it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from imblearn.over_sampling import SMOTE
from imblearn.under_sampling import RandomUnderSampler
from numpy.typing import NDArray

from model_training.artefact.graph import Graph
from model_training.features import Floats, Inputs, Integers
from model_training.recipe.estimators import SmoteConfig, UndersampleConfig
from solar.errors import InvalidInputError


@dataclass(frozen=True)
class Augmented:
    """What an estimator is fitted on in place of the training rows.

    Parameters
    ----------
    inputs : (n', steps, features) prepared windows
    outcome : (n',) 1 event, 0 none
    synthetic : (n',) which rows never happened; they must stay inside the training rows
    """

    inputs: Inputs
    outcome: Floats
    synthetic: NDArray[np.bool_]


def with_events(inputs: Inputs, outcome: Floats, *, synthetic: Inputs) -> Augmented:
    """Put synthetic events (m, steps, features) after the real rows."""
    return Augmented(
        np.concatenate([inputs, synthetic]),
        np.concatenate([outcome, np.ones(len(synthetic))]),
        np.repeat([False, True], [len(inputs), len(synthetic)]),
    )


def events_missing(outcome: Floats, *, share: float) -> int:
    """Count the events that (n,) outcomes lack to have `share` events per non-event."""
    n_events = int(np.sum(outcome == 1))
    return max(0, round(share * (len(outcome) - n_events)) - n_events)


def require_complete(inputs: Inputs) -> None:
    """Refuse NaN: no value lies between a missing one and a known one."""
    n_missing = int(np.isnan(inputs).any(axis=tuple(range(1, inputs.ndim))).sum())
    if n_missing:
        raise InvalidInputError(
            f"{n_missing} of {len(inputs)} training rows have missing values, and synthetic"
            " events need complete ones; choose missing = 'mean', 'linear', 'last' or 'drop' in"
            " the preparation, or an estimator that fills them"
        )


def undersample(outcome: Floats, *, config: UndersampleConfig, seed: int) -> Integers:
    """Return the sorted places of the training rows that are kept.

    Non-events are left out until there are `config.share` events per non-event. Rows that
    have that share already are all kept. The forecasts of what is fitted on the rest are too
    high by `PriorShift.of_undersampling`.

    Parameters
    ----------
    outcome : (n,) 1 event, 0 none
    """
    n_events = int(np.sum(outcome == 1))
    if not n_events:
        raise InvalidInputError(
            f"none of the {len(outcome)} training rows is an event, so that undersampling would"
            " leave none; choose no augmentation, or a training range with events"
        )
    places, n_kept = np.arange(len(outcome), dtype=np.int64), round(n_events / config.share)
    if n_kept >= len(outcome) - n_events:
        return places
    sampler = RandomUnderSampler(sampling_strategy={0: n_kept}, random_state=seed)
    kept, _ = sampler.fit_resample(places.reshape(-1, 1), outcome.astype(np.int64))
    return np.sort(kept.ravel())


def share_kept(outcome: Floats, places: Integers) -> float:
    """Return which share of the non-events is at the kept places; 1 where there are none."""
    n_before, n_after = np.sum(outcome != 1), np.sum(outcome[places] != 1)
    return float(n_after / n_before) if n_before else 1.0


@dataclass(frozen=True)
class PriorShift:
    """The analytic correction p' = p f / (p f + 1 - p), with f the factor on the odds.

    With the event rate r of all training rows and s of those that were learned from,
    f = (r / s) / ((1 - r) / (1 - s)), so that this is the formula of Elkan (2001) and of
    Saerens et al. (2002, doi 10.1162/089976602753284446). It holds when rows were left out or
    weighted by their outcome alone, and not for synthetic events.
    """

    odds_factor: float

    def __post_init__(self) -> None:
        if not 0 < self.odds_factor < float("inf"):
            raise InvalidInputError(
                f"odds cannot be multiplied by {self.odds_factor}; give a share or a ratio of"
                " weights above 0"
            )

    @classmethod
    def of_undersampling(cls, share_kept: float) -> PriorShift:
        """Return the correction for leaving out all but this share of the non-events."""
        return cls(share_kept)

    @classmethod
    def of_class_weight(cls, event_weight: float, *, other_weight: float = 1.0) -> PriorShift:
        """Return the correction for counting an event and a non-event with these weights."""
        return cls(other_weight / event_weight if event_weight > 0 else np.nan)

    def apply(self, probability: Floats) -> Floats:
        """Correct (n,) probabilities; 0 and 1 stay, and so do NaN and the order."""
        events = probability * self.odds_factor
        corrected: Floats = events / (events + (1 - probability))
        return corrected

    def to_onnx(self, graph: Graph, probability: str) -> str:
        """Add the same function of a (rows, 1) tensor to the graph; return (rows, 1)."""
        events = graph.node("Mul", probability, graph.constant(self.odds_factor))
        others = graph.node("Sub", graph.constant(1.0), probability)
        return graph.node("Div", events, graph.node("Add", events, others))


def smote(inputs: Inputs, outcome: Floats, *, config: SmoteConfig, seed: int) -> Augmented:
    """Add synthetic events until the chosen share is reached; never take one away.

    A whole window is one point: all its steps move by the same part of the way towards a
    neighbour. It distorts densities, so that probabilities must be calibrated afterwards on
    untouched rows; no formula puts the prior right.

    Parameters
    ----------
    inputs : (n, steps, features) prepared training windows on one scale, without NaN
    outcome : (n,) 1 event, 0 none

    Raises
    ------
    InvalidInputError
        With NaN in the inputs, or with no more events than neighbours.

    Reference: doi 10.1613/jair.953.
    """
    require_complete(inputs)
    _require_neighbours(outcome, config)
    missing = events_missing(outcome, share=config.share)
    if not missing:
        return with_events(inputs, outcome, synthetic=inputs[:0])
    n_events = int(np.sum(outcome == 1))
    sampler = SMOTE(
        sampling_strategy={1: n_events + missing},
        k_neighbors=config.neighbours,
        random_state=seed,
    )
    flat, _ = sampler.fit_resample(inputs.reshape(len(inputs), -1), outcome.astype(np.int64))
    synthetic = flat[len(inputs) :].reshape(-1, *inputs.shape[1:])
    return with_events(inputs, outcome, synthetic=synthetic.astype(np.float32))


def _require_neighbours(outcome: Floats, config: SmoteConfig) -> None:
    n_events = int(np.sum(outcome == 1))
    if n_events > config.neighbours:
        return
    advice = (
        f"choose neighbours = {n_events - 1} or fewer, or no augmentation"
        if n_events > 2
        else "choose no augmentation, or a training range with more events"
    )
    raise InvalidInputError(
        f"SMOTE with {config.neighbours} neighbours needs more than {config.neighbours} events,"
        f" and the training rows have {n_events}; {advice}"
    )
