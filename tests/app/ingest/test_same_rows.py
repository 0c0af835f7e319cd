"""A row is taken or refused alike, in the same words, whichever format it comes in."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from app.contract.problems import Rejection
from app.ingest import arrow_rows, json_rows, validation
from app.ingest.batch import Batch
from solar.sharp import BY_NAME

NOW = datetime(2014, 4, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Given:
    """A column: what Arrow carries, and what JSON says for it; LEFT_OUT is no field at all."""

    array: pa.Array
    said: list[Any]


LEFT_OUT = object()
TEXTS = st.sampled_from(
    ["2014-03-01T00:00:00Z", "2014-03-01T01:12:00+01:00", "2014.03.01_00:24:00_TAI",
     "2014-03-01T00:00:00", "yesterday", "", "1970-01-01T00:00:00Z", "2200-01-01T00:00:00Z",
     "2014-05-01T00:00:00Z", "2014.13.01_00:00:00_TAI", "0001-01-01T00:00:00+23:59", "7" * 99]
)  # fmt: skip
# Within limits, outside them and in the future, on whole seconds so that every unit can say them.
SECONDS = st.sampled_from([1393632000, 1393632720, 0, 63072000, 63071999, 7258118400, 1398902400])
WHOLE = st.sampled_from([1, 3721, 99_999, 100_000, 0, -4, 2**31 - 1, 2**31, 2**62])
REAL = st.sampled_from(
    [0.0, -0.0, 1.5, 4.6, 89.0, -12.5, 65536.0, 1e30, math.nan, math.inf, -math.inf]
)


def texts(draw: st.DrawFn, n: int, values: st.SearchStrategy[str], *, null: Any) -> Given:
    kind = draw(st.sampled_from([pa.string(), pa.large_string(), "dictionary"]))
    drawn = draw(st.lists(values | st.none(), min_size=n, max_size=n))
    said = [null if value is None else value for value in drawn]
    if kind == "dictionary":
        return Given(pa.array(drawn, pa.string()).dictionary_encode(), said)
    return Given(pa.array(drawn, kind), said)


def times(draw: st.DrawFn, n: int) -> Given:
    if draw(st.booleans()):
        return texts(draw, n, TEXTS, null=None)
    unit = draw(st.sampled_from(["s", "ms", "us", "ns"]))
    drawn = draw(st.lists(SECONDS | st.none(), min_size=n, max_size=n))
    factor = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    ticks = [None if value is None else value * factor for value in drawn]
    said = [None if v is None else f"{np.datetime64(v, 's')}Z" for v in drawn]
    return Given(pa.array(ticks, pa.int64()).cast(pa.timestamp(unit, "UTC")), said)


def whole(draw: st.DrawFn, n: int) -> Given:
    kind = draw(st.sampled_from([pa.int64(), pa.uint64(), pa.float64(), pa.string(), pa.bool_()]))
    signed = WHOLE.filter(lambda value: value >= 0) if kind == pa.uint64() else WHOLE
    drawn: list[Any] = draw(st.lists(signed | st.none(), min_size=n, max_size=n))
    if not pa.types.is_integer(kind):
        of = {pa.float64(): float, pa.string(): str, pa.bool_(): bool}[kind]
        drawn = [None if value is None else of(value) for value in drawn]
    return Given(pa.array(drawn, kind), drawn)


def lists(draw: st.DrawFn, n: int) -> Given:
    kind = draw(st.sampled_from([pa.list_(pa.int64()), pa.large_list(pa.int32()), pa.int64()]))
    if kind == pa.int64():
        numbers = draw(st.lists(WHOLE | st.none(), min_size=n, max_size=n))
        return Given(pa.array(numbers, kind), [LEFT_OUT if v is None else [v] for v in numbers])
    inside = st.sampled_from([11990, 11991, 0, 100_000, None])
    rows = st.lists(inside, max_size=3) | st.just([11990] * 17) | st.none()
    drawn = draw(st.lists(rows, min_size=n, max_size=n))
    return Given(pa.array(drawn, kind), [LEFT_OUT if row is None else row for row in drawn])


def numbers(draw: st.DrawFn, n: int, *, null: Any = None) -> Given:
    kind = draw(st.sampled_from([pa.float64(), pa.float32(), pa.int32()]))
    values = st.integers(-5, 70_000) if kind == pa.int32() else REAL
    drawn = draw(st.lists(values | st.none(), min_size=n, max_size=n))
    array = pa.array(drawn, kind)
    return Given(array, [null if value is None else value for value in array.to_pylist()])


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Given]:
    n = draw(st.integers(1, 8))
    columns = {"t_rec": times(draw, n)}
    possible = {
        "harpnum": lambda: whole(draw, n),
        "noaa_ars": lambda: lists(draw, n),
        "made_at": lambda: times(draw, n),
        "series": lambda: texts(
            draw, n, st.sampled_from(["hmi.sharp_720s", "a b", "", "x" * 49, "a\n"]), null=LEFT_OUT
        ),
        "quality": lambda: numbers(draw, n, null=LEFT_OUT),
        "lon_fwt": lambda: numbers(draw, n),
        "lat_fwt": lambda: numbers(draw, n),
        "R_VALUE": lambda: numbers(draw, n),
        "MEANGAM": lambda: numbers(draw, n),
    }
    for name in draw(st.lists(st.sampled_from(sorted(possible)), unique=True)):
        columns[name] = possible[name]()
    return columns


def as_stream(columns: dict[str, Given]) -> bytes:
    table = pa.table({name: column.array for name, column in columns.items()})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def as_json(columns: dict[str, Given]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for index in range(len(columns["t_rec"].said)):
        said = {name: column.said[index] for name, column in columns.items()}
        row = {name: value for name, value in said.items() if value is not LEFT_OUT}
        keywords = {name: row.pop(name) for name in BY_NAME if name in row}
        rows.append({**row, "keywords": keywords})
    return rows


def content(batch: Batch) -> list[tuple[Any, ...]]:
    columns = (
        batch.index.tolist(), batch.harpnum.tolist(), batch.noaa_ars.rows(),
        batch.t_rec.tolist(), batch.series.rows(),
        [str(at) for at in batch.made_at], batch.content_hashes(),
    )  # fmt: skip
    return list(zip(*columns, strict=True))


def words(rejected: list[Rejection]) -> dict[int, set[tuple[str, str]]]:
    return {r.index: {(fault.path, fault.message) for fault in r.faults} for r in rejected}


@settings(max_examples=300, deadline=None)
@given(requests())
def test_an_arrow_stream_gets_what_its_rows_would_get_as_json(columns: dict[str, Given]) -> None:
    by_column, refused_by_column = arrow_rows.read_stream(as_stream(columns))
    by_row, refused_by_row = json_rows.read_rows(as_json(columns))

    assert words(refused_by_column) == words(refused_by_row)
    assert content(by_column) == content(by_row)
    (kept, broken), (kept_too, broken_too) = (
        validation.validate(batch, now=NOW) for batch in (by_column, by_row)
    )
    assert words(broken) == words(broken_too)
    assert content(kept) == content(kept_too)
