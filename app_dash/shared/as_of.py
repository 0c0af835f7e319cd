"""As of when a page is read: the time of its address or now, which in a replay is another one."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from app_dash.shared.numbers import date_moment
from app_dash.shared.url_state import Query
from database.clock.clock import read_clock
from database.engine import reading, store_time
from database.known import known_at
from solar.clock import Reading, mode_header
from solar.errors import InvalidInputError


def checked_time_of(search: str | None, *, now: datetime) -> datetime | None:
    """Return the time as of which an address is read, None for now.

    Raises
    ------
    InvalidInputError
        When it is no time, or has not come yet.
    """
    at = Query.parse(search).as_of
    if at is not None and at > now:
        raise InvalidInputError(
            f"at: {date_moment(at)} UTC has not come yet; it is {date_moment(now)} UTC. Choose an"
            " earlier time, or open the page without it."
        )
    return at


def present_of(engine: sa.Engine, clock: Reading, wall: datetime) -> sa.Engine:
    """Return the store as it is known now; that of a replay may hold what comes later."""
    return known_at(engine, clock.now(wall) if clock.is_replay else None)


def store_of(engine: sa.Engine, search: str | None) -> sa.Engine:
    """Return the store as it was known at the time of an address; raises as `checked_time_of`."""
    with reading(engine) as connection:
        clock, wall = read_clock(connection), store_time(connection)
    at = checked_time_of(search, now=clock.now(wall))
    return present_of(engine, clock, wall) if at is None else known_at(engine, at)


def mode_of(engine: sa.Engine) -> dict[str, str]:
    """Return the header that says that an export is of a replay."""
    with reading(engine) as connection:
        return mode_header(read_clock(connection))
