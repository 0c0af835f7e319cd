"""Flare lists: the truth of training rows, and the flare history of their regions.

A flare list names NOAA regions. Where a data set names its regions by HARP, the flares are
joined to HARPs as well.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from database.harps import read_harp_map
from model_training.data.files import existing, to_utc
from model_training.data.limits import UNREADABLE, one_line, refuse_oversized
from model_training.features import (
    HISTORY_FEATURES,
    HISTORY_REACH,
    FlareHistory,
    Floats,
    Integers,
    Times,
    history_features,
)
from solar.errors import InvalidInputError
from solar.flares import EVENTS, HORIZON
from solar.time import Window, to_datetime
from solar.truth import UNKNOWN, Truth

_HORIZON = np.timedelta64(HORIZON)
_COLUMNS = ["start_time", "peak_time", "noaa_ar", "peak_flux_wm2"]
_DISK = tuple(name for name in HISTORY_FEATURES if name.startswith("DISK_"))


def read_flares(path: Path) -> FlareHistory:
    """Read a GOES flare list (UTC); a peak noted before its start lies on the next day."""
    refuse_oversized(path)
    try:
        table = pd.read_parquet(path, columns=_COLUMNS)
        return _history(table)
    except UNREADABLE as error:
        raise InvalidInputError(
            f"{path.name} is no flare list: {one_line(error)}; it needs the columns"
            f" {', '.join(_COLUMNS)}"
        ) from error


def _history(table: pd.DataFrame) -> FlareHistory:
    is_next_day = table["peak_time"] < table["start_time"]
    table["peak_time"] += pd.to_timedelta(is_next_day.astype(int), unit="D")
    table = table.sort_values("peak_time", kind="stable")
    return FlareHistory(
        to_utc(table["peak_time"].to_numpy("datetime64[us]"), where="peak_time", scale="UTC"),
        table["peak_flux_wm2"].to_numpy(float),
        table["noaa_ar"].to_numpy(np.int64),
    )


def truth_of(flares: FlareHistory) -> Truth:
    """Take a flare list for complete from its first peak to its last."""
    covered = []
    if flares.peak_at.size and flares.peak_at[0] < flares.peak_at[-1]:
        covered = [Window(to_datetime(flares.peak_at[0]), to_datetime(flares.peak_at[-1]))]
    return Truth(flares.peak_at, flares.flux, flares.region_id, covered)


def label(region_id: Integers, t_rec: Times, truth: Truth) -> dict[str, Floats]:
    """Find which events happened in [t, t + 24 h): event -> (n,) 1, 0, or NaN where unknown."""
    labels = {}
    for event in EVENTS:
        code = truth.of_regions(event, region_id, t_rec)
        labels[event.name] = np.where(code == UNKNOWN, np.nan, code)
    return labels


def flared_before(region_id: Integers, t_rec: Times, truth: Truth) -> dict[str, Floats]:
    """Find which flares of the region were seen in [t - 24 h, t): event -> (n,) 1 or 0."""
    return {
        event.name: truth.any_within(event, t_rec - _HORIZON, t_rec, region_id=region_id).astype(
            float
        )
        for event in EVENTS
    }


@dataclass(frozen=True)
class RegionFlares:
    """What is known of the flares of regions.

    `listed` has every flare once, under its NOAA region. `owned` has it under the number of
    every region that owns it: a HARP owns the flares of all its NOAA regions.
    """

    listed: FlareHistory
    owned: FlareHistory

    def truth(self, region_id: Integers, t_rec: Times) -> dict[str, Floats]:
        """Find the events in [t, t + 24 h): event -> (n,) 1, 0 or NaN where unknown."""
        return label(region_id, t_rec, truth_of(self.owned))

    def before(self, region_id: Integers, t_rec: Times) -> dict[str, Floats]:
        """Find the events seen in [t - 24 h, t): event -> (n,) 1 or 0."""
        return flared_before(region_id, t_rec, truth_of(self.owned))

    def history(self, region_id: Integers, t_rec: Times) -> dict[str, Floats]:
        """Compute the flare history, (n,) each; NaN where the list does not reach."""
        known = self._covers(t_rec)
        features = history_features(region_id, t_rec, self.owned, known=known)
        if self.owned is not self.listed:
            # A flare that two HARPs own is still one flare of the disk.
            once = history_features(region_id, t_rec, self.listed, known=known)
            features |= {name: once[name] for name in _DISK}
        return features

    def _covers(self, t_rec: Times) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        peak_at = self.listed.peak_at
        if not peak_at.size:
            return np.zeros(len(t_rec), np.bool_)
        is_after_start = t_rec >= peak_at[0] + np.timedelta64(HISTORY_REACH)
        return np.asarray(is_after_start & (t_rec <= peak_at[-1]))


def read_region_flares(folder: Path, flares: str, harps: str | None = None) -> RegionFlares:
    """Read a flare list, and with a HARP map give each flare to the HARPs of its NOAA region."""
    listed = read_flares(existing(folder, flares))
    if harps is None:
        return RegionFlares(listed, listed)
    pairs = harps_of(existing(folder, harps))
    return RegionFlares(listed, by_harp(listed, pairs))


def by_harp(flares: FlareHistory, pairs: Integers) -> FlareHistory:
    """Repeat each flare for every HARP of its NOAA region; `pairs` (k, 2) are HARP and NOAA.

    The flares of a NOAA region without a HARP go under its number negated, not under
    "unknown": they are known to be of no HARP.
    """
    order = np.argsort(pairs[:, 1], kind="stable")
    noaa_ar = pairs[order, 1]
    first = np.searchsorted(noaa_ar, flares.region_id, side="left")
    count = np.searchsorted(noaa_ar, flares.region_id, side="right") - first
    times = np.maximum(count, 1)
    flare = np.repeat(np.arange(len(times)), times)
    within = np.arange(len(flare)) - np.repeat(np.cumsum(times) - times, times)
    place = np.minimum(first[flare] + within, len(noaa_ar) - 1)
    owner = np.where(count[flare] > 0, pairs[order[place], 0], -flares.region_id[flare])
    return replace(flares, peak_at=flares.peak_at[flare], flux=flares.flux[flare], region_id=owner)


def harps_of(path: Path) -> Integers:
    """Read a HARP map as (k, 2) pairs of HARP and NOAA numbers."""
    try:
        refuse_oversized(path)
        pairs = read_harp_map(path.read_text("utf-8").splitlines())
    except InvalidInputError as error:
        raise InvalidInputError(f"{path.name}: {error}") from error
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{path.name} is not UTF-8 text; save it as such") from error
    if not pairs:
        raise InvalidInputError(f"{path.name} holds no HARP; lines are like `393 11169,11171`")
    return np.array(pairs, np.int64)
