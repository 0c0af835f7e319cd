"""Observations: SHARP records by region and time, the newest revision of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

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
