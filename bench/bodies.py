"""Bodies: simulated records as requests carry them, made before any clock starts."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from solar.sharp import BY_NAME, SIMULATED_SERIES
from solar.time import isoformat

ARROW, JSON = "Arrow", "JSON"
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
