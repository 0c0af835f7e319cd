"""Round trips: statements go to the store together, where each would cost a trip of its own.

What a transaction writes waits until it reads something, or until it ends. What it is going to
read can be asked for at once. A file has no round trips: there everything happens at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from database.driver import RAW_STATEMENT, RESULTS, supports_multiple_statements
from solar.errors import InvalidInputError

# What waits is sent once it is so long: the round trip is little of what it costs then.
_MOST_WAITING_CHARACTERS = 64_000
_NAME = re.compile(r"[A-Za-z0-9_.:@\-]+")
_WAITING = "statements that wait"
_READ_AHEAD = "results read ahead"

Rows = Sequence[Sequence[Any]]


@contextmanager
def deferred_writes(connection: sa.Connection) -> Iterator[None]:
    """Let what a transaction writes by `write` wait; it is sent at the end of the block."""
    if not _has_round_trips(connection):
        yield
        return
    # Kept, because a connection that was lost has none any more.
    info = connection.info
    info |= {_WAITING: [], _READ_AHEAD: {}}
    try:
        yield
        send_waiting(connection)
    finally:
        del info[_WAITING], info[_READ_AHEAD]


def write(connection: sa.Connection, statement: str) -> None:
    """Execute a statement without parameters and without a result, now or a little later."""
    waiting = connection.info.get(_WAITING)
    if waiting is None:
        _send(connection, statement)
        return
    if len(statement) > _MOST_WAITING_CHARACTERS:
        send_waiting(connection)
        _send(connection, statement)
        return
    waiting.append(statement)
    if sum(map(len, waiting)) > _MOST_WAITING_CHARACTERS:
        send_waiting(connection)


def send_waiting(connection: sa.Connection) -> None:
    """Send what waits; whoever reads by other means than `read` does so first."""
    if waiting := connection.info.get(_WAITING):
        statements = ";".join(waiting)
        waiting.clear()
        _send(connection, statements)


def read_ahead(connection: sa.Connection, queries: Sequence[str]) -> None:
    """Send queries together; each is answered when `read` asks it for the first time."""
    known = connection.info.get(_READ_AHEAD)
    if known is None:
        return
    if new := [query for query in queries if query not in known]:
        known |= dict(zip(new, _read_together(connection, new), strict=True))


def forget_read_ahead(connection: sa.Connection) -> None:
    """Ask everything anew: what was read ahead may have changed."""
    if known := connection.info.get(_READ_AHEAD):
        known.clear()


def read(connection: sa.Connection, query: str) -> Rows:
    """Return the rows of a query without parameters, as the driver gives them."""
    known = connection.info.get(_READ_AHEAD)
    if known and query in known:
        rows: Rows = known.pop(query)
        return rows
    if known is None:
        return connection.exec_driver_sql(query).all()
    return _read_together(connection, [query])[0]


def as_utc(at: Any) -> datetime:
    """Return a time as the driver gives it: text or naive datetime."""
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    utc: datetime = moment.replace(tzinfo=UTC)
    return utc


def name_literal(name: str) -> str:
    """Write a name of ASCII letters, digits and ``_.:@-`` for a statement.

    Raises
    ------
    InvalidInputError
        When it holds anything else.
    """
    if not _NAME.fullmatch(name):
        raise InvalidInputError(f"{name[:80]!r} is no name; use letters, digits and _.:@-")
    return f"'{name}'"


def time_literal(at: datetime) -> str:
    """Write a time for a statement, as both stores compare it."""
    naive = at.astimezone(UTC).replace(tzinfo=None)
    return f"'{naive.isoformat(' ', 'microseconds')}'"


def locking(connection: sa.Connection) -> str:
    """Return what ends a query whose rows stay locked until the transaction ends.

    SQLite locks its file as a whole.
    """
    return "" if connection.dialect.name == "sqlite" else " FOR UPDATE"


def _has_round_trips(connection: sa.Connection) -> bool:
    # Without its C part the driver takes one statement at a time.
    return connection.dialect.name != "sqlite" and supports_multiple_statements()


def _read_together(connection: sa.Connection, queries: Sequence[str]) -> list[Rows]:
    waiting: list[str] = connection.info[_WAITING]
    statements = ";".join([*waiting, *queries])
    waiting.clear()
    results: list[Rows] = []
    options: dict[str, Any] = {RAW_STATEMENT: True, RESULTS: results}
    connection.exec_driver_sql(statements, execution_options=options)
    return results


def _send(connection: sa.Connection, statement: str) -> None:
    connection.exec_driver_sql(statement, execution_options={RAW_STATEMENT: True})
