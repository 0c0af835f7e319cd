"""Rows of a test, put into the store as they are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from database.delivery.flow import COLUMNS, span_starts
from database.engine import writing
from database.leads import leads
from database.observations import records
from database.predictions import predictions
from database.schema import forecast_tables, tables
from database.schema.tables import ingest_flow
from database.upsert import upsert

Rows = Sequence[Sequence[Any]]


def store_observations(connection: sa.Connection, rows: Rows) -> None:
    """Write rows in the order of `database.observations.records.COLUMNS`."""
    upsert(connection, tables.observations, columns=records.COLUMNS, rows=rows)


def store_predictions(connection: sa.Connection, rows: Rows) -> None:
    """Write rows in the order of `database.predictions.predictions.COLUMNS`."""
    upsert(connection, tables.predictions, columns=predictions.COLUMNS, rows=rows)


def store_leads(connection: sa.Connection, rows: Rows) -> None:
    """Write rows in the order of `database.leads.leads.COLUMNS`; `repaired` may be left out."""
    whole = [(*row, None)[: len(leads.COLUMNS)] for row in rows]
    upsert(connection, forecast_tables.lead_forecasts, columns=leads.COLUMNS, rows=whole)


def let_rows_come(engine: sa.Engine, n: int) -> None:
    """Write down that so many rows came within this minute."""
    row = dict.fromkeys(COLUMNS, 0) | {
        "span_seconds": 60,
        "start_at": span_starts(datetime.now(UTC))[60],
        "sender_id": "bulk",
        "accepted": n,
        "processing": b"",
        "latency": b"",
    }
    with writing(engine) as connection:
        upsert(connection, ingest_flow, columns=COLUMNS, rows=[tuple(row.values())])
