"""Records: the SHARP observations by region and time, the current version of each."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from database.schema.tables import observations
from database.upsert import upsert_columns
from solar.columns import Columns
from solar.sharp import BY_NAME, KEYWORDS
from solar.time import Window

KEYWORD_COLUMNS: tuple[str, ...] = tuple(keyword.column for keyword in KEYWORDS)
# The columns of a record, in the order of the table.
COLUMNS: tuple[str, ...] = (
    *("region_id", "t_rec", "series", "made_at", "quality", "lon_fwt", "lat_fwt"),
    *KEYWORD_COLUMNS,
    *("content_hash", "revision", "sender_id", "received_at"),
)
READ_COLUMNS: tuple[str, ...] = tuple(name for name in COLUMNS if name != "content_hash")

Key = tuple[int, datetime]
# A lookup asks for every combination of some regions and some times, which both engines answer
# from the primary key; it may name this many combinations per wanted key.
COMBINATIONS_PER_KEY = 4
# SQLite refuses an expression that is nested more than a thousand deep.
_SPANS_PER_QUERY = 200


@dataclass(frozen=True)
class Records(Columns):
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


_NO_RECORDS = Records(
    np.empty(0, np.int64),
    np.empty(0, "datetime64[us]"),
    np.empty(0, np.int64),
    np.empty(0),
    np.empty((0, len(KEYWORDS))),
)


def combinations(keys: Sequence[Key]) -> Iterator[tuple[list[int], list[datetime]]]:
    """Cover sorted keys by few sets of regions and times, with few combinations too many."""
    if not keys:
        return
    region_ids = sorted({region_id for region_id, _ in keys})
    times = sorted({t_rec for _, t_rec in keys})
    if len(region_ids) * len(times) <= COMBINATIONS_PER_KEY * len(keys) or len(region_ids) == 1:
        yield region_ids, times
        return
    middle = len(keys) // 2
    yield from combinations(keys[:middle])
    yield from combinations(keys[middle:])


def store_observations(connection: sa.Connection, columns: Mapping[str, Any]) -> None:
    """Write columns in the order of the table; a known region and time is replaced."""
    upsert_columns(connection, observations, columns=columns)


def load_records(
    connection: sa.Connection,
    spans: Mapping[int, tuple[datetime, datetime]],
    *,
    keywords: Collection[str] = BY_NAME.keys(),
) -> Records:
    """Read the records of each region from the first to the last time of its span.

    Only these `keywords` are read, by their names; the others are NaN.
    """
    if not spans:
        return _NO_RECORDS
    table = observations.c
    places = [place for place, keyword in enumerate(KEYWORDS) if keyword.name in keywords]
    # As the driver gives it: text or naive datetime, both of which numpy understands.
    t_rec = sa.type_coerce(table.t_rec, sa.types.NullType())
    read = [table[KEYWORD_COLUMNS[place]] for place in places]
    rows: list[Sequence[Any]] = []
    wanted = sorted(spans)
    for start in range(0, len(wanted), _SPANS_PER_QUERY):
        parts = [
            sa.and_(table.region_id == region_id, table.t_rec.between(*spans[region_id]))
            for region_id in wanted[start : start + _SPANS_PER_QUERY]
        ]
        query = sa.select(table.region_id, t_rec, table.revision, table.lon_fwt, *read)
        rows += connection.execute(query.where(sa.or_(*parts)))
    return _in_order(rows, places)


def _in_order(rows: Sequence[Sequence[Any]], places: Sequence[int]) -> Records:
    """Turn rows into records; their keywords go to these places."""
    if not rows:
        return _NO_RECORDS
    columns = list(zip(*rows, strict=True))
    region_id = np.array(columns[0], np.int64)
    t_rec = np.array(columns[1], "datetime64[us]")
    keywords = np.full((len(rows), len(KEYWORDS)), np.nan)
    for place, column in zip(places, columns[4:], strict=True):
        keywords[:, place] = column
    revision, lon_fwt = np.array(columns[2], np.int64), np.array(columns[3], float)
    records = Records(region_id, t_rec, revision, lon_fwt, keywords)
    return records.take(np.lexsort((t_rec, region_id)))


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
    after : time and region of the last row already read
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
    # The first condition adds nothing, but it is the one that an index can use.
    return sa.and_(
        table.t_rec >= t_rec,
        sa.or_(table.t_rec > t_rec, table.region_id > region_id),
    )
