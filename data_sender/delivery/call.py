"""A call: a post as HTTP carries it, in columns where there are many rows and else as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from data_sender.delivery.row_items import RowItems
from data_sender.delivery.spool import Post
from data_sender.rows import Floats, Rows

JSON_TYPE = "application/json"
ARROW_TYPE = "application/vnd.apache.arrow.stream"
# Below it the schema of a stream weighs more than the names in each JSON row.
FEWEST_IN_COLUMNS = 50


@dataclass(frozen=True)
class Call:
    """What is posted, as what, and where: the path with its query."""

    path: str
    content_type: str
    body: bytes


def call_of(post: Post) -> Call:
    """Write a post; rows that come from the spool have been JSON since they went there."""
    items = post.items
    if isinstance(items, RowItems) and len(items) >= FEWEST_IN_COLUMNS:
        query = _query(post.extra.get("sender", {}))
        return Call(post.path + query, ARROW_TYPE, stream_of(items.rows))
    return Call(post.path, JSON_TYPE, post.body())


def stream_of(rows: Rows) -> bytes:
    """Write rows as an Arrow stream that says the same as their JSON."""
    columns = _columns(rows)
    batch = pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def _query(sender: dict[str, Any]) -> str:
    # A stream has no place for its sender, so that the address names it.
    named = {"sender" if name == "id" else name: value for name, value in sender.items()}
    given = {name: value for name, value in named.items() if value is not None}
    return f"?{urlencode(given)}" if given else ""


def _columns(rows: Rows) -> dict[str, pa.Array]:
    columns = {
        "t_rec": _times(rows.t_rec),
        "series": pa.array(rows.series, pa.string()).dictionary_encode(),
        "harpnum": pa.array(rows.harpnum, mask=rows.harpnum <= 0),
        "noaa_ars": pa.array(rows.noaa_ars.tolist(), pa.list_(pa.int32())),
        "lon_fwt": _nullable(rows.lon_fwt),
        "lat_fwt": _nullable(rows.lat_fwt),
    }
    if rows.made_at is not None:
        columns["made_at"] = _times(rows.made_at)
    if rows.has_quality.any():
        # An unreadable QUALITY stays NaN, to be refused; null says that the source has none.
        columns["quality"] = pa.array(
            np.trunc(rows.quality), mask=~rows.has_quality, from_pandas=False
        )
    return columns | {name: _nullable(values) for name, values in rows.keywords.items()}


def _times(times: NDArray[np.datetime64]) -> pa.Array:
    return pa.array(times.astype("datetime64[s]")).cast(pa.timestamp("s", "UTC"))


def _nullable(values: Floats) -> pa.Array:
    return pa.array(values, from_pandas=True)
