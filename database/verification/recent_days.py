"""The days lately read: kept decoded for as long as nothing in the rollup has changed."""

from __future__ import annotations

from collections import OrderedDict
from datetime import date
from threading import Lock

import sqlalchemy as sa

from database.verification.day_table import DayTable
from database.verification.dekads import Key, load_days

# Two tables of ten years answer one question; each takes up to fifteen megabytes.
_MOST = 6

_Name = tuple[sa.URL, Key, date | None, date | None]
_kept: OrderedDict[_Name, tuple[int, DayTable]] = OrderedDict()
_lock = Lock()


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
    version : `current_version`, read on this connection before: days that change between the
        two are then kept under a version that nobody asks for again
    """
    name = (connection.engine.url, key, first, last)
    with _lock:
        known = _kept.get(name)
        if known is not None and known[0] == version:
            _kept.move_to_end(name)
            return known[1]
    table = load_days(connection, key, first=first, last=last)
    if version is not None:
        _keep(name, version, table)
    return table


def _keep(name: _Name, version: int, table: DayTable) -> None:
    table.days.setflags(write=False)
    with _lock:
        _kept[name] = (version, table)
        _kept.move_to_end(name)
        while len(_kept) > _MOST:
            _kept.popitem(last=False)
