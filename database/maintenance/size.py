"""The size of the store: bytes and rows of each table, estimated by the server itself."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from database.delivery.row_outcomes import OUTCOMES
from database.schema.tables import metadata, observations, senders

# Counting is exact up to here; more rows would make a page wait.
MOST_COUNTED = 200_000


@dataclass(frozen=True)
class TableSize:
    """One table; bytes with its indexes, None where the server gives only the total."""

    name: str
    rows: int
    size_bytes: int | None


@dataclass(frozen=True)
class StoreSize:
    """The whole store and its tables, the largest first."""

    size_bytes: int
    tables: tuple[TableSize, ...]


@dataclass(frozen=True)
class Balance:
    """The rows of all senders against those of the store; `stored` is None beyond MOST_COUNTED."""

    sent: int
    accepted: int
    duplicates: int
    revised: int
    rejected: int
    late: int
    silent: int
    stored: int | None


def store_size(connection: sa.Connection) -> StoreSize:
    """Return the size of the store; rows are estimates, exact in small tables of SQLite."""
    if connection.dialect.name == "sqlite":
        pages, page_bytes = (
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("page_count", "page_size")
        )
        return StoreSize(pages * page_bytes, _largest(_sqlite_tables(connection)))
    tables = _mysql_tables(connection)
    return StoreSize(sum(table.size_bytes or 0 for table in tables), _largest(tables))


def balance(connection: sa.Connection) -> Balance:
    """Add up all senders and count the rows of the store, both at the same moment.

    `silent` counts the senders that do not count their rows; those count as sent when they
    arrive.
    """
    table = senders.c
    received = sum((table[name] for name in OUTCOMES[1:]), table[OUTCOMES[0]])
    sums = [sa.func.coalesce(table.sent, received), *(table[name] for name in OUTCOMES), table.late]
    counted_rows = (
        sa.select(sa.literal(1).label("one")).select_from(observations).limit(MOST_COUNTED + 1)
    )
    stored = sa.select(sa.func.count()).select_from(counted_rows.subquery()).scalar_subquery()
    *sums_of_all, silent, n = connection.execute(
        sa.select(
            *(sa.func.coalesce(sa.func.sum(column), 0) for column in sums),
            sa.func.coalesce(sa.func.sum(sa.case((table.sent.is_(None), 1), else_=0)), 0),
            stored,
        )
    ).one()
    sent, accepted, duplicates, revised, rejected, late = (int(value) for value in sums_of_all)
    return Balance(
        sent,
        accepted,
        duplicates,
        revised,
        rejected,
        late=late,
        silent=int(silent),
        stored=n if n <= MOST_COUNTED else None,
    )


def _sqlite_tables(connection: sa.Connection) -> list[TableSize]:
    # The highest row number is found at once; it is the count as long as nothing was deleted.
    last: sa.Function[int] = sa.func.max(sa.literal_column("rowid"))
    return [
        TableSize(name, connection.scalar(sa.select(last).select_from(table)) or 0, None)
        for name, table in metadata.tables.items()
    ]


def _mysql_tables(connection: sa.Connection) -> list[TableSize]:
    query = sa.text(
        "SELECT table_name, table_rows, data_length + index_length"
        " FROM information_schema.tables WHERE table_schema = DATABASE()"
    )
    return [
        TableSize(name, int(rows or 0), int(size or 0))
        for name, rows, size in connection.execute(query)
        if name in metadata.tables
    ]


def _largest(tables: list[TableSize]) -> tuple[TableSize, ...]:
    return tuple(sorted(tables, key=lambda t: (-(t.size_bytes or 0), -t.rows, t.name)))
