"""Lines of the table of forecasts: one region and hour each, probability one half."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from database.predictions.predictions import COLUMNS

START = datetime(2014, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def line(region_id: int, hour: int, model_id: str = "a@1", **changes: Any) -> tuple[Any, ...]:
    values: dict[str, Any] = dict.fromkeys(COLUMNS)
    values |= {
        "region_id": region_id, "t_rec": START + hour * HOUR, "model_id": model_id, "c1": 0.5,
        "rung": "full", "revision": 1, "issued_at": START,
    } | changes  # fmt: skip
    return tuple(values[name] for name in COLUMNS)
