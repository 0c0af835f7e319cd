"""Versions: what was read from tables is good for as long as their version stays the same.

Who changes such tables leaves a version that was never used before, in the same commit.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import cache
from secrets import randbits
from threading import Lock
from typing import Generic, TypeVar

import sqlalchemy as sa

from database.round_trips import read
from database.upsert import upsert

Name = TypeVar("Name")
Value = TypeVar("Value")


class VersionCache(Generic[Name, Value]):
    """What was read, or computed of it, by name.

    Read the version before the rows: a value of rows that change between the two is then cached
    under a version that is never asked for again.

    Parameters
    ----------
    most : so many values are cached, those that were asked for last
    """

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._values: OrderedDict[Name, tuple[int, Value]] = OrderedDict()
        self._lock = Lock()

    def get(self, name: Name, *, version: int | None) -> Value | None:
        """Return the value cached under this version, None without one."""
        with self._lock:
            cached = self._values.get(name)
            if cached is None or cached[0] != version:
                return None
            self._values.move_to_end(name)
            return cached[1]

    def put(self, name: Name, value: Value, *, version: int | None) -> None:
        """Cache a value; without a version nothing is."""
        if version is None:
            return
        with self._lock:
            self._values[name] = version, value
            self._values.move_to_end(name)
            while len(self._values) > self._most:
                self._values.popitem(last=False)


def renew_version(connection: sa.Connection, table: sa.Table) -> None:
    """Write a new version to the one row of a table, which stays locked until the commit."""
    upsert(connection, table, columns=("turn", "version"), rows=[(1, randbits(62))])


@cache
def version_query(table: sa.Table) -> str:
    """Return what `read_version` asks, to be read ahead."""
    return str(sa.select(table.c.version))


def read_version(connection: sa.Connection, table: sa.Table) -> int | None:
    """Return the version, None before the first."""
    rows = read(connection, version_query(table))
    return rows[0][0] if rows else None
