"""Dropout: a second, lighter copy of the training rows in which inputs are hidden."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model_training.features import Floats, kind
from model_training.recipe import MissingChoice


def with_hidden(
    inputs: NDArray[np.float32],
    names: tuple[str, ...],
    *,
    choice: MissingChoice,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Return a copy of (n, f) inputs with keywords, history and the named group hidden.

    A keyword is hidden alone; the history of a row, and the group, only as a whole, as they
    are when the flare list or the source lacks them.
    """
    n = len(inputs)
    keyword = np.array([kind(name) == "keyword" for name in names])
    group = np.isin(names, choice.hidden_together)
    hidden = (rng.random(inputs.shape) < choice.keyword_share) & keyword
    hidden |= (rng.random((n, 1)) < choice.history_share) & ~keyword
    hidden |= (rng.random((n, 1)) < choice.together_share) & group
    return np.where(hidden, np.float32(np.nan), inputs)


def augment(
    inputs: NDArray[np.float32],
    names: tuple[str, ...],
    *,
    outcome: Floats,
    choice: MissingChoice,
    seed: int,
) -> tuple[NDArray[np.float32], Floats, Floats]:
    """Return inputs, outcomes and weights of the training rows and, if wanted, their copy."""
    weight = np.ones(len(outcome))
    if choice.copy_weight == 0:
        return inputs, outcome, weight
    copy = with_hidden(inputs, names, choice=choice, rng=np.random.default_rng(seed))
    return (
        np.vstack([inputs, copy]),
        np.concatenate([outcome, outcome]),
        np.concatenate([weight, weight * choice.copy_weight]),
    )
