"""Augmented training rows: the real ones first and unchanged, the synthetic events after them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model_training.estimators.estimator import Inputs
from model_training.features import Floats
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


def with_events(inputs: Inputs, outcome: Floats, *, made: Inputs) -> Augmented:
    """Put synthetic events (m, steps, features) after the real rows."""
    return Augmented(
        np.concatenate([inputs, made]),
        np.concatenate([outcome, np.ones(len(made))]),
        np.repeat([False, True], [len(inputs), len(made)]),
    )


def events_missing(outcome: Floats, *, share: float) -> int:
    """Count the events that (n,) outcomes lack to have `share` events per non-event."""
    n_events = int(np.sum(outcome == 1))
    return max(0, round(share * (len(outcome) - n_events)) - n_events)


def require_complete(inputs: Inputs) -> None:
    """Refuse NaN: between a missing value and a known one nothing can be interpolated."""
    n_missing = int(np.isnan(inputs).any(axis=tuple(range(1, inputs.ndim))).sum())
    if n_missing:
        raise InvalidInputError(
            f"{n_missing} of {len(inputs)} training rows have missing values, and synthetic"
            " events need complete ones; choose missing = 'mean', 'linear', 'last' or 'drop' in"
            " the preparation, or an estimator that fills them"
        )
