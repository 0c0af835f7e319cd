"""Event windows that a TimeGAN makes, on a scale on which heavy tails are tame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from model_training.augmentation.augmented import events_missing
from model_training.augmentation.timegan.generation import generate
from model_training.choices.augmentation import TimeGanChoice
from model_training.choices.preparation import PreparationChoice
from model_training.estimators.estimator import Inputs
from model_training.features import Floats
from model_training.journal import Journal
from model_training.preparation.pipeline import Preparation, fit_preparation
from model_training.preparation.step import known_values

_FILL = PreparationChoice(missing="mean", scaling="none")


@dataclass(frozen=True)
class Tamed:
    """Windows without gaps on the scale asinh(x / smallest tenth), and the way back."""

    fill: Preparation
    scale: Floats

    @classmethod
    def by(cls, windows: Inputs) -> Self:
        """Fit on training windows (n, steps, features)."""
        fill = fit_preparation(_FILL, windows, reads_windows=True, takes_missing=False)
        return cls(fill, _smallest_tenth(windows))

    def apply(self, windows: Inputs) -> Inputs:
        """Fill and tame windows."""
        return np.asarray(np.arcsinh(self.fill.apply(windows) / self.scale), np.float32)

    def invert(self, tamed: Inputs) -> Inputs:
        """Return to the units of the features."""
        grown: Inputs = (np.sinh(tamed.astype(float)) * self.scale).astype(np.float32)
        return grown


def made_up_events(
    windows: Inputs, outcome: Floats, *, choice: TimeGanChoice, seed: int, journal: Journal
) -> Inputs:
    """Generate as many event windows as the share wants, (m, steps, features), without gaps."""
    is_event = outcome == 1
    count = events_missing(outcome, share=choice.share)
    if not count:
        return windows[:0]
    tamed = Tamed.by(windows)
    made = generate(
        tamed.apply(windows[is_event]), count=count, choice=choice, seed=seed, journal=journal
    )
    return tamed.invert(made)


def _smallest_tenth(windows: Inputs) -> Floats:
    """Return the tenth quantile of the known sizes of each feature that are not 0, (features,)."""
    return np.array([_tenth(np.abs(column[column != 0])) for column in known_values(windows)])


def _tenth(size: Floats) -> float:
    return float(np.partition(size, len(size) // 10)[len(size) // 10]) if size.size else 1.0
