"""Rank correlation of features with each other, at the same time and some time before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from model_training.data.dataset import NO_RECORD, Dataset
from model_training.features import Floats, Integers

CORRELATION = "Spearman"
CLOSE = 0.95
# Beyond these a matrix can neither be read nor sent. So many cases tell r to 0.015, at 0.95 to
# 0.002; each pair is ranked anew where values are missing, which takes seconds already.
MOST_FEATURES = 60
_MOST_CASES = 5_000
_MOST_PAIRS = 50
_LAGS = (1, 5)
_FEWEST_CASES = 30
_SEED = 15

Matrix = tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True)
class ClosePair:
    """Two features that are nearly the same."""

    one: str
    other: str
    correlation: float


@dataclass(frozen=True)
class Lagged:
    """The correlation of each feature at t, a row, with each one `hours` before, a column."""

    hours: float
    cases: int
    correlation: Matrix


@dataclass(frozen=True)
class Correlation:
    """The Spearman correlation of the first `MOST_FEATURES` features in at most 5,000 cases.

    `matrix` is over the values at t, None where undefined, and `close_pairs` the closest of
    `n_close` pairs of at least `CLOSE`.
    """

    cases: int
    matrix: Matrix
    n_close: int
    close_pairs: tuple[ClosePair, ...]
    lagged: tuple[Lagged, ...]


def sampled(n: int, most: int) -> Integers:
    """Return the places of at most so many of n things, drawn at random with a fixed seed."""
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(_SEED).choice(n, most, replace=False))


def correlate(dataset: Dataset, names: Sequence[str], step_hours: float | None) -> Correlation:
    """Correlate features; `step_hours` is the time to the next case of a region, if any."""
    names = names[:MOST_FEATURES]
    cases = dataset.take(sampled(len(dataset), _MOST_CASES))
    now = _values(dataset, names, cases.steps[:, -1])
    found = now.corr(method="spearman").to_numpy(float)
    pairs = _close_pairs(names, found)
    lagged = []
    for hours, places in _lags(dataset, cases, step_hours):
        n_cases = int(np.count_nonzero((places != NO_RECORD) & (cases.steps[:, -1] != NO_RECORD)))
        if n_cases >= _FEWEST_CASES:
            both = pd.concat([now, _values(dataset, names, places)], axis=1, ignore_index=True)
            matrix = both.corr(method="spearman").to_numpy(float)[: len(names), len(names) :]
            lagged.append(Lagged(hours, n_cases, _plain(matrix)))
    return Correlation(
        len(cases), _plain(found), len(pairs), tuple(pairs[:_MOST_PAIRS]), tuple(lagged)
    )


def _values(dataset: Dataset, names: Sequence[str], places: Integers) -> pd.DataFrame:
    """Return the values of the records at these places; NaN without a record."""
    shifted = replace(dataset, steps=places[:, None])
    return pd.DataFrame({name: shifted.feature(name) for name in names})


def _lags(
    dataset: Dataset, cases: Dataset, step_hours: float | None
) -> list[tuple[float, Integers]]:
    """Return times before t, and the place of the record of each case at that time."""
    length = dataset.window_length
    if length > 1:
        found = [lag for lag in _LAGS if lag < length]
        return [(lag * dataset.cadence_hours, cases.steps[:, -1 - lag]) for lag in found]
    if step_hours is None:
        return []
    return [(lag * step_hours, _before(dataset, cases, lag, step_hours)) for lag in _LAGS]


def _before(dataset: Dataset, cases: Dataset, lag: int, step_hours: float) -> Integers:
    """Find the record of the same region so many steps before, up to a quarter of a step off."""
    step = pd.Timedelta(hours=step_hours)
    known = pd.DataFrame({"at": dataset.t_rec, "region": dataset.region_id})
    known["place"] = dataset.steps[:, -1]
    at = cases.t_rec - np.timedelta64(lag * step)
    wanted = pd.DataFrame({"at": at, "region": cases.region_id})
    found = pd.merge_asof(
        wanted.reset_index().sort_values("at"),
        known.sort_values("at"),
        on="at",
        by="region",
        direction="nearest",
        tolerance=step / 4,
    )
    places = found.set_index("index")["place"].sort_index()
    return np.asarray(places.fillna(NO_RECORD).to_numpy(np.int64))


def _close_pairs(names: Sequence[str], matrix: Floats) -> list[ClosePair]:
    close = np.argwhere(np.triu(np.abs(matrix) >= CLOSE, k=1))
    pairs = [ClosePair(names[a], names[b], float(matrix[a, b])) for a, b in close]
    return sorted(pairs, key=lambda pair: -abs(pair.correlation))


def _plain(matrix: Floats) -> Matrix:
    return tuple(
        tuple(None if np.isnan(value) else round(float(value), 3) for value in row)
        for row in matrix
    )
