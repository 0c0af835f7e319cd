"""Point features by name: raw SHARP keywords, and the flare history of a region known at t."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from solar.flares import event
from solar.sharp import BY_NAME, LIVE_KEYWORDS
from solar.truth import reaches

Floats = NDArray[np.float64]
# What a model or an estimator looks at, NaN where missing.
Inputs = NDArray[np.float32]
Integers = NDArray[np.int64]
Times = NDArray[np.datetime64]

# One solar rotation: beyond it the region has left the disk under this number.
HISTORY_REACH = timedelta(days=27)
DECAY_HOURS = 72.0

_RECENT_HOURS = 24.0
_RECENT = np.timedelta64(24, "h")
_THREE_DAYS = np.timedelta64(3, "D")
_REACH = np.timedelta64(HISTORY_REACH)
_REACH_HOURS = HISTORY_REACH / timedelta(hours=1)
_HOUR = np.timedelta64(1, "h")
_INSTANT = np.timedelta64(1, "us")
_C1, _M1, _X1 = (event(name).peak_flux_w_m2 for name in ("C1.0", "M1.0", "X1.0"))

KEYWORD_FEATURES: tuple[str, ...] = tuple(keyword.name for keyword in LIVE_KEYWORDS)
_HISTORY_UNITS = {
    "FLARES_C_24H": "count",
    "FLARES_M_24H": "count",
    "FLARE_INDEX_24H": "1e-6 W/m2",
    "FLARE_INDEX_DECAYED": "1e-6 W/m2",
    "HOURS_SINCE_C": "h",
    "HOURS_SINCE_M": "h",
    "HOURS_SINCE_X": "h",
    "DISK_FLARES_C_24H": "count",
    "DISK_FLARES_M_24H": "count",
    "DISK_FLARES_M_3D": "count",
    "DISK_FLARES_C_27D": "count",
    "DISK_FLARES_M_27D": "count",
}
HISTORY_FEATURES: tuple[str, ...] = tuple(_HISTORY_UNITS)


@dataclass(frozen=True)
class FlareHistory:
    """Observed flares, sorted by `peak_at`.

    Parameters
    ----------
    peak_at : (m,) datetime64[us], UTC
    flux : (m,) peak 1-8 Angstrom flux [W m-2]
    region_id : (m,) region of the flare; 0 = unknown, which counts for the disk only
    known_at : (m,) datetime64[us], UTC, from when on each flare counts; None is right after its
        peak
    """

    peak_at: Times
    flux: Floats
    region_id: Integers
    known_at: Times | None = None


@dataclass(frozen=True)
class _Past:
    """The pairs of a row and a flare that was known there, in the order of rows, then peaks.

    `row` (k,) of `n` rows, `age_hours` (k,) since the peak, `flux` (k,) W m-2.
    """

    n: int
    row: Integers
    age_hours: Floats
    flux: Floats

    def reaching(self, limit: float) -> _Past:
        return self._where(reaches(self.flux, limit))

    def within(self, hours: float) -> _Past:
        return self._where(self.age_hours <= hours)

    def _where(self, chosen: NDArray[np.bool_]) -> _Past:
        return _Past(self.n, self.row[chosen], self.age_hours[chosen], self.flux[chosen])

    def count(self) -> Floats:
        return np.bincount(self.row, minlength=self.n).astype(float)

    def index(self, *, decay_hours: float = np.inf) -> Floats:
        weights = self.flux * np.exp(-self.age_hours / decay_hours)
        return np.bincount(self.row, weights, self.n) / _C1

    def hours_since_last(self) -> Floats:
        hours = np.full(self.n, _REACH_HOURS)
        # The last value of a row stays: that of its last peak.
        hours[self.row] = self.age_hours
        return hours


def unit(name: str) -> str:
    """Return the unit of a feature, as the SHARP table or the history defines it."""
    return _HISTORY_UNITS[name] if name in _HISTORY_UNITS else BY_NAME[name].unit


def kind(name: str) -> Literal["keyword", "history", "other"]:
    """Tell whether a feature is a ``keyword`` of the record, flare ``history``, or neither."""
    if name in _HISTORY_UNITS:
        return "history"
    return "keyword" if name in BY_NAME else "other"


def history_features(
    region_id: Integers,
    t_rec: Times,
    flares: FlareHistory,
    *,
    known: NDArray[np.bool_],
    listed_since: Times | None = None,
) -> dict[str, Floats]:
    """Describe what a region had flared before t: only flares with peak < t that are known count.

    Parameters
    ----------
    region_id : (n,) region of each row
    t_rec : (n,) datetime64, UTC
    flares : every flare of the last `HISTORY_REACH` before any of the rows
    known : (n,) whether the flare list covers t; where not, all features are NaN
    listed_since : (n,) datetime64, UTC, from when on the list has all flares up to t; the DISK
        counts of 3 and 27 days are NaN where that is later. None reaches far enough for all

    Returns
    -------
    name of `HISTORY_FEATURES` -> (n,) float. Counts and indices cover [t - 24 h, t), the
    decayed index [t - 27 d, t) with an e-folding time of 72 h; times since a flare of at
    least the class are capped at 27 days, which also stands for "none". The DISK counts, also
    of 3 and 27 days, include flares of other and of unknown regions.
    """
    at = np.asarray(t_rec, "datetime64[us]")
    if not known.any():
        return {name: np.full(len(at), np.nan) for name in HISTORY_FEATURES}
    columns = _region_features(np.asarray(region_id, np.int64), at, flares)
    columns |= _disk_features(at, flares, listed_since)
    return {name: np.where(known, columns[name], np.nan) for name in HISTORY_FEATURES}


def _region_features(region_id: Integers, at: Times, flares: FlareHistory) -> dict[str, Floats]:
    past = _past(region_id, at, _where(flares, flares.region_id != 0), reach=_REACH)
    recent, c1 = past.within(_RECENT_HOURS), past.reaching(_C1)
    m1 = c1.reaching(_M1)
    return {
        "FLARES_C_24H": recent.reaching(_C1).count(),
        "FLARES_M_24H": recent.reaching(_M1).count(),
        "FLARE_INDEX_24H": recent.index(),
        "FLARE_INDEX_DECAYED": past.index(decay_hours=DECAY_HOURS),
        "HOURS_SINCE_C": c1.hours_since_last(),
        "HOURS_SINCE_M": m1.hours_since_last(),
        "HOURS_SINCE_X": m1.reaching(_X1).hours_since_last(),
    }


def _disk_features(
    at: Times, flares: FlareHistory, listed_since: Times | None
) -> dict[str, Floats]:
    """Count the flares of the whole disk, NaN where the list does not reach back that far."""
    c1, m1 = (_where(flares, reaches(flares.flux, limit)) for limit in (_C1, _M1))
    counted = {
        "DISK_FLARES_C_24H": (c1, _RECENT),
        "DISK_FLARES_M_24H": (m1, _RECENT),
        "DISK_FLARES_M_3D": (m1, _THREE_DAYS),
        "DISK_FLARES_C_27D": (c1, _REACH),
        "DISK_FLARES_M_27D": (m1, _REACH),
    }
    columns = {name: _count_known(at, *one) for name, one in counted.items()}
    if listed_since is not None:
        for name, (_, reach) in counted.items():
            columns[name] = np.where(listed_since <= at - reach, columns[name], np.nan)
    return columns


def _count_known(at: Times, flares: FlareHistory, reach: np.timedelta64) -> Floats:
    """Count the flares with a peak in [t - reach, t) that are known at t, (n,).

    A flare that peaked before t - reach is taken for known at t: none lasts so long.
    """
    counted_from = flares.peak_at + _INSTANT
    if flares.known_at is not None:
        counted_from = np.sort(np.maximum(counted_from, flares.known_at))
    known = np.searchsorted(counted_from, at, side="right")
    count = known - np.searchsorted(flares.peak_at, at - reach)
    # A flare whose end is wrong by days must not make a count negative.
    counted: Floats = np.maximum(count, 0).astype(float)
    return counted


def _where(flares: FlareHistory, chosen: NDArray[np.bool_] | slice) -> FlareHistory:
    known_at = None if flares.known_at is None else flares.known_at[chosen]
    return FlareHistory(
        flares.peak_at[chosen], flares.flux[chosen], flares.region_id[chosen], known_at
    )


def _past(region_id: Integers, at: Times, flares: FlareHistory, *, reach: np.timedelta64) -> _Past:
    """Pair each row (n,) with the flares of its region in [t - reach, t) that are known at t."""
    codes, row_region = np.unique(region_id, return_inverse=True)
    flares = _where(flares, np.isin(flares.region_id, codes))
    if not len(flares.peak_at):
        none = np.empty(0)
        return _Past(len(at), np.empty(0, np.int64), none, none)
    flare_region = np.searchsorted(codes, flares.region_id)
    row_keys, flare_keys = _keys(row_region, at, flare_region, flares.peak_at)
    order = np.argsort(flare_keys, kind="stable")
    keys = flare_keys[order]
    row, flare = _pairs(keys, upper=row_keys, lower=row_keys - _milliseconds(reach))
    age = row_keys[row] - keys[flare]
    if flares.known_at is not None:
        # Rounded up to the milliseconds of the keys.
        known_after = -((flares.peak_at - flares.known_at) // np.timedelta64(1, "ms"))[order]
        is_known = age >= known_after[flare]
        row, flare, age = row[is_known], flare[is_known], age[is_known]
    return _Past(len(at), row, age / _milliseconds(_HOUR), flares.flux[order][flare])


def _milliseconds(span: np.timedelta64) -> int:
    return int(span / np.timedelta64(1, "ms"))


def _keys(
    row_region: Integers, at: Times, flare_region: Integers, peak_at: Times
) -> tuple[Integers, Integers]:
    """Write region and time as one integer, so that one search answers for all regions."""
    first = min((times.min() for times in (at, peak_at) if times.size), default=None)
    if first is None:
        return row_region, flare_region
    row_at = ((at - first) / np.timedelta64(1, "ms")).astype(np.int64)
    flare_at = ((peak_at - first) / np.timedelta64(1, "ms")).astype(np.int64)
    # Regions lie further apart on the key axis than any look back from the first row.
    last = max(row_at.max(initial=0), flare_at.max(initial=0))
    span = int(last) + _milliseconds(_REACH) + 1
    return row_region * span + row_at, flare_region * span + flare_at


def _pairs(keys: Integers, *, upper: Integers, lower: Integers) -> tuple[Integers, Integers]:
    """Return the row and the place of every key in [lower, upper) of a row."""
    first = np.searchsorted(keys, lower)
    counts = np.searchsorted(keys, upper) - first
    row = np.repeat(np.arange(len(counts)), counts)
    within = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    return row, np.repeat(first, counts) + within
