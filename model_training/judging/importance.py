"""Permutation importance: the Brier skill that is lost when one feature is shuffled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solar.probability import brier_skill
from solar.skill import Estimate

Floats = NDArray[np.float64]
Windows = NDArray[np.float32]
Predict = Callable[[Windows], Floats]


@dataclass(frozen=True)
class Importance:
    """The loss of Brier skill without the feature, with its range over the shuffles.

    `drop` is undefined where the outcomes are all alike. A feature that repeats another loses
    little although the model uses it; below 0 the feature did harm on these cases.
    """

    feature: str
    drop: Estimate


def importance(
    predict: Predict,
    windows: Windows,
    outcome: Floats,
    names: Sequence[str],
    *,
    seed: int,
    repeats: int = 5,
) -> tuple[Importance, ...]:
    """Measure how much each feature matters to a fitted model, the most important first.

    Parameters
    ----------
    predict : windows (n, L, f) -> probabilities (n,), NaN = no forecast
    windows : (n, L, f) of validation cases, never of cases that the model was fitted to
    outcome : (n,) 1 event, 0 none
    names : (f,) the features
    repeats : shuffles of each feature; whole windows change place, so that a window of a
        feature stays as it was in time
    """
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(len(windows)) for _ in range(repeats)]
    intact = _skill(predict(windows), outcome)
    importances = []
    for column, name in enumerate(names):
        shuffled = (_shuffled(windows, column, order=order) for order in orders)
        skills = [_skill(predict(changed), outcome) for changed in shuffled]
        importances.append(Importance(name, _drop(intact, skills)))
    return tuple(sorted(importances, key=_descending))


def _shuffled(windows: Windows, column: int, *, order: NDArray[np.int64]) -> Windows:
    changed = windows.copy()
    changed[:, :, column] = windows[order, :, column]
    return changed


def _skill(probability: Floats, outcome: Floats) -> float | None:
    known = ~np.isnan(probability)
    if not known.any():
        return None
    return brier_skill(probability[known], outcome[known], reference=outcome[known].mean())


def _drop(intact: float | None, shuffled: Sequence[float | None]) -> Estimate:
    drops = [intact - skill for skill in shuffled if intact is not None and skill is not None]
    if not drops:
        return Estimate(None, None, None)
    return Estimate(float(np.mean(drops)), min(drops), max(drops))


def _descending(item: Importance) -> float:
    return np.inf if item.drop.value is None else -item.drop.value
