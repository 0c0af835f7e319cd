"""What no Arrow library writes, or none should: refused with a reason, never a failure."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from flask.testing import FlaskClient

from app.contract.problems import RequestError
from app.ingest import arrow_rows, validation

URL = "/api/v1/observations"
TYPE = "application/vnd.apache.arrow.stream"
NOW = datetime(2020, 1, 1, tzinfo=UTC)
TIME = "2014-03-01T00:00:00Z"


def stream(columns: Mapping[str, Any], *, compression: str | None = None, rows: int = 64) -> bytes:
    table = pa.table(columns)
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=rows)
    return sink.getvalue()


def every_kind_of_column(n: int = 9) -> dict[str, Any]:
    return {
        "harpnum": pa.array([3721] * n, pa.int32()),
        "noaa_ars": [[11990, 11991]] * n,
        "t_rec": [f"2014-03-01T00:{minute:02d}:00Z" for minute in range(n)],
        "made_at": pa.array([1393632000] * n, pa.timestamp("s", "UTC")),
        "series": pa.array(["hmi.sharp_720s"] * n).dictionary_encode(),
        "quality": [0] * n,
        "lat_fwt": [None] * n,
        "TOTUSJH": [1.0] * n,
        "R_VALUE": pa.nulls(n),
        "USFLUX": pa.array([1e20] * n, pa.float32()),
    }


def mutated(body: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(body[: rng.integers(1, len(body))] if rng.random() < 0.1 else body)
    for _ in range(rng.integers(1, 6)):
        place = int(rng.integers(len(changed)))
        if rng.random() < 0.5:
            changed[place] = rng.integers(256)
        else:
            word = int(rng.choice([0, 1, 8, 2**24, 2**31 - 1, 2**32 - 1]))
            place -= place % 4
            changed[place : place + 4] = word.to_bytes(4, "little")
    return bytes(changed)


def status_of(body: bytes) -> int:
    try:
        batch, _ = arrow_rows.read_stream(body)
    except RequestError as error:
        return error.status
    validation.validate(batch, now=NOW)
    return 200


@pytest.mark.parametrize("compression", [None, "zstd", "lz4"])
def test_a_stream_with_bytes_changed_is_read_or_refused(compression: str | None) -> None:
    body, rng = stream(every_kind_of_column(), compression=compression, rows=4), None
    rng = np.random.default_rng(len(body))

    seen = {status_of(mutated(body, rng)) for _ in range(700)}

    assert seen <= {200, 400, 413, 415, 422}
    assert {200, 400} <= seen


def test_the_api_answers_a_mutated_stream_without_failing(client_sqlite: FlaskClient) -> None:
    body, rng = stream(every_kind_of_column()), np.random.default_rng(7)

    seen = {
        client_sqlite.post(URL, data=mutated(body, rng), content_type=TYPE).status_code
        for _ in range(40)
    }

    assert seen <= {200, 400, 413, 415, 422}


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_compressed_rows_are_read(compression: str) -> None:
    batch, rejected = arrow_rows.read_stream(
        stream(every_kind_of_column(), compression=compression)
    )

    assert (len(batch), rejected) == (9, [])


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_a_stream_that_unpacks_to_more_than_a_body_may_hold_is_refused(compression: str) -> None:
    # 40 MB of one letter, some kilobytes when compressed.
    bomb = stream({"t_rec": [TIME], "series": ["x" * 40_000_000]}, compression=compression)

    with pytest.raises(RequestError, match="unpacks to more than 32 MB") as refusal:
        arrow_rows.read_stream(bomb)

    assert len(bomb) < 1_000_000
    assert refusal.value.status == 413


def test_a_dictionary_that_unpacks_to_too_much_is_refused() -> None:
    words = pa.DictionaryArray.from_arrays(pa.array([0], pa.int8()), ["x" * 40_000_000])
    bomb = stream({"t_rec": [TIME], "series": words}, compression="zstd")

    assert status_of(bomb) == 413


def test_rows_that_take_no_room_are_counted_before_they_are_made() -> None:
    batch = pa.RecordBatch.from_arrays([pa.nulls(2**30)], ["t_rec"])
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)

    with pytest.raises(RequestError, match="1,073,741,824 rows are too many"):
        arrow_rows.read_stream(sink.getvalue())


def test_lists_of_nothing_are_counted_before_they_are_made() -> None:
    offsets = pa.array([0, 2**30], pa.int32())
    endless = pa.ListArray.from_arrays(offsets, pa.nulls(2**30))

    with pytest.raises(RequestError) as refusal:
        arrow_rows.read_stream(stream({"t_rec": [TIME], "noaa_ars": endless}))

    assert "expected 16 at most per row" in refusal.value.faults[0].message


def test_a_time_of_a_million_letters_is_named_in_few_words() -> None:
    _, (rejection,) = arrow_rows.read_stream(
        stream({"t_rec": ["2" * 1_000_000], "harpnum": pa.array([1], pa.int32())})
    )

    (fault,) = rejection.faults
    assert "goes on for 1,000,000 characters" in fault.message
    assert len(fault.message) < 200


@pytest.mark.parametrize(
    ("name", "array", "words"),
    [
        ("t_rec", pa.array([16130], pa.date32()), "date32[day]; expected timestamps in UTC, or"),
        ("t_rec", pa.array([0], pa.duration("s")), "expected timestamps in UTC, or text"),
        ("t_rec", pa.array([TIME], pa.string_view()), "expected timestamps in UTC, or text"),
        ("harpnum", pa.array([{"a": 1}]), "expected whole numbers"),
        ("harpnum", pa.array([[1]]), "expected whole numbers"),
        ("noaa_ars", pa.array([[[1]]]), "expected whole numbers or lists of them"),
        ("noaa_ars", pa.array([["a"]]), "expected whole numbers or lists of them"),
        ("series", pa.array([b"a"]), "holds binary; expected text"),
        ("quality", pa.array([True]), "holds bool; expected numbers"),
        ("lon_fwt", pa.array(["1"]), "holds string; expected numbers"),
        ("USFLUX", pa.array(["1"]).dictionary_encode(), "expected numbers"),
        ("USFLUX", pa.array([1], pa.decimal128(5)), "expected numbers"),
    ],
)
def test_a_column_of_another_kind_is_named_with_what_it_should_hold(
    name: str, array: pa.Array, words: str
) -> None:
    with pytest.raises(RequestError) as refusal:
        arrow_rows.read_stream(stream({"t_rec": [TIME], name: array}))

    (fault,) = refusal.value.faults
    assert (refusal.value.status, fault.path) == (422, name)
    assert words in fault.message


def test_numbers_by_a_dictionary_and_texts_of_any_width_are_read() -> None:
    columns = {
        "t_rec": pa.array([TIME, TIME], pa.large_string()),
        "harpnum": pa.array([7, None], pa.int16()).dictionary_encode(),
        "noaa_ars": pa.array([None, [11990]], pa.large_list(pa.int32())),
        "USFLUX": pa.array([1.5, 2.5], pa.float16()).dictionary_encode(),
    }

    batch, rejected = arrow_rows.read_stream(stream(columns))

    assert rejected == []
    assert (batch.harpnum.tolist(), batch.noaa_ars.rows()) == ([7, 0], [(), (11990,)])
    assert batch.keywords[:, 0].tolist() == [1.5, 2.5]


@pytest.mark.parametrize("columns", [{}, {"harpnum": [1]}, {"t_rec": pa.array([], pa.string())}])
def test_a_stream_without_times_or_rows_is_refused(columns: dict[str, Any]) -> None:
    assert status_of(stream(columns)) == 422


def test_every_cut_of_a_stream_is_an_end_that_comes_too_early_or_no_row_lost() -> None:
    body = stream(every_kind_of_column())
    whole = status_of(body)

    seen = [status_of(body[:length]) for length in range(0, len(body) - 8, 7)]

    # Only the marker of the end, eight bytes, may be missing.
    assert whole == 200
    assert set(seen) <= {400, 422}
