"""Disk forecasts: what an agency itself says of the full disk, not what its regions add up to."""

from __future__ import annotations

import numpy as np
import sqlalchemy as sa

from database.forecasts import Forecasts
from database.tables import disk_forecasts
from solar.flares import EVENTS
from solar.time import Window


def load_disk_forecasts(connection: sa.Connection, model_id: str, *, window: Window) -> Forecasts:
    """Read an agency's own forecasts of the full disk that begin in `window`; region_id is 0."""
    table = disk_forecasts.c
    begin = sa.type_coerce(table.valid_from, sa.types.NullType())
    rows = connection.execute(
        sa.select(begin, *(table[event.column] for event in EVENTS))
        .where(
            table.model_id == model_id,
            table.valid_from >= window.start_at, table.valid_from < window.end_at,
        )
        .order_by(table.valid_from)
    ).all()  # fmt: skip
    probability = np.array([row[1:] for row in rows], float).reshape(len(rows), len(EVENTS))
    times = np.array([row[0] for row in rows], "datetime64[us]")
    return Forecasts(np.zeros(len(rows), np.int64), times, probability)
