"""Stored forecasts: what the store holds for some regions and times, as it was last issued."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from database.predictions import COLUMNS
from database.tables import predictions

# A region is on the disk for two weeks: 1,700 records of 12 min, each with a forecast by model.
_MOST_ROWS = 50_000

Span = tuple[datetime, datetime]


def forecasts_within(connection: sa.Connection, spans: Mapping[int, Span]) -> list[tuple[Any, ...]]:
    """Read the forecasts of all models for each region, from its first time to its last.

    Returns
    -------
    rows in the order of `predictions.COLUMNS`
    """
    table = predictions.c
    found: list[tuple[Any, ...]] = []
    for region_id, (first_at, last_at) in sorted(spans.items()):
        query = (
            sa.select(*(table[name] for name in COLUMNS))
            .where(table.region_id == region_id, table.t_rec >= first_at, table.t_rec <= last_at)
            .order_by(table.region_id, table.t_rec, table.model_id)
            .limit(_MOST_ROWS)
        )
        found += [tuple(row) for row in connection.execute(query)]
    return found
