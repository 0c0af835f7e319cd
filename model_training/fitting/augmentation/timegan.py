"""Synthetic event windows from a TimeGAN that is trained on real ones (Yoon et al. 2019).

It learns on an asinh scale, which shortens the heavy tails of the keywords.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from model_training.features import Floats, Inputs
from model_training.fitting.augmentation import timegan_training
from model_training.fitting.augmentation.resampling import events_missing, require_complete
from model_training.fitting.augmentation.timegan_training import PHASES, Training
from model_training.fitting.estimators.device import reproducible
from model_training.fitting.preparation.pipeline import Preparation, fit_preparation
from model_training.fitting.preparation.step import known_values
from model_training.journal import Journal, StoppedError
from model_training.recipe.estimators import PreparationConfig, TimeGanConfig
from solar.errors import InvalidInputError

_CHECKPOINT_EVERY = 200
_FILL = PreparationConfig(missing="mean", scaling="none")


def generate(
    windows: Inputs, *, count: int, config: TimeGanConfig, seed: int, journal: Journal
) -> Inputs:
    """Train a TimeGAN on (n, steps, features) windows, and generate (count, steps, features).

    The same windows, options and seed make the same synthetic windows, whether or not the
    training was stopped and resumed in between.

    Raises
    ------
    InvalidInputError
        With windows of one step, fewer than two windows, or NaN.
    StoppedError
        When the journal was asked to stop; a checkpoint is kept.
    """
    _require_windows(windows)
    scale = _Scale.of(windows)
    journal = journal.within("timegan")
    with reproducible(seed):
        training = Training(torch.from_numpy(scale.apply(windows)), config=config, seed=seed)
        timegan_training.restore(training, journal)
        while not training.is_done:
            _run_phase(training, journal)
        timegan_training.save(training, journal)
        synthetic = training.generate(count).numpy()
    return scale.invert(synthetic)


def _run_phase(training: Training, journal: Journal) -> None:
    phase, total = training.phase, training.config.iterations
    steps = journal.within(PHASES[phase]).steps("iteration", total, done=training.done)
    while training.phase == phase:
        if journal.stop.is_requested:
            steps.close()
            _stop(training, journal)
        steps.advance(**training.step())
        if training.done % _CHECKPOINT_EVERY == 0:
            timegan_training.save(training, journal)


def _stop(training: Training, journal: Journal) -> None:
    timegan_training.save(training, journal)
    journal.tell("stopped")
    raise StoppedError(
        f"the TimeGAN was stopped after {training.done} of {training.config.iterations} iterations"
        f" of its {PHASES[training.phase]} phase; run it again with --resume"
    )


def _require_windows(windows: Inputs) -> None:
    require_complete(windows)
    n, steps, _ = windows.shape
    if steps == 1:
        raise InvalidInputError(
            "a TimeGAN learns how windows evolve, and these have one step; choose SMOTE, or a"
            " window of several steps"
        )
    if n < 2:
        raise InvalidInputError(
            f"a TimeGAN cannot learn from {n} events; choose a training range with more of them"
        )


@dataclass(frozen=True)
class _Scale:
    """The range of each feature, (features,), over all windows and steps."""

    low: NDArray[np.float32]
    width: NDArray[np.float32]

    @classmethod
    def of(cls, windows: Inputs) -> _Scale:
        low, high = windows.min(axis=(0, 1)), windows.max(axis=(0, 1))
        # A feature that never changes is 0 inside and itself again outside.
        return cls(low, high - low)

    def apply(self, windows: Inputs) -> Inputs:
        width = np.where(self.width > 0, self.width, np.float32(1))
        return np.asarray((windows - self.low) / width, np.float32)

    def invert(self, scaled: Inputs) -> Inputs:
        return np.asarray(scaled * self.width + self.low, np.float32)


@dataclass(frozen=True)
class AsinhScale:
    """Windows without gaps on the scale asinh(x / smallest tenth), and its inverse."""

    fill: Preparation
    scale: Floats

    @classmethod
    def by(cls, windows: Inputs) -> Self:
        """Fit on training windows (n, steps, features)."""
        fill = fit_preparation(_FILL, windows, reads_windows=True, takes_missing=False)
        return cls(fill, _smallest_tenth(windows))

    def apply(self, windows: Inputs) -> Inputs:
        """Fill windows and transform them."""
        return np.asarray(np.arcsinh(self.fill.apply(windows) / self.scale), np.float32)

    def invert(self, transformed: Inputs) -> Inputs:
        """Return to the units of the features."""
        restored: Inputs = (np.sinh(transformed.astype(float)) * self.scale).astype(np.float32)
        return restored


def synthetic_events(
    windows: Inputs, outcome: Floats, *, config: TimeGanConfig, seed: int, journal: Journal
) -> Inputs:
    """Generate as many event windows as the share needs, (m, steps, features), without gaps."""
    is_event = outcome == 1
    count = events_missing(outcome, share=config.share)
    if not count:
        return windows[:0]
    transformed = AsinhScale.by(windows)
    synthetic = generate(
        transformed.apply(windows[is_event]), count=count, config=config, seed=seed, journal=journal
    )
    return transformed.invert(synthetic)


def _smallest_tenth(windows: Inputs) -> Floats:
    """Return the tenth quantile of the known sizes of each feature that are not 0, (features,)."""
    return np.array([_tenth(np.abs(column[column != 0])) for column in known_values(windows)])


def _tenth(size: Floats) -> float:
    return float(np.partition(size, len(size) // 10)[len(size) // 10]) if size.size else 1.0
