"""Splits: training cases, test cases, and folds that are forecast from cases outside them.

Cases with the same measured values under two region numbers are copies; they are never on two
sides of a split.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from model_training.data.dataset import TRAINING_ONLY, Dataset, parts_of_one
from model_training.features import kind
from model_training.recipe.recipe import midnight
from model_training.recipe.split import (
    AnySplit,
    BlocksConfig,
    ChronologicalConfig,
    FoldsConfig,
    PartsConfig,
    RollingYearsConfig,
)
from solar.errors import InvalidInputError
from solar.time import to_datetime64
from solar.windows import DAY

# Of smaller numbers only counts and classes are whole by rule.
_LARGE = 1e6
_FAR = np.datetime64("9999-01-01", "us")
_DAY = np.timedelta64(DAY.validity)


def is_distinctive(values: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Tell measured values from counts, classes and missing values, which cases share by chance."""
    is_small_integer = (np.abs(values) < _LARGE) & (values == np.round(values))
    return np.asarray(~(is_small_integer | np.isnan(values)))


def without_copies(part: Dataset, of: Dataset) -> Dataset:
    """Leave out the regions of a part of which a record is repeated in another part.

    Neighbouring active regions are often measured in one patch: their records are the same
    under two numbers, so that folds of numbers do not keep them apart.
    """
    measured = [name for name in part.names if kind(name) != "history"]
    fingerprints, foreign = _fingerprints(part, measured), _fingerprints(of, measured)
    repeated = np.isin(fingerprints, foreign[foreign != 0]) & (fingerprints != 0)
    return part.take(~np.isin(part.region_id, np.unique(part.region_id[repeated])))


def _fingerprints(part: Dataset, measured: list[str]) -> NDArray[np.uint64]:
    """Return a hash of the record at t, (n,); 0 where equal values could be chance."""
    values = part.matrix(measured)
    hashes = pd.util.hash_pandas_object(pd.DataFrame(values), index=False).to_numpy()
    return np.where(is_distinctive(values).any(axis=1), hashes, np.uint64(0))


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


def split(dataset: Dataset, config: AnySplit, *, seed: int = 0) -> Split:
    """Divide cases as the configuration says.

    Raises
    ------
    InvalidInputError
        When a part is empty.
    """
    parts = _without_training_only(_divide(dataset, config, seed=seed))
    empty = [
        name
        for name, part in [
            ("training", parts.train),
            ("test", parts.test),
            *((f"validation fold {fold.name}", fold.held_out) for fold in parts.folds),
            *((f"the fit of fold {fold.name}", fold.train) for fold in parts.folds),
        ]
        if not len(part)
    ]
    if empty:
        raise InvalidInputError(f"the split leaves no case for {', '.join(empty)}; change [split]")
    return parts


def _without_training_only(parts: Split) -> Split:
    """Leave cases that are for training only out of test and validation."""
    folds = tuple(
        replace(fold, held_out=fold.held_out.take(fold.held_out.is_scored)) for fold in parts.folds
    )
    return replace(parts, test=parts.test.take(parts.test.is_scored), folds=folds)


def _divide(dataset: Dataset, config: AnySplit, *, seed: int) -> Split:
    if isinstance(config, RollingYearsConfig):
        return _rolling_years(dataset, config)
    if isinstance(config, ChronologicalConfig):
        return _chronological(dataset, config)
    if isinstance(config, BlocksConfig):
        return _blocks(dataset, config, seed=seed)
    return _made_by_the_source(dataset, config, seed=seed)


def _rolling_years(dataset: Dataset, config: RollingYearsConfig) -> Split:
    """Divide by years, so that no region and no forecast window is on two sides of a border.

    A region belongs to the side on which it is first seen; its later rows are left out.
    So are rows whose 24-hour window, plus the embargo, reaches over the end of their side.
    """
    train, test = _between(dataset, [config.test_from], config.embargo_hours)
    folds = []
    for year in config.validation_years:
        borders = [date(year, 1, 1), date(year + 1, 1, 1)]
        before, held_out, _ = _between(dataset, borders, config.embargo_hours)
        folds.append(Fold(str(year), before, held_out, midnight(borders[0])))
    left_out = len(dataset) - len(train) - len(test)
    return Split(train, test, tuple(folds), midnight(config.test_from), left_out, by_time=True)


def _chronological(dataset: Dataset, config: ChronologicalConfig) -> Split:
    borders = [config.validate_from, config.test_from]
    train, held_out, test = _between(dataset, borders, config.embargo_hours)
    until = midnight(config.validate_from)
    left_out = len(dataset) - len(train) - len(held_out) - len(test)
    fold = Fold(f"from {config.validate_from}", train, held_out, until)
    return Split(train, test, (fold,), until, left_out, by_time=True)


def _between(dataset: Dataset, days: Sequence[date], embargo_hours: float) -> list[Dataset]:
    borders = np.array([to_datetime64(midnight(day)) for day in days])
    part = np.searchsorted(borders, dataset.t_rec, side="right")
    reach = dataset.t_rec + _DAY + _hours(embargo_hours)
    kept = (part == _first_part(dataset, part)) & (reach <= np.append(borders, _FAR)[part])
    return [dataset.take(kept & (part == number)) for number in range(len(days) + 1)]


def _first_part(dataset: Dataset, part: NDArray[np.int64]) -> NDArray[np.int64]:
    regions, rows = np.unique(dataset.region_id, return_inverse=True)
    first = np.full(len(regions), part.max(initial=0))
    np.minimum.at(first, rows, part)
    return first[rows]


def _made_by_the_source(dataset: Dataset, config: FoldsConfig | PartsConfig, *, seed: int) -> Split:
    if dataset.fold is None:
        raise InvalidInputError(
            "this data set comes without folds; choose split.kind blocks or chronological"
        )
    if isinstance(config, FoldsConfig):
        parts = _in_turn(dataset, dataset.fold, config.test_fold, by_time=False)
    else:
        train, held_out, test = (dataset.take(dataset.fold == part) for part in range(3))
        inside = groups_of_regions(train, config.training_groups, seed=seed)
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


def groups_of_regions(train: Dataset, groups: int, *, seed: int) -> tuple[Fold, ...]:
    """Deal regions to groups at random; each is held out in turn."""
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


def _blocks(dataset: Dataset, config: BlocksConfig, *, seed: int) -> Split:
    length = _hours(24 * config.block_days)
    first = min(dataset.t_rec, default=_FAR)
    block = (dataset.t_rec - first) // length
    begins, ends = first + block * length, first + (block + 1) * length
    opens = dataset.t_rec - _hours(dataset.reach_hours)
    closes = dataset.t_rec + _DAY + _hours(config.embargo_hours)
    # No block precedes the first one, so its windows may reach back freely.
    is_inside = ((opens >= begins) | (block == 0)) & (closes <= ends)
    kept = is_inside & (block == _first_part(dataset, block))
    n_blocks = int(block.max(initial=0)) + 1
    dealt = np.random.default_rng(seed).permutation(np.arange(n_blocks) % config.groups)
    inside = dataset.take(kept)
    parts = _in_turn(inside, dealt[block[kept]], config.test_group, by_time=True)
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
