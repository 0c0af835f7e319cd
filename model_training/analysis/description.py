"""The description of a data set, and its tables for a terminal.

It counts cases, missing values and events, and finds windows that overlap and features that
correlate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from model_training.data.dataset import NO_RECORD, Dataset
from model_training.data.overlap import Overlap, find_overlap
from model_training.data.remarks import remarks
from model_training.features import Floats, Integers, unit
from solar.time import isoformat, to_datetime

CORRELATION = "Spearman"
CLOSE = 0.95
# Ranks of all pairs of features are costly; evenly chosen cases are enough.
_MOST_CORRELATED = 20_000
_MOST_PAIRS = 12
_COLUMNS = ("feature", "unit", "min", "25 %", "median", "75 %", "max", "missing", "worst region")


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
    """The numbers of cases with an event, without one, and of unknown truth."""

    event: str
    events: int
    none: int
    unknown: int


@dataclass(frozen=True)
class ClosePair:
    """Two features that are nearly the same."""

    one: str
    other: str
    correlation: float


@dataclass(frozen=True)
class Description:
    """The description of a data set.

    `correlation` (f, f) is by rank over the cases at t, None where undefined, in the order of
    `features`; `step_hours` the median time between records of a region at neighbouring
    cases; `remarks` name features of no use.
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
    remarks: tuple[str, ...]
    overlap: Overlap

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def describe(dataset: Dataset, *, names: Sequence[str] | None = None) -> Description:
    """Describe a data set by features, `names` or all that it has."""
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
        remarks=remarks(dataset, wanted),
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
    keys, code, count = np.unique(groups, return_inverse=True, return_counts=True)
    means = np.bincount(code, values) / count
    return dict(zip(keys.tolist(), means.tolist(), strict=True))


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


def text(description: Description) -> str:
    """Write a description as readable tables, with a line for every feature and event."""
    blocks = [
        _shape(description),
        _grid([_COLUMNS, *(_row(feature) for feature in description.features)]),
        "\n".join(description.remarks),
        _missing_by_year(description),
        _events(description),
        _correlation_text(description),
        overlap_text(description.overlap),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def overlap_text(overlap: Overlap) -> str:
    """Say in words how many windows overlap, and what follows."""
    if not overlap.overlapping:
        return f"0 of {overlap.cases} windows overlap"
    how = []
    if overlap.shared:
        how.append(f"{overlap.shared} share records with another window")
    if overlap.copied:
        steps = "at t" if overlap.run == 1 else f"in {overlap.run} steps or more"
        how.append(f"{overlap.copied} repeat {overlap.feature} of other records {steps}")
    return (
        f"{overlap.overlapping} of {overlap.cases} windows overlap: {', '.join(how)};"
        " split by region and time, never by row"
    )


def _shape(description: Description) -> str:
    step = "none" if description.step_hours is None else f"{description.step_hours:g} h"
    lines = [
        f"{description.cases} cases of {description.steps} steps x"
        f" {len(description.features)} features ({description.records} records),"
        f" {description.regions} regions",
        f"{description.first_at} to {description.last_at}; a region's next case follows after"
        f" {step} (median)",
    ]
    if description.steps > 1:
        lines.append(
            f"steps of {description.cadence_hours:g} h;"
            f" {description.without_record:.1%} of them have no record"
        )
    if description.rejected or description.filled:
        lines.append(
            f"{description.rejected} records rejected for QUALITY, {description.filled} filled in"
        )
    if description.folds:
        folds = ", ".join(f"{fold}: {count}" for fold, count in description.folds.items())
        lines.append(f"cases by fold: {folds}")
    return "\n".join(lines)


def _row(feature: FeatureDescription) -> tuple[str, ...]:
    worst = ""
    if feature.missing_in_worst_region:
        worst = f"{feature.worst_region} ({feature.missing_in_worst_region:.0%})"
    spread: tuple[str, ...] = ("-",) * 5
    if feature.spread:
        spread = tuple(f"{value:.4g}" for value in astuple(feature.spread))
    return feature.name, feature.unit, *spread, f"{feature.missing:.1%}", worst


def _missing_by_year(description: Description) -> str:
    incomplete = [
        item for item in description.features if item.missing > description.without_record
    ]
    years = sorted({year for feature in incomplete for year in feature.missing_by_year})
    if len(years) < 2:
        return ""
    rows = [
        (item.name, *(f"{item.missing_by_year[year]:.0%}" for year in years)) for item in incomplete
    ]
    return "missing by year\n" + _grid([("feature", *map(str, years)), *rows])


def _events(description: Description) -> str:
    if not description.events:
        return "no truth: name a flare list or labels"
    rows = [("event", "events", "none", "unknown", "base rate")]
    for item in description.events:
        known = item.events + item.none
        rate = f"{item.events / known:.2%}" if known else "undefined"
        rows.append((item.event, str(item.events), str(item.none), str(item.unknown), rate))
    return _grid(rows)


def _correlation_text(description: Description) -> str:
    title = (
        f"{len(description.close_pairs)} pairs of features with |{description.correlation_method}"
    )
    title += f" correlation| >= {CLOSE:g}"
    shown = [
        f"  {pair.one} ~ {pair.other}: {pair.correlation:.3f}"
        for pair in description.close_pairs[:_MOST_PAIRS]
    ]
    if len(description.close_pairs) > _MOST_PAIRS:
        shown.append(f"  and {len(description.close_pairs) - _MOST_PAIRS} more")
    return "\n".join([title, *shown])


def _grid(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if place < 1 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)
