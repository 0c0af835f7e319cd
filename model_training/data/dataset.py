"""A data set: cases, each a window of records that ends at t, with the truth of each event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from model_training.data.hazard_bins import outcome_within
from model_training.features import Floats, Integers, Times
from solar.flares import Event
from solar.windows import DAY

NO_RECORD = -1
# The fold of cases that no part but training may have, such as those of another instrument.
TRAINING_ONLY = -1


@dataclass(frozen=True)
class Dataset:
    """Cases in the order of their time.

    A record may belong to the windows of several cases. Cases know their records by place, so
    that a part of the cases shares the records of the whole.

    Parameters
    ----------
    records : feature -> (m,) float, NaN is missing
    steps : (n, L) place in `records` of each step of the window, the last at t; `NO_RECORD`
        where the region has no record at that time
    region_id : (n,) number of the active region, HARP or NOAA as the source counts
    t_rec : (n,) datetime64[us], UTC, the time at which the forecast is issued
    truth : event name -> (n,) float; 1 event, 0 none, NaN unknown
    flared_before : event name -> (n,) float; the same for [t - 24 h, t), 1 or 0; an event that
        is absent has no persistence forecast
    by_bin : event name -> (n, bins) float; 1 where such a flare of the region peaked in a bin of
        `BIN_EDGES_HOURS` after t, 0 where none did, NaN unknown; empty without a flare list
    fold : (n,) number of the fold in which the source put each case, or None; `TRAINING_ONLY`
        for cases from elsewhere that help to learn and are never judged
    weight : (n,) weight of each case in training, or None where all weigh alike
    units : unit of each feature that the SHARP table and the flare history do not know
    cadence_hours : time between two steps
    rejected : number of records refused for their QUALITY
    filled : number of records added for region-days that the set leaves out by construction
    """

    records: Mapping[str, Floats]
    steps: Integers
    region_id: Integers
    t_rec: Times
    truth: Mapping[str, Floats]
    flared_before: Mapping[str, Floats]
    by_bin: Mapping[str, Floats] = field(default_factory=dict)
    fold: Integers | None = None
    weight: Floats | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    cadence_hours: float = 0.2
    rejected: int = 0
    filled: int = 0

    def __len__(self) -> int:
        return len(self.t_rec)

    @property
    def n_records(self) -> int:
        """The number of records that the windows are cut from."""
        return len(next(iter(self.records.values()), ()))

    @property
    def is_scored(self) -> NDArray[np.bool_]:
        """Tell which cases may be judged, (n,), and are not `TRAINING_ONLY`."""
        return np.ones(len(self), bool) if self.fold is None else self.fold != TRAINING_ONLY

    @property
    def window_length(self) -> int:
        """The number of steps of a window."""
        return int(self.steps.shape[1])

    @property
    def reach_hours(self) -> float:
        """How long before t the window begins."""
        return (self.window_length - 1) * self.cadence_hours

    @property
    def names(self) -> tuple[str, ...]:
        """The features that the records have."""
        return tuple(self.records)

    def feature(self, name: str) -> Floats:
        """Return a feature of every case at t, (n,)."""
        return _gathered(self.records[name], self.steps[:, -1])

    def outcome(self, target: Event) -> Floats:
        """Return the truth of an event in its window, (n,)."""
        if target.window == DAY:
            return self.truth[target.name]
        return outcome_within(self.by_bin[target.goes_class], target.window.name)

    def matrix(self, names: Sequence[str]) -> NDArray[np.float32]:
        """Stack features at t by name, (n, len(names)); what the set does not have is NaN."""
        return replace(self, steps=self.steps[:, -1:]).windows(names)[:, 0]

    def windows(self, names: Sequence[str]) -> NDArray[np.float32]:
        """Stack features of every step by name, (n, L, len(names)); missing is NaN."""
        # One feature at a time: a table of all records would be as large as the windows.
        windows = np.full((*self.steps.shape, len(names)), np.nan, np.float32)
        for place, name in enumerate(names):
            if name in self.records:
                windows[..., place] = _gathered(self.records[name], self.steps)
        return windows

    def take(self, cases: NDArray[np.bool_] | Integers) -> Dataset:
        """Return the chosen cases."""
        return replace(
            self,
            steps=self.steps[cases],
            region_id=self.region_id[cases],
            t_rec=self.t_rec[cases],
            truth={name: column[cases] for name, column in self.truth.items()},
            flared_before={name: column[cases] for name, column in self.flared_before.items()},
            by_bin={name: column[cases] for name, column in self.by_bin.items()},
            fold=None if self.fold is None else self.fold[cases],
            weight=None if self.weight is None else self.weight[cases],
        )


def points(records: Mapping[str, Floats], n: int) -> tuple[Mapping[str, Floats], Integers]:
    """Return the records of cases that are one record each, and their steps."""
    return records, np.arange(n, dtype=np.int64)[:, None]


def parts_of_one(parts: Sequence[Dataset]) -> Dataset:
    """Put parts of the same data set one after another."""
    first = parts[0]
    folds = [part.fold for part in parts if part.fold is not None]
    weights = [part.weight for part in parts if part.weight is not None]
    return replace(
        first,
        steps=np.concatenate([part.steps for part in parts]),
        region_id=np.concatenate([part.region_id for part in parts]),
        t_rec=np.concatenate([part.t_rec for part in parts]),
        truth=_joined([part.truth for part in parts]),
        flared_before=_joined([part.flared_before for part in parts]),
        by_bin=_joined([part.by_bin for part in parts]),
        fold=np.concatenate(folds) if folds else None,
        weight=np.concatenate(weights) if weights else None,
    )


def _joined(parts: Sequence[Mapping[str, Floats]]) -> dict[str, Floats]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _gathered(column: Floats, places: Integers) -> Floats:
    values = np.asarray(column, float)[places]
    return np.where(places == NO_RECORD, np.nan, values)
