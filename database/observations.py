"""Observations: SHARP records by region and time, the newest revision of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from database.tables import observations
from database.upsert import Row, upsert
from solar.sharp import KEYWORDS
from solar.time import Window

KEYWORD_COLUMNS: tuple[str, ...] = tuple(keyword.column for keyword in KEYWORDS)
# The order in which `store_observations` takes the values of a row.
COLUMNS: tuple[str, ...] = (
    "region_id", "t_rec", "series", "quality", "lon_fwt", "lat_fwt", *KEYWORD_COLUMNS,
    "content_hash", "revision", "sender_id", "received_at",
)  # fmt: skip
READ_COLUMNS: tuple[str, ...] = tuple(name for name in COLUMNS if name != "content_hash")

Key = tuple[int, datetime]
# A lookup asks for every combination of some regions and some times, which both engines answer
# from the primary key; it may name this many combinations for each key that is wanted.
_COMBINATIONS_PER_KEY = 4
# SQLite refuses an expression that is nested more than a thousand deep.
_SPANS_PER_QUERY = 200


@dataclass(frozen=True)
class Records:
    """Observations as columns, (m,) rows in the order of region and time; NaN is missing.

    Parameters
    ----------
    region_id, revision : (m,) int64
    t_rec : (m,) datetime64[us], UTC
    lon_fwt : (m,) [deg]
    keywords : (m, 25) in the order of `solar.sharp.KEYWORDS`
    """

    region_id: NDArray[np.int64]
    t_rec: NDArray[np.datetime64]
    revision: NDArray[np.int64]
    lon_fwt: NDArray[np.float64]
    keywords: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.region_id)


def known_contents(connection: sa.Connection, keys: Sequence[Key]) -> dict[Key, tuple[int, int]]:
    """Return the content hash and the revision of those keys that are stored already.

    The rows found stay locked until the end of the transaction, so that of two requests
    that revise the same record the second sees what the first has written.
    """
    table = observations.c
    wanted = set(keys)
    found: dict[Key, tuple[int, int]] = {}
    for region_ids, times in combinations(sorted(wanted)):
        query = sa.select(table.region_id, table.t_rec, table.content_hash, table.revision).where(
            table.region_id.in_(region_ids), table.t_rec.in_(times)
        )
        for region_id, t_rec, content_hash, revision in connection.execute(query.with_for_update()):
            found[region_id, t_rec] = (content_hash, revision)
    return {key: content for key, content in found.items() if key in wanted}


def combinations(keys: Sequence[Key]) -> Iterator[tuple[list[int], list[datetime]]]:
    """Cover sorted keys by few sets of regions and times with few combinations too many."""
    if not keys:
        return
    region_ids = sorted({region_id for region_id, _ in keys})
    times = sorted({t_rec for _, t_rec in keys})
    if len(region_ids) * len(times) <= _COMBINATIONS_PER_KEY * len(keys) or len(region_ids) == 1:
        yield region_ids, times
        return
    middle = len(keys) // 2
    yield from combinations(keys[:middle])
    yield from combinations(keys[middle:])


def store_observations(connection: sa.Connection, rows: Sequence[Row]) -> None:
    """Write rows in the order of `COLUMNS`; a known region and time is replaced."""
    upsert(connection, observations, columns=COLUMNS, rows=rows)


def load_records(
    connection: sa.Connection, spans: Mapping[int, tuple[datetime, datetime]]
) -> Records:
    """Read what is stored of each region from the first to the last time of its span."""
    table = observations.c
    # As the driver gives it: text or naive datetime, both of which numpy understands.
    t_rec = sa.type_coerce(table.t_rec, sa.types.NullType())
    query = sa.select(
        table.region_id, t_rec, table.revision, table.lon_fwt,
        *(table[name] for name in KEYWORD_COLUMNS),
    )  # fmt: skip
    rows: list[Sequence[Any]] = []
    wanted = sorted(spans)
    for start in range(0, len(wanted), _SPANS_PER_QUERY):
        parts = [
            sa.and_(table.region_id == region_id, table.t_rec.between(*spans[region_id]))
            for region_id in wanted[start : start + _SPANS_PER_QUERY]
        ]
        rows += connection.execute(query.where(sa.or_(*parts)))
    return _in_order(rows)


def _in_order(rows: Sequence[Sequence[Any]]) -> Records:
    region_id = np.array([row[0] for row in rows], np.int64)
    t_rec = np.array([row[1] for row in rows], "datetime64[us]")
    numbers = np.array([row[3:] for row in rows], float)
    numbers = numbers.reshape(len(rows), 1 + len(KEYWORD_COLUMNS))
    revision = np.array([row[2] for row in rows], np.int64)
    order = np.lexsort((t_rec, region_id))
    return Records(
        region_id[order], t_rec[order], revision[order], numbers[order, 0], numbers[order, 1:]
    )


def list_observations(
    connection: sa.Connection,
    *,
    window: Window,
    region_id: int | None = None,
    limit: int,
    after: tuple[datetime, int] | None = None,
) -> list[dict[str, Any]]:
    """Read observations of a window in the order of time and region.

    Parameters
    ----------
    after : time and region of the last row already read; the next page starts behind it
    """
    table = observations.c
    query = (
        sa.select(*(table[name] for name in READ_COLUMNS))
        .where(table.t_rec >= window.start_at, table.t_rec < window.end_at)
        .order_by(table.t_rec, table.region_id)
        .limit(limit)
    )
    if region_id is not None:
        query = query.where(table.region_id == region_id)
    if after is not None:
        query = query.where(_is_behind(table, after))
    return [dict(row) for row in connection.execute(query).mappings()]


def _is_behind(table: Any, after: tuple[datetime, int]) -> sa.ColumnElement[bool]:
    t_rec, region_id = after
    # The first condition says nothing new, but it is the one an index can use.
    return sa.and_(
        table.t_rec >= t_rec,
        sa.or_(table.t_rec > t_rec, table.region_id > region_id),
    )
