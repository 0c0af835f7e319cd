"""Bodies: simulated records as requests carry them, in bulk and one by one."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.records_file import START_AT
from bench.sun_block import FIRST_NOAA_AR, SunBlock
from solar.sharp import BY_NAME, LONGITUDE_LIMIT_DEG, SIMULATED_SERIES
from solar.time import isoformat

ARROW, JSON = "Arrow", "JSON"
# Beyond those of bulk; a measurement takes some of the next numbers.
_fresh_harpnums = count(500_000_000, 100_000)
# NOAA numbers have five digits.
_NOAA_NUMBERS = 80_000
MEDIA_TYPES = {ARROW: "application/vnd.apache.arrow.stream", JSON: "application/json"}


@dataclass(frozen=True)
class Share:
    """The part of a file of records that one of several clients sends.

    `place` of `clients` takes every so-manieth region. `shift` is added to the numbers of the
    regions, so that the same records can be sent more than once and be new each time.
    """

    path: Path
    place: int
    clients: int
    shift: int

    def table(self, most: int) -> pa.Table:
        """Return the first `most` records in the order of time, under names that the API takes."""
        table = self._own(most)
        if len(table) < most:
            raise RuntimeError(f"{self.path} holds {len(table):,} of {most:,} records; write more")
        named = {
            "harpnum": pc.add(table["HARPNUM"], self.shift),
            "noaa_ars": table["NOAA_AR"],
            "t_rec": table["T_REC"],
            "series": pa.array([SIMULATED_SERIES] * most),
            **{name: table[name.upper()] for name in ("quality", "lon_fwt", "lat_fwt")},
        }
        keywords = {name: _known(table[name]) for name in table.column_names if name in BY_NAME}
        return pa.table({**named, **keywords}).combine_chunks()

    def _own(self, most: int) -> pa.Table:
        """Read no more of the file than it takes."""
        file = pq.ParquetFile(self.path)
        parts: list[pa.Table] = []
        for group in range(file.num_row_groups):
            table = file.read_row_group(group)
            is_own = table["HARPNUM"].to_numpy() % self.clients == self.place
            parts.append(table.filter(pa.array(is_own)))
            if sum(map(len, parts)) >= most:
                break
        return pa.concat_tables(parts)[:most]


def _known(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Give null in the place of NaN, which no request may carry."""
    return pc.if_else(pc.is_nan(column), pa.scalar(None, pa.float64()), column)


def bodies(share: Share, kind: str, *, batch: int, most: int) -> list[bytes]:
    """Write at most `most` records as bodies of `batch` records each."""
    parts = _parts(share.table(most), batch)
    if kind == ARROW:
        return [_stream(part) for part in parts]
    return [_json(part, f"bench-{share.place}") for part in parts]


def _parts(table: pa.Table, batch: int) -> Iterator[pa.Table]:
    for start in range(0, len(table) - batch + 1, batch):
        yield table[start : start + batch]


def _stream(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _json(table: pa.Table, sender: str) -> bytes:
    rows = [_observation(row) for row in table.to_pylist()]
    return orjson.dumps({"sender": {"id": sender}, "observations": rows})


def _observation(row: dict[str, Any]) -> dict[str, Any]:
    keywords = {name: row.pop(name) for name in list(row) if name in BY_NAME}
    return {**row, "noaa_ars": [row["noaa_ars"]], "t_rec": isoformat(row["t_rec"]),
            "keywords": keywords}  # fmt: skip


def one_record_bodies(sender: str, harpnums: Iterable[int]) -> Iterator[bytes]:
    """Yield requests of one record each: the lives of regions, one region after the other.

    Records near the limb are left out, since no model forecasts from them.
    The sender counts what it sends, and each number is to be used once (`fresh_harpnums`).
    """
    records = (record for harpnum in harpnums for record in _life(harpnum))
    for sent, record in enumerate(records, start=1):
        head = {"id": sender, "sequence": sent, "sent": sent}
        yield orjson.dumps({"sender": head, "observations": [record]})


def fresh_harpnums() -> int:
    """Return the first of a hundred thousand numbers that this process has not used yet."""
    return next(_fresh_harpnums)


def _life(harpnum: int) -> Iterator[dict[str, Any]]:
    sun = _sun()
    noaa_ar = FIRST_NOAA_AR + harpnum % _NOAA_NUMBERS
    life = replace(sun.lives[harpnum % len(sun.lives)], harpnum=harpnum, noaa_ar=noaa_ar)
    for place in np.flatnonzero(np.abs(life.lon_deg) < LONGITUDE_LIMIT_DEG).tolist():
        yield sun.observation(life, place)


@lru_cache(maxsize=1)
def _sun() -> SunBlock:
    return SunBlock(START_AT)
