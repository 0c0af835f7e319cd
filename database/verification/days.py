"""The verified days as they are known: in the view as of a time the last ones are counted anew."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import numpy as np
import sqlalchemy as sa

from database.known import flares_known_until, known_until
from database.verification.day_table import EMPTY, DayTable, joined
from database.verification.rollup import count_days
from database.verification.ten_day_blocks import (
    Key,
    day_number,
    load_days,
    recent_days,
    rollup_version,
)
from database.version_cache import VersionCache
from solar.flares import event

_DAY = timedelta(days=1)
# Whoever looks at a page asks for several parts of the same days; others look at another time.
_counted: VersionCache[tuple[sa.URL, datetime, date], Mapping[Key, DayTable]] = VersionCache(most=4)


def known_days(
    connection: sa.Connection,
    key: Key,
    *,
    first: date | None = None,
    last: date | None = None,
    with_bins: bool = True,
) -> DayTable:
    """Return the days from `first` to `last`, both included and all by default.

    Without the bins only the columns of `days` are valid.
    """
    opens = _first_open_day(connection, key)
    is_open = opens is not None and (last is None or last >= opens)
    end = opens - _DAY if opens is not None and is_open else last
    if with_bins:
        version = rollup_version(connection)
        stored = recent_days(connection, key, version=version, first=first, last=end)
    else:
        stored = load_days(connection, key, first=first, last=end, with_bins=False)
    if opens is None or not is_open:
        return stored
    counted = _open_days(connection, opens).get(key, EMPTY)
    counted = counted.between(day_number(first or opens), day_number(last or date.max))
    return joined([stored, counted if with_bins else _without_bins(counted)])


def _first_open_day(connection: sa.Connection, key: Key) -> date | None:
    """Return the first day with forecasts whose outcome was not known then, None without a time."""
    end_at = flares_known_until(connection)
    closes_after = event(key.event).window.closes_after if key.event else _DAY
    return None if end_at is None else end_at.astimezone(UTC).date() - max(closes_after, _DAY)


def _open_days(connection: sa.Connection, opens: date) -> Mapping[Key, DayTable]:
    at = known_until(connection)
    if at is None:
        return {}
    name, version = (connection.engine.url, at, opens), rollup_version(connection)
    tables = _counted.get(name, version=version)
    if tables is None:
        n_days = (at.astimezone(UTC).date() - opens).days + 1
        tables = count_days(connection, [opens + k * _DAY for k in range(n_days)])
        _counted.put(name, tables, version=version)
    return tables


def _without_bins(table: DayTable) -> DayTable:
    days = table.days.copy()
    days["bins"] = 0
    return DayTable(days, np.zeros_like(EMPTY.bins))
