"""Rows of a test, put into the store as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from database import observations, predictions, tables
from database.upsert import upsert

Rows = Sequence[Sequence[Any]]


def store_observations(connection: sa.Connection, rows: Rows) -> None:
    """Write rows in the order of `database.observations.COLUMNS`."""
    upsert(connection, tables.observations, columns=observations.COLUMNS, rows=rows)


def store_predictions(connection: sa.Connection, rows: Rows) -> None:
    """Write rows in the order of `database.predictions.COLUMNS`."""
    upsert(connection, tables.predictions, columns=predictions.COLUMNS, rows=rows)
