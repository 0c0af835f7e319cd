"""Holding accounts: what the store holds of some records, kept from all others meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from database.tables import observations

Integers = NDArray[np.int64]
Times = NDArray[np.datetime64]

# A lookup asks for every combination of some regions and some times, which both engines answer
# from the primary key; it may name this many combinations for each key that is wanted.
_COMBINATIONS_PER_KEY = 4


@dataclass(frozen=True)
class Keys:
    """n different records, in the order of region and time.

    Parameters
    ----------
    region_id : (n,) int64
    t_rec : (n,) datetime64[us] in UTC
    """

    region_id: Integers
    t_rec: Times

    def __len__(self) -> int:
        return len(self.region_id)

    def take(self, places: Integers | slice) -> Keys:
        """Return the records at these places, which must rise."""
        return Keys(self.region_id[places], self.t_rec[places])

    def find(self, region_id: Sequence[Any], t_rec: Sequence[Any]) -> Integers:
        """Return the place of each of m records, -1 for one that is not among these."""
        own = np.unique(self.t_rec)
        regions = np.unique(self.region_id)
        codes = _codes(regions, own, self.region_id, self.t_rec)
        ids, times = np.array(region_id, np.int64), np.array(t_rec, "datetime64[us]")
        wanted = _codes(regions, own, ids, times)
        place = np.minimum(np.searchsorted(codes, wanted), max(len(codes) - 1, 0))
        is_own = (self.region_id[place] == ids) & (self.t_rec[place] == times)
        return np.where(is_own, place, -1)

    def pairs(self) -> list[tuple[int, datetime]]:
        """Return the records as Python values."""
        times = (at.replace(tzinfo=UTC) for at in self.t_rec.tolist())
        return list(zip(self.region_id.tolist(), times, strict=True))


def _codes(regions: Integers, own: Times, region_id: Integers, t_rec: Times) -> Integers:
    codes = np.searchsorted(regions, region_id) * len(own) + np.searchsorted(own, t_rec)
    return np.asarray(codes, np.int64)


@dataclass(frozen=True)
class Held:
    """What the store holds of n records.

    Parameters
    ----------
    content : (n,) int64, 0 where nothing is held
    revision : (n,) int64, 0 where nothing is held
    made_at : (n,) datetime64[us], NaT where nothing is held or the source gave no DATE
    series : (n,) str, empty where nothing is held
    """

    content: Integers
    revision: Integers
    made_at: Times
    series: NDArray[np.str_]


_HELD = str(
    sa.select(
        *(
            observations.c[name]
            for name in ("region_id", "t_rec", "content_hash", "revision", "made_at", "series")
        )
    )
)


def held(connection: sa.Connection, keys: Keys) -> Held:
    """Read what is held of some records; it stays locked until the end of the transaction.

    So of two requests that revise the same record the second sees what the first has written.
    """
    n = len(keys)
    content, revision = np.zeros(n, np.int64), np.zeros(n, np.int64)
    made_at, series = np.full(n, "NaT", "datetime64[us]"), np.full(n, "", "U48")
    suffix = "" if connection.dialect.name == "sqlite" else " FOR UPDATE"
    for condition in conditions(keys):
        rows = connection.exec_driver_sql(f"{_HELD} WHERE {condition}{suffix}").all()
        if not rows:
            continue
        ids, times, *columns = zip(*rows, strict=True)
        place = keys.find(ids, times)
        is_own = place >= 0
        for target, column in zip((content, revision, made_at, series), columns, strict=True):
            target[place[is_own]] = np.array(column, target.dtype)[is_own]
    return Held(content, revision, made_at, series)


def conditions(keys: Keys) -> Iterator[str]:
    """Name some records in SQL, by few sets of regions and times with few records too many.

    Written as text, since a thousand parameters cost more than the lookup itself.
    """
    if not len(keys):
        return
    regions, times = np.unique(keys.region_id), np.unique(keys.t_rec)
    is_dense = len(regions) * len(times) <= _COMBINATIONS_PER_KEY * len(keys)
    if is_dense or len(regions) == 1:
        ids = ",".join(map(str, regions.tolist()))
        labels = "','".join(np.datetime_as_string(times, unit="us").tolist()).replace("T", " ")
        yield f"region_id IN ({ids}) AND t_rec IN ('{labels}')"
        return
    middle = len(keys) // 2
    yield from conditions(keys.take(slice(None, middle)))
    yield from conditions(keys.take(slice(middle, None)))


def redate(connection: sa.Connection, keys: Keys, made_at: Times) -> None:
    """Write the newer DATE of records whose content has come again under it."""
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
