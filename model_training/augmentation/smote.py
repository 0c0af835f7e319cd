"""SMOTE: synthetic events on the lines between neighbouring events (Chawla et al. 2002)."""

from __future__ import annotations

import numpy as np
from imblearn.over_sampling import SMOTE

from model_training.augmentation.augmented import (
    Augmented,
    events_missing,
    require_complete,
    with_events,
)
from model_training.choices.augmentation import SmoteChoice
from model_training.estimators.estimator import Inputs
from model_training.features import Floats
from solar.errors import InvalidInputError


def smote(inputs: Inputs, outcome: Floats, *, choice: SmoteChoice, seed: int) -> Augmented:
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
    _require_neighbours(outcome, choice)
    missing = events_missing(outcome, share=choice.share)
    if not missing:
        return with_events(inputs, outcome, made=inputs[:0])
    n_events = int(np.sum(outcome == 1))
    sampler = SMOTE(
        sampling_strategy={1: n_events + missing},
        k_neighbors=choice.neighbours,
        random_state=seed,
    )
    flat, _ = sampler.fit_resample(inputs.reshape(len(inputs), -1), outcome.astype(np.int64))
    made = flat[len(inputs) :].reshape(-1, *inputs.shape[1:])
    return with_events(inputs, outcome, made=made.astype(np.float32))


def _require_neighbours(outcome: Floats, choice: SmoteChoice) -> None:
    n_events = int(np.sum(outcome == 1))
    if n_events > choice.neighbours:
        return
    advice = (
        f"choose neighbours = {n_events - 1} or fewer, or no augmentation"
        if n_events > 2
        else "choose no augmentation, or a training range with more events"
    )
    raise InvalidInputError(
        f"SMOTE with {choice.neighbours} neighbours needs more than {choice.neighbours} events,"
        f" and the training rows have {n_events}; {advice}"
    )
