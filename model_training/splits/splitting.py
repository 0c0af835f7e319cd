"""Splits: training cases, test cases, and folds that are forecast from cases outside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from model_training.choices.split import (
    AnySplit,
    BlocksChoice,
    ChronologicalChoice,
    FoldsChoice,
    PartsChoice,
    RollingYearsChoice,
)
from model_training.datasets.dataset import TRAINING_ONLY, Dataset
from model_training.recipe import midnight
from model_training.splits.copies import without_copies
from model_training.splits.parts import Fold, Split
from solar.errors import InvalidInputError
from solar.flares import HORIZON
from solar.time import to_datetime64

_FAR = np.datetime64("9999-01-01", "us")
_HORIZON = np.timedelta64(HORIZON)


def split(dataset: Dataset, choice: AnySplit, *, seed: int = 0) -> Split:
    """Divide cases as the choice says.

    Raises
    ------
    InvalidInputError
        When a part is empty.
    """
    parts = _without_foreign(_divide(dataset, choice, seed=seed))
    empty = [
        name
        for name, part in [
            ("training", parts.train), ("test", parts.test),
            *((f"validation fold {fold.name}", fold.held_out) for fold in parts.folds),
            *((f"the fit of fold {fold.name}", fold.train) for fold in parts.folds),
        ]
        if not len(part)
    ]  # fmt: skip
    if empty:
        raise InvalidInputError(f"the split leaves no case for {', '.join(empty)}; change [split]")
    return parts


def _without_foreign(parts: Split) -> Split:
    """Leave cases that are for training only out of everything that is judged."""
    folds = tuple(
        replace(fold, held_out=fold.held_out.take(fold.held_out.is_own)) for fold in parts.folds
    )
    return replace(parts, test=parts.test.take(parts.test.is_own), folds=folds)


def _divide(dataset: Dataset, choice: AnySplit, *, seed: int) -> Split:
    if isinstance(choice, RollingYearsChoice):
        return _rolling_years(dataset, choice)
    if isinstance(choice, ChronologicalChoice):
        return _chronological(dataset, choice)
    if isinstance(choice, BlocksChoice):
        return _blocks(dataset, choice, seed=seed)
    return _made_by_the_source(dataset, choice, seed=seed)


def _rolling_years(dataset: Dataset, choice: RollingYearsChoice) -> Split:
    """Divide by years, so that no region and no forecast window is on two sides of a border.

    A region belongs to the side on which it is first seen; its later rows are left out.
    So are rows whose 24-hour window, plus the embargo, reaches over the end of their side.
    """
    train, test = _between(dataset, [choice.test_from], choice.embargo_hours)
    folds = []
    for year in choice.validation_years:
        borders = [date(year, 1, 1), date(year + 1, 1, 1)]
        before, held_out, _ = _between(dataset, borders, choice.embargo_hours)
        folds.append(Fold(str(year), before, held_out, midnight(borders[0])))
    left_out = len(dataset) - len(train) - len(test)
    return Split(train, test, tuple(folds), midnight(choice.test_from), left_out, by_time=True)


def _chronological(dataset: Dataset, choice: ChronologicalChoice) -> Split:
    borders = [choice.validate_from, choice.test_from]
    train, held_out, test = _between(dataset, borders, choice.embargo_hours)
    until = midnight(choice.validate_from)
    left_out = len(dataset) - len(train) - len(held_out) - len(test)
    fold = Fold(f"from {choice.validate_from}", train, held_out, until)
    return Split(train, test, (fold,), until, left_out, by_time=True)


def _between(dataset: Dataset, days: Sequence[date], embargo_hours: float) -> list[Dataset]:
    borders = np.array([to_datetime64(midnight(day)) for day in days])
    part = np.searchsorted(borders, dataset.t_rec, side="right")
    reach = dataset.t_rec + _HORIZON + _hours(embargo_hours)
    kept = (part == _first_part(dataset, part)) & (reach <= np.append(borders, _FAR)[part])
    return [dataset.take(kept & (part == number)) for number in range(len(days) + 1)]


def _first_part(dataset: Dataset, part: NDArray[np.int64]) -> NDArray[np.int64]:
    regions, rows = np.unique(dataset.region_id, return_inverse=True)
    first = np.full(len(regions), part.max(initial=0))
    np.minimum.at(first, rows, part)
    return first[rows]


def _made_by_the_source(dataset: Dataset, choice: FoldsChoice | PartsChoice, *, seed: int) -> Split:
    if dataset.fold is None:
        raise InvalidInputError(
            "this data set comes without folds; choose split.kind blocks or chronological"
        )
    if isinstance(choice, FoldsChoice):
        parts = _in_turn(dataset, dataset.fold, choice.test_fold, by_time=False)
    else:
        train, held_out, test = (dataset.take(dataset.fold == part) for part in range(3))
        inside = _groups_of_regions(train, choice.training_groups, seed=seed)
        folds = (Fold("validation", train, held_out, None), *inside)
        parts = Split(train, test, folds, None, 0, by_time=False)
    return _without_copies(parts)


def _without_copies(parts: Split) -> Split:
    """Leave out what the source put on two sides under two numbers."""
    folds = []
    for fold in parts.folds:
        held_out = without_copies(fold.held_out, parts.test)
        fit = without_copies(without_copies(fold.train, parts.test), held_out)
        folds.append(replace(fold, train=fit, held_out=held_out))
    train = without_copies(parts.train, parts.test)
    n_left_out = len(parts.train) - len(train)
    return replace(parts, train=train, folds=tuple(folds), left_out=n_left_out)


def _groups_of_regions(train: Dataset, groups: int, *, seed: int) -> tuple[Fold, ...]:
    regions, row = np.unique(train.region_id, return_inverse=True)
    dealt = np.random.default_rng(seed).permutation(np.arange(len(regions)) % max(groups, 1))
    return tuple(
        Fold(
            f"training {number}",
            train.take(dealt[row] != number),
            train.take(dealt[row] == number),
            None,
        )
        for number in range(groups)
    )


def _blocks(dataset: Dataset, choice: BlocksChoice, *, seed: int) -> Split:
    length = _hours(24 * choice.block_days)
    first = min(dataset.t_rec, default=_FAR)
    block = (dataset.t_rec - first) // length
    begins, ends = first + block * length, first + (block + 1) * length
    opens = dataset.t_rec - _hours(dataset.reach_hours)
    closes = dataset.t_rec + _HORIZON + _hours(choice.embargo_hours)
    # The first block has nothing before it that its windows could reach into.
    whole = ((opens >= begins) | (block == 0)) & (closes <= ends)
    kept = whole & (block == _first_part(dataset, block))
    n_blocks = int(block.max(initial=0)) + 1
    dealt = np.random.default_rng(seed).permutation(np.arange(n_blocks) % choice.groups)
    inside = dataset.take(kept)
    parts = _in_turn(inside, dealt[block[kept]], choice.test_group, by_time=True)
    return replace(parts, left_out=len(dataset) - len(inside))


def _in_turn(
    dataset: Dataset, group: NDArray[np.int64], test_group: int, *, by_time: bool
) -> Split:
    """Hold out every group but that of the test in turn, and forecast it from the others.

    Cases of the group `TRAINING_ONLY` are in every fit and are never held out.
    """
    is_test = group == test_group
    folds = tuple(
        Fold(
            str(number),
            dataset.take(~is_test & (group != number)),
            dataset.take(group == number),
            None,
        )
        for number in np.unique(group[~is_test & (group != TRAINING_ONLY)]).tolist()
    )
    return Split(dataset.take(~is_test), dataset.take(is_test), folds, None, 0, by_time=by_time)


def _hours(hours: float) -> np.timedelta64:
    return np.timedelta64(round(hours * 3_600_000_000), "us")
