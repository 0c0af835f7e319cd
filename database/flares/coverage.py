"""Flare coverage: the stretches of time in which the flare list is complete."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import sqlalchemy as sa

from database.rollup_days import mark_stale
from database.schema.tables import flare_coverage, flare_list_version, regions
from database.upsert import upsert
from database.version_cache import renew_version
from solar.full_disk import REACH_DAYS
from solar.time import Window

_COLUMNS = ("source", "from_at", "to_at")
_SOURCE_LENGTH = 40
_STRETCHES = sa.select(flare_coverage.c.from_at, flare_coverage.c.to_at).limit(10_000)


def covered_windows(connection: sa.Connection) -> list[Window]:
    """Return the covered stretches, disjoint and in order of time."""
    return _merged(Window(*row) for row in connection.execute(_STRETCHES))


def is_covered(connection: sa.Connection, window: Window) -> bool:
    """Tell whether a flare list covers any part of a window."""
    return any(
        covered.start_at < window.end_at and window.start_at < covered.end_at
        for covered in covered_windows(connection)
    )


def coverage(connection: sa.Connection) -> Window | None:
    """Return the latest covered stretch, None before the first list."""
    windows = covered_windows(connection)
    return windows[-1] if windows else None


def cover(connection: sa.Connection, window: Window, *, source: str) -> None:
    """Declare that the list is complete within `window`.

    A row of the table is one unbroken stretch: stretches that touch the new one are merged with
    it, so that a gap between two is never taken for quiet. The next refresh verifies the
    forecasts whose windows become known by this.
    """
    # Locked, so that of two senders with the same list none writes over what the other covers.
    stored = connection.execute(_STRETCHES.with_for_update())
    before = _merged(Window(*row) for row in stored)
    after = _merged([*before, window])
    if after == before:
        return
    connection.execute(flare_coverage.delete())
    rows = [(_key(source, stretch), stretch.start_at, stretch.end_at) for stretch in after]
    upsert(connection, flare_coverage, columns=_COLUMNS, rows=rows)
    renew_version(connection, flare_list_version)
    mark_stale(connection, _forecast_days(connection, window))


def _key(source: str, stretch: Window) -> str:
    return f"{source[:_SOURCE_LENGTH]} {stretch.start_at:%Y%m%dT%H%M%S}"


def _merged(windows: Iterable[Window]) -> list[Window]:
    merged: list[Window] = []
    for window in sorted(windows, key=lambda w: w.start_at):
        if merged and window.start_at <= merged[-1].end_at:
            end_at = max(merged[-1].end_at, window.end_at)
            merged[-1] = Window(merged[-1].start_at, end_at)
        else:
            merged.append(window)
    return merged


def _forecast_days(connection: sa.Connection, window: Window) -> list[date]:
    bounds = sa.select(sa.func.min(regions.c.first_t_rec), sa.func.max(regions.c.last_t_rec))
    first_at, last_at = connection.execute(bounds).one()
    if first_at is None:
        return []
    # The third day of a case ends 72 h after it, so that the cases of three days before the stretch
    # may be known now too; and for so long after it, what the full disk counts may be known.
    first = max(first_at, window.start_at - timedelta(days=3)).date()
    last = min(last_at, window.end_at + timedelta(days=REACH_DAYS)).date()
    return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
