"""Partitions: the tables of records, divided by month where MySQL can."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from database.driver_errors import as_domain_error
from database.engine import reading
from database.schema.forecast_tables import lead_forecasts
from database.schema.tables import (
    observation_conflicts,
    observations,
    predictions,
    superseded_predictions,
)
from solar.errors import InvalidInputError

PARTITIONED: tuple[sa.Table, ...] = (
    observations,
    predictions,
    superseded_predictions,
    observation_conflicts,
    lead_forecasts,
)
# The partition of everything after the last month that has one of its own.
COMING = "coming"
MONTHS_AHEAD = 3
# A change of a table waits for its readers, and everybody else waits for the change.
_LOCK_WAIT_SECONDS = 10
_MONTHS_A_YEAR = 12


@dataclass(frozen=True)
class Partition:
    """One partition; `before` is the end of its month, None for `COMING`.

    The first also holds everything older. `rows` is the server's estimate.
    """

    name: str
    before: datetime | None
    rows: int


def can_partition(engine: sa.Engine) -> bool:
    """Tell whether the store's database has partitions."""
    return engine.dialect.name != "sqlite"


def list_partitions(connection: sa.Connection, table: sa.Table) -> list[Partition]:
    """Return the partitions of a table in the order of time, none of an undivided one."""
    rows = connection.execute(
        sa.text(
            "SELECT partition_name, partition_description, table_rows"
            " FROM information_schema.partitions WHERE table_schema = DATABASE()"
            " AND table_name = :name AND partition_name IS NOT NULL"
            " ORDER BY partition_ordinal_position"
        ),
        {"name": table.name},
    )
    return [Partition(name, _end(bound), int(count or 0)) for name, bound, count in rows]


def partition(engine: sa.Engine, *, now: datetime) -> dict[str, int]:
    """Divide the tables by month; return how many months were added to each. Safe to repeat.

    The server rewrites a table that is not divided yet, from its oldest record to MONTHS_AHEAD;
    of a divided one only the partition COMING. A month before the first of a table is never
    added: older records are in the first.

    Raises
    ------
    InvalidInputError
        On SQLite, which has no partitions.
    """
    if not can_partition(engine):
        raise InvalidInputError(
            "SQLite has no partitions; a store of this size belongs on MySQL or MariaDB"
        )
    return {table.name: _extend(engine, table, now) for table in PARTITIONED}


def extend_partitions(engine: sa.Engine, *, now: datetime) -> None:
    """Add the coming months to the tables that are divided already."""
    if not can_partition(engine):
        return
    with reading(engine, seconds=None) as connection:
        divided = [table for table in PARTITIONED if list_partitions(connection, table)]
    for table in divided:
        _extend(engine, table, now)


def drop_partitions_before(engine: sa.Engine, table: sa.Table, at: datetime) -> tuple[int, int]:
    """Drop the months that end at or before `at`; return the number of rows and of months.

    Raises
    ------
    FlarewatchError
        When the account may not change the table, or its readers keep it locked.
    """
    if not can_partition(engine) or table not in PARTITIONED:
        return 0, 0
    with reading(engine, seconds=None) as connection:
        known = list_partitions(connection, table)
        old = [one.name for one in known if one.before is not None and one.before <= at]
        names = ", ".join(old)
        counted = f"{sa.select(sa.func.count()).select_from(table)} PARTITION ({names})"
        rows = int(connection.exec_driver_sql(counted).scalar_one()) if old else 0
    if old:
        _alter(engine, f"ALTER TABLE {table.name} DROP PARTITION {names}")
    return rows, len(old)


def _extend(engine: sa.Engine, table: sa.Table, now: datetime) -> int:
    with reading(engine, seconds=None) as connection:
        known = list_partitions(connection, table)
        oldest = None if known else connection.scalar(sa.select(sa.func.min(table.c.t_rec)))
    last = next((one.before for one in reversed(known) if one.before), None)
    months = list(_months(last or _month(oldest or now), _month(now, MONTHS_AHEAD)))
    if not months:
        return 0
    parts = ", ".join(f"PARTITION {_name(a)} VALUES LESS THAN ('{b:%Y-%m-%d}')" for a, b in months)
    parts += f", PARTITION {COMING} VALUES LESS THAN (MAXVALUE)"
    change = f"REORGANIZE PARTITION {COMING} INTO" if known else "PARTITION BY RANGE COLUMNS(t_rec)"
    _alter(engine, f"ALTER TABLE {table.name} {change} ({parts})")
    return len(months)


def _alter(engine: sa.Engine, statement: str) -> None:
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"SET SESSION lock_wait_timeout = {_LOCK_WAIT_SECONDS}")
            try:
                connection.exec_driver_sql(statement)
            finally:
                # The connection returns to the pool; one that was lost does not.
                if not connection.invalidated:
                    connection.exec_driver_sql("SET SESSION lock_wait_timeout = DEFAULT")
    except DBAPIError as error:
        raise as_domain_error(error) from error


def _months(first: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield each month from `first` up to `end`, as the two midnights that bound it."""
    count = (end.year - first.year) * _MONTHS_A_YEAR + end.month - first.month
    return pairwise(_month(first, ahead) for ahead in range(max(0, count) + 1))


def _month(at: datetime, ahead: int = 0) -> datetime:
    """Return the first moment of the month of `at`, or of the month `ahead` months later."""
    months = at.year * _MONTHS_A_YEAR + at.month - 1 + ahead
    return datetime(months // _MONTHS_A_YEAR, months % _MONTHS_A_YEAR + 1, 1, tzinfo=UTC)


def _name(month: datetime) -> str:
    return f"p{month:%Y_%m}"


def _end(bound: str) -> datetime | None:
    if bound == "MAXVALUE":
        return None
    return datetime.fromisoformat(bound.strip("'")).replace(tzinfo=UTC)
