"""Tables on disk: parquet or CSV, read by record batch, and their rows read as observations.

Also the instance files of SWAN-SF, the Space Weather ANalytics benchmark (doi 10.7910/DVN/EBCFKM).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from data_sender.rows import Rows
from data_sender.sources.files.layout import (
    AR_NAMES,
    REGION,
    SERIES,
    SHARP_LAYOUT,
    TIME_NAMES,
    Layout,
    Naming,
)
from solar.columns import Coded, Floats
from solar.errors import InvalidInputError
from solar.observations import NoaaNumbers, keyword_matrix, no_times, one_number_each
from solar.sharp import BY_NAME, SHARP_SERIES
from solar.time import tai_to_utc

SUFFIXES = (".parquet", ".csv", ".csv.gz", ".tsv", ".tsv.gz")

_BUFFER_BYTES = 2**20
# What pandas takes for missing, so that training and replay read alike, and JSOC's own mark.
_MISSING = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
    "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null", "MISSING",
]  # fmt: skip
_ZONE = re.compile(r":\d{2}(\.\d+)?(Z|[+-]\d{2}(:?\d{2})?)$")
_JSOC_LABEL = r"^(\d{4})\.(\d{2})\.(\d{2})_(\d{2}:\d{2})(:\d{2}(?:\.\d+)?)?_TAI$"

# lab[M]1.5@7571_id[3686]_st[2014-02-03T170000]_et[2014-02-04T044800].csv.gz: the label with the
# flare's number, the HARPNUM, and the first and the last T_REC.
_INSTANCE = re.compile(r"lab\[.*\].*_id\[(\d+)\]_st\[.*\]_et\[.*\]\.csv(\.gz)?")
_AS_TEXT = (*TIME_NAMES, *AR_NAMES, SERIES, REGION, "QUALITY")
_RECIPE_KEYS = {"T_REC": "data.time", "HARPNUM": "data.region", "NOAA_AR": "data.region"}


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


def check_columns(path: Path, layout: Layout) -> None:
    """Raise InvalidInputError if a file lacks a column that the recipe of a layout names."""
    with reading(path):
        present = _column_names(path) if layout.columns else []
        lacking = [
            f"{column} ({_RECIPE_KEYS.get(name, f'data.keywords.{column}')})"
            for column, name in layout.columns.items()
            if column not in present
        ]
        if lacking:
            raise InvalidInputError(
                f"{layout.recipe} names columns that it lacks: {', '.join(lacking)};"
                f" it has {', '.join(present[:40])}"
            )


def _column_names(path: Path) -> list[str]:
    """Return the names of a table's columns as the file writes them."""
    _refuse_other_kinds(path)
    if not path.name.lower().endswith(".parquet"):
        return _csv_header(path)[0]
    with pyarrow.parquet.ParquetFile(path) as file:
        return list(file.schema_arrow.names)


def read_table(path: Path, naming: Naming, *, as_text: Iterable[str] = ()) -> pa.Table:
    """Read the wanted columns under their new names.

    Numbers become float64, so that an integer column with gaps reads like any other; the
    columns in `as_text` stay text where the file is text.
    """
    _refuse_other_kinds(path)
    if path.name.lower().endswith(".parquet"):
        return _read_parquet(path, naming)
    return _read_csv(path, naming, frozenset(as_text))


def parquet_pieces(
    path: Path, naming: Naming, *, rows: int, skip: Callable[[Any], bool] = lambda _: False
) -> Iterator[pa.Table]:
    """Read a parquet file as `read_table` does, so many rows at a time.

    `skip` gets the metadata of a row group and returns whether it may be left out.
    """
    # Read ahead, a file would be in the memory as a whole when its end is reached.
    with pyarrow.parquet.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER_BYTES) as file:
        names = [name for name in file.schema_arrow.names if naming(name)]
        metadata = file.metadata
        groups = [i for i in range(metadata.num_row_groups) if not skip(metadata.row_group(i))]
        for batch in file.iter_batches(batch_size=rows, columns=names, row_groups=groups):
            if batch.num_rows:
                yield _renamed(pa.Table.from_batches([batch]), naming)


def utc_times(column: pa.ChunkedArray, *, is_tai: bool) -> NDArray[np.datetime64]:
    """Return a time column as datetime64[us] in UTC; null is NaT.

    A time with a zone is in that zone; one without is TAI when `is_tai`, else UTC; a JSOC label is
    always TAI.
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
    if _ZONE.search(first):
        return utc_times(plain.cast(pa.timestamp("us", "UTC")), is_tai=False)
    is_label = bool(pc.any(pc.match_substring(column, "_TAI")).as_py())
    return utc_times(plain.cast(pa.timestamp("us")), is_tai=is_tai or is_label)


def _refuse_other_kinds(path: Path) -> None:
    if not is_table(path):
        raise InvalidInputError(f"its name ends in none of {', '.join(SUFFIXES)}")


def _read_parquet(path: Path, naming: Naming) -> pa.Table:
    with pyarrow.parquet.ParquetFile(path) as file:
        names = [name for name in file.schema_arrow.names if naming(name)]
        batches = list(file.iter_batches(columns=names))
        schema = pa.schema([file.schema_arrow.field(name) for name in names])
    return _renamed(pa.Table.from_batches(batches, schema=schema if not batches else None), naming)


def _csv_header(path: Path) -> tuple[list[str], str]:
    """Return the names of the columns and the delimiter."""
    with pa.input_stream(path, compression="detect") as stream:
        header = stream.read(65_536).split(b"\n", 1)[0].decode("utf-8-sig")
    delimiter = "\t" if "\t" in header else ","
    return [name.strip().strip('"') for name in header.rstrip("\r").split(delimiter)], delimiter


def _read_csv(path: Path, naming: Naming, as_text: frozenset[str]) -> pa.Table:
    names, delimiter = _csv_header(path)
    types = {
        column: pa.string() if name in as_text else pa.float64()
        for column in names
        if (name := naming(column))
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
        return _renamed(pa.Table.from_batches(list(reader), schema=reader.schema), naming)


def _renamed(table: pa.Table, naming: Naming) -> pa.Table:
    names = [str(naming(column)) for column in table.column_names]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidInputError(f"several of its columns are called {', '.join(twice)}; keep one")
    return table.rename_columns(names)


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
    by default, as T_REC is. Missing values are NaN.

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
    region_columns = {REGION, "HARPNUM", *AR_NAMES}.intersection(table.column_names)
    is_export = region_columns == {REGION}
    region = _integers(table, REGION if is_export else "HARPNUM")
    if harpnum is not None:
        region = np.full(table.num_rows, harpnum, np.int64)
    return Rows(
        series=_series(table, layout),
        t_rec=times_of(table, layout),
        harpnum=np.maximum(region, 0),
        noaa_ars=one_number_each(np.maximum(-region, 0)) if is_export else _active_regions(table),
        lon_fwt=_floats(table, "LON_FWT"),
        lat_fwt=_floats(table, "LAT_FWT"),
        quality=_quality(table),
        has_quality=_has_quality(table, is_export),
        made_at=no_times(table.num_rows),
        keywords=keyword_matrix({name: _floats(table, name) for name in names}, table.num_rows),
    )


def times_of(table: pa.Table, layout: Layout) -> NDArray[np.datetime64]:
    """Return the time of each record (n,) in UTC, NaT where it is missing."""
    name = next((name for name in TIME_NAMES if name in table.column_names), None)
    if name is None:
        raise InvalidInputError("it has no column T_REC; name its own columns with --recipe")
    return utc_times(table[name], is_tai=layout.time_scale == "TAI")


def _series(table: pa.Table, layout: Layout) -> Coded[str]:
    if layout.series is not None or SERIES not in table.column_names:
        return Coded.constant(layout.series or layout.default_series, table.num_rows)
    series = table[SERIES].cast(pa.string()).fill_null(layout.default_series)
    return Coded.of(series.to_numpy().tolist())


def _floats(table: pa.Table, name: str) -> Floats:
    if name not in table.column_names:
        return np.full(table.num_rows, np.nan)
    return np.asarray(table[name].cast(pa.float64()).to_numpy(), np.float64)


def _integers(table: pa.Table, name: str) -> NDArray[np.int64]:
    return np.nan_to_num(_floats(table, name), posinf=0, neginf=0).astype(np.int64)


def _active_regions(table: pa.Table) -> Coded[NoaaNumbers]:
    """Return the NOAA numbers (n,); a HARP may hold several: ``11958;11959``."""
    name = next((name for name in AR_NAMES if name in table.column_names), None)
    if name is None:
        return Coded.constant((), table.num_rows)
    column = Coded.of(table[name].to_pylist())
    return Coded(column.codes, tuple(_ar_numbers(value) for value in column.values))


def _ar_numbers(value: str | float | None) -> NoaaNumbers:
    parts = value.replace(",", ";").split(";") if isinstance(value, str) else [value or 0]
    try:
        numbers = [int(float(part)) for part in parts]
    except ValueError as error:
        raise InvalidInputError(f"{value!r} is not a list of NOAA numbers") from error
    return tuple(number for number in numbers if number > 0)


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


def is_instance(path: Path) -> bool:
    """Tell by its name whether a file is a SWAN-SF instance."""
    return _INSTANCE.fullmatch(path.name) is not None


def read_instance(path: Path, layout: Layout = SHARP_LAYOUT) -> Rows:
    """Read one instance: 60 rows, 12 min apart, of the HARP in its name.

    The benchmark was made from hmi.sharp_cea_720s. Its column Timestamp is T_REC without the
    suffix, on JSOC's 12-min slots, hence TAI. LON_MIN and LON_MAX bound the patch and give no
    flux-weighted position, so the position stays unknown unless the file has LON_FWT.
    """
    match = _INSTANCE.fullmatch(path.name)
    if match is None:
        raise ValueError(f"{path.name} is not the name of a SWAN-SF instance")
    layout = replace(layout, default_series=SHARP_SERIES)
    return read_rows(path, layout, harpnum=int(match.group(1)))
