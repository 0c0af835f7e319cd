"""Table rows: the columns of a table, as they are called in circulation, read as observations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from data_sender.files.tables import read_table, reading, utc_times
from data_sender.rows import SHARP_SERIES, Floats, Rows
from solar.errors import InvalidInputError
from solar.sharp import BY_NAME

TIME_NAMES = ("T_REC", "TIMESTAMP")
_AR_NAMES = ("NOAA_ARS", "NOAA_AR")
WANTED = (*TIME_NAMES, *_AR_NAMES, "HARPNUM", "LON_FWT", "LAT_FWT", "QUALITY", *BY_NAME)
_AS_TEXT = (*TIME_NAMES, *_AR_NAMES, "QUALITY")


def read_rows(path: Path, *, harpnum: int | None = None) -> Rows:
    """Read the observations of one file.

    Parameters
    ----------
    path : parquet or (gzipped) CSV with T_REC or Timestamp, HARPNUM and/or NOAA_AR, and at
        least one SHARP keyword; other columns are ignored
    harpnum : the region of a file that names it elsewhere

    Returns
    -------
    Rows in the order of the file, in UTC. A time without zone is TAI, as T_REC is.

    Raises
    ------
    InvalidInputError
        When the file cannot be read, with its path and the reason.
    """
    with reading(path):
        return rows_of(read_table(path, WANTED, as_text=_AS_TEXT), harpnum=harpnum)


def rows_of(table: pa.Table, *, harpnum: int | None = None) -> Rows:
    """Read the observations of a table whose columns are named in upper case."""
    names = [name for name in BY_NAME if name in table.column_names]
    if not names:
        raise InvalidInputError("it has no SHARP keyword")
    region = _integers(table, "HARPNUM")
    return Rows(
        series=SHARP_SERIES,
        t_rec=times_of(table),
        harpnum=region if harpnum is None else np.full(table.num_rows, harpnum, np.int64),
        noaa_ars=_active_regions(table),
        lon_fwt=_floats(table, "LON_FWT"),
        lat_fwt=_floats(table, "LAT_FWT"),
        quality=_quality(table),
        has_quality=np.full(table.num_rows, "QUALITY" in table.column_names),
        keywords={name: _floats(table, name) for name in names},
    )


def times_of(table: pa.Table) -> NDArray[np.datetime64]:
    """Return the time of each record (n,) in UTC, NaT where it is missing."""
    name = next((name for name in TIME_NAMES if name in table.column_names), None)
    if name is None:
        raise InvalidInputError("it has no column T_REC")
    return utc_times(table[name], is_tai=True)


def _floats(table: pa.Table, name: str) -> Floats:
    if name not in table.column_names:
        return np.full(table.num_rows, np.nan)
    return np.asarray(table[name].cast(pa.float64()).to_numpy(), np.float64)


def _integers(table: pa.Table, name: str) -> NDArray[np.int64]:
    return np.nan_to_num(_floats(table, name), posinf=0, neginf=0).astype(np.int64)


def _active_regions(table: pa.Table) -> NDArray[np.object_]:
    """Return the NOAA numbers (n,) as lists; a HARP may hold several: ``11958;11959``."""
    name = next((name for name in _AR_NAMES if name in table.column_names), None)
    values = [None] * table.num_rows if name is None else table[name].to_pylist()
    numbers = {value: _ar_numbers(value) for value in set(values)}
    return np.fromiter((numbers[value] for value in values), np.object_, count=len(values))


def _ar_numbers(value: str | float | None) -> list[int]:
    parts = value.replace(",", ";").split(";") if isinstance(value, str) else [value or 0]
    try:
        numbers = [int(float(part)) for part in parts]
    except ValueError as error:
        raise InvalidInputError(f"{value!r} is not a list of NOAA numbers") from error
    return [number for number in numbers if number > 0]


def _quality(table: pa.Table) -> Floats:
    """Return QUALITY (n,), which JSOC's own CSV writes in hexadecimal; unreadable is NaN."""
    if "QUALITY" not in table.column_names:
        return np.full(table.num_rows, np.nan)
    column = table["QUALITY"]
    if not pa.types.is_string(column.type):
        return _floats(table, "QUALITY")
    return np.array([_quality_bits(text) for text in column.to_pylist()], np.float64)


def _quality_bits(text: str | None) -> float:
    try:
        return float(int(text, 16) if text and text.lower().startswith("0x") else text or "nan")
    except ValueError:
        return np.nan
