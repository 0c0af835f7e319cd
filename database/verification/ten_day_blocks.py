"""Ten-day blocks: the verified days as they are stored, ten to a row of `verification_dekads`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from database.schema.rollup_tables import verification_dekads, verification_turn
from database.upsert import upsert
from database.verification.day_table import DAY, EMPTY, DayTable, joined
from database.version_cache import VersionCache, read_version, renew_version
from solar.errors import InvalidInputError
from solar.histogram import BIN

DAYS_PER_BLOCK = 10
_EPOCH = date(1970, 1, 1)
_COLUMNS = tuple(column.name for column in verification_dekads.columns)
# A century; the limit keeps a wrong range from reading without end.
_MOST_ROWS = 3_660
_ROWS_PER_STATEMENT = 100


@dataclass(frozen=True)
class Key:
    """The key of a table of days: entrant or model, event, scope, and part of the cases.

    Parts: ``own`` all of them; ``shared`` those on which every model that forecast that day
    gave a probability; ``daily`` those of them on which agencies did too; ``persistence`` the
    forecasts of persistence on the model's own cases; ``quiet`` by solar.strata.history and
    ``longitude`` by band; ``latency`` of the issue.
    """

    model_id: str
    event: str
    scope: str
    part: str = "own"

    def matches(self) -> sa.ColumnElement[bool]:
        """Return the condition on the rollup's key."""
        table = verification_dekads.c
        return sa.and_(*(table[name] == value for name, value in asdict(self).items()))


# Two tables of ten years make one report; each takes up to fifteen megabytes.
_tables: VersionCache[tuple[sa.URL, Key, date | None, date | None], DayTable] = VersionCache(most=6)


def day_number(day: date) -> int:
    """Count the days since 1970."""
    return (day - _EPOCH).days


def date_of(day: int) -> date:
    """Return the day of a number."""
    return _EPOCH + timedelta(days=day)


def block_start(day: int) -> date:
    """Return the first day of the row that holds a day, given by its number."""
    return date_of(day - day % DAYS_PER_BLOCK)


def load_days(
    connection: sa.Connection,
    key: Key,
    *,
    first: date | None = None,
    last: date | None = None,
    with_bins: bool = True,
) -> DayTable:
    """Read the stored days from `first` to `last`, both included and all by default.

    Without the bins only the columns of `days` are valid.
    """
    table = verification_dekads.c
    columns = (table.days, table.bins) if with_bins else (table.days,)
    query = sa.select(*columns).where(key.matches())
    if first is not None:
        query = query.where(table.first_day >= block_start(day_number(first)))
    if last is not None:
        query = query.where(table.first_day <= last)
    rows = connection.execute(query.order_by(table.first_day).limit(_MOST_ROWS)).all()
    days = _unpack([row[0] for row in rows], DAY)
    if not with_bins:
        days["bins"] = 0
    bins = _unpack([row[1] for row in rows] if with_bins else [], BIN)
    table_of_days = DayTable(days, bins)
    from_day = day_number(first) if first else -(2**31)
    return table_of_days.between(from_day, day_number(last) if last else 2**31)


def lock_rollup(connection: sa.Connection) -> None:
    """Lock the rollup for this writer until its transaction ends.

    A row is read, changed and written again: two writers at once would lose each other's days.
    The new version tells readers that the rows which they have cached may have changed.
    """
    renew_version(connection, verification_turn)


def rollup_version(connection: sa.Connection) -> int | None:
    """Return the version of all stored days, None before the first; see `lock_rollup`."""
    return read_version(connection, verification_turn)


def replace_days(
    connection: sa.Connection, tables: Mapping[Key, DayTable], days: Sequence[date]
) -> None:
    """Replace all stored rows of these days by `tables`, under `lock_rollup`."""
    numbers = np.array([day_number(day) for day in days])
    starts = sorted({block_start(day) for day in numbers.tolist()})
    stored = _stored(connection, starts)
    for key in {key for key, _ in stored} - tables.keys():
        tables = {**tables, key: EMPTY}
    rows = []
    for key, table in tables.items():
        for start, new in _by_block(table, starts):
            old = stored.get((key, start), EMPTY)
            kept = old.where(~np.isin(old.day, numbers))
            if len(old.days) or len(new.days):
                rows.append(_row(key, start, joined([kept, new] if len(kept.days) else [new])))
    # Written in the order of the key, so that two writers cannot wait for each other.
    rows.sort(key=lambda row: row[:5])
    for place in range(0, len(rows), _ROWS_PER_STATEMENT):
        chunk = rows[place : place + _ROWS_PER_STATEMENT]
        upsert(connection, verification_dekads, columns=_COLUMNS, rows=chunk)


def _stored(connection: sa.Connection, starts: Sequence[date]) -> dict[tuple[Key, date], DayTable]:
    table = verification_dekads.c
    query = sa.select(verification_dekads).where(table.first_day.in_(starts))
    return {
        (Key(*row[:4]), row[4]): DayTable(_unpack([row[5]], DAY), _unpack([row[6]], BIN))
        for row in connection.execute(query)
    }


def _by_block(table: DayTable, starts: Iterable[date]) -> list[tuple[date, DayTable]]:
    bounds = ((start, day_number(start)) for start in starts)
    return [(start, table.between(first, first + DAYS_PER_BLOCK - 1)) for start, first in bounds]


def _row(key: Key, start: date, table: DayTable) -> tuple[object, ...]:
    names = asdict(key).values()
    return (*names, start.isoformat(), table.days.tobytes(), table.bins.tobytes())


def _unpack(parts: Iterable[bytes], kind: np.dtype[np.void]) -> NDArray[np.void]:
    # An array over bytes would be read-only.
    data = bytearray().join(parts)
    if len(data) % kind.itemsize:
        raise InvalidInputError(
            f"verified days of {len(data)} bytes are cut short; rebuild the verification rollup"
        )
    return np.frombuffer(data, kind)


def recent_days(
    connection: sa.Connection,
    key: Key,
    *,
    version: int | None,
    first: date | None = None,
    last: date | None = None,
) -> DayTable:
    """Return what `load_days` does, from memory if it was read under the same version.

    Parameters
    ----------
    version : `rollup_version`, read on this connection before
    """
    name = (connection.engine.url, key, first, last)
    table = _tables.get(name, version=version)
    if table is None:
        table = load_days(connection, key, first=first, last=last)
        table.days.setflags(write=False)
        _tables.put(name, table, version=version)
    return table
