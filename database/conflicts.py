"""Conflicts: the accounts of a record that lost against another, and why.

A replaced account has the revision that it held; one that was outranked when it came has none.
An account is kept once, however often it comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from database.holding import Keys, conditions
from database.observations import KEYWORD_COLUMNS
from database.tables import observation_conflicts, observations
from database.upsert import upsert, upsert_columns
from solar.precedence import REASONS
from solar.time import Window

COLUMNS: tuple[str, ...] = tuple(column.name for column in observation_conflicts.columns)
_KEY = ("region_id", "t_rec", "content_hash")
# What a conflict takes over from the observation that it was.
_TAKEN = (
    *_KEY, "series", "made_at", "quality", "lon_fwt", "lat_fwt", *KEYWORD_COLUMNS,
    "revision", "sender_id", "received_at",
)  # fmt: skip
_ACCOUNTS = str(sa.select(*(observation_conflicts.c[name] for name in _KEY)))

Place = tuple[datetime, int, int]


def lost_before(connection: sa.Connection, keys: Keys) -> set[tuple[int, int]]:
    """Return which accounts of some records have lost, as place in `keys` and content."""
    lost: set[tuple[int, int]] = set()
    for condition in conditions(keys):
        rows = connection.exec_driver_sql(f"{_ACCOUNTS} WHERE {condition}").all()
        if rows:
            ids, times, contents = zip(*rows, strict=True)
            places = keys.find(ids, times).tolist()
            lost |= {pair for pair in zip(places, contents, strict=True) if pair[0] >= 0}
    return lost


def keep_replaced(
    connection: sa.Connection, keys: Keys, grounds: NDArray[np.int8], *, now: datetime
) -> None:
    """Keep what the store holds of some records before it is replaced.

    Parameters
    ----------
    grounds : (n,) places in `solar.precedence.REASONS`
    """
    rows = []
    for condition in conditions(keys):
        query = sa.select(*(observations.c[name] for name in _TAKEN))
        # Every condition is another text, which the cache of statements need not remember.
        found = connection.execute(
            query.where(sa.text(condition.replace(":", r"\:"))),
            execution_options={"compiled_cache": None},
        ).all()
        if found:
            times = [row[1].replace(tzinfo=None) for row in found]
            place = keys.find([row[0] for row in found], times).tolist()
            rows += [
                {**row._mapping, "reason": REASONS[grounds[own]], "lost_at": now}
                for row, own in zip(found, place, strict=True) if own >= 0
            ]  # fmt: skip
    in_order = [[row[name] for name in COLUMNS] for row in rows]
    upsert(connection, observation_conflicts, columns=COLUMNS, rows=in_order)


def keep_outranked(connection: sa.Connection, columns: Mapping[str, Any]) -> None:
    """Keep accounts that lost when they came, as columns by name; a known one stays as it is."""
    named = {name: columns[name] for name in COLUMNS}
    others = [name for name in COLUMNS if name not in _KEY]
    upsert_columns(connection, observation_conflicts, columns=named, keep=others)


def list_conflicts(
    connection: sa.Connection,
    *,
    window: Window,
    region_id: int | None = None,
    limit: int,
    after: Place | None = None,
) -> list[dict[str, Any]]:
    """Read the lost accounts of records of a window, by time, region and content.

    Parameters
    ----------
    after : time, region and content number of the last row already read
    """
    table = observation_conflicts.c
    query = (
        sa.select(observation_conflicts)
        .where(table.t_rec >= window.start_at, table.t_rec < window.end_at)
        .order_by(table.t_rec, table.region_id, table.content_hash)
        .limit(limit)
    )
    if region_id is not None:
        query = query.where(table.region_id == region_id)
    if after is not None:
        query = query.where(_is_behind(after))
    return [dict(row) for row in connection.execute(query).mappings()]


def _is_behind(after: Place) -> sa.ColumnElement[bool]:
    table, (t_rec, region_id, content_hash) = observation_conflicts.c, after
    same_time = sa.or_(
        table.region_id > region_id,
        sa.and_(table.region_id == region_id, table.content_hash > content_hash),
    )
    # The first condition says nothing new, but it is the one an index can use.
    return sa.and_(table.t_rec >= t_rec, sa.or_(table.t_rec > t_rec, same_time))


def count_conflicts(connection: sa.Connection, *, since: datetime) -> int:
    """Return how many accounts have lost since a time."""
    table = observation_conflicts.c
    n = connection.scalar(sa.select(sa.func.count()).where(table.lost_at >= since))
    return int(n or 0)
