"""Rows of a test, put into the store as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from database.observations import records
from database.predictions import predictions
from database.schema import tables
from database.upsert import upsert

Rows = Sequence[Sequence[Any]]


def store_observations(connection: sa.Connection, rows: Rows) -> None:
    """Write rows in the order of `database.observations.records.COLUMNS`."""
    upsert(connection, tables.observations, columns=records.COLUMNS, rows=rows)


def store_predictions(connection: sa.Connection, rows: Rows) -> None:
    """Write rows in the order of `database.predictions.predictions.COLUMNS`."""
    upsert(connection, tables.predictions, columns=predictions.COLUMNS, rows=rows)
