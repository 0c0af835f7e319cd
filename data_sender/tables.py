"""A table of observations on disk: parquet or CSV, read by record batch into rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from data_sender.rows import SHARP_SERIES, Floats, Rows
from solar.errors import InvalidInputError
from solar.sharp import BY_NAME
from solar.time import tai_to_utc

SUFFIXES = (".parquet", ".csv", ".csv.gz", ".tsv", ".tsv.gz")
# What a column is called in the files that are in circulation, in upper case.
_TIME_NAMES = ("T_REC", "TIMESTAMP")
_AR_NAMES = ("NOAA_ARS", "NOAA_AR")
_WANTED = (*_TIME_NAMES, *_AR_NAMES, "HARPNUM", "LON_FWT", "LAT_FWT", "QUALITY", *BY_NAME)
_AS_TEXT = (*_TIME_NAMES, *_AR_NAMES, "QUALITY")
_MISSING = ["", "NaN", "nan", "NA", "null", "NULL", "MISSING"]
_JSOC_LABEL = r"^(\d{4})\.(\d{2})\.(\d{2})_(\d{2}:\d{2})(:\d{2}(?:\.\d+)?)?_TAI$"


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn every way in which a file can be unreadable into one error with path and reason."""
    try:
        yield
    except InvalidInputError as error:
        raise InvalidInputError(f"{path} cannot be read: {error}") from error
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read: {error.strerror or error}") from error
    except (pa.ArrowException, EOFError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path} cannot be read: {error}") from error


def is_table(path: Path) -> bool:
    """Tell by its name whether a file is a table of a known kind."""
    return path.name.lower().endswith(SUFFIXES)


def read_table(path: Path, wanted: Iterable[str], *, as_text: Iterable[str] = ()) -> pa.Table:
    """Read the wanted columns, found in any case and returned in upper case.

    Numbers become float64, so that an integer column with gaps reads like any other; the
    columns in `as_text` stay text where the file is text.
    """
    if not is_table(path):
        raise InvalidInputError(f"its name ends in none of {', '.join(SUFFIXES)}")
    if path.name.lower().endswith(".parquet"):
        return _read_parquet(path, frozenset(wanted))
    return _read_csv(path, frozenset(wanted), frozenset(as_text))


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
        table = read_table(path, _WANTED, as_text=_AS_TEXT)
        names = [name for name in BY_NAME if name in table.column_names]
        time_name = next((name for name in _TIME_NAMES if name in table.column_names), None)
        if time_name is None or not names:
            lacking = "SHARP keyword" if time_name else "column T_REC"
            raise InvalidInputError(f"it has no {lacking}")
        region = _integers(table, "HARPNUM")
        return Rows(
            series=SHARP_SERIES,
            t_rec=utc_times(table[time_name], is_tai=True),
            harpnum=region if harpnum is None else np.full(table.num_rows, harpnum, np.int64),
            noaa_ars=_active_regions(table),
            lon_fwt=_floats(table, "LON_FWT"),
            lat_fwt=_floats(table, "LAT_FWT"),
            quality=_quality(table),
            has_quality=np.full(table.num_rows, "QUALITY" in table.column_names),
            keywords={name: _floats(table, name) for name in names},
        )


def utc_times(column: pa.ChunkedArray, *, is_tai: bool) -> NDArray[np.datetime64]:
    """Return a time column as datetime64[us] in UTC; null is NaT.

    A time that carries a zone is what it says; one that carries none is TAI when `is_tai`,
    else UTC; a JSOC label is TAI always.
    """
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _text_times(column, is_tai=is_tai)
    if not pa.types.is_timestamp(kind):
        raise InvalidInputError(f"its times are of the type {kind}; write them as timestamps")
    times = column.cast(pa.timestamp("us")).to_numpy().astype("datetime64[us]")
    return tai_to_utc(times) if is_tai and kind.tz is None else times


def _text_times(column: pa.ChunkedArray, *, is_tai: bool) -> NDArray[np.datetime64]:
    plain = pc.replace_substring_regex(column, _JSOC_LABEL, r"\1-\2-\3 \4\5")
    first = next((text for text in plain.to_pylist() if text), "")
    if first.endswith("Z") or "+" in first:
        return utc_times(plain.cast(pa.timestamp("us", "UTC")), is_tai=False)
    is_label = bool(pc.any(pc.match_substring(column, "_TAI")).as_py())
    return utc_times(plain.cast(pa.timestamp("us")), is_tai=is_tai or is_label)


def _read_parquet(path: Path, wanted: frozenset[str]) -> pa.Table:
    with pyarrow.parquet.ParquetFile(path) as file:
        names = [name for name in file.schema_arrow.names if name.upper() in wanted]
        batches = list(file.iter_batches(columns=names))
        schema = pa.schema([file.schema_arrow.field(name) for name in names])
    table = pa.Table.from_batches(batches, schema=schema if not batches else None)
    return table.rename_columns([name.upper() for name in table.column_names])


def _read_csv(path: Path, wanted: frozenset[str], as_text: frozenset[str]) -> pa.Table:
    with pa.input_stream(path, compression="detect") as stream:
        header = stream.read(65_536).split(b"\n", 1)[0].decode()
    delimiter = "\t" if "\t" in header else ","
    names = [name.strip().strip('"') for name in header.rstrip("\r").split(delimiter)]
    types = {
        name: pa.string() if name.upper() in as_text else pa.float64()
        for name in names
        if name.upper() in wanted
    }
    with pa.input_stream(path, compression="detect") as stream:
        reader = pyarrow.csv.open_csv(
            stream,
            parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=list(types),
                column_types=types,
                null_values=_MISSING,
                strings_can_be_null=True,
            ),
        )
        table = pa.Table.from_batches(list(reader), schema=reader.schema)
    return table.rename_columns([name.upper() for name in table.column_names])


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
