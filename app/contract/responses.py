"""Responses: stored rows as the API shows them, in pages as JSON, CSV or Parquet.

The cursor of a page says where it ended, for the client to send back.
"""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import orjson
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from flask import Response

from app.contract.problems import Fault, Rejection, RequestError, fault_items
from app.contract.times import read_time
from database.delivery.row_outcomes import OutcomeCounts
from database.predictions.predictions import COLUMNS
from solar.flares import EVENTS
from solar.sharp import KEYWORDS
from solar.windows import DAY, ForecastWindow

CSV = "text/csv"
PARQUET = "application/vnd.apache.parquet"
NEXT_CURSOR = "X-Next-Cursor"
# Of the columns of files; every other one is a number. Declared, so that a file has the same types
# when a column or all of it is empty, and files of several pages can be put together.
_TEXT = ("series", "sender", "model", "rung", "reason")
_WHOLE = ("region", "quality", "revision")
_TIMES = ("t_rec", "valid_to", "made_at", "received_at", "issued_at", "lost_at")
_TYPES: dict[str, pa.DataType] = {
    **dict.fromkeys(_TEXT, pa.string()),
    **dict.fromkeys(_WHOLE, pa.int64()),
    **dict.fromkeys(_TIMES, pa.timestamp("us", tz="UTC")),
}

Row = dict[str, Any]
Item = TypeVar("Item")


def json_response(content: Any) -> Response:
    """Return JSON."""
    return Response(json_bytes(content), content_type="application/json")


def json_bytes(content: Any) -> bytes:
    """Write JSON; times are UTC with Z, NaN would be null."""
    return orjson.dumps(content, option=orjson.OPT_UTC_Z)


def page(items: Sequence[Row], *, next_cursor: str | None) -> Response:
    """Return one page of a listing."""
    return json_response({"items": items, "next_cursor": next_cursor})


def cut_page(
    rows: list[Item], limit: int, position_of: Callable[[Item], tuple[Any, ...]]
) -> tuple[list[Item], str | None]:
    """Cut off the row that was read beyond a page; the cursor is None where there is none."""
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], write_cursor(position_of(rows[limit - 1]))


def write_cursor(position: tuple[Any, ...]) -> str:
    """Write the position of the last row of a page as a cursor."""
    return base64.urlsafe_b64encode(orjson.dumps(position)).decode().rstrip("=")


def read_cursor(cursor: str | None, *kinds: type) -> Any:
    """Read a cursor as a tuple with a value of each kind; None stays None."""
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        values = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        position = [
            read_time(value) if kind is datetime else value
            for kind, value in zip(kinds, values, strict=True)
        ]
    except (binascii.Error, TypeError, ValueError) as error:
        raise _bad_cursor() from error
    if not all(_is_comparable(v, k) for v, k in zip(position, kinds, strict=True)):
        raise _bad_cursor()
    return tuple(position)


def _is_comparable(value: Any, kind: type) -> bool:
    """Tell whether a store can compare a value with a column of this kind."""
    if isinstance(value, int):
        return kind is int and abs(value) < 2**63
    return isinstance(value, kind) and (not isinstance(value, str) or value.isascii())


def _bad_cursor() -> RequestError:
    fault = Fault("cursor", "is not one that this API gave; begin again without it")
    return RequestError("the query cannot be used; see errors", faults=[fault])


def file_page(
    rows: Sequence[Row],
    columns: Sequence[str],
    *,
    kind: str,
    name: str,
    next_cursor: str | None,
    mode: Mapping[str, str] | None = None,
) -> Response:
    """Return one page of rows as a file, as `table_page` does."""
    schema = pa.schema([(column, _TYPES.get(column, pa.float64())) for column in columns])
    table = pa.table({column: [row[column] for row in rows] for column in columns}, schema=schema)
    return table_page(table, kind=kind, name=name, next_cursor=next_cursor, mode=mode)


def table_page(
    table: pa.Table,
    *,
    kind: str,
    name: str,
    next_cursor: str | None,
    mode: Mapping[str, str] | None = None,
) -> Response:
    """Return one page that is a table as a file; the cursor of the next page is in a header.

    `mode` is `mode_header`: its header, and its value in the name of the file.
    """
    body = io.BytesIO()
    if kind == "csv":
        pa.csv.write_csv(_with_text_times(table), body)
    else:
        pa.parquet.write_table(table, body, compression="zstd")
    response = Response(body.getvalue(), content_type=CSV if kind == "csv" else PARQUET)
    suffix = "csv" if kind == "csv" else "parquet"
    stem = "-".join([*(mode or {}).values(), name])
    response.headers["Content-Disposition"] = f'attachment; filename="{stem}.{suffix}"'
    response.headers.update(mode or {})
    if next_cursor is not None:
        response.headers[NEXT_CURSOR] = next_cursor
    return response


def _with_text_times(table: pa.Table) -> pa.Table:
    for i, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            text = pa.compute.strftime(table.column(i), format="%Y-%m-%dT%H:%M:%SZ")
            table = table.set_column(i, field.name, text)
    return table


def prediction_item(row: Row, *, window: ForecastWindow = DAY) -> Row:
    """Return a stored forecast of a window as the API shows it."""
    return {
        "region": row["region_id"],
        "t_rec": row["t_rec"],
        "valid_to": row["t_rec"] + window.closes_after,
        "model": row["model_id"],
        "probabilities": {event.name: row[event.column] for event in EVENTS},
        "raw": {event.name: row[f"{event.column}_raw"] for event in EVENTS},
        **{name: row[name] for name in COLUMNS[-5:]},
    }


def prediction_items(rows: Iterable[Sequence[Any]]) -> list[Row]:
    """Return forecasts that are about to be stored as the API shows them."""
    return [prediction_item(dict(zip(COLUMNS, row, strict=True))) for row in rows]


def ingest_answer(
    counts: OutcomeCounts, rejected: Iterable[Rejection], predictions: int | list[Row]
) -> Row:
    """Return what became of the rows of a request, with its forecasts or their number."""
    return {
        "accepted": counts.accepted,
        "duplicates": counts.duplicates,
        "revised": counts.revised,
        "rejected": rejected_rows(rejected),
        "predictions": predictions,
    }


def rejected_rows(rejected: Iterable[Rejection]) -> list[Row]:
    """Return rejected rows as the API shows them, in the order of the request."""
    return [
        {"index": rejection.index, "errors": fault_items(rejection.faults)}
        for rejection in sorted(rejected, key=lambda rejection: rejection.index)
    ]


PREDICTION_COLUMNS = (
    "region",
    "t_rec",
    "valid_to",
    "model",
    *(event.name for event in EVENTS),
    *(f"{event.name}_raw" for event in EVENTS),
    *COLUMNS[-5:],
)


def flat_prediction(row: Row, *, window: ForecastWindow = DAY) -> Row:
    """Return a stored forecast of a window as one row of a table."""
    item = prediction_item(row, window=window)
    raw = {f"{name}_raw": value for name, value in item["raw"].items()}
    return {**item, **item["probabilities"], **raw}


_OBSERVATION_FIELDS = ("series", "made_at", "quality", "lon_fwt", "lat_fwt")
OBSERVATION_COLUMNS = (
    "region",
    "t_rec",
    *_OBSERVATION_FIELDS,
    *(keyword.name for keyword in KEYWORDS),
    "revision",
    "sender",
    "received_at",
)


def observation_item(row: Row) -> Row:
    """Return a stored observation as the API shows it."""
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
    """Return a stored observation as one row of a table."""
    item = observation_item(row)
    return {**item, **item["keywords"]}


CONFLICT_COLUMNS = (*OBSERVATION_COLUMNS, "reason", "lost_at")


def conflict_item(row: Row) -> Row:
    """Return a superseded record version as the observation that it was or would have been."""
    return {**observation_item(row), **{name: row[name] for name in ("reason", "lost_at")}}


def flat_conflict(row: Row) -> Row:
    """Return a superseded record version as one row of a table."""
    item = conflict_item(row)
    return {**item, **item["keywords"]}
