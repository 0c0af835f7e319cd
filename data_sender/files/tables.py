"""A table on disk: parquet or CSV, read by record batch, its columns found in any case."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from solar.errors import InvalidInputError
from solar.time import tai_to_utc

SUFFIXES = (".parquet", ".csv", ".csv.gz", ".tsv", ".tsv.gz")
_BUFFER_BYTES = 2**20
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


def parquet_pieces(
    path: Path, wanted: Iterable[str], *, rows: int, skip: Callable[[Any], bool] = lambda _: False
) -> Iterator[pa.Table]:
    """Read a parquet file as `read_table` does, so many rows at a time.

    `skip` tells of the metadata of a row group whether it may be left out.
    """
    names_wanted = frozenset(wanted)
    # Read ahead, a file would be in the memory as a whole when its end is reached.
    with pyarrow.parquet.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER_BYTES) as file:
        names = [name for name in file.schema_arrow.names if name.upper() in names_wanted]
        metadata = file.metadata
        groups = [i for i in range(metadata.num_row_groups) if not skip(metadata.row_group(i))]
        for batch in file.iter_batches(batch_size=rows, columns=names, row_groups=groups):
            if batch.num_rows:
                yield _upper(pa.Table.from_batches([batch]))


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
    return _upper(pa.Table.from_batches(batches, schema=schema if not batches else None))


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
        return _upper(pa.Table.from_batches(list(reader), schema=reader.schema))


def _upper(table: pa.Table) -> pa.Table:
    return table.rename_columns([name.upper() for name in table.column_names])
