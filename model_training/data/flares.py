"""Flare lists: the truth of training rows, and the flare history of their regions.

A flare list names NOAA regions. Where a data set names its regions by HARP, each flare is given
to the HARP that held its region.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from database.flares.flare_files import LONGEST_PHASE
from database.harps import read_harp_map
from model_training.data.files import existing, to_utc
from model_training.data.hazard_bins import outcomes_by_bin
from model_training.data.limits import UNREADABLE, one_line, refuse_oversized
from model_training.features import (
    HISTORY_REACH,
    FlareHistory,
    Floats,
    Integers,
    Times,
    history_features,
)
from solar.errors import InvalidInputError
from solar.flares import EVENTS
from solar.source_regions import (
    NEVER,
    Sharers,
    first_near,
    in_order,
    regions_as_known,
    source_region,
)
from solar.time import Window, to_datetime
from solar.truth import UNKNOWN, Truth
from solar.windows import DAY

_DAY = np.timedelta64(DAY.validity)
_END = "end_time"
_COLUMNS = ["start_time", "peak_time", "noaa_ar", "peak_flux_wm2"]


def read_flares(path: Path, *, known_from: str = "peak") -> FlareHistory:
    """Read a GOES flare list (UTC); a peak noted before its start lies on the next day.

    A flare is known from its peak, or from its ``end``, where the list has one.
    """
    refuse_oversized(path)
    try:
        has_ends = known_from == "end" and _END in pq.read_schema(path).names
        return _history(pd.read_parquet(path, columns=[*_COLUMNS, _END] if has_ends else _COLUMNS))
    except UNREADABLE as error:
        raise InvalidInputError(
            f"{path.name} is no flare list: {one_line(error)}; it needs the columns"
            f" {', '.join(_COLUMNS)}"
        ) from error


def _history(table: pd.DataFrame) -> FlareHistory:
    is_next_day = table["peak_time"] < table["start_time"]
    table["peak_time"] += pd.to_timedelta(is_next_day.astype(int), unit="D")
    table = table.sort_values("peak_time", kind="stable")
    peak_at, known_at = (
        to_utc(times.to_numpy("datetime64[us]"), where=str(times.name), scale="UTC")
        for times in (table["peak_time"], _known_from(table))
    )
    flux = table["peak_flux_wm2"].to_numpy(float)
    return FlareHistory(peak_at, flux, table["noaa_ar"].to_numpy(np.int64), known_at)


def _known_from(table: pd.DataFrame) -> pd.Series[pd.Timestamp]:
    """Return the end of each flare; one before the peak is of the next day, or no end."""
    peak = table["peak_time"]
    if _END not in table:
        return peak
    end = table[_END]
    next_day = end + pd.Timedelta(days=1)
    end = end.where(end >= peak, next_day.where(next_day - peak <= LONGEST_PHASE))
    return end.fillna(peak)


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
        event.name: truth.any_within(event, t_rec - _DAY, t_rec, region_id=region_id).astype(float)
        for event in EVENTS
    }


@dataclass(frozen=True)
class RegionFlares:
    """What is known of the flares of regions: each flare once, under the number of its region.

    `noaa_ar` (m,) is the number that the list names, and `sharers` are the HARPs that have some of
    these numbers in common, None where regions are NOAA regions.
    """

    flares: FlareHistory
    noaa_ar: Integers
    sharers: Sharers | None = None

    def truth(self, region_id: Integers, t_rec: Times) -> dict[str, Floats]:
        """Find the events in [t, t + 24 h): event -> (n,) 1, 0 or NaN where unknown."""
        return label(region_id, t_rec, truth_of(self.flares))

    def by_bin(self, region_id: Integers, t_rec: Times) -> dict[str, Floats]:
        """Find in which bins of time after t events peaked: event -> (n, bins) 1, 0 or NaN."""
        return outcomes_by_bin(region_id, t_rec, truth_of(self.flares))

    def before(self, region_id: Integers, t_rec: Times) -> dict[str, Floats]:
        """Find the events seen in [t - 24 h, t): event -> (n,) 1 or 0."""
        return flared_before(region_id, t_rec, truth_of(self.flares))

    def history(self, region_id: Integers, t_rec: Times) -> dict[str, Floats]:
        """Compute the flare history as known at t, (n,) each; NaN where the list does not reach."""
        known = self._covers(t_rec)
        features = history_features(region_id, t_rec, self.flares, known=known)
        if self.sharers is None:
            return features
        cases = region_id, t_rec, self.flares.peak_at, self.noaa_ar
        for rows, places, is_own in regions_as_known(*cases, self.sharers):
            of_flare = self.flares.region_id.copy()
            of_flare[places] = np.where(is_own, region_id[rows[0]], 0)
            then = replace(self.flares, region_id=of_flare)
            part = history_features(region_id[rows], t_rec[rows], then, known=known[rows])
            for name, column in part.items():
                features[name][rows] = column
        return features

    def _covers(self, t_rec: Times) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        peak_at = self.flares.peak_at
        if not peak_at.size:
            return np.zeros(len(t_rec), np.bool_)
        is_after_start = t_rec >= peak_at[0] + np.timedelta64(HISTORY_REACH)
        return np.asarray(is_after_start & (t_rec <= peak_at[-1]))


def read_region_flares(
    folder: Path,
    flares: str,
    harps: str | None,
    seen: tuple[Integers, Times],
    *,
    known_from: str = "peak",
) -> RegionFlares:
    """Read a flare list, and with a HARP map give each flare to the HARP that held its region.

    `seen` are the region (n,) and time (n,) of the rows, which tell when a HARP was there.
    """
    listed = read_flares(existing(folder, flares), known_from=known_from)
    if harps is None:
        return RegionFlares(listed, listed.region_id)
    return by_harp(listed, harps_of(existing(folder, harps)), seen)


def by_harp(flares: FlareHistory, pairs: Integers, seen: tuple[Integers, Times]) -> RegionFlares:
    """Put each flare under its HARP; `pairs` (k, 2) are HARP and NOAA, `seen` the rows.

    The flares of a NOAA region without a HARP go under its number negated, not under
    "unknown": they are known to be of no HARP.
    """
    harps: dict[int, list[int]] = defaultdict(list)
    for harpnum, noaa_ar in pairs.tolist():
        harps[noaa_ar].append(harpnum)
    sharers = _sharers(harps, seen)

    def source(noaa_ar: int, peak_at: np.datetime64) -> int:
        candidates = in_order(harps.get(noaa_ar) or [-noaa_ar])
        if len(candidates) == 1:
            return candidates[0]
        peaks = np.array([peak_at])
        first = {one: first_near(sharers.seen_at[one], peaks)[0] for one in candidates}
        return source_region(candidates, [one for one, at in first.items() if at < NEVER[0]])

    of_flares = zip(flares.region_id.tolist(), flares.peak_at, strict=True)
    owner = np.array([source(*one) for one in of_flares], np.int64)
    return RegionFlares(replace(flares, region_id=owner), flares.region_id, sharers)


def _sharers(harps: Mapping[int, Sequence[int]], seen: tuple[Integers, Times]) -> Sharers:
    region_id, t_rec = seen
    shared = {noaa_ar: several for noaa_ar, several in harps.items() if len(several) > 1}
    seen_at = {
        harpnum: np.append(np.sort(t_rec[region_id == harpnum]), NEVER)
        for harpnum in {one for several in shared.values() for one in several}
    }
    first_at = {n: {one: seen_at[one][0] for one in several} for n, several in shared.items()}
    return Sharers(first_at, seen_at)


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
