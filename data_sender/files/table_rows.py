"""Table rows: the columns of a table, under SHARP names or a recipe's, read as observations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from data_sender.files.tables import column_names, in_any_case, read_table, reading, utc_times
from data_sender.rows import Floats, Rows
from solar.errors import InvalidInputError
from solar.sharp import BY_NAME, UNSTATED_SERIES

TIME_NAMES = ("T_REC", "TIMESTAMP")
_AR_NAMES = ("NOAA_ARS", "NOAA_AR")
_SERIES = "SERIES"
# In what the API exports: a HARP number, or the negative of a NOAA number.
_REGION = "REGION"
WANTED = (
    *TIME_NAMES, *_AR_NAMES, _SERIES, _REGION, "HARPNUM", "LON_FWT", "LAT_FWT", "QUALITY", *BY_NAME,
)  # fmt: skip
_AS_TEXT = (*TIME_NAMES, *_AR_NAMES, _SERIES, _REGION, "QUALITY")
_IN_ANY_CASE = in_any_case(WANTED)
_RECIPE_KEYS = {"T_REC": "data.time", "HARPNUM": "data.region", "NOAA_AR": "data.region"}


@dataclass(frozen=True)
class Layout:
    """What the columns of a file mean.

    Parameters
    ----------
    columns : column of the file -> SHARP name; empty where the file has SHARP names, in any case
    time_scale : of times without a zone, ``TAI`` or ``UTC``
    default_series : of rows of which the file does not tell the series
    series : of all rows, whatever the file says
    recipe : file name of the recipe that says all this, for messages
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    time_scale: Literal["TAI", "UTC"] = "TAI"
    default_series: str = UNSTATED_SERIES
    series: str | None = None
    recipe: str = ""

    def name_of(self, column: str) -> str | None:
        """Return the SHARP name of a column of the file, None for one that is not read."""
        if not self.columns:
            return _IN_ANY_CASE(column)
        return self.columns.get(column, _SERIES if column.upper() == _SERIES else None)

    def check(self, path: Path) -> None:
        """Raise InvalidInputError if a file lacks a column that the recipe names."""
        with reading(path):
            present = column_names(path) if self.columns else []
            lacking = [
                f"{column} ({_RECIPE_KEYS.get(name, f'data.keywords.{column}')})"
                for column, name in self.columns.items()
                if column not in present
            ]
            if lacking:
                raise InvalidInputError(
                    f"{self.recipe} names columns that it lacks: {', '.join(lacking)};"
                    f" it has {', '.join(present[:40])}"
                )

    def identity(self) -> bytes:
        """Return what the rows of a file depend on beside the file; empty for SHARP names."""
        said = {
            "columns": dict(self.columns), "time_scale": self.time_scale,
            "default_series": self.default_series, "series": self.series,
        }  # fmt: skip
        is_plain = replace(self, recipe="") == SHARP_LAYOUT
        return b"" if is_plain else orjson.dumps(said, option=orjson.OPT_SORT_KEYS)


SHARP_LAYOUT = Layout()


def read_rows(path: Path, layout: Layout = SHARP_LAYOUT, *, harpnum: int | None = None) -> Rows:
    """Read the observations of one file.

    Parameters
    ----------
    path : parquet or (gzipped) CSV with T_REC or Timestamp, HARPNUM and/or NOAA_AR, and at
        least one SHARP keyword, under these names or those of `layout`; other columns are
        ignored; what the API exports is read as well
    harpnum : the region of a file that names it elsewhere

    Returns
    -------
    Rows in the order of the file, in UTC. A time without zone is on the scale of `layout`, TAI
    where nothing else is said, as T_REC is. Missing values are NaN.

    Raises
    ------
    InvalidInputError
        When the file cannot be read, with its path and the reason.
    """
    with reading(path):
        table = read_table(path, layout.name_of, as_text=_AS_TEXT)
        return rows_of(table, layout, harpnum=harpnum)


def rows_of(table: pa.Table, layout: Layout, *, harpnum: int | None = None) -> Rows:
    """Read the observations of a table whose columns have SHARP names."""
    names = [name for name in BY_NAME if name in table.column_names]
    if not names:
        raise InvalidInputError("it has no SHARP keyword; name its own columns with --recipe")
    given = {_REGION, "HARPNUM", *_AR_NAMES}.intersection(table.column_names)
    is_export = given == {_REGION}
    region = _integers(table, _REGION if is_export else "HARPNUM")
    if harpnum is not None:
        region = np.full(table.num_rows, harpnum, np.int64)
    return Rows(
        series=_series(table, layout),
        t_rec=times_of(table, layout),
        harpnum=np.maximum(region, 0),
        noaa_ars=_negated(region) if is_export else _active_regions(table),
        lon_fwt=_floats(table, "LON_FWT"),
        lat_fwt=_floats(table, "LAT_FWT"),
        quality=_quality(table),
        has_quality=_has_quality(table, is_export),
        keywords={name: _floats(table, name) for name in names},
    )


def times_of(table: pa.Table, layout: Layout) -> NDArray[np.datetime64]:
    """Return the time of each record (n,) in UTC, NaT where it is missing."""
    name = next((name for name in TIME_NAMES if name in table.column_names), None)
    if name is None:
        raise InvalidInputError("it has no column T_REC; name its own columns with --recipe")
    return utc_times(table[name], is_tai=layout.time_scale == "TAI")


def _series(table: pa.Table, layout: Layout) -> NDArray[np.object_]:
    if layout.series is not None or _SERIES not in table.column_names:
        return np.full(table.num_rows, layout.series or layout.default_series, object)
    given = table[_SERIES].cast(pa.string()).fill_null(layout.default_series)
    return np.asarray(given.to_numpy(), object)


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


def _negated(region: NDArray[np.int64]) -> NDArray[np.object_]:
    lists = ([-number] if number < 0 else [] for number in region.tolist())
    return np.fromiter(lists, np.object_, count=len(region))


def _ar_numbers(value: str | float | None) -> list[int]:
    parts = value.replace(",", ";").split(";") if isinstance(value, str) else [value or 0]
    try:
        numbers = [int(float(part)) for part in parts]
    except ValueError as error:
        raise InvalidInputError(f"{value!r} is not a list of NOAA numbers") from error
    return [number for number in numbers if number > 0]


def _has_quality(table: pa.Table, is_export: bool) -> NDArray[np.bool_]:
    """Tell whether QUALITY counts (n,): one that is missing in an export was never there."""
    if is_export and "QUALITY" in table.column_names:
        return np.asarray(table["QUALITY"].is_valid().to_numpy(), np.bool_)
    return np.full(table.num_rows, "QUALITY" in table.column_names)


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
