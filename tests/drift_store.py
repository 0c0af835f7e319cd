"""A store whose keyword and forecasts lie in known bins of a model with a training reference."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa
from stored_rows import store_observations, store_predictions

from database.engine import writing
from database.models import ModelRow, find_model, register
from database.observations.records import COLUMNS as OBSERVED
from database.predictions.predictions import COLUMNS as FORECAST
from database.rollup_days import mark_drift
from solar.sharp import BY_NAME

FIRST = datetime(2014, 3, 1, tzinfo=UTC)
MODEL = "graded@1.0.0"
HOUR = timedelta(hours=1)
KEYWORD = "MEANSHR"
# Ten bins between 1 and 9; a value of k + 0.5 lies in bin k.
EDGES = [float(edge) for edge in range(1, 10)]


def manifest(**changes: Any) -> dict[str, Any]:
    shares = {"edges": EDGES, "shares": [0.1] * 10}
    keyword = shares | {"mean": 5.0, "missing_share": 0.02}
    history = shares | {"mean": 0.3, "missing_share": 0.0}
    chances = {"edges": [edge / 10 for edge in EDGES], "shares": [0.1] * 10}
    reference = {
        "n": 1000,
        "features": {KEYWORD: keyword, "FLARES_C_24H": history},
        "predictions": {"M1.0": chances, "X1.0": {"edges": [], "shares": []}},
    }
    events = [{"name": name, "threshold": 0.1} for name in ("C1.0", "M1.0", "M5.0", "X1.0")]
    given = {"name": "graded", "version": "1.0.0", "events": events, "reference": reference}
    return given | changes


def graded(engine: sa.Engine, *, sha256: str = "0" * 64, **changes: Any) -> ModelRow:
    with writing(engine) as connection:
        register(connection, manifest(**changes), sha256=sha256, stage="live", now=FIRST)
        return find_model(connection, MODEL)


def observe(
    engine: sa.Engine,
    values: Sequence[float | None],
    *,
    start: datetime = FIRST,
    step: timedelta = HOUR,
    region_id: int = 1,
    lon_fwt: float = 10.0,
) -> None:
    """Store a record per value and a forecast of a tenth of it, and mark their days."""
    times = [start + i * step for i in range(len(values))]
    records, forecasts = [], []
    for t_rec, value in zip(times, values, strict=True):
        known = {KEYWORD: value}
        records.append(
            (region_id, t_rec, "s", None, 0, lon_fwt, 1.0, *(known.get(name) for name in BY_NAME),
             0, 1, "sender", t_rec)
        )  # fmt: skip
        chance = None if value is None else value / 10
        forecasts.append(
            (region_id, t_rec, MODEL, chance, chance, chance, chance, *[chance] * 4,
             "full", None, 0.0, 1, t_rec)
        )  # fmt: skip
    assert len(records[0]) == len(OBSERVED)
    assert len(forecasts[0]) == len(FORECAST)
    with writing(engine) as connection:
        store_observations(connection, records)
        store_predictions(connection, forecasts)
        mark_drift(connection, {t_rec.date() for t_rec in times})


def even_days(n_days: int, *, shift: float = 0.0, seed: int = 0) -> list[float | None]:
    """Hourly values spread evenly over the bins, moved up by `shift` bins."""
    values = np.random.default_rng(seed).uniform(0, 10, 24 * n_days) + shift
    return [float(value) for value in np.minimum(values, 9.99)]
