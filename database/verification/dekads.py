"""The dekads: verified days as they are stored, ten to a row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from secrets import randbits

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from database.tables import verification_dekads, verification_turn
from database.upsert import upsert
from database.verification.day_table import DAY, EMPTY, DayTable, joined
from solar.errors import InvalidInputError
from solar.histogram import BIN

DAYS = 10
_EPOCH = date(1970, 1, 1)
_COLUMNS = tuple(column.name for column in verification_dekads.columns)
# A century; the limit keeps a wrong range from reading without end.
_MOST_ROWS = 3_660
_ROWS_PER_STATEMENT = 100


@dataclass(frozen=True)
class Key:
    """Whose forecasts of what: entrant or model, event, scope, and which part of the cases.

    Parts: ``own`` all of them; ``shared`` those on which every model that forecast that day
    gave a probability; ``daily`` those of them on which agencies did too; ``persistence`` what
    persistence said on the model's own cases; ``quiet`` by solar.strata.history and
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


def number(day: date) -> int:
    """Count the days since 1970."""
    return (day - _EPOCH).days


def date_of(day: int) -> date:
    """Return the day of a number."""
    return _EPOCH + timedelta(days=day)


def first_day(day: int) -> date:
    """Return the first day of the row that holds a day, given by its number."""
    return date_of(day - day % DAYS)


def load_days(
    connection: sa.Connection,
    key: Key,
    *,
    first: date | None = None,
    last: date | None = None,
    with_bins: bool = True,
) -> DayTable:
    """Read the stored days from `first` to `last`, both included and all by default.

    Without the bins nothing but the columns of `days` is to be had.
    """
    table = verification_dekads.c
    columns = (table.days, table.bins) if with_bins else (table.days,)
    query = sa.select(*columns).where(key.matches())
    if first is not None:
        query = query.where(table.first_day >= first_day(number(first)))
    if last is not None:
        query = query.where(table.first_day <= last)
    rows = connection.execute(query.order_by(table.first_day).limit(_MOST_ROWS)).all()
    days = _records([row[0] for row in rows], DAY)
    if not with_bins:
        days["bins"] = 0
    bins = _records([row[1] for row in rows] if with_bins else [], BIN)
    found = DayTable(days, bins)
    from_day = number(first) if first else -(2**31)
    return found.between(from_day, number(last) if last else 2**31)


def take_turn(connection: sa.Connection) -> None:
    """Wait until nobody else rewrites rows; ends with the transaction.

    A row is read, changed and written again: two writers at once would lose each other's days.
    The version that this leaves behind lets readers keep what they have read.
    """
    upsert(connection, verification_turn, columns=("turn", "version"), rows=[(1, randbits(62))])


def current_version(connection: sa.Connection) -> int | None:
    """Return the version of all stored days, None before the first; see `take_turn`."""
    return connection.execute(sa.select(verification_turn.c.version)).scalar()


def replace_days(
    connection: sa.Connection, tables: Mapping[Key, DayTable], days: Sequence[date]
) -> None:
    """Put `tables` in the place of all that is stored of these days, within one's turn."""
    numbers = np.array([number(day) for day in days])
    starts = sorted({first_day(day) for day in numbers.tolist()})
    stored = _stored(connection, starts)
    for key in {key for key, _ in stored} - tables.keys():
        tables = {**tables, key: EMPTY}
    rows = []
    for key, table in tables.items():
        for start, new in _by_row(table, starts):
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
        (Key(*row[:4]), row[4]): DayTable(_records([row[5]], DAY), _records([row[6]], BIN))
        for row in connection.execute(query)
    }


def _by_row(table: DayTable, starts: Iterable[date]) -> list[tuple[date, DayTable]]:
    bounds = ((start, number(start)) for start in starts)
    return [(start, table.between(first, first + DAYS - 1)) for start, first in bounds]


def _row(key: Key, start: date, table: DayTable) -> tuple[object, ...]:
    names = asdict(key).values()
    return (*names, start.isoformat(), table.days.tobytes(), table.bins.tobytes())


def _records(parts: Iterable[bytes], kind: np.dtype[np.void]) -> NDArray[np.void]:
    # Memory that belongs to bytes could not be written to.
    data = bytearray().join(parts)
    if len(data) % kind.itemsize:
        raise InvalidInputError(
            f"verified days of {len(data)} bytes are cut short; rebuild the verification rollup"
        )
    return np.frombuffer(data, kind)
