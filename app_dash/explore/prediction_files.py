"""The records of the Explore page as a file: CSV or Parquet, written while they are read."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from database.exploration.selection import COLUMNS
from solar.time import isoformat

NAMES: tuple[str, ...] = tuple(COLUMNS)
_TEXTS = ("noaa_ars", "rung", "reason")

Batches = Iterable[list[dict[str, Any]]]

SCHEMA = pa.schema(
    [
        pa.field(name, kind)
        for name in NAMES
        for kind in [
            pa.int64() if name == "region_id"
            else pa.timestamp("us", tz="UTC") if name == "t_rec"
            else pa.string() if name in _TEXTS
            else pa.float64()
        ]
    ]
)  # fmt: skip


def csv_lines(batches: Batches) -> Iterator[str]:
    """Write the head and then batch by batch; absent is empty, times are ISO in UTC."""
    yield _lines([NAMES])
    for batch in batches:
        yield _lines([_cell(record, name) for name in NAMES] for record in batch)


def write_parquet(batches: Batches, file: IO[bytes]) -> None:
    """Write a Parquet file, one row group per batch, and go back to its beginning."""
    with pq.ParquetWriter(file, SCHEMA, compression="zstd") as writer:
        for batch in batches:
            writer.write_table(pa.Table.from_pylist(batch, schema=SCHEMA))
    file.seek(0)


def _lines(rows: Iterable[Iterable[Any]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerows(rows)
    return buffer.getvalue()


def _cell(record: Mapping[str, Any], name: str) -> Any:
    value = record[name]
    return isoformat(value) if isinstance(value, datetime) else value
