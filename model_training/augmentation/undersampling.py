"""Undersampling: fewer non-events in training, chosen at random; every event stays."""

from __future__ import annotations

import numpy as np

from model_training.choices.augmentation import UndersampleChoice
from model_training.features import Floats, Integers
from solar.errors import InvalidInputError


def undersample(outcome: Floats, *, choice: UndersampleChoice, seed: int) -> Integers:
    """Return the sorted places of the training rows that are kept.

    Non-events are left out until there are `choice.share` events per non-event. Rows that
    have that share already are all kept. The forecasts of what is fitted on the rest are too
    high by `PriorShift.of_undersampling`.

    Parameters
    ----------
    outcome : (n,) 1 event, 0 none
    """
    events, others = np.flatnonzero(outcome == 1), np.flatnonzero(outcome != 1)
    if not len(events):
        raise InvalidInputError(
            f"none of the {len(outcome)} training rows is an event, so that undersampling would"
            " leave none; choose no augmentation, or a training range with events"
        )
    n_kept = min(len(others), round(len(events) / choice.share))
    kept = np.random.default_rng(seed).choice(others, n_kept, replace=False)
    return np.sort(np.concatenate([events, kept])).astype(np.int64)


def share_kept(outcome: Floats, places: Integers) -> float:
    """Return which share of the non-events is at the kept places; 1 where there are none."""
    n_before, n_after = np.sum(outcome != 1), np.sum(outcome[places] != 1)
    return float(n_after / n_before) if n_before else 1.0
