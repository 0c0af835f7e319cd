"""Synthetic windows from a TimeGAN that is trained on real ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from model_training.augmentation.augmented import require_complete
from model_training.augmentation.timegan import checkpoint
from model_training.augmentation.timegan.training import PHASES, Training
from model_training.choices.augmentation import TimeGanChoice
from model_training.estimators.estimator import Inputs
from model_training.journal import Journal, StoppedError
from model_training.processor import reproducible
from solar.errors import InvalidInputError

_CHECKPOINT_EVERY = 200


def generate(
    windows: Inputs, *, count: int, choice: TimeGanChoice, seed: int, journal: Journal
) -> Inputs:
    """Train a TimeGAN on (n, steps, features) windows, and draw (count, steps, features).

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
        training = Training(torch.from_numpy(scale.apply(windows)), choice=choice, seed=seed)
        checkpoint.restore(training, journal)
        while not training.is_done:
            _run_phase(training, journal)
        checkpoint.save(training, journal)
        made = training.make(count).numpy()
    return scale.invert(made)


def _run_phase(training: Training, journal: Journal) -> None:
    phase, total = training.phase, training.choice.iterations
    steps = journal.within(PHASES[phase]).steps("iteration", total, done=training.done)
    while training.phase == phase:
        if journal.stop.asked:
            steps.close()
            _stop(training, journal)
        steps.advance(**training.step())
        if training.done % _CHECKPOINT_EVERY == 0:
            checkpoint.save(training, journal)


def _stop(training: Training, journal: Journal) -> None:
    checkpoint.save(training, journal)
    journal.tell("stopped")
    raise StoppedError(
        f"the TimeGAN was stopped after {training.done} of {training.choice.iterations} iterations"
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
