"""Record versions: the current version of a record, and those that it has superseded, and why.

The table `observations` has the current versions, `observation_conflicts` the superseded ones. A
version that was current keeps its revision there; one that was superseded on arrival has none. A
superseded version is kept once, however often it is sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import ArrayLike, NDArray

from database.observations.records import COMBINATIONS_PER_KEY, KEYWORD_COLUMNS
from database.round_trips import locking, read
from database.schema.tables import observation_conflicts, observations
from database.upsert import upsert, upsert_columns
from solar.columns import Columns, Integers, Times
from solar.precedence import REASONS
from solar.time import Window

Place = tuple[datetime, int, int]

# So many records that nothing connects are named one by one.
_KEYS_ONE_BY_ONE = 64

CONFLICT_COLUMNS: tuple[str, ...] = tuple(column.name for column in observation_conflicts.columns)
_KEY = ("region_id", "t_rec", "content_hash")
# The columns that a superseded version takes over from `observations`.
_COPIED = (
    *(*_KEY, "series", "made_at", "quality", "lon_fwt", "lat_fwt"),
    *KEYWORD_COLUMNS,
    *("revision", "sender_id", "received_at"),
)
_SUPERSEDED = str(sa.select(*(observation_conflicts.c[name] for name in _KEY)))
_STORED_VERSIONS = str(
    sa.select(
        *(
            observations.c[name]
            for name in ("region_id", "t_rec", "content_hash", "revision", "made_at", "series")
        )
    )
)


@dataclass(frozen=True)
class RecordKeys(Columns):
    """n different records, in the order of region and time.

    Parameters
    ----------
    region_id : (n,) int64
    t_rec : (n,) datetime64[us] in UTC
    """

    region_id: Integers
    t_rec: Times

    def find(self, region_id: ArrayLike, t_rec: ArrayLike) -> Integers:
        """Return the place of each of m records, -1 for one that is not among these."""
        regions, times = np.unique(self.region_id), np.unique(self.t_rec)
        codes = _codes(regions, times, self.region_id, self.t_rec)
        wanted_ids, wanted_times = np.array(region_id, np.int64), np.array(t_rec, "datetime64[us]")
        wanted = _codes(regions, times, wanted_ids, wanted_times)
        place = np.minimum(np.searchsorted(codes, wanted), max(len(codes) - 1, 0))
        is_same = (self.region_id[place] == wanted_ids) & (self.t_rec[place] == wanted_times)
        return np.where(is_same, place, -1)

    @cached_property
    def conditions(self) -> list[str]:
        """The records in SQL, by few conditions, with few records too many.

        Written as text, since a thousand parameters cost more than the lookup itself.
        """
        return list(_conditions(self))

    def pairs(self) -> list[tuple[int, datetime]]:
        """Return the records as Python values."""
        times = (at.replace(tzinfo=UTC) for at in self.t_rec.tolist())
        return list(zip(self.region_id.tolist(), times, strict=True))


def _codes(regions: Integers, times: Times, region_id: Integers, t_rec: Times) -> Integers:
    codes = np.searchsorted(regions, region_id) * len(times) + np.searchsorted(times, t_rec)
    return np.asarray(codes, np.int64)


def _conditions(keys: RecordKeys) -> Iterator[str]:
    if not len(keys):
        return
    regions, times = np.unique(keys.region_id), np.unique(keys.t_rec)
    if len(regions) * len(times) <= COMBINATIONS_PER_KEY * len(keys) or len(regions) == 1:
        ids, labels = ",".join(map(str, regions.tolist())), ",".join(_literals(times))
        yield f"region_id IN ({ids}) AND t_rec IN ({labels})"
    elif len(keys) <= _KEYS_ONE_BY_ONE:
        pairs = zip(keys.region_id.tolist(), _literals(keys.t_rec), strict=True)
        ones = (f"(region_id = {region_id} AND t_rec = {at})" for region_id, at in pairs)
        yield f"({' OR '.join(ones)})"
    else:
        middle = len(keys) // 2
        yield from _conditions(keys.take(slice(None, middle)))
        yield from _conditions(keys.take(slice(middle, None)))


def _literals(times: Times) -> list[str]:
    labels = np.datetime_as_string(times, unit="us").tolist()
    return [f"'{label.replace('T', ' ')}'" for label in labels]


@dataclass(frozen=True)
class StoredVersions(Columns):
    """The current versions of n records.

    Parameters
    ----------
    content : (n,) int64 hash of the content, 0 where the record is not stored
    revision : (n,) int64, 0 where the record is not stored
    made_at : (n,) datetime64[us], NaT where it is not stored or the source gave no DATE
    series : (n,) str, empty where it is not stored
    """

    content: Integers
    revision: Integers
    made_at: Times
    series: NDArray[np.str_]


def stored_versions(connection: sa.Connection, keys: RecordKeys) -> StoredVersions:
    """Read the current versions of some records, locked until the end of the transaction.

    So of two requests that revise the same record the second sees what the first has written.
    """
    n = len(keys)
    content, revision = np.zeros(n, np.int64), np.zeros(n, np.int64)
    made_at, series = np.full(n, "NaT", "datetime64[us]"), np.full(n, "", "U48")
    for query in version_queries(connection, keys):
        rows = read(connection, query)
        if not rows:
            continue
        ids, times, *columns = zip(*rows, strict=True)
        place = keys.find(ids, times)
        is_wanted = place >= 0
        for target, column in zip((content, revision, made_at, series), columns, strict=True):
            target[place[is_wanted]] = np.array(column, target.dtype)[is_wanted]
    return StoredVersions(content, revision, made_at, series)


def version_queries(connection: sa.Connection, keys: RecordKeys) -> list[str]:
    """Return what `stored_versions` asks, to be read ahead."""
    return [
        f"{_STORED_VERSIONS} WHERE {condition}{locking(connection)}"
        for condition in keys.conditions
    ]


def update_made_at(connection: sa.Connection, keys: RecordKeys, made_at: Times) -> None:
    """Write the newer DATE of records whose content was sent again under it."""
    if not len(keys):
        return
    table = observations.c
    statement = (
        sa.update(observations)
        .where(table.region_id == sa.bindparam("region"), table.t_rec == sa.bindparam("at"))
        .values(made_at=sa.bindparam("date"))
    )
    dates = (at.replace(tzinfo=UTC) for at in made_at.tolist())
    rows = [
        {"region": region_id, "at": t_rec, "date": date}
        for (region_id, t_rec), date in zip(keys.pairs(), dates, strict=True)
    ]
    connection.execute(statement, rows)


def superseded_contents(connection: sa.Connection, keys: RecordKeys) -> set[tuple[int, int]]:
    """Return the superseded versions of some records, as place in `keys` and content hash."""
    superseded: set[tuple[int, int]] = set()
    for condition in keys.conditions:
        rows = read(connection, f"{_SUPERSEDED} WHERE {condition}")
        if rows:
            ids, times, contents = zip(*rows, strict=True)
            places = keys.find(ids, times).tolist()
            superseded |= {pair for pair in zip(places, contents, strict=True) if pair[0] >= 0}
    return superseded


def keep_replaced_versions(
    connection: sa.Connection, keys: RecordKeys, grounds: NDArray[np.int8], *, now: datetime
) -> None:
    """Copy the current versions of some records to the superseded ones, before they are replaced.

    Parameters
    ----------
    grounds : (n,) places in `solar.precedence.REASONS`
    """
    rows = []
    for condition in keys.conditions:
        query = sa.select(*(observations.c[name] for name in _COPIED))
        # Every condition is another text, which would only fill the cache of statements.
        current = connection.execute(
            query.where(sa.text(condition.replace(":", r"\:"))),
            execution_options={"compiled_cache": None},
        ).all()
        if current:
            times = [row[1].replace(tzinfo=None) for row in current]
            places = keys.find([row[0] for row in current], times).tolist()
            rows += [
                {**row._mapping, "reason": REASONS[grounds[place]], "lost_at": now}
                for row, place in zip(current, places, strict=True)
                if place >= 0
            ]
    in_order = [[row[name] for name in CONFLICT_COLUMNS] for row in rows]
    upsert(connection, observation_conflicts, columns=CONFLICT_COLUMNS, rows=in_order)


def keep_superseded_arrivals(connection: sa.Connection, columns: Mapping[str, Any]) -> None:
    """Write versions that were superseded on arrival, as columns by name; known ones stay."""
    named = {name: columns[name] for name in CONFLICT_COLUMNS}
    others = [name for name in CONFLICT_COLUMNS if name not in _KEY]
    upsert_columns(connection, observation_conflicts, columns=named, keep=others)


def list_conflicts(
    connection: sa.Connection,
    *,
    window: Window,
    region_id: int | None = None,
    limit: int,
    after: Place | None = None,
) -> list[dict[str, Any]]:
    """Read the superseded versions of records of a window, by time, region and content.

    Parameters
    ----------
    after : time, region and content hash of the last row already read
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
    # The first condition adds nothing, but it is the one that an index can use.
    return sa.and_(table.t_rec >= t_rec, sa.or_(table.t_rec > t_rec, same_time))


def count_conflicts(connection: sa.Connection, *, since: datetime) -> int:
    """Return how many versions were superseded since a time."""
    table = observation_conflicts.c
    n = connection.scalar(sa.select(sa.func.count()).where(table.lost_at >= since))
    return int(n or 0)
