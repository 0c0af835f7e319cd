"""A store whose clock is that of a replay."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from database.engine import store_time, writing
from database.schema.tables import store_clock
from solar.clock import REPLAY


def replay(
    engine: sa.Engine,
    at: datetime,
    *,
    speed: float | None = 0.0,
    ago: timedelta = timedelta(),
    version: int = 1,
) -> None:
    """Set the clock to a time at which it stood so long ago, and its speed since; 0 is paused."""
    with writing(engine) as connection:
        values = {
            "mode": REPLAY,
            "event_at": at,
            "wall_at": store_time(connection) - ago,
            "speed": speed,
            "speed_before": 600.0,
            "version": version,
            "starts_at": at - timedelta(days=10),
            "ends_at": at + timedelta(days=10),
        }
        connection.execute(store_clock.delete())
        connection.execute(store_clock.insert().values(turn=1, **values))
