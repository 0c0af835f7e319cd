"""The forecasts of all regions hour by hour: enough for a line of days, cheap at any cadence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from database.tables import predictions
from solar.flares import EVENTS

MOST_ROWS = 20_000

_PROBABILITIES = [predictions.c[event.column] for event in EVENTS]


@dataclass(frozen=True)
class ForecastColumns:
    """Many forecasts as arrays, by time: `probability` is (n, 4) in the order of EVENTS."""

    region_id: NDArray[np.int64]
    t_rec: NDArray[np.datetime64]
    probability: NDArray[np.float64]


def hourly_forecasts(
    connection: sa.Connection, model_id: str, at: datetime, *, hours: int
) -> ForecastColumns:
    """Return all forecasts at the record times nearest before each full hour back from `at`.

    One frame an hour is enough for a line of three days; taking every frame of a 12-minute
    cadence would read five times as much for the same picture.
    """
    times = connection.scalars(
        sa.select(predictions.c.t_rec)
        .where(
            predictions.c.model_id == model_id,
            predictions.c.t_rec > at - timedelta(hours=hours),
            predictions.c.t_rec <= at,
        )
        .distinct()
        .order_by(predictions.c.t_rec.desc())
        .limit(MOST_ROWS)
    ).all()
    frames = _one_per_hour(times, at)
    # As the driver gives it, text or naive datetime: numpy reads both faster than we convert.
    raw_time = sa.type_coerce(predictions.c.t_rec, sa.types.NullType())
    rows = connection.execute(
        sa.select(predictions.c.region_id, raw_time, *_PROBABILITIES)
        .where(predictions.c.model_id == model_id, predictions.c.t_rec.in_(frames))
        .order_by(predictions.c.t_rec)
        .limit(MOST_ROWS)
    ).all()
    return forecast_columns(rows)


def _one_per_hour(times: Sequence[datetime], at: datetime) -> list[datetime]:
    newest: dict[int, datetime] = {}
    for t_rec in sorted(times):
        newest[int((at - t_rec) / timedelta(hours=1))] = t_rec
    return sorted(newest.values())


def forecast_columns(rows: Sequence[Sequence[Any]]) -> ForecastColumns:
    """Turn rows of (region_id, t_rec, a probability per event) into arrays, None into NaN."""
    return ForecastColumns(
        region_id=np.array([row[0] for row in rows], np.int64),
        t_rec=np.array([row[1] for row in rows], "datetime64[us]"),
        probability=np.array([row[2:] for row in rows], np.float64).reshape(-1, len(EVENTS)),
    )
