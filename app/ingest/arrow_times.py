"""Arrow times: a column of timestamps or text as instants in UTC, and as text where one fails."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from app.contract.times import EARLIEST_AT, LATEST_AT, read_time
from app.ingest.arrow_columns import Column, coded, is_null
from app.ingest.arrow_table import is_text
from app.ingest.batch import Times
from app.ingest.coded import Integers
from solar.time import isoformat, to_datetime, to_datetime64

_NO_TIME = np.datetime64("NaT", "us")


def times(array: pa.Array | None, length: int, *, may_be_missing: bool) -> Column[Times]:
    """Read times as datetime64[us] in UTC, from timestamps with a zone or from text.

    A null is NaT, and sound where it may be missing.
    """
    column = _times(array, length)
    if not may_be_missing:
        return column
    is_missing = np.ones(length, np.bool_) if array is None else is_null(array)
    return Column(column.values, column.is_sound | is_missing)


def _times(array: pa.Array | None, length: int) -> Column[Times]:
    if array is not None and pa.types.is_timestamp(array.type):
        return _timestamps(array)
    if array is not None and is_text(array.type):
        return _time_texts(array)
    return Column(np.full(length, _NO_TIME), np.zeros(length, np.bool_))


def _timestamps(array: pa.Array) -> Column[Times]:
    raw = _ticks(array)
    earliest, latest = (
        to_datetime64(at).astype(raw.dtype).astype(np.int64) for at in (EARLIEST_AT, LATEST_AT)
    )
    ticks = raw.astype(np.int64)
    # In the unit of the column, because what lies far out wraps round in another one.
    is_sound = (ticks >= earliest) & (ticks < latest)
    values = np.full(len(raw), _NO_TIME)
    values[is_sound] = raw[is_sound].astype("datetime64[us]")
    return Column(values, is_sound)


def _ticks(array: pa.Array) -> Times:
    """Return timestamps in their own unit; a null, the smallest number there is, is NaT."""
    whole = array.cast(pa.int64()).fill_null(np.iinfo(np.int64).min).to_numpy()
    ticks: Times = whole.view(f"datetime64[{array.type.unit}]")
    return ticks


def _time_texts(array: pa.Array) -> Column[Times]:
    given = coded(array)
    moments = np.array([_moment(text) for text in given.values], "datetime64[us]")
    values = moments[given.codes]
    return Column(values, ~np.isnat(values))


def _moment(text: str | None) -> np.datetime64:
    try:
        return to_datetime64(read_time(text))
    except ValueError:
        return _NO_TIME


def explained(array: pa.Array, rows: Integers) -> list[Any]:
    """Return the values of some rows as JSON would have brought them."""
    chosen = array.take(pa.array(rows))
    if not pa.types.is_timestamp(array.type):
        return list(chosen.to_pylist())
    return [_shown(at) for at in _ticks(chosen)]


def _shown(at: np.datetime64) -> str | None:
    if np.isnat(at):
        return None
    year = int(at.astype("datetime64[Y]").astype(np.int64)) + 1970
    if datetime.MINYEAR <= year <= datetime.MAXYEAR:
        return isoformat(to_datetime(at))
    return f"{np.datetime_as_string(at)}Z"
