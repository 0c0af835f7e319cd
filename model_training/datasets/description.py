"""The break-down of a data set: what it holds, what is missing, and how much of it is repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from model_training.datasets.dataset import NO_RECORD, Dataset
from model_training.datasets.overlap import Overlap, find_overlap
from model_training.features import Floats, Integers, unit
from solar.time import isoformat, to_datetime

CORRELATION = "Spearman"
CLOSE = 0.95
# Ranks of all pairs of features are costly; evenly chosen cases tell as much.
_MOST_CORRELATED = 20_000


@dataclass(frozen=True)
class Spread:
    """The extremes and quartiles of known values."""

    minimum: float
    lower_quartile: float
    median: float
    upper_quartile: float
    maximum: float


@dataclass(frozen=True)
class FeatureDescription:
    """One feature: the spread of its known values in the records, and where it is missing.

    Shares are of the steps of all windows. `worst_region` has the largest share missing.
    """

    name: str
    unit: str
    spread: Spread | None
    missing: float
    worst_region: int
    missing_in_worst_region: float
    missing_by_year: dict[int, float]


@dataclass(frozen=True)
class Balance:
    """How often an event came, did not come, or nobody can tell."""

    event: str
    events: int
    none: int
    unknown: int


@dataclass(frozen=True)
class ClosePair:
    """Two features that say nearly the same."""

    one: str
    other: str
    correlation: float


@dataclass(frozen=True)
class Description:
    """The break-down of a data set.

    `correlation` (f, f) is by rank over the cases at t, None where undefined, in the order of
    `features`; `step_hours` the median time between records of a region at neighbouring cases.
    """

    cases: int
    steps: int
    records: int
    regions: int
    first_at: str
    last_at: str
    cadence_hours: float
    step_hours: float | None
    without_record: float
    rejected: int
    filled: int
    folds: dict[int, int]
    features: tuple[FeatureDescription, ...]
    events: tuple[Balance, ...]
    correlation_method: str
    correlation: tuple[tuple[float | None, ...], ...]
    close_pairs: tuple[ClosePair, ...]
    overlap: Overlap

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def describe(dataset: Dataset, *, names: Sequence[str] | None = None) -> Description:
    """Break a data set down by features, `names` or all that it has."""
    wanted = tuple(dataset.names if names is None else names)
    matrix = _correlation(dataset, wanted)
    used = _used(dataset)
    folds = np.unique([] if dataset.fold is None else dataset.fold, return_counts=True)
    return Description(
        cases=len(dataset),
        steps=dataset.window_length,
        records=int(np.count_nonzero(used)),
        regions=len(np.unique(dataset.region_id)),
        first_at=isoformat(to_datetime(dataset.t_rec.min())),
        last_at=isoformat(to_datetime(dataset.t_rec.max())),
        cadence_hours=dataset.cadence_hours,
        step_hours=_step_hours(dataset),
        without_record=float(np.mean(dataset.steps == NO_RECORD)),
        rejected=dataset.rejected,
        filled=dataset.filled,
        folds={int(fold): int(count) for fold, count in zip(*folds, strict=True)},
        features=tuple(_feature(dataset, name, used) for name in wanted),
        events=tuple(_balance(event, truth) for event, truth in dataset.truth.items()),
        correlation_method=CORRELATION,
        correlation=tuple(tuple(_number(value) for value in row) for row in matrix),
        close_pairs=_close_pairs(wanted, matrix),
        overlap=find_overlap(dataset, wanted),
    )


def _used(dataset: Dataset) -> NDArray[np.bool_]:
    """Tell which records (m,) belong to a window at all."""
    n_records = len(next(iter(dataset.records.values()), ()))
    used = np.zeros(n_records + 1, np.bool_)
    used[dataset.steps.ravel()] = True
    return used[:-1]


def _feature(dataset: Dataset, name: str, used: NDArray[np.bool_]) -> FeatureDescription:
    column = np.asarray(dataset.records[name], float)
    known = column[used & ~np.isnan(column)]
    quantiles = np.percentile(known, (0, 25, 50, 75, 100)).tolist() if known.size else None
    missing = np.append(np.isnan(column), True)[dataset.steps].mean(axis=1)
    by_region = _means(missing, dataset.region_id)
    worst = max(by_region, key=lambda region: by_region[region])
    return FeatureDescription(
        name=name,
        unit=unit_of(dataset, name),
        spread=Spread(*quantiles) if quantiles else None,
        missing=float(missing.mean()),
        worst_region=worst,
        missing_in_worst_region=by_region[worst],
        missing_by_year=_means(missing, dataset.t_rec.astype("datetime64[Y]").astype(int) + 1970),
    )


def _means(values: Floats, groups: Integers) -> dict[int, float]:
    """Average values (n,) within each group (n,)."""
    found, code, count = np.unique(groups, return_inverse=True, return_counts=True)
    means = np.bincount(code, values) / count
    return dict(zip(found.tolist(), means.tolist(), strict=True))


def unit_of(dataset: Dataset, name: str) -> str:
    """Return the unit that the set gives, else that of the SHARP table or the flare history."""
    if name in dataset.units:
        return dataset.units[name]
    try:
        return unit(name)
    except KeyError:
        return "unknown"


def _balance(event: str, truth: Floats) -> Balance:
    counts = (np.count_nonzero(part) for part in (truth == 1, truth == 0, np.isnan(truth)))
    return Balance(event, *(int(count) for count in counts))


def _step_hours(dataset: Dataset) -> float | None:
    order = np.lexsort((dataset.t_rec, dataset.region_id))
    same = np.diff(dataset.region_id[order]) == 0
    gaps = np.diff(dataset.t_rec[order])[same]
    gaps = gaps[gaps > np.timedelta64(0, "us")]
    return float(np.median(gaps / np.timedelta64(1, "h"))) if gaps.size else None


def _correlation(dataset: Dataset, names: Sequence[str]) -> NDArray[np.float64]:
    every = max(1, -(-len(dataset) // _MOST_CORRELATED))
    cases = dataset.take(np.arange(0, len(dataset), every))
    table = pd.DataFrame({name: cases.feature(name) for name in names})
    return table.corr(method="spearman").to_numpy(float)


def _close_pairs(names: Sequence[str], matrix: NDArray[np.float64]) -> tuple[ClosePair, ...]:
    close = np.argwhere(np.triu(np.abs(matrix) >= CLOSE, k=1))
    pairs = [ClosePair(names[a], names[b], float(matrix[a, b])) for a, b in close]
    return tuple(sorted(pairs, key=lambda pair: -abs(pair.correlation)))


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
