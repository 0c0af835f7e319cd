"""The latest record of a region up to some time."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from database.tables import observations, predictions


def latest_t_rec(connection: sa.Connection, region_id: int, *, until: datetime) -> datetime | None:
    """Return the time of the newest record of a region at or before `until`, None without one."""
    table = observations.c
    return connection.execute(
        sa.select(table.t_rec)
        .where(table.region_id == region_id, table.t_rec <= until)
        .order_by(table.t_rec.desc())
        .limit(1)
    ).scalar()


def issued_raw(
    connection: sa.Connection, region_id: int, *, t_rec: datetime, model_id: str, column: str
) -> float | None:
    """Return the raw probability that stands in the store; `column` is that of an event."""
    table = predictions.c
    value: float | None = connection.execute(
        sa.select(table[f"{column}_raw"]).where(
            table.region_id == region_id, table.t_rec == t_rec, table.model_id == model_id
        )
    ).scalar()
    return value
