"""The description of a data set, and its tables for a terminal.

It counts cases, missing values and events, and finds windows that overlap and features that
correlate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_training.analysis.correlation import (
    CLOSE,
    CORRELATION,
    MOST_FEATURES,
    ClosePair,
    Lagged,
    Matrix,
    correlate,
    sampled,
)
from model_training.analysis.histogram import Histogram, bins_of, histogram
from model_training.data.dataset import NO_RECORD, Dataset
from model_training.data.overlap import Overlap, find_overlap
from model_training.data.remarks import remarks
from model_training.features import Floats, Integers, unit
from solar.time import isoformat, to_datetime

_MOST_PAIRS = 12
_MOST_RECORDS = 50_000
_PARTS = 12
# More years than observations go back come from wrong times.
_MOST_YEARS = 40
# How many of the days of all regions on the disk have such a flare within 24 h: from 1996 to 2018
# in SWPC's daily summaries, and every hour of two months at the maximum of 2014.
_WHOLE_DISK = {"M1.0": (0.03, 0.06), "C1.0": (0.19, 0.30), "X1.0": (0.003, 0.006)}
_CHOSEN, _FEWEST_EVENTS = 1.5, 10
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

    Shares are of the steps of all windows. `worst_region` has the largest share missing;
    `missing_by_part` is of twelve equal parts of the time, None where a part has no case.
    """

    name: str
    unit: str
    spread: Spread | None
    missing: float
    worst_region: int
    missing_in_worst_region: float
    missing_by_year: dict[int, float]
    missing_by_part: tuple[float | None, ...]
    histogram: Histogram | None


@dataclass(frozen=True)
class Balance:
    """The numbers of cases with an event, without one, and of unknown truth.

    `regions` is the number of regions that have a case with an event.
    """

    event: str
    events: int
    none: int
    unknown: int
    regions: int


@dataclass(frozen=True)
class RegionCases:
    """How many cases a region has; `largest` has the most."""

    least: int
    median: float
    most: int
    largest: int


@dataclass(frozen=True)
class Sample:
    """How many records the histograms count and how many cases are correlated, of all or drawn."""

    records: int
    cases: int


@dataclass(frozen=True)
class Description:
    """The description of a data set.

    `correlation` (f, f) is by rank over the cases at t, None where undefined, in the order of
    the first 60 `features`, and `lagged` the same with values from before; of `n_close_pairs` the
    closest are listed. `step_hours` is the median time between records of a region at
    neighbouring cases; `remarks` name features of no use, `balance_remark` tells of cases that
    were chosen around flares.
    """

    cases: int
    steps: int
    records: int
    regions: int
    region_cases: RegionCases
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
    balance_remark: str | None
    sample: Sample
    correlation_method: str
    correlation: Matrix
    lagged: tuple[Lagged, ...]
    n_close_pairs: int
    close_pairs: tuple[ClosePair, ...]
    remarks: tuple[str, ...]
    overlap: Overlap

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def describe(dataset: Dataset, *, names: Sequence[str] | None = None) -> Description:
    """Describe a data set by features, `names` or all that it has."""
    wanted = tuple(dataset.names if names is None else names)
    used, step_hours = _used(dataset), _step_hours(dataset)
    correlation = correlate(dataset, wanted, step_hours)
    # Whose values are counted into histograms.
    drawn = np.flatnonzero(used)
    drawn = drawn[sampled(len(drawn), _MOST_RECORDS)]
    events = tuple(_balance(dataset, event) for event in dataset.truth)
    folds = np.unique([] if dataset.fold is None else dataset.fold, return_counts=True)
    return Description(
        cases=len(dataset),
        steps=dataset.window_length,
        records=int(np.count_nonzero(used)),
        regions=len(np.unique(dataset.region_id)),
        region_cases=_region_cases(dataset),
        first_at=isoformat(to_datetime(dataset.t_rec.min())),
        last_at=isoformat(to_datetime(dataset.t_rec.max())),
        cadence_hours=dataset.cadence_hours,
        step_hours=step_hours,
        without_record=float(np.mean(dataset.steps == NO_RECORD)),
        rejected=dataset.rejected,
        filled=dataset.filled,
        folds={int(fold): int(count) for fold, count in zip(*folds, strict=True)},
        features=tuple(_feature(dataset, name, used, drawn) for name in wanted),
        events=events,
        balance_remark=_balance_remark(events),
        sample=Sample(records=len(drawn), cases=correlation.cases),
        correlation_method=CORRELATION,
        correlation=correlation.matrix,
        lagged=correlation.lagged,
        n_close_pairs=correlation.n_close,
        close_pairs=correlation.close_pairs,
        remarks=remarks(dataset, wanted),
        overlap=find_overlap(dataset, wanted),
    )


def _used(dataset: Dataset) -> NDArray[np.bool_]:
    """Tell which records (m,) belong to a window at all."""
    n_records = len(next(iter(dataset.records.values()), ()))
    used = np.zeros(n_records + 1, np.bool_)
    used[dataset.steps.ravel()] = True
    return used[:-1]


def _feature(
    dataset: Dataset, name: str, used: NDArray[np.bool_], drawn: Integers
) -> FeatureDescription:
    column = np.asarray(dataset.records[name], float)
    known = column[used & np.isfinite(column)]
    quantiles = np.percentile(known, (0, 25, 50, 75, 100)).tolist() if known.size else None
    missing = np.append(np.isnan(column), True)[dataset.steps].mean(axis=1)
    by_region = _means(missing, dataset.region_id)
    worst = max(by_region, key=lambda region: by_region[region])
    by_year = _means(missing, dataset.t_rec.astype("datetime64[Y]").astype(int) + 1970)
    return FeatureDescription(
        name=name,
        unit=unit_of(dataset, name),
        spread=Spread(*quantiles) if quantiles else None,
        missing=float(missing.mean()),
        worst_region=worst,
        missing_in_worst_region=by_region[worst],
        missing_by_year=by_year if len(by_year) <= _MOST_YEARS else {},
        missing_by_part=_missing_by_part(dataset, missing),
        histogram=histogram(known, column[drawn]),
    )


def _means(values: Floats, groups: Integers) -> dict[int, float]:
    """Average values (n,) within each group (n,)."""
    keys, code, count = np.unique(groups, return_inverse=True, return_counts=True)
    means = np.round(np.bincount(code, values) / count, 4)
    return dict(zip(keys.tolist(), means.tolist(), strict=True))


def _missing_by_part(dataset: Dataset, missing: Floats) -> tuple[float | None, ...]:
    since = (dataset.t_rec - dataset.t_rec.min()) / np.timedelta64(1, "s")
    means = _means(missing, bins_of(since, _PARTS))
    return tuple(means.get(part) for part in range(_PARTS))


def unit_of(dataset: Dataset, name: str) -> str:
    """Return the unit that the set gives, else that of the SHARP table or the flare history."""
    if name in dataset.units:
        return dataset.units[name]
    try:
        return unit(name)
    except KeyError:
        return "unknown"


def _balance(dataset: Dataset, event: str) -> Balance:
    truth = dataset.truth[event]
    return Balance(
        event,
        events=int(np.count_nonzero(truth == 1)),
        none=int(np.count_nonzero(truth == 0)),
        unknown=int(np.count_nonzero(np.isnan(truth))),
        regions=len(np.unique(dataset.region_id[truth == 1])),
    )


def _balance_remark(events: Sequence[Balance]) -> str | None:
    """Say that there are more events than on the whole disk, at the example of one event."""
    found = {one.event: one for one in events if one.events >= _FEWEST_EVENTS}
    for event, (low, high) in _WHOLE_DISK.items():
        one = found.get(event)
        if one is not None and one.events > _CHOSEN * high * (one.events + one.none):
            return (
                f"Chosen around flares: on the whole disk {low * 100:g} to {high * 100:g} % have"
                f" {'a' if event[0] == 'C' else 'an'} {event}+. Take no base rate from here."
            )
    return None


def _region_cases(dataset: Dataset) -> RegionCases:
    regions, cases = np.unique(dataset.region_id, return_counts=True)
    largest = int(regions[cases.argmax()])
    return RegionCases(int(cases.min()), float(np.median(cases)), int(cases.max()), largest)


def _step_hours(dataset: Dataset) -> float | None:
    order = np.lexsort((dataset.t_rec, dataset.region_id))
    same = np.diff(dataset.region_id[order]) == 0
    gaps = np.diff(dataset.t_rec[order])[same]
    gaps = gaps[gaps > np.timedelta64(0, "us")]
    return float(np.median(gaps / np.timedelta64(1, "h"))) if gaps.size else None


def text(description: Description) -> str:
    """Write a description as readable tables, with a line for every feature and event."""
    blocks = [
        _shape(description),
        _grid([_COLUMNS, *(_row(feature) for feature in description.features)]),
        "\n".join(description.remarks),
        _missing_by_year(description),
        _events(description),
        description.balance_remark,
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
    title = f"{description.n_close_pairs} pairs of features with |{description.correlation_method}"
    title += f" correlation| >= {CLOSE:g}"
    if len(description.features) > MOST_FEATURES:
        title += f", of the first {MOST_FEATURES} features"
    shown = [
        f"  {pair.one} ~ {pair.other}: {pair.correlation:.3f}"
        for pair in description.close_pairs[:_MOST_PAIRS]
    ]
    if description.n_close_pairs > _MOST_PAIRS:
        shown.append(f"  and {description.n_close_pairs - _MOST_PAIRS} more")
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
