"""Flare-list files: the rows of a Parquet or CSV list, as written and with their line."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

from solar.errors import InvalidInputError
from solar.flares import peak_flux

# Accepted spellings of each column, the product's own first.
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


def read_rows(path: Path) -> list[FlareRow]:
    """Read all rows; the line number is that of the file, for CSV with its header.

    Raises
    ------
    InvalidInputError
        When the file cannot be read, a column is missing, or a value is not what it should be.
    """
    table = _table(path)
    found = _columns(table, path)
    columns = {name: table.column(found[name]).to_pylist() if name in found else None
               for name in _SPELLINGS}  # fmt: skip
    first_line = 1 if path.suffix == ".parquet" else 2
    return [
        _row(first_line + index, values) for index, values in enumerate(_rows(columns, len(table)))
    ]


def _table(path: Path) -> pa.Table:
    try:
        if path.suffix == ".parquet":
            return pa_parquet.read_table(path)
        # Text, so that this module alone decides what a value means.
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
    found = {
        name: spelling
        for name, spellings in _SPELLINGS.items()
        for spelling in reversed(spellings)
        if spelling in table.column_names
    }
    missing = [name for name in _REQUIRED if name not in found]
    if missing:
        raise InvalidInputError(
            f"{path} has no column {', '.join(missing)}; it has {', '.join(table.column_names)}"
        )
    return found


def _rows(columns: dict[str, list[Any] | None], n: int) -> Iterator[tuple[Any, ...]]:
    return zip(*(column or [None] * n for column in columns.values()), strict=True)


def _row(line: int, values: Sequence[Any]) -> FlareRow:
    start, peak, end, goes_class, noaa_ar, harpnum, satellite = values
    try:
        peak_flux(str(goes_class))
        return FlareRow(
            line, _time(start), _time(peak), _time(end) if end not in (None, "") else None,
            str(goes_class).strip().upper(), _number(noaa_ar) or None, _number(harpnum),
            _satellite(satellite),
        )  # fmt: skip
    except (InvalidInputError, ValueError) as error:
        raise InvalidInputError(f"line {line} of the flare list: {error}") from error


def _time(value: Any) -> datetime:
    if value in (None, ""):
        raise InvalidInputError("a start or peak time is missing; remove or complete the row")
    at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    # GOES flare lists are in UTC by convention and never say so.
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _number(value: Any) -> int | None:
    number = 0.0 if value in (None, "") else float(value)
    if math.isnan(number) or value in (None, ""):
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
