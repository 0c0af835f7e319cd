"""The checkpoint of a training: tensors and numbers in one file, written whole or not at all."""

from __future__ import annotations

import torch

from model_training.augmentation.timegan.training import Training
from model_training.journal import Journal

_SUFFIX = ".pt"


def save(training: Training, journal: Journal) -> None:
    """Keep the state of the training where the journal keeps checkpoints, if it does."""
    path = journal.checkpoint(_SUFFIX)
    if path is None:
        return
    # A stop in the middle of the writing must leave the checkpoint before.
    unfinished = path.with_suffix(".part")
    torch.save(training.state(), unfinished)
    unfinished.replace(path)
    journal.tell("checkpoint", phase=training.phase, step=training.done)


def restore(training: Training, journal: Journal) -> None:
    """Go on from the checkpoint of the same windows, options and seed, if there is one."""
    path = journal.checkpoint(_SUFFIX)
    if not journal.resumes or path is None or not path.exists():
        return
    state = torch.load(path, map_location="cpu", weights_only=True)
    found = "resumed" if training.restore(state) else "checkpoint of another task left alone"
    journal.tell(found, phase=training.phase, step=training.done)
