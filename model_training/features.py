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

_RECENT = np.timedelta64(24, "h")
_REACH = np.timedelta64(HISTORY_REACH)
_REACH_HOURS = HISTORY_REACH / timedelta(hours=1)
_HOUR = np.timedelta64(1, "h")
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
    """

    peak_at: Times
    flux: Floats
    region_id: Integers


@dataclass(frozen=True)
class _Cases:
    """Rows and flares as sorted integer keys, so that one search answers for all regions."""

    row_region: Integers
    row_at: Integers
    span: int

    def keys(self, shift: np.timedelta64) -> Integers:
        return self.row_region * self.span + self.row_at - _milliseconds(shift)


def unit(name: str) -> str:
    """Return the unit of a feature, as the SHARP table or the history defines it."""
    return _HISTORY_UNITS[name] if name in _HISTORY_UNITS else BY_NAME[name].unit


def kind(name: str) -> Literal["keyword", "history", "other"]:
    """Tell whether a feature is a ``keyword`` of the record, flare ``history``, or neither."""
    if name in _HISTORY_UNITS:
        return "history"
    return "keyword" if name in BY_NAME else "other"


def history_features(
    region_id: Integers, t_rec: Times, flares: FlareHistory, *, known: NDArray[np.bool_]
) -> dict[str, Floats]:
    """Describe what a region had flared before t: only flares with peak < t count.

    Parameters
    ----------
    region_id : (n,) region of each row
    t_rec : (n,) datetime64, UTC
    flares : every flare of the last `HISTORY_REACH` before any of the rows
    known : (n,) whether the flare list covers t; where not, all features are NaN

    Returns
    -------
    name of `HISTORY_FEATURES` -> (n,) float. Counts and indices cover [t - 24 h, t), the
    decayed index [t - 27 d, t) with an e-folding time of 72 h; times since a flare of at
    least the class are capped at 27 days, which also stands for "none". The DISK counts
    include flares of other and of unknown regions.
    """
    at = np.asarray(t_rec, "datetime64[us]")
    columns = _region_features(np.asarray(region_id, np.int64), at, flares) | {
        "DISK_FLARES_C_24H": _disk_count(at, flares, _C1),
        "DISK_FLARES_M_24H": _disk_count(at, flares, _M1),
    }
    return {name: np.where(known, columns[name], np.nan) for name in HISTORY_FEATURES}


def _region_features(region_id: Integers, at: Times, flares: FlareHistory) -> dict[str, Floats]:
    codes, row_region = np.unique(region_id, return_inverse=True)
    of_regions = np.isin(flares.region_id, codes) & (flares.region_id != 0)
    flare_region = np.searchsorted(codes, flares.region_id[of_regions])
    peak_at, flux = flares.peak_at[of_regions], flares.flux[of_regions]
    cases, flare_keys = _index(row_region, at, flare_region, peak_at)
    order = np.argsort(flare_keys, kind="stable")
    keys, flux = flare_keys[order], flux[order]
    c_keys, m_keys, x_keys = (keys[reaches(flux, limit)] for limit in (_C1, _M1, _X1))
    return {
        "FLARES_C_24H": _count(c_keys, cases),
        "FLARES_M_24H": _count(m_keys, cases),
        "FLARE_INDEX_24H": _index_sum(keys, flux, cases),
        "FLARE_INDEX_DECAYED": _decayed_sum(keys, flux, cases),
        "HOURS_SINCE_C": _hours_since(c_keys, cases),
        "HOURS_SINCE_M": _hours_since(m_keys, cases),
        "HOURS_SINCE_X": _hours_since(x_keys, cases),
    }


def _milliseconds(span: np.timedelta64) -> int:
    return int(span / np.timedelta64(1, "ms"))


def _index(
    row_region: Integers, at: Times, flare_region: Integers, peak_at: Times
) -> tuple[_Cases, Integers]:
    first = min((times.min() for times in (at, peak_at) if times.size), default=None)
    if first is None:
        return _Cases(row_region, row_region, 1), flare_region
    row_at = ((at - first) / np.timedelta64(1, "ms")).astype(np.int64)
    flare_at = ((peak_at - first) / np.timedelta64(1, "ms")).astype(np.int64)
    reach = _milliseconds(_REACH)
    # Regions lie further apart on the key axis than any look back from the first row.
    span = int(max(row_at.max(initial=0), flare_at.max(initial=0))) + reach + 1
    return _Cases(row_region, row_at, span), flare_region * span + flare_at


def _count(keys: Integers, cases: _Cases) -> Floats:
    upper = np.searchsorted(keys, cases.keys(np.timedelta64(0, "h")))
    lower = np.searchsorted(keys, cases.keys(_RECENT))
    return (upper - lower).astype(float)


def _index_sum(keys: Integers, flux: Floats, cases: _Cases) -> Floats:
    row, flare = _pairs(keys, cases, _RECENT)
    return np.bincount(row, flux[flare], len(cases.row_at)) / _C1


def _decayed_sum(keys: Integers, flux: Floats, cases: _Cases) -> Floats:
    row, flare = _pairs(keys, cases, _REACH)
    age = (cases.keys(np.timedelta64(0, "h"))[row] - keys[flare]) / _milliseconds(_HOUR)
    weights = flux[flare] * np.exp(-age / DECAY_HOURS)
    return np.bincount(row, weights, len(cases.row_at)) / _C1


def _pairs(keys: Integers, cases: _Cases, reach: np.timedelta64) -> tuple[Integers, Integers]:
    upper = np.searchsorted(keys, cases.keys(np.timedelta64(0, "h")))
    lower = np.searchsorted(keys, cases.keys(reach))
    counts = upper - lower
    row = np.repeat(np.arange(len(counts)), counts)
    within = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    return row, np.repeat(lower, counts) + within


def _hours_since(keys: Integers, cases: _Cases) -> Floats:
    now = cases.keys(np.timedelta64(0, "h"))
    last = np.searchsorted(keys, now) - 1
    if not keys.size:
        return np.full(len(now), _REACH_HOURS)
    hours = (now - keys[np.maximum(last, 0)]) / _milliseconds(_HOUR)
    # A key further back than the reach belongs to an older flare or to another region.
    return np.where((last >= 0) & (hours < _REACH_HOURS), hours, _REACH_HOURS)


def _disk_count(at: Times, flares: FlareHistory, limit: float) -> Floats:
    peaks = flares.peak_at[reaches(flares.flux, limit)]
    counts = np.searchsorted(peaks, at) - np.searchsorted(peaks, at - _RECENT)
    return counts.astype(float)
