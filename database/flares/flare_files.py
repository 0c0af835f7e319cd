"""Flare-list files: a Parquet or CSV list of GOES flares, read, repaired, merged and stored.

Repaired are days forgotten at midnight, dropped thousands of region numbers and double entries.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet
import sqlalchemy as sa

from database.flares.flares import FlareRecord, FlareReport, store_flares
from solar.errors import InvalidInputError
from solar.flares import FIRST_TRUE_SATELLITE, FluxScale, full_noaa_number, peak_flux
from solar.time import Window, isoformat

# Accepted spellings of each column; the first is this project's.
_SPELLINGS = {
    "start": ("start", "start_time", "start_at"),
    "peak": ("peak", "peak_time", "peak_at"),
    "end": ("end", "end_time", "end_at"),
    "goes_class": ("goes_class", "class"),
    "noaa_ar": ("noaa_ar", "noaa_active_region"),
    "harpnum": ("harpnum",),
    "satellite": ("satellite", "obs"),
}
_REQUIRED = ("start", "peak", "goes_class")
_SATELLITE = re.compile(r"(?:GOES[- ]?|G)?0*(\d{1,2})", re.IGNORECASE)


LONGEST_PHASE = timedelta(hours=12)
SAME_PEAK = timedelta(minutes=2)
_REPAIRS_LENGTH = 255
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
class FlareRow:
    """One row as written, times in UTC; `satellite` is the number of the GOES satellite."""

    line: int
    start_at: datetime
    peak_at: datetime
    end_at: datetime | None
    goes_class: str
    noaa_ar: int | None
    harpnum: int | None
    satellite: int | None


@dataclass(frozen=True)
class RepairedFlare:
    """A readable row as a record, its line, and what had to be repaired."""

    line: int
    record: FlareRecord
    repairs: tuple[str, ...]


@dataclass(frozen=True)
class ImportReport:
    """The counts of an import: rows read, flares stored, and repairs of each kind."""

    rows: int
    stored: FlareReport
    repairs: dict[str, int]
    covers: Window

    def __str__(self) -> str:
        stored = self.stored
        lines = [
            f"{self.rows} rows read: {stored.added} flares added, {stored.revised} revised,"
            f" {stored.unchanged} unchanged",
            *(f"  {count:6d}  {what}" for what, count in sorted(self.repairs.items())),
            f"complete from {isoformat(self.covers.start_at)} to {isoformat(self.covers.end_at)}",
        ]
        return "\n".join(lines)


def import_flares(
    connection: sa.Connection, path: Path, *, flux_scale: FluxScale | None = None, now: datetime
) -> ImportReport:
    """Store a list of flares; a second import of the same file changes nothing.

    The list counts as complete from its first start to its last end.

    Parameters
    ----------
    flux_scale : the scale of every class; None takes it from the satellite of each row

    Raises
    ------
    InvalidInputError
        Naming the line, when a row cannot be read; nothing is stored then.
    """
    rows = read_rows(path)
    repaired = [repair_row(row, flux_scale=flux_scale) for row in rows]
    if not repaired:
        raise InvalidInputError(f"{path} holds no flares; give a list with at least one row")
    merged = merge_duplicates(repaired)
    records = [_record(one) for one in merged]
    covers = _covered(records)
    stored = store_flares(connection, records, source=path.name[:64], covers=covers, now=now)
    return ImportReport(len(rows), stored, _counts(repaired, merged), covers)


def read_rows(path: Path) -> list[FlareRow]:
    """Read all rows; the line number is that of the file, for CSV with its header.

    Raises
    ------
    InvalidInputError
        When the file cannot be read, a column is missing, or a value is not what it should be.
    """
    table = _table(path)
    spelling_of = _columns(table, path)
    columns = {
        name: table.column(spelling_of[name]).to_pylist() if name in spelling_of else None
        for name in _SPELLINGS
    }
    first_line = 1 if path.suffix == ".parquet" else 2
    return [
        _row(first_line + index, values) for index, values in enumerate(_rows(columns, len(table)))
    ]


def _table(path: Path) -> pa.Table:
    try:
        if path.suffix == ".parquet":
            return pa_parquet.read_table(path)
        # Text, so that this module alone converts the values.
        header = pa_csv.open_csv(path).schema.names
        as_text = pa_csv.ConvertOptions(
            column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=True
        )
        return pa_csv.read_csv(path, convert_options=as_text)
    except (OSError, pa.ArrowException) as error:
        raise InvalidInputError(
            f"{path} cannot be read as a flare list: {str(error).splitlines()[0]}; give a"
            " Parquet or CSV file with the columns start, peak, end, goes_class, noaa_ar"
        ) from error


def _columns(table: pa.Table, path: Path) -> dict[str, str]:
    spelling_of = {
        name: spelling
        for name, spellings in _SPELLINGS.items()
        for spelling in reversed(spellings)
        if spelling in table.column_names
    }
    missing = [name for name in _REQUIRED if name not in spelling_of]
    if missing:
        raise InvalidInputError(
            f"{path} has no column {', '.join(missing)}; it has {', '.join(table.column_names)}"
        )
    return spelling_of


def _rows(columns: dict[str, list[Any] | None], n: int) -> Iterator[tuple[Any, ...]]:
    return zip(*(column or [None] * n for column in columns.values()), strict=True)


def _row(line: int, values: Sequence[Any]) -> FlareRow:
    start, peak, end, goes_class, noaa_ar, harpnum, satellite = values
    try:
        peak_flux(str(goes_class))
        return FlareRow(
            line,
            _time(start),
            _time(peak),
            _time(end) if end not in (None, "") else None,
            str(goes_class).strip().upper(),
            _number(noaa_ar),
            _number(harpnum),
            _satellite(satellite),
        )
    except (InvalidInputError, ValueError) as error:
        raise InvalidInputError(f"line {line} of the flare list: {error}") from error


def _time(value: Any) -> datetime:
    if value in (None, ""):
        raise InvalidInputError("a start or peak time is missing; remove or complete the row")
    at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    # GOES flare lists are in UTC by convention, without a mark.
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _number(value: Any) -> int | None:
    number = 0.0 if value in (None, "") else float(value)
    if math.isnan(number) or number == 0:
        return None
    if number < 0 or number != int(number):
        raise InvalidInputError(f"{value!r} is not a region number; write a whole number or 0")
    return int(number)


def _satellite(value: Any) -> int | None:
    if value in (None, ""):
        return None
    match = _SATELLITE.fullmatch(str(value).strip())
    if not match:
        raise InvalidInputError(f"{value!r} is not a GOES satellite; write it like G16")
    return int(match.group(1))


def noaa_number_near(at: datetime) -> int:
    """Estimate the highest NOAA region number in use at a time."""
    years = [year for year, _ in _NUMBERS_BY_YEAR]
    numbers = [number for _, number in _NUMBERS_BY_YEAR]
    year = at.year + at.timetuple().tm_yday / 365.25 - 0.5
    beyond = max(0.0, year - years[-1]) * 300
    return round(float(np.interp(year, years, numbers)) + beyond)


def repair_row(row: FlareRow, *, flux_scale: FluxScale | None) -> RepairedFlare:
    """Make a record of a row: phases in order, whole region number, flux scale known."""
    peak_at, end_at, repairs = _phases(row)
    noaa_ar = row.noaa_ar
    if noaa_ar is not None and noaa_ar < 10_000:
        noaa_ar = full_noaa_number(noaa_ar, near=noaa_number_near(row.start_at))
        repairs += [THOUSANDS_RESTORED] if noaa_ar != row.noaa_ar else []
    satellite = None if row.satellite is None else f"G{row.satellite}"
    record = FlareRecord(
        row.start_at,
        peak_at,
        end_at,
        row.goes_class,
        flux_scale or _scale(row),
        noaa_ar=noaa_ar,
        harpnum=row.harpnum,
        satellite=satellite,
    )
    return RepairedFlare(row.line, record, tuple(repairs))


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
    is_true = row.satellite >= FIRST_TRUE_SATELLITE
    return FluxScale.TRUE if is_true else FluxScale.OPERATIONAL


def merge_duplicates(repaired: Sequence[RepairedFlare]) -> list[RepairedFlare]:
    """Keep one of the entries that are the same flare, in the order of the first.

    The same flare has the same start, peaks within 2 min, and one region or none on one
    side. The lowest satellite number is kept, which was NOAA's primary X-ray sensor whenever
    two reported; where it has no region number, it takes that of the other.
    """
    kept: defaultdict[datetime, list[RepairedFlare]] = defaultdict(list)
    for one in repaired:
        group = kept[one.record.start_at]
        twin = next((i for i, other in enumerate(group) if _is_same(one, other)), None)
        if twin is None:
            group.append(one)
        else:
            group[twin] = _merged_entry(group[twin], one)
    return [one for group in kept.values() for one in group]


def _is_same(one: RepairedFlare, other: RepairedFlare) -> bool:
    a, b = one.record, other.record
    same_region = a.noaa_ar == b.noaa_ar or a.noaa_ar is None or b.noaa_ar is None
    return same_region and abs(a.peak_at - b.peak_at) <= SAME_PEAK


def _merged_entry(first: RepairedFlare, second: RepairedFlare) -> RepairedFlare:
    kept, other = sorted((first, second), key=_preference)
    is_double = first.record.satellite == second.record.satellite
    repairs = [*kept.repairs, DUPLICATE_MERGED if is_double else SATELLITES_MERGED]
    noaa_ar = kept.record.noaa_ar
    if noaa_ar is None and other.record.noaa_ar is not None:
        noaa_ar = other.record.noaa_ar
        repairs.append(REGION_TAKEN)
    harpnum = kept.record.harpnum or other.record.harpnum
    return RepairedFlare(
        kept.line, replace(kept.record, noaa_ar=noaa_ar, harpnum=harpnum), tuple(repairs)
    )


def _preference(one: RepairedFlare) -> tuple[int, bool, int]:
    # Of two rows of one satellite the one without repairs, then the earlier line.
    number = int(one.record.satellite[1:]) if one.record.satellite else 99
    return number, bool(one.repairs), one.line


def _record(repaired: RepairedFlare) -> FlareRecord:
    return replace(repaired.record, repairs="; ".join(repaired.repairs)[:_REPAIRS_LENGTH] or None)


def _covered(records: Sequence[FlareRecord]) -> Window:
    return Window(
        min(record.start_at for record in records),
        max(record.end_at or record.peak_at for record in records),
    )


def _counts(repaired: Sequence[RepairedFlare], merged: Sequence[RepairedFlare]) -> dict[str, int]:
    counts = Counter(repair for one in repaired for repair in one.repairs)
    counts.update(repair for one in merged for repair in one.repairs if repair in MERGERS)
    counts.update("no region (number 0 or empty)" for one in merged if not one.record.noaa_ar)
    return dict(counts)
