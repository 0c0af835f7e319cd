"""The columns of a backup: what each type of the store is in Parquet, free of any dialect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from database.schema.column_types import UtcDateTime

_KINDS = (
    (UtcDateTime, pa.timestamp("us", "UTC")),
    (sa.Date, pa.date32()),
    (sa.LargeBinary, pa.binary()),
    (sa.Integer, pa.int64()),
    (sa.Float, pa.float64()),
    (sa.String, pa.string()),
)


def schema_of(table: sa.Table) -> pa.Schema:
    """Return what a table is in Parquet."""
    return pa.schema([(column.name, _kind(column.type)) for column in table.columns])


def _kind(sql: sa.types.TypeEngine[Any]) -> pa.DataType:
    for known, kind in _KINDS:
        if isinstance(sql, known):
            return kind
    raise AssertionError(f"no Parquet type for {sql!r}")


def to_batch(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.RecordBatch:
    """Turn rows, as the driver gives them, into columns."""
    columns = zip(*rows, strict=True)
    arrays = [_array(list(c), field.type) for c, field in zip(columns, schema, strict=True)]
    return pa.record_batch(arrays, schema=schema)


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(kind):
        # Text or naive, by driver; without a zone both are UTC.
        return _plain(values, pa.timestamp("us")).cast(kind)
    return _plain(values, kind) if pa.types.is_date(kind) else pa.array(values, kind)


def _plain(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    first = next((value for value in values if value is not None), None)
    return pa.array(values).cast(kind) if isinstance(first, str) else pa.array(values, kind)


def to_values(batch: pa.RecordBatch) -> dict[str, Any]:
    """Turn columns into what `database.upsert.upsert_columns` takes."""
    return {name: _values(batch.column(name)) for name in batch.schema.names}


def _values(column: pa.Array) -> Any:
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("us")).to_numpy(zero_copy_only=False)
    if pa.types.is_date(column.type):
        # As text, which every driver takes.
        return column.cast(pa.string()).to_pylist()
    if pa.types.is_floating(column.type) or (
        pa.types.is_integer(column.type) and not column.null_count
    ):
        return column.to_numpy(zero_copy_only=False)
    return column.to_pylist()
