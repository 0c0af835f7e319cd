"""The full disk: one probability of a flare anywhere, from the regions and from recent activity."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from solar.consistency import consistent
from solar.flares import EVENTS, LIST_MAY_LAG, LONGEST_FLARE
from solar.flares import event as event_named
from solar.time import Window, to_datetime64
from solar.truth import reaches

Floats = NDArray[np.float64]
Times = NDArray[np.datetime64]

FITTED = Path(__file__).with_suffix(".json")
# The inputs of the activity regression: flares of at least a class in the last days.
COUNTED: tuple[tuple[str, int], ...] = (
    ("M1.0", 1),
    ("M1.0", 3),
    ("M1.0", 27),
    ("M1.0", 120),
    ("C1.0", 1),
    ("C1.0", 3),
    ("C1.0", 27),
)
WEAKEST_CLASS = "C1.0"
REACH_DAYS = max(days for _, days in COUNTED)
# Over less of a list activity is not known; a longer span is scaled up from what is covered of it.
LEAST_DAYS = 3

# Further out the log-odds of the regions would outweigh those of the activity.
_LEAST = 1e-4
_DAY = np.timedelta64(1, "D")
_LAG, _LONGEST = np.timedelta64(LIST_MAY_LAG), np.timedelta64(LONGEST_FLARE)
_INSTANT = np.timedelta64(1, "us")


@dataclass(frozen=True)
class DiskActivity:
    """The flares of the whole Sun, to be counted as they were known at a time.

    Parameters
    ----------
    peak_at : (m,) datetime64[us], UTC, ascending
    known_at : (m,) datetime64[us], UTC, from when on each counts: its end, else its peak
    flux : (m,) peak 1-8 Angstrom flux [W m-2]; those of less than C1.0 may be absent
    covered : stretches over which the list is complete, none of them touching another
    """

    peak_at: Times
    known_at: Times
    flux: Floats
    covered: Sequence[Window]

    def counts(self, t: Times) -> Floats:
        """Count the flares of `COUNTED` that had ended by each time, (n, 7).

        A flare counts in the days before t by its peak. Of a span that the list covers in part,
        the rate over that part stands for all of it. NaN where the list does not cover the
        three days before t, up to six hours of delay.
        """
        at = np.asarray(t, "datetime64[us]")
        known_at = np.clip(self.known_at, self.peak_at + _INSTANT, self.peak_at + _LONGEST)
        columns = []
        for name, days in COUNTED:
            strong = reaches(self.flux, event_named(name).peak_flux_w_m2)
            ended = np.searchsorted(np.sort(known_at[strong]), at, side="right")
            # What peaked before the span had ended by t, as no flare lasts longer than a day.
            before = np.searchsorted(self.peak_at[strong], at - days * _DAY)
            share = np.maximum(self._covered_days(at, days), 1e-9) / days
            columns.append((ended - before) / share)
        is_known = self._covered_days(at, LEAST_DAYS) >= LEAST_DAYS
        return np.where(is_known[..., None], np.stack(columns, axis=-1), np.nan)

    def _covered_days(self, at: Times, days: int) -> Floats:
        """Return how many of the days before each time the list covers, (n,)."""
        total = np.zeros(at.shape)
        for window in self.covered:
            start = np.maximum(at - days * _DAY, to_datetime64(window.start_at))
            end = np.minimum(at, to_datetime64(window.end_at) + _LAG)
            total += np.maximum((end - start) / _DAY, 0)
        return total


@dataclass(frozen=True)
class DiskAggregate:
    """The full-disk forecast of one event in one window.

    The mean of two log-odds: that of the product of the regions, and that of a logistic
    regression on recent flares, which knows the limb and what has no record. The regression was
    fitted on `n_days` of which `n_events` had the event; `threshold` has the highest TSS of it on
    these days, which `fitted_on` names.
    """

    weights: tuple[float, ...]
    intercept: float
    threshold: float
    n_days: int
    n_events: int
    fitted_on: str

    def activity(self, counts: ArrayLike) -> Floats:
        """Return what the regression alone says, (n,), of `DiskActivity.counts` (n, 7).

        sigmoid(sum of weight * log(1 + count) + intercept); NaN where a count is.
        """
        score = np.log1p(np.asarray(counts, float)) @ np.array(self.weights) + self.intercept
        return np.asarray(1 / (1 + np.exp(-score)))


def mean_in_log_odds(product: ArrayLike, activity: ArrayLike) -> Floats:
    """Return the mean of two chances (n,); the product where the activity is not known (NaN)."""
    chance = np.asarray(product, float)
    mean = (_log_odds(chance) + _log_odds(np.asarray(activity, float))) / 2
    return np.where(np.isnan(mean), chance, 1 / (1 + np.exp(-mean)))


def _log_odds(probability: Floats) -> Floats:
    chance = np.clip(probability, _LEAST, 1 - _LEAST)
    return np.asarray(np.log(chance / (1 - chance)))


@cache
def disk_aggregates() -> Mapping[str, DiskAggregate]:
    """Return the aggregates by event (``M1.0``, ``M1.0/6h``); none with too few event days."""
    fitted = json.loads(FITTED.read_text("utf-8"))
    return {
        name: DiskAggregate(**(one | {"weights": tuple(one["weights"])}))
        for name, one in fitted["events"].items()
    }


def disk_activity(event: str, counts: ArrayLike) -> Floats:
    """Return the chance of an event by recent flares alone, (n,), from counts (n, 7).

    The regressions of all events and windows are made consistent, as they were fitted one by one:
    those of 6 and 12 h, which had fewer days, first give way to that of 24 h. NaN where a count is,
    or the event has no regression.
    """
    rows = np.atleast_2d(np.asarray(counts, float))
    chances = {name: one.activity(rows) for name, one in disk_aggregates().items()}
    if event not in chances:
        return np.full(len(rows), np.nan)
    for name in (one.name for one in EVENTS):
        chances[f"{name}/12h"] = np.minimum(chances[f"{name}/12h"], chances[name])
        chances[f"{name}/6h"] = np.minimum(chances[f"{name}/6h"], chances[f"{name}/12h"])
    agreed = consistent(np.column_stack(list(chances.values())), [*map(event_named, chances)])
    return agreed[:, list(chances).index(event)]


def disk_probability(event: str, product: ArrayLike, counts: ArrayLike) -> Floats:
    """Return the one full-disk forecast (n,) from what the regions (n,) and the flares (n, 7) say.

    Where the activity is not known the product stands alone; NaN where the product is NaN.
    """
    return mean_in_log_odds(product, disk_activity(event, counts))
