"""Mutations: bodies that began as sound ones and are no more."""

from __future__ import annotations

import io
import json
import random
import re
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pyarrow as pa

from solar.sharp import LIVE_KEYWORDS, SIMULATED_SERIES

ODD_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 2**31, 2**63, 10**400, -1e308, 1e-320, float("nan"), float("inf"), "", " ",
    "0", "NaN", "\x00", "\ud800", "‮☀️", "x" * 100_000, [], [[]], {}, {"": {"": []}}, 0.5, 99_999_999,
    "2014-02-30T00:00:00Z", "9999-12-31T23:59:60Z", "0000-00-00_00:00:00_TAI", "'; DROP TABLE x;--",
    "../../etc/passwd", "%s%n", list(range(3_000)),
)  # fmt: skip


def sound_rows(rng: random.Random) -> list[dict[str, Any]]:
    """Return some rows that the API takes."""
    keywords = {k.name: k.low + (k.high - k.low) * rng.uniform(0.001, 0.02) for k in LIVE_KEYWORDS}
    return [
        {"harpnum": 900_001 + rng.randrange(50), "t_rec": f"2024-05-{1 + day:02d}T00:00:00Z",
         "series": SIMULATED_SERIES, "quality": 0, "lon_fwt": 5.0, "lat_fwt": 12.0,
         "keywords": keywords}
        for day in range(rng.randint(1, 4))
    ]  # fmt: skip


def json_body(rng: random.Random) -> bytes:
    """Return a body of observations with one to three things wrong."""
    body: Any = {"sender": {"id": "fuzz", "sequence": 1}, "observations": sound_rows(rng)}
    for _ in range(rng.randint(1, 3)):
        put_odd_value(body, rng)
    return mutated_text(body, rng)


def mutated_text(body: Any, rng: random.Random) -> bytes:
    """Write a body as JSON, in two of three cases with a fault in the text."""
    return rng.choice(_TEXT_MUTATIONS)(json.dumps(body).encode(), rng)


def arrow_body(rng: random.Random) -> bytes:
    """Return an Arrow stream of observations with columns, or bytes, that are wrong."""
    rows = sound_rows(rng)
    columns: dict[str, Any] = {
        name: [row[name] for row in rows] for name in rows[0] if name != "keywords"
    }
    columns |= {name: [row["keywords"][name] for row in rows] for name in rows[0]["keywords"]}
    if rng.random() < 0.5:
        columns[rng.choice(list(columns))] = rng.choice(_ODD_COLUMNS)(len(rows))
    return rng.choice(_BYTE_MUTATIONS)(_stream(pa.table(columns), rng), rng)


def put_odd_value(node: Any, rng: random.Random) -> None:
    """Descend at random and put an odd value, or an odd name, where the way ends."""
    while isinstance(node, dict | list) and node:
        key = rng.choice(list(node)) if isinstance(node, dict) else rng.randrange(len(node))
        if not isinstance(node[key], dict | list) or rng.random() < 0.2:
            break
        node = node[key]
    else:
        return
    if isinstance(node, dict) and rng.random() < 0.2:
        node[rng.choice(("", "__proto__", "T_REC", "\ud800", "x" * 5_000))] = node.pop(key)
    else:
        # A copy, since what is put there may be changed in its turn.
        node[key] = deepcopy(rng.choice(ODD_VALUES))


def _as_it_is(body: bytes, _rng: random.Random) -> bytes:
    return body


def _flip_bits(body: bytes, rng: random.Random) -> bytes:
    changed = bytearray(body)
    for _ in range(rng.choice((1, 3, 20))):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _truncate(body: bytes, rng: random.Random) -> bytes:
    return body[: rng.randrange(len(body))]


def _repeat(body: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(body))
    return body + body[start : start + rng.randrange(5_000)]


def _blank(body: bytes, rng: random.Random) -> bytes:
    start, length = rng.randrange(len(body)), rng.choice((1, 8, 64))
    filler = rng.choice((b"\x00", b"\xff", b"\x7f")) * length
    return body[:start] + filler + body[start + length :]


def _nest(body: bytes, rng: random.Random) -> bytes:
    depth = rng.choice((10, 500, 5_000, 100_000))
    opening, closing = rng.choice(((b"[", b"]"), (b'{"a":', b"}")))
    return body[:-1] + b', "deep": ' + opening * depth + b"1" + closing * depth + b"}"


def _repeat_key(body: bytes, rng: random.Random) -> bytes:
    return body[:-1] + rng.choice((b', "observations": []}', b', "sender": 1, "sender": {}}'))


def _spell_out_numbers(body: bytes, rng: random.Random) -> bytes:
    number = rng.choice((b"1" * 5_000, b"1e99999", b"-0.0", b"00012", b"0x1F", b"Infinity", b"NaN"))
    places = list(re.finditer(rb": -?\d+", body))
    if not places:
        return body
    start, end = rng.choice(places).span()
    return body[:start] + b": " + number + body[end:]


_TEXT_MUTATIONS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _as_it_is, _as_it_is, _as_it_is, _flip_bits, _truncate, _repeat, _blank, _nest, _repeat_key,
    _spell_out_numbers,
)  # fmt: skip
_BYTE_MUTATIONS = (_as_it_is, _flip_bits, _flip_bits, _truncate, _repeat, _blank, _blank)


_ODD_COLUMNS: tuple[Callable[[int], pa.Array], ...] = (
    lambda n: pa.nulls(n),
    lambda n: pa.array([2**64 - 1] * n, pa.uint64()),
    lambda n: pa.array([float("nan")] * n, pa.float16()),
    lambda n: pa.array([b"\xff\xfe"] * n, pa.binary()),
    lambda n: pa.array(["\x00"] * n),
    lambda n: pa.array(["a"] * n).dictionary_encode(),
    lambda n: pa.array([{"a": 1}] * n),
    lambda n: pa.array([[["a"]]] * n),
    lambda n: pa.array([[("a", 1)]] * n, pa.map_(pa.string(), pa.int64())),
    lambda n: pa.array([2**62] * n, pa.timestamp("s")),
    lambda n: pa.array([-(2**62)] * n, pa.timestamp("ns", tz="Pacific/Auckland")),
    lambda n: pa.array([2**31 - 1] * n, pa.date32()),
    lambda n: pa.array([True] * n),
    lambda n: pa.array([10**30] * n, pa.decimal128(38)),
    lambda n: pa.array([[11990] * 5_000] * n),
)


def _stream(table: pa.Table, rng: random.Random) -> bytes:
    if rng.random() < 0.3:
        table = table.drop_columns(rng.sample(table.column_names, k=rng.randint(1, 5)))
    if rng.random() < 0.1:
        table = table.slice(0, 0)
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=rng.choice((None, None, "lz4", "zstd")))
    with pa.ipc.new_stream(sink, table.schema, options=options) as stream:
        stream.write_table(table)
    return sink.getvalue()
