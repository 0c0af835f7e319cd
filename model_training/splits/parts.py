"""The parts of a data set: training and test cases, and folds held out for validation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from model_training.datasets.dataset import Dataset, parts_of_one


@dataclass(frozen=True)
class Fold:
    """Cases held out for validation, and those on which the model that forecasts them is fitted.

    `until` is the moment before which the fit lies, or None where fit and fold share the time.
    """

    name: str
    train: Dataset
    held_out: Dataset
    until: datetime | None


@dataclass(frozen=True)
class Split:
    """The parts of a data set; `left_out` cases belong to none of them.

    `train` holds all cases that the final model is fitted on, `until` the moment before which
    these lie, or None where they share the time with the test. `by_time` says that no part
    comes nearer to another than the embargo.
    """

    train: Dataset
    test: Dataset
    folds: tuple[Fold, ...]
    until: datetime | None
    left_out: int
    by_time: bool

    @property
    def validation(self) -> Dataset:
        """The held-out cases of all folds together."""
        return parts_of_one([fold.held_out for fold in self.folds])
