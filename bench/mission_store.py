"""The mission store: ten years of forecasts, one delivered block repeated inside the server."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bench.block_delivery import SENDER, deliver
from bench.mission import Mission
from bench.sun_block import BLOCK_DAYS, SunBlock
from database.alerts.alerts import CLOSED, OPEN, Alert, alert_id, write_alerts
from database.engine import create_engine, transact
from database.schema.columns import UtcDateTime
from database.schema.forecast_tables import lead_forecasts
from database.schema.tables import (
    alert_tracks,
    alerts,
    flare_coverage,
    flares,
    harp_noaa,
    ingest_flow,
    metadata,
    model_stages,
    models,
    observations,
    predictions,
    regions,
    rejections,
    senders,
    superseded_predictions,
    xray_flux,
)
from database.settings import DatabaseSettings

# The largest first, so that it and all the others are written side by side.
_REPEATED: dict[sa.Table, str] = {
    predictions: "t_rec", observations: "t_rec", superseded_predictions: "t_rec",
    lead_forecasts: "t_rec", regions: "first_t_rec", harp_noaa: "", flares: "peak_at",
    ingest_flow: "start_at", rejections: "hour_at", xray_flux: "minute_at",
}  # fmt: skip
_NUMBERS = {"region_id", "harpnum", "noaa_ar"}
_DAY = timedelta(days=1)


def fill(address: str, mission: Mission, *, say: Callable[[str], object]) -> None:
    """Fill an upgraded, empty MariaDB store; the rollups are left stale."""
    engine = create_engine(DatabaseSettings(database_url=address, database_pool_size=4))
    block = SunBlock(mission.start_at)
    began = time.perf_counter()
    deliver(address, block)
    say(f"one block through the API: {time.perf_counter() - began:.0f} s")
    began = time.perf_counter()
    _set_aside(engine)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda table: _repeat(engine, table, mission, len(block.lives)), _REPEATED))
    _repeat_alerts(engine, mission, len(block.lives))
    _round_off(engine, mission)
    say(f"repeated {len(mission.copies)} times: {time.perf_counter() - began:.0f} s")
    engine.dispose()


def _base(table: sa.Table) -> str:
    return f"bench_{table.name}"


def _set_aside(engine: sa.Engine) -> None:
    """Rename the tables that hold the block, and put empty ones of the same form in their place."""
    with engine.begin() as connection:
        for table in (*_REPEATED, alerts):
            connection.exec_driver_sql(f"RENAME TABLE {table.name} TO {_base(table)}")
            connection.exec_driver_sql(f"CREATE TABLE {table.name} LIKE {_base(table)}")
        connection.execute(alert_tracks.delete())


def _repeat(engine: sa.Engine, table: sa.Table, mission: Mission, n_regions: int) -> None:
    names = [column.name for column in table.columns]
    at = _REPEATED[table]
    for copy in mission.copies:
        shift = f"INTERVAL {copy * BLOCK_DAYS} DAY"
        values = (sa.literal_column(_shifted(c, copy, n_regions)) for c in table.columns)
        moved = sa.select(*values).select_from(sa.table(_base(table)))
        if at:
            moved = moved.where(sa.literal_column(_is_kept(table, at, shift, mission), sa.Boolean))
        with engine.begin() as connection:
            connection.exec_driver_sql("SET SESSION unique_checks = 0")
            connection.execute(table.insert().from_select(names, moved))


def _shifted(column: sa.Column[object], copy: int, n_regions: int) -> str:
    name, number = column.name, copy * n_regions
    if isinstance(column.type, UtcDateTime):
        return f"{name} + INTERVAL {copy * BLOCK_DAYS} DAY"
    if name in _NUMBERS:
        return f"{name} + {number}"
    if name == "noaa_ars":
        return f"CAST(CAST(noaa_ars AS SIGNED) + {number} AS CHAR)"
    return f"CONCAT({name}, '+', {copy})" if name == "flare_id" else name


def _is_kept(table: sa.Table, at: str, shift: str, mission: Mission) -> str:
    start, end = (f"'{t:%Y-%m-%d %H:%M:%S}'" for t in (mission.start_at, mission.end_at))
    last = "last_t_rec" if table is regions else at
    kept = f"{at} + {shift} < {end} AND {last} + {shift} >= {start}"
    if table in (ingest_flow, rejections):
        # One block's traffic a time: the tail of the one before belongs to the same sender.
        kept += f" AND {at} < '{mission.start_at + BLOCK_DAYS * _DAY:%Y-%m-%d}'"
    return kept


def _repeat_alerts(engine: sa.Engine, mission: Mission, n_regions: int) -> None:
    with engine.connect() as connection:
        columns = (sa.column(column.name, column.type) for column in alerts.columns)
        found = connection.execute(sa.select(sa.table(_base(alerts), *columns)))
        base = [Alert(*row) for row in found]
    repeated = [
        moved
        for copy in mission.copies
        for moved in (_moved(alert, copy, n_regions, mission.end_at) for alert in base)
        if moved.opened_at in mission.window
    ]
    transact(engine, lambda connection: write_alerts(connection, repeated))


def _moved(alert: Alert, copy: int, n_regions: int, end_at: datetime) -> Alert:
    times: dict[str, Any] = {
        name: value + copy * BLOCK_DAYS * _DAY
        for name, value in vars(alert).items()
        if isinstance(value, datetime)
    }
    region_id = alert.region_id + copy * n_regions
    name = alert_id(alert.model_id, alert.event, region_id, times["opened_at"])
    moved = replace(alert, **times, region_id=region_id, alert_id=name)
    if moved.closed_at is not None and moved.closed_at < end_at:
        return replace(moved, state=CLOSED)
    seen = {name: min(getattr(moved, name), end_at) for name in ("peak_at", "last_over_at")}
    return replace(moved, **seen, state=OPEN, closed_at=None)


def _round_off(engine: sa.Engine, mission: Mission) -> None:
    """Cut the regions at both ends to what is stored of them, and mend the sums."""
    start, end = mission.start_at, mission.end_at
    with engine.begin() as connection:
        for table in (*_REPEATED, alerts):
            connection.exec_driver_sql(f"DROP TABLE {_base(table)}")
        newest = sa.select(sa.func.max(observations.c.t_rec)).where(
            observations.c.region_id == regions.c.region_id
        )
        connection.execute(
            regions.update().where(regions.c.last_t_rec >= end)
            .values(last_t_rec=newest.scalar_subquery())
        )  # fmt: skip
        connection.execute(
            regions.update().where(regions.c.first_t_rec < start).values(first_t_rec=start)
        )
        total = connection.scalar(sa.select(sa.func.count()).select_from(observations))
        connection.execute(
            senders.update().where(senders.c.sender_id == SENDER)
            .values(accepted=total, last_seen_at=end)
        )  # fmt: skip
        stretch = {"source": SENDER, "from_at": start, "to_at": end}
        connection.execute(flare_coverage.delete())
        connection.execute(flare_coverage.insert().values(stretch))
        connection.execute(models.update().values(registered_at=start, staged_at=start))
        connection.execute(model_stages.update().values(from_at=start))
        for name in metadata.tables:
            connection.exec_driver_sql(f"ANALYZE TABLE {name}").all()
