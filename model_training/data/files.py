"""Files of a data folder: found, read without running anything in them, and checked for columns."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from model_training.data.limits import UNREADABLE, one_line, refuse_oversized
from model_training.features import Floats, Integers, Times
from solar.errors import InvalidInputError
from solar.time import tai_to_utc, utc_to_tai

# Up to here every whole number is a float.
_LARGEST_WHOLE = 2.0**53
_FIRST_TIME, _LAST_TIME = np.datetime64("1800-01-01", "us"), np.datetime64("2200-01-01", "us")
_PICKLES = (".pkl", ".pickle", ".joblib", ".gpickle")
_JSOC_LABEL = (r"^(\d{4})\.(\d{2})\.(\d{2})_(.*)_TAI$", r"\1-\2-\3T\4")
_ZONE = r":\d{2}(?:\.\d+)?\s?(?:Z|[+-]\d{2}(?::?\d{2})?)$"
_CONVERSION = (
    "a pickle can run anything when it is read and is never opened here; where the file is"
    " trusted, convert it: python -c \"import numpy as np; X, y = np.load('{name}',"
    " allow_pickle=True); np.savez('{stem}.npz', windows=X, labels=y)\", then declare"
    ' layout = "windows"'
)


def existing(folder: Path, name: str) -> Path:
    """Return the path of a file of the data folder."""
    refuse_pickle(Path(name))
    path = folder / name
    if not path.is_file():
        raise InvalidInputError(f"no {name} in the data folder; name the folder with --data")
    return path


def existing_folder(folder: Path, name: str) -> Path:
    """Return the path of a folder of the data folder."""
    path = folder / name
    if not path.is_dir():
        raise InvalidInputError(f"no folder {name} in the data folder; name it with --data")
    return path


def refuse_pickle(path: Path) -> None:
    """Raise an error with the way to convert the file if its name is that of a pickle."""
    if path.suffix.lower() in _PICKLES:
        raise InvalidInputError(f"{path.name}: " + _CONVERSION.format(name=path, stem=path.stem))


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_table(path: Path) -> pd.DataFrame:
    """Read parquet, comma-separated (.csv) or tab-separated (.tsv) rows; .gz is unpacked."""
    refuse_pickle(path)
    refuse_oversized(path)
    kind = next((suffix for suffix in reversed(path.suffixes) if suffix != ".gz"), "")
    try:
        if kind == ".parquet":
            table = pd.read_parquet(path)
            # A column that was written as the index is a column all the same.
            table = table.reset_index() if table.index.name else table
        elif kind in (".csv", ".tsv"):
            table = pd.read_csv(path, sep="\t" if kind == ".tsv" else ",", low_memory=False)
        else:
            raise InvalidInputError(f"{path.name} is no parquet, csv or tsv file; convert it")
    except UNREADABLE as error:
        raise InvalidInputError(f"{path.name} cannot be read: {one_line(error)}") from error
    if table.empty:
        raise InvalidInputError(f"{path.name} holds no rows; check how it was written")
    return table


def require(table: pd.DataFrame, columns: Iterable[str], *, file: str) -> None:
    """Raise an error that names the columns which the table lacks."""
    absent = sorted(set(columns) - set(table.columns))
    if absent:
        has = ", ".join(str(name) for name in table.columns[:40])
        raise InvalidInputError(f"{file} has no column {', '.join(absent)}; it has {has}")


def numbers(table: pd.DataFrame, column: str, *, file: str) -> Floats:
    """Return a column as (n,) float, NaN where it is empty."""
    require(table, [column], file=file)
    try:
        return pd.to_numeric(table[column]).to_numpy(float, na_value=np.nan)
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidInputError(
            f"{file}: column {column} is not numeric: {one_line(error)}"
        ) from error


def outcomes(table: pd.DataFrame, column: str, *, file: str) -> Floats:
    """Return a column of 0 and 1 as (n,) float, NaN where it is empty."""
    values = numbers(table, column, file=file)
    return checked_outcomes(values, f"{file}: column {column}")


def checked_outcomes(values: Floats, where: str) -> Floats:
    """Return outcomes (n,), all of them 0, 1 or NaN."""
    invalid = values[~np.isin(values, (0, 1)) & ~np.isnan(values)]
    if invalid.size:
        raise InvalidInputError(
            f"{where} holds {invalid[0]:g}; truth is 1 (event), 0 (none) or empty (unknown)"
        )
    return values


def whole_numbers(table: pd.DataFrame, column: str, *, file: str) -> Integers:
    """Return a column of whole numbers, (n,); an empty or broken one is refused."""
    values = numbers(table, column, file=file)
    is_whole = np.abs(values) <= _LARGEST_WHOLE
    is_whole[is_whole] = np.mod(values[is_whole], 1) == 0
    if not is_whole.all():
        raise InvalidInputError(
            f"{file}: column {column} must hold a whole number in every row, and none beyond 2^53;"
            f" row {int(np.argmin(is_whole)) + 1} holds {values[np.argmin(is_whole)]:g}"
        )
    return values.astype(np.int64)


def times(table: pd.DataFrame, column: str, *, file: str, scale: str) -> Times:
    """Return a column as (n,) datetime64[us] in UTC; times without a zone are on `scale`."""
    require(table, [column], file=file)
    where = f"{file}: column {column}"
    return to_utc(clock(table[column], where=where, scale=scale), where=where, scale=scale)


def clock(column: Any, *, where: str, scale: str) -> Times:
    """Read the time of each row (n,) on the scale UTC or TAI; an empty one is NaT.

    Rows are datetimes, ISO 8601 or JSOC labels. A time with a zone is in UTC less its offset, a
    label that ends in ``_TAI`` is in TAI; any other is on the scale already.
    """
    times = pd.Series(column)
    if pd.api.types.is_numeric_dtype(times):
        raise InvalidInputError(f"{where} holds numbers; write times as datetimes or ISO 8601")
    is_utc, is_tai = named_scales(times)
    if not pd.api.types.is_datetime64_any_dtype(times):
        times = times.astype("string").str.replace(*_JSOC_LABEL, regex=True)
    try:
        read = pd.to_datetime(times, utc=True, format="ISO8601")
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidInputError(f"{where} is not a time: {one_line(error)}") from error
    shown: Times = read.dt.tz_localize(None).to_numpy("datetime64[us]", copy=True)
    if scale == "TAI":
        shown[is_utc] = utc_to_tai(shown[is_utc])
    else:
        shown[is_tai] = tai_to_utc(shown[is_tai])
    return shown


def named_scales(labels: pd.Series) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell of labels or datetimes which rows (n,) name a zone, and which the scale TAI."""
    if pd.api.types.is_datetime64_any_dtype(labels):
        has_zone = isinstance(labels.dtype, pd.DatetimeTZDtype)
        return np.full(len(labels), has_zone), np.zeros(len(labels), np.bool_)
    text = labels.astype("string").fillna("")
    is_utc = text.str.contains(_ZONE).to_numpy(bool)
    return is_utc, text.str.endswith("_TAI").to_numpy(bool)


def to_utc(at: Times, *, where: str, scale: str) -> Times:
    """Turn times (n,) on the scale UTC or TAI into datetime64[us] in UTC; NaT is refused."""
    if np.isnat(at).any():
        raise InvalidInputError(f"{where} is empty in some rows; every case needs its time")
    times: Times = np.asarray(at, "datetime64[us]")
    is_beyond = (times < _FIRST_TIME) | (times > _LAST_TIME)
    if is_beyond.any():
        raise InvalidInputError(
            f"{where} holds {times[is_beyond][0]}; times lie between 1800 and 2200"
        )
    return tai_to_utc(times) if scale == "TAI" else times


def names(items: Sequence[str]) -> str:
    """List the first few names for a message."""
    more = f" and {len(items) - 5} more" if len(items) > 5 else ""
    return ", ".join(items[:5]) + more
