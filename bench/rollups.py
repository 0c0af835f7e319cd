"""The rollups of a filled store, made by the code that keeps them in service."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import date, timedelta

import sqlalchemy as sa

from app.alerts.alerting import judge_alerts
from app.alerts.config import load_alert_config
from app.scoring.served_models import load_served_models
from app.settings import ApiSettings
from bench.mission import Mission
from bench.sun_block import BLOCK_DAYS
from database.drift.rollup import refresh_drift
from database.engine import create_engine, transact
from database.exploration.rollup import refresh_exploration
from database.rollup_days import mark_drift, mark_exploration, mark_stale
from database.schema.rollup_tables import drift_days, exploration_days, exploration_lead_days
from database.settings import DatabaseSettings
from database.verification.rollup import refresh

# The longest first; two run side by side.
_REFRESHES: dict[str, Callable[[sa.Engine], int]] = {
    "verification": refresh,
    "exploration": refresh_exploration,
    "drift": refresh_drift,
}
# One row a day of its own, so that what was counted of a block holds for those like it.
_REPEATED = (exploration_days, exploration_lead_days, drift_days)
_DAY = timedelta(days=1)
# The newest day is not over, and the day before is to be counted with it.
_LAST_DAYS = 2


def roll_up(address: str, mission: Mission, *, say: Callable[[str], object]) -> None:
    """Have the days of the mission counted, and its alerts judged."""
    engine = create_engine(DatabaseSettings(database_url=address))
    n_days = (mission.end_at - mission.start_at).days + 1
    days = [mission.day(number) for number in range(n_days)]
    _mark(engine, days, counted=[*days[: 2 * BLOCK_DAYS], *days[-_LAST_DAYS:]])
    with ProcessPoolExecutor(2) as pool:
        running = [pool.submit(_refresh, address, name) for name in _REFRESHES]
        for name, seconds in (one.result() for one in running):
            say(f"{name}: {seconds:.0f} s")
    _repeat(engine, days)
    began = time.perf_counter()
    settings = ApiSettings(database_url=address)
    watch = load_alert_config(settings, load_served_models(settings.artifacts_dir))
    judged = judge_alerts(engine, watch, now=mission.end_at)
    say(f"{judged:,} alerts judged: {time.perf_counter() - began:.0f} s")
    engine.dispose()


def _mark(engine: sa.Engine, days: Sequence[date], *, counted: Sequence[date]) -> None:
    """Have verification look at all days, exploration and drift at those `counted`."""
    transact(engine, lambda connection: mark_stale(connection, days))
    transact(engine, lambda connection: mark_drift(connection, counted))
    transact(engine, lambda connection: mark_exploration(connection, counted))


def _refresh(address: str, name: str) -> tuple[str, float]:
    began = time.perf_counter()
    engine = create_engine(DatabaseSettings(database_url=address))
    _REFRESHES[name](engine)
    engine.dispose()
    return name, time.perf_counter() - began


def _repeat(engine: sa.Engine, days: Sequence[date]) -> None:
    """Give every later block the counts of the second, in which all regions are on the disk."""
    first, end = days[0] + BLOCK_DAYS * _DAY, days[-1] - (_LAST_DAYS - 1) * _DAY
    for table in _REPEATED:
        names = [column.name for column in table.columns]
        for number in range(BLOCK_DAYS, len(days), BLOCK_DAYS):
            day = table.c.day
            later = sa.literal_column(f"day + INTERVAL {number} DAY", sa.Date)
            values = (later if name == "day" else table.c[name] for name in names)
            moved = sa.select(*values).where(
                day >= first, day < first + BLOCK_DAYS * _DAY, later < end
            )
            with engine.begin() as connection:
                connection.execute(table.insert().from_select(names, moved))
