"""X-ray minutes as the detection needs them: read in order, and a detector put back to a minute."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain

import sqlalchemy as sa

from database.schema.nowcast_tables import nowcast_events
from database.schema.tables import xray_flux
from solar.flare_detection import (
    HOUR,
    MINUTE,
    SLOW_MINUTES,
    FlareDetector,
    XrayMinute,
    one_a_minute,
)

# What a minute depends on: the run of minutes before it, and an hour that tells the satellite.
REACH = HOUR + SLOW_MINUTES * MINUTE
_ROWS_PER_QUERY = 5_000


def read_minutes(
    connection: sa.Connection, start_at: datetime, end_at: datetime | None = None
) -> Iterator[XrayMinute]:
    """Read one satellite's value of each stored minute in [start_at, end_at), a part at a time."""
    return one_a_minute(_rows(connection, start_at, end_at))


def _rows(
    connection: sa.Connection, start_at: datetime, end_at: datetime | None
) -> Iterator[XrayMinute]:
    key = xray_flux.c.minute_at, xray_flux.c.satellite
    query = sa.select(key[0], xray_flux.c.flux_w_m2, key[1]).order_by(*key)
    if end_at is not None:
        query = query.where(key[0] < end_at)
    rows = connection.execute(query.where(key[0] >= start_at).limit(_ROWS_PER_QUERY)).all()
    while rows:
        yield from (XrayMinute(*row) for row in rows)
        if len(rows) < _ROWS_PER_QUERY:
            return
        last_at, last = rows[-1].minute_at, rows[-1].satellite
        later = sa.or_(key[0] > last_at, sa.and_(key[0] == last_at, key[1] > last))
        after = query.where(key[0] >= last_at, later)
        rows = connection.execute(after.limit(_ROWS_PER_QUERY)).all()


def resumed(
    connection: sa.Connection, first_at: datetime, *, end_at: datetime | None = None
) -> tuple[FlareDetector, Iterator[XrayMinute]]:
    """Return the detector as it was before the minute `first_at`, and the minutes to feed it.

    A flare that was not over by then is taken up at the minute of its detection, so that the
    minutes to feed begin after that one. What is read is bounded by the flare in progress.
    """
    table = nowcast_events.c
    last = connection.execute(
        sa.select(table.start_at, table.detected_at, table.end_known_at, table.rule)
        .where(table.detected_at < first_at)
        .order_by(table.detected_at.desc())
        .limit(1)
    ).first()
    is_over = last is None or (last.end_known_at is not None and last.end_known_at < first_at)
    fed_from = first_at if is_over or last is None else last.detected_at + MINUTE
    before: list[XrayMinute] = []
    minutes = read_minutes(connection, fed_from - REACH, end_at)
    first = next(minutes, None)
    while first is not None and first.minute_at < fed_from:
        before.append(first)
        first = next(minutes, None)
    detector = FlareDetector(before)
    if not is_over and last is not None:
        detector.resume(start_at=last.start_at, rule=last.rule)
    return detector, minutes if first is None else chain([first], minutes)


def newest_good(connection: sa.Connection, now: datetime, *, reach: timedelta) -> XrayMinute | None:
    """Return the newest measured minute up to `now`, None where there is none for `reach`."""
    # Which satellite counts is told by the hour before; mostly two hours have all that is needed.
    for span in (2 * HOUR, reach):
        minutes = read_minutes(connection, now - span, now + MINUTE)
        good = [one for one in minutes if one.minute_at <= now and one.is_good]
        if good and good[-1].minute_at > now - span + HOUR:
            return good[-1]
    return good[-1] if good else None
