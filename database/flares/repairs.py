"""The repairs of flare lists: days forgotten at midnight, dropped thousands, double entries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from database.flares.files import FlareRow
from database.flares.flare import FlareRecord
from solar.errors import InvalidInputError
from solar.flares import FluxScale, full_noaa_number

LONGEST_PHASE = timedelta(hours=12)
SAME_PEAK = timedelta(minutes=2)
FIRST_TRUE_SCALE_SATELLITE = 16
_DAY = timedelta(days=1)

PEAK_MOVED = "peak was before start: moved to the next day"
END_MOVED = "end was before start or peak: moved to the next day"
END_DROPPED = "end was before the peak within the day: dropped"
THOUSANDS_RESTORED = "region number had four digits: thousands restored"
DUPLICATE_MERGED = "same row twice: kept once"
SATELLITES_MERGED = "same flare by two satellites: lower number kept"
REGION_TAKEN = "region number taken from the double entry"
MERGERS = (DUPLICATE_MERGED, SATELLITES_MERGED, REGION_TAKEN)

# Highest NOAA number in use at the middle of these years (SWPC region summaries); the
# thousands of a number are certain as long as this is right to within 5,000.
_NUMBERS_BY_YEAR = (
    (1976, 700), (1981, 3000), (1986, 4730), (1991, 6700), (1996, 7970), (2001, 9500),
    (2003, 10390), (2006, 10890), (2010, 11085), (2014, 12105), (2018, 12714), (2020, 12765),
    (2022, 13045), (2024, 13730), (2025, 14130),
)  # fmt: skip


@dataclass(frozen=True)
class Mended:
    """A readable row as a record, its line, and what had to be mended."""

    line: int
    record: FlareRecord
    repairs: tuple[str, ...]


def noaa_number_near(at: datetime) -> int:
    """Return about which NOAA region number was in use at a time."""
    years = [year for year, _ in _NUMBERS_BY_YEAR]
    numbers = [number for _, number in _NUMBERS_BY_YEAR]
    year = at.year + at.timetuple().tm_yday / 365.25 - 0.5
    beyond = max(0.0, year - years[-1]) * 300
    return round(float(np.interp(year, years, numbers)) + beyond)


def mend(row: FlareRow, *, flux_scale: FluxScale | None) -> Mended:
    """Make a record of a row: phases in order, whole region number, flux scale known."""
    peak_at, end_at, repairs = _phases(row)
    noaa_ar = row.noaa_ar
    if noaa_ar is not None and noaa_ar < 10_000:
        noaa_ar = full_noaa_number(noaa_ar, near=noaa_number_near(row.start_at))
        repairs += [THOUSANDS_RESTORED] if noaa_ar != row.noaa_ar else []
    satellite = None if row.satellite is None else f"G{row.satellite}"
    record = FlareRecord(
        row.start_at, peak_at, end_at, row.goes_class, flux_scale or _scale(row),
        noaa_ar=noaa_ar, harpnum=row.harpnum, satellite=satellite,
    )  # fmt: skip
    return Mended(row.line, record, tuple(repairs))


def _phases(row: FlareRow) -> tuple[datetime, datetime | None, list[str]]:
    peak_at, end_at, repairs = row.peak_at, row.end_at, []
    if peak_at < row.start_at:
        peak_at += _DAY
        repairs.append(PEAK_MOVED)
    if not timedelta(0) <= peak_at - row.start_at <= LONGEST_PHASE:
        raise InvalidInputError(
            f"line {row.line} of the flare list: a peak at {row.peak_at:%Y-%m-%d %H:%M} does not"
            f" fit a start at {row.start_at:%Y-%m-%d %H:%M}; correct or remove the row"
        )
    if end_at is not None and end_at < peak_at:
        is_midnight = end_at + _DAY - peak_at <= LONGEST_PHASE
        end_at = end_at + _DAY if is_midnight else None
        repairs.append(END_MOVED if is_midnight else END_DROPPED)
    return peak_at, end_at, repairs


def _scale(row: FlareRow) -> FluxScale:
    if row.satellite is None:
        raise InvalidInputError(
            f"line {row.line} of the flare list names no satellite, so its flux scale is unknown;"
            f" give --flux-scale {FluxScale.OPERATIONAL} or {FluxScale.TRUE}"
        )
    is_true = row.satellite >= FIRST_TRUE_SCALE_SATELLITE
    return FluxScale.TRUE if is_true else FluxScale.OPERATIONAL


def merge(mended: Sequence[Mended]) -> list[Mended]:
    """Keep one of the entries that are the same flare, in the order of the first.

    The same flare has the same start, peaks within 2 min, and one region or none on one
    side. The lowest satellite number is kept, which was NOAA's primary X-ray sensor whenever
    two reported; where it has no region number, it takes that of the other.
    """
    kept: defaultdict[datetime, list[Mended]] = defaultdict(list)
    for one in mended:
        group = kept[one.record.start_at]
        twin = next((i for i, other in enumerate(group) if _is_same(one, other)), None)
        if twin is None:
            group.append(one)
        else:
            group[twin] = _one_of(group[twin], one)
    return [one for group in kept.values() for one in group]


def _is_same(one: Mended, other: Mended) -> bool:
    a, b = one.record, other.record
    same_region = a.noaa_ar == b.noaa_ar or a.noaa_ar is None or b.noaa_ar is None
    return same_region and abs(a.peak_at - b.peak_at) <= SAME_PEAK


def _one_of(first: Mended, second: Mended) -> Mended:
    kept, other = sorted((first, second), key=_rank)
    is_double = first.record.satellite == second.record.satellite
    repairs = [*kept.repairs, DUPLICATE_MERGED if is_double else SATELLITES_MERGED]
    noaa_ar = kept.record.noaa_ar
    if noaa_ar is None and other.record.noaa_ar is not None:
        noaa_ar = other.record.noaa_ar
        repairs.append(REGION_TAKEN)
    harpnum = kept.record.harpnum or other.record.harpnum
    return Mended(kept.line, replace(kept.record, noaa_ar=noaa_ar, harpnum=harpnum), tuple(repairs))


def _rank(one: Mended) -> tuple[int, bool, int]:
    # Of two rows of one satellite the one that needed no mending, then the earlier line.
    number = int(one.record.satellite[1:]) if one.record.satellite else 99
    return number, bool(one.repairs), one.line
