"""Window overlap: which cases share records, or hold copies of each other's values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model_training.data.dataset import NO_RECORD, Dataset
from model_training.features import Floats, Integers

# Of consecutive steps: values of so many agree by accident only where they hardly vary.
RUN = 5

Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class Overlap:
    """How many of `cases` overlap another case, and how it was seen.

    `shared` cases use a record that another case uses too. `copied` cases have a run of
    `run` equal values of `feature` in common with a case that uses other records; a case of
    one step counts as copied when all its features are equal.
    """

    cases: int
    shared: int
    copied: int
    overlapping: int
    feature: str
    run: int


def find_overlap(dataset: Dataset, names: Sequence[str]) -> Overlap:
    """Count overlapping cases in near-linear time, by hashing runs of values."""
    shared = _shares_records(dataset.steps)
    run = min(RUN, dataset.window_length)
    chosen = list(names) if run == 1 else [_most_varied(dataset, names)]
    copied = _holds_copies(dataset, chosen, run)
    return Overlap(
        cases=len(dataset),
        shared=int(shared.sum()),
        copied=int(copied.sum()),
        overlapping=int((shared | copied).sum()),
        feature="all features" if run == 1 else chosen[0],
        run=run,
    )


def runs_in_common(one: Dataset, other: Dataset, names: Sequence[str]) -> int:
    """Count the runs of records, alike in all features, that both of two parts hold."""
    run = min(RUN, one.window_length)
    (left, in_left), (right, in_right) = (_runs(part, names, run) for part in (one, other))
    return int(np.intersect1d(left[in_left], right[in_right]).size)


def _shares_records(steps: Integers) -> NDArray[np.bool_]:
    # Number 0 takes the steps without a record, which nobody shares.
    uses = np.bincount((steps - NO_RECORD).ravel(), minlength=1)
    uses[0] = 0
    return np.asarray((uses[steps - NO_RECORD] > 1).any(axis=1))


def _holds_copies(dataset: Dataset, names: Sequence[str], run: int) -> NDArray[np.bool_]:
    """Find the cases (n,) with a run of values that other records of other cases repeat."""
    hashes, usable = _runs(dataset, names, run)
    copied = np.zeros(len(dataset), np.bool_)
    if not usable.any():
        return copied
    case, record = np.nonzero(usable)[0], dataset.steps[:, : hashes.shape[1]][usable]
    order = np.argsort(hashes[usable])
    value = hashes[usable][order]
    begins = np.flatnonzero(np.append(True, value[1:] != value[:-1]))
    several = _differs(case[order], begins) & _differs(record[order], begins)
    in_group = np.diff(np.append(begins, len(value)))
    copied[case[order][np.repeat(several, in_group)]] = True
    return copied


def _differs(values: Integers, begins: Integers) -> NDArray[np.bool_]:
    """Tell for each group of values, by its first place, whether they differ within it."""
    lowest, highest = np.minimum.reduceat(values, begins), np.maximum.reduceat(values, begins)
    return np.asarray(lowest != highest)


def _runs(dataset: Dataset, names: Sequence[str], run: int) -> tuple[Hashes, NDArray[np.bool_]]:
    """Hash the run that begins at each step (n, L - run + 1), and say which runs count.

    A run with a missing value, or of one value throughout, does not count.
    """
    columns = [np.asarray(dataset.records[name], float) for name in names]
    hashed = np.zeros(len(columns[0]) + 1, np.uint64)
    known = np.zeros(len(hashed), np.bool_)
    for place, column in enumerate(columns):
        # The sign of zero is no difference.
        hashed[:-1] ^= _mixed((column + 0.0).view(np.uint64) + np.uint64(place * 0x9E3779B9))
        known[:-1] |= ~np.isnan(column)
    length = dataset.window_length - run + 1
    total = np.zeros((len(dataset), length), np.uint64)
    usable = np.ones(total.shape, np.bool_)
    varies = np.full(total.shape, run == 1)
    first = hashed[dataset.steps[:, :length]]
    for step in range(run):
        places = dataset.steps[:, step : step + length]
        total = _mixed(total ^ hashed[places])
        usable &= known[places]
        varies |= hashed[places] != first
    return total, usable & varies


def _mixed(bits: Hashes) -> Hashes:
    """Spread 64 bits (splitmix64, Steele et al. 2014)."""
    bits = bits + np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def _most_varied(dataset: Dataset, names: Sequence[str]) -> str:
    def variety(name: str) -> int:
        column: Floats = dataset.records[name]
        return int(np.unique(column[~np.isnan(column)]).size)

    return max(names, key=variety)
