"""Responses: pages of rows as JSON, CSV or Parquet, and how stored rows read outside."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from flask import Response

from database.predictions.predictions import COLUMNS
from solar.flares import EVENTS, HORIZON
from solar.sharp import KEYWORDS

CSV = "text/csv"
PARQUET = "application/vnd.apache.parquet"
NEXT_CURSOR = "X-Next-Cursor"

Row = dict[str, Any]


def json_response(content: Any, status: int = 200) -> Response:
    """Write JSON; times are UTC with Z, NaN would be null."""
    body = orjson.dumps(content, option=orjson.OPT_UTC_Z)
    return Response(body, status, content_type="application/json")


def page(items: Sequence[Row], *, next_cursor: str | None) -> Response:
    """Write one page of a listing."""
    return json_response({"items": items, "next_cursor": next_cursor})


def file_page(
    rows: Sequence[Row], columns: Sequence[str], *, kind: str, name: str, next_cursor: str | None
) -> Response:
    """Write one page as a file; the cursor of the next page is in a header."""
    table = pa.table({column: [row[column] for row in rows] for column in columns})
    body = io.BytesIO()
    if kind == "csv":
        pa.csv.write_csv(_with_text_times(table), body)
    else:
        pa.parquet.write_table(table, body, compression="zstd")
    response = Response(body.getvalue(), content_type=CSV if kind == "csv" else PARQUET)
    suffix = "csv" if kind == "csv" else "parquet"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.{suffix}"'
    if next_cursor is not None:
        response.headers[NEXT_CURSOR] = next_cursor
    return response


def _with_text_times(table: pa.Table) -> pa.Table:
    for place, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            text = pa.compute.strftime(table.column(place), format="%Y-%m-%dT%H:%M:%SZ")
            table = table.set_column(place, field.name, text)
    return table


def prediction_item(row: Row) -> Row:
    """Show a stored forecast."""
    return {
        "region": row["region_id"],
        "t_rec": row["t_rec"],
        "valid_to": row["t_rec"] + HORIZON,
        "model": row["model_id"],
        "probabilities": {event.name: row[event.column] for event in EVENTS},
        "raw": {event.name: row[f"{event.column}_raw"] for event in EVENTS},
        **{name: row[name] for name in COLUMNS[-5:]},
    }


def prediction_items(rows: Iterable[Sequence[Any]]) -> list[Row]:
    """Show forecasts as they are written to the store."""
    return [prediction_item(dict(zip(COLUMNS, row, strict=True))) for row in rows]


PREDICTION_COLUMNS = (
    "region", "t_rec", "valid_to", "model", *(event.name for event in EVENTS),
    *(f"{event.name}_raw" for event in EVENTS), *COLUMNS[-5:],
)  # fmt: skip


def flat_prediction(row: Row) -> Row:
    """Show a stored forecast as one line of a table."""
    item = prediction_item(row)
    raw = {f"{name}_raw": value for name, value in item["raw"].items()}
    return {**item, **item["probabilities"], **raw}


_OBSERVATION_FIELDS = ("series", "made_at", "quality", "lon_fwt", "lat_fwt")
OBSERVATION_COLUMNS = (
    "region", "t_rec", *_OBSERVATION_FIELDS, *(keyword.name for keyword in KEYWORDS),
    "revision", "sender", "received_at",
)  # fmt: skip


def observation_item(row: Row) -> Row:
    """Show a stored observation."""
    return {
        "region": row["region_id"],
        "t_rec": row["t_rec"],
        **{name: row[name] for name in _OBSERVATION_FIELDS},
        "keywords": {keyword.name: row[keyword.column] for keyword in KEYWORDS},
        "revision": row["revision"],
        "sender": row["sender_id"],
        "received_at": row["received_at"],
    }


def flat_observation(row: Row) -> Row:
    """Show a stored observation as one line of a table."""
    item = observation_item(row)
    return {**item, **item["keywords"]}


CONFLICT_COLUMNS = (*OBSERVATION_COLUMNS, "reason", "lost_at")


def conflict_item(row: Row) -> Row:
    """Show an account of a record that lost, as the observation that it was or would have been."""
    return {**observation_item(row), **{name: row[name] for name in ("reason", "lost_at")}}


def flat_conflict(row: Row) -> Row:
    """Show an account that lost as one line of a table."""
    item = conflict_item(row)
    return {**item, **item["keywords"]}
