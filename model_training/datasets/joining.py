"""Flares joined to regions: a flare list, and the same list by the numbers that a set uses."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from database.harps import read_harp_map
from model_training.datasets.files import existing
from model_training.datasets.truth import flared_before, label, read_flares, truth_of
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

_DISK = tuple(name for name in HISTORY_FEATURES if name.startswith("DISK_"))


@dataclass(frozen=True)
class RegionFlares:
    """What is known of the flares of regions.

    `listed` has every flare once, under its NOAA region. `owned` has it under the number of
    every region that may call it its own: a HARP owns the flares of all its NOAA regions.
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
        found = history_features(region_id, t_rec, self.owned, known=known)
        if self.owned is not self.listed:
            # A flare that two HARPs own is still one flare of the disk.
            once = history_features(region_id, t_rec, self.listed, known=known)
            found |= {name: once[name] for name in _DISK}
        return found

    def _covers(self, t_rec: Times) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        peak_at = self.listed.peak_at
        if not peak_at.size:
            return np.zeros(len(t_rec), np.bool_)
        begun = t_rec >= peak_at[0] + np.timedelta64(HISTORY_REACH)
        return np.asarray(begun & (t_rec <= peak_at[-1]))


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
        pairs = read_harp_map(path.read_text("utf-8").splitlines())
    except InvalidInputError as error:
        raise InvalidInputError(f"{path.name}: {error}") from error
    if not pairs:
        raise InvalidInputError(f"{path.name} holds no HARP; lines are like `393 11169,11171`")
    return np.array(pairs, np.int64)
