"""A table on disk: parquet or CSV, read by record batch, its columns read under other names."""

from __future__ import annotations

import re
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
# The name under which a column of a file is read; None leaves it out.
Naming = Callable[[str], str | None]

_BUFFER_BYTES = 2**20
# What pandas takes for missing, so that training and replay read alike, and JSOC's own word.
_MISSING = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
    "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null", "MISSING",
]  # fmt: skip
_ZONE = re.compile(r":\d{2}(\.\d+)?(Z|[+-]\d{2}(:?\d{2})?)$")
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


def in_any_case(wanted: Iterable[str]) -> Naming:
    """Want these columns, named in upper case here and in any case in the file."""
    names = frozenset(wanted)
    return lambda column: name if (name := column.upper()) in names else None


def column_names(path: Path) -> list[str]:
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

    `skip` tells of the metadata of a row group whether it may be left out.
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
    """Return the names of the columns and what stands between them."""
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
