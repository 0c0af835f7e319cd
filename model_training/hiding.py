"""Hiding: a second, lighter copy of the training cases in which inputs are missing."""

from __future__ import annotations

import numpy as np

from model_training.estimators.estimator import Inputs
from model_training.estimators.fitting import Cases
from model_training.features import kind
from model_training.recipe import HidingChoice


def with_hidden(
    windows: Inputs, names: tuple[str, ...], *, choice: HidingChoice, rng: np.random.Generator
) -> Inputs:
    """Return a copy of (n, steps, f) windows with keywords, history and the named group hidden.

    A keyword is hidden alone, in all steps of its window; the history of a case, and the
    group, only as a whole, as they are when the flare list or the source lacks them.
    """
    n, _, n_features = windows.shape
    is_history = np.array([kind(name) == "history" for name in names])
    group = np.isin(names, choice.hidden_together)
    hidden = (rng.random((n, n_features)) < choice.keyword_share) & ~is_history
    hidden |= (rng.random((n, 1)) < choice.history_share) & is_history
    hidden |= (rng.random((n, 1)) < choice.together_share) & group
    return np.where(hidden[:, None, :], np.float32(np.nan), windows)


def with_copy(
    cases: Cases, names: tuple[str, ...], *, choice: HidingChoice, seed: int
) -> Cases:  # fmt: skip
    """Return the training cases and, if it is wanted, their copy."""
    if choice.copy_weight == 0:
        return cases
    copy = with_hidden(cases.windows, names, choice=choice, rng=np.random.default_rng(seed))
    # A case stands beside its copy, so that the end of the rows, on which some estimators decide
    # when to stop, holds no copy of a case from before it.
    order = np.arange(2 * len(cases.outcome)).reshape(2, -1).T.ravel()
    return Cases(
        np.concatenate([cases.windows, copy])[order],
        np.concatenate([cases.outcome, cases.outcome])[order],
        np.concatenate([cases.weight, cases.weight * choice.copy_weight])[order],
        names,
    )
