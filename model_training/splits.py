"""Chronological splits: training rows, later test rows, and folds that are forecast in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from model_training.datasets import Dataset, stacked
from model_training.recipe import SplitChoice, midnight
from solar.flares import HORIZON
from solar.time import to_datetime64

_FAR = np.datetime64("9999-01-01", "us")


@dataclass(frozen=True)
class Fold:
    """A validation year, and the earlier rows on which the model that forecasts it is fitted."""

    year: int
    train: Dataset
    held_out: Dataset

    @property
    def begins_on(self) -> date:
        """The first day of the year."""
        return date(self.year, 1, 1)


@dataclass(frozen=True)
class Split:
    """The parts of a data set; `left_out` rows belong neither to `train` nor to `test`.

    `train` holds all rows before the test, those of the validation years included.
    """

    train: Dataset
    test: Dataset
    folds: tuple[Fold, ...]
    left_out: int

    @property
    def validation(self) -> Dataset:
        """The held-out rows of all folds together."""
        return stacked([fold.held_out for fold in self.folds])


def split(dataset: Dataset, choice: SplitChoice) -> Split:
    """Divide rows by time, so that no region and no forecast window is on two sides of a border.

    A region belongs to the side on which it is first seen; its later rows are left out.
    So are rows whose 24-hour window, plus the embargo, reaches over the end of their side.
    """
    train, test = _divided(dataset, [choice.test_from], choice)
    folds = tuple(_fold(dataset, year, choice) for year in choice.validation_years)
    return Split(train, test, folds, left_out=len(dataset) - len(train) - len(test))


def _fold(dataset: Dataset, year: int, choice: SplitChoice) -> Fold:
    borders = [date(year, 1, 1), date(year + 1, 1, 1)]
    train, held_out, _ = _divided(dataset, borders, choice)
    return Fold(year, train, held_out)


def _divided(dataset: Dataset, days: Sequence[date], choice: SplitChoice) -> list[Dataset]:
    borders = np.array([to_datetime64(midnight(day)) for day in days])
    part = np.searchsorted(borders, dataset.t_rec, side="right")
    embargo = np.timedelta64(round(choice.embargo_hours * 3600), "s")
    reach = dataset.t_rec + np.timedelta64(HORIZON) + embargo
    kept = (part == _first_part(dataset, part)) & (reach <= np.append(borders, _FAR)[part])
    return [dataset.take(kept & (part == number)) for number in range(len(days) + 1)]


def _first_part(dataset: Dataset, part: NDArray[np.int64]) -> NDArray[np.int64]:
    regions, rows = np.unique(dataset.region_id, return_inverse=True)
    first = np.full(len(regions), part.max(initial=0))
    np.minimum.at(first, rows, part)
    return first[rows]
