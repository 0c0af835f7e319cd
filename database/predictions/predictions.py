"""Predictions: the forecast of each model per region and time, and the revisions it replaced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from database.models import agencies
from database.observations.records import Key, combinations
from database.schema.tables import predictions, superseded_predictions
from database.upsert import upsert, upsert_columns
from solar.flares import EVENTS, Event
from solar.time import Window

# The columns that forecasts are written and read in, in the order of the table.
COLUMNS: tuple[str, ...] = (
    "region_id",
    "t_rec",
    "model_id",
    *(event.column for event in EVENTS),
    *(f"{event.column}_raw" for event in EVENTS),
    "rung",
    "reason",
    "imputed_share",
    "revision",
    "issued_at",
)
_REVISION = COLUMNS.index("revision")
# A region is on the disk for two weeks: 1,700 records of 12 min, each with a forecast by model.
_MOST_ROWS = 50_000

Place = tuple[datetime, int, str]
Span = tuple[datetime, datetime]


def store_predictions(connection: sa.Connection, columns: Mapping[str, Any]) -> None:
    """Write columns in the order of `COLUMNS`; a known region, time and model is replaced."""
    upsert_columns(connection, predictions, columns=columns)


def supersede(connection: sa.Connection, replaced_at: Mapping[Key, datetime]) -> None:
    """Copy the forecasts for these regions and times, before they are replaced, of all models.

    Those of agencies are left out: they do not depend on the records of this store.
    """
    if replaced_at:
        is_local = predictions.c.model_id.not_in(agencies(connection))
        _keep_superseded(connection, replaced_at, is_local)


def supersede_model(
    connection: sa.Connection, model_id: str, replaced_at: Mapping[Key, datetime]
) -> dict[Key, int]:
    """Copy the forecasts for these regions and times, before they are replaced, of one model.

    Returns
    -------
    the revision that the next forecast of each key has; keys without a forecast are absent
    """
    is_of_model = predictions.c.model_id == model_id
    rows = _keep_superseded(connection, replaced_at, is_of_model)
    return {(row[0], row[1]): row[_REVISION] + 1 for row in rows}


def _keep_superseded(
    connection: sa.Connection, replaced_at: Mapping[Key, datetime], only: sa.ColumnElement[bool]
) -> list[tuple[Any, ...]]:
    table = predictions.c
    superseded: list[tuple[Any, ...]] = []
    for region_ids, times in combinations(sorted(replaced_at)):
        query = sa.select(*(table[name] for name in COLUMNS)).where(
            table.region_id.in_(region_ids), table.t_rec.in_(times), only
        )
        rows = [
            (*row, replaced_at[row[0], row[1]])
            for row in connection.execute(query)
            if (row[0], row[1]) in replaced_at
        ]
        upsert(connection, superseded_predictions, columns=(*COLUMNS, "superseded_at"), rows=rows)
        superseded += rows
    return superseded


def list_predictions(
    connection: sa.Connection,
    *,
    window: Window,
    models: Sequence[str],
    region_id: int | None = None,
    as_of: datetime | None = None,
    event: Event | None = None,
    min_probability: float = 0.0,
    limit: int,
    after: Place | None = None,
) -> list[dict[str, Any]]:
    """Read forecasts of a window in the order of time, region and model.

    Parameters
    ----------
    models : every model is read by an index of its own, then the pages are merged
    as_of : answer with what was known at that time: without forecasts issued later, and with
        those that have been replaced since
    event : only forecasts of at least `min_probability` for it, so none that was withheld
    after : time, region and model of the last row already read
    """
    rows: list[dict[str, Any]] = []
    for model_id in models:
        for query in _queries(model_id, as_of):
            table = query.selected_columns
            query = query.where(table.t_rec >= window.start_at, table.t_rec < window.end_at)
            if region_id is not None:
                query = query.where(table.region_id == region_id)
            if event is not None:
                query = query.where(table[event.column] >= min_probability)
            if after is not None:
                query = query.where(is_behind(table, after, model_id))
            ordered = query.order_by(table.t_rec, table.region_id).limit(limit)
            rows.extend(dict(row) for row in connection.execute(ordered).mappings())
    return sorted(rows, key=place)[:limit]


def place(row: dict[str, Any]) -> Place:
    """Return the place of a row in the order of a listing."""
    return (row["t_rec"], row["region_id"], row["model_id"])


def _queries(model_id: str, as_of: datetime | None) -> list[sa.Select[Any]]:
    current = sa.select(*(predictions.c[name] for name in COLUMNS)).where(
        predictions.c.model_id == model_id
    )
    if as_of is None:
        return [current]
    old = superseded_predictions.c
    replaced = sa.select(*(old[name] for name in COLUMNS)).where(
        old.model_id == model_id, old.issued_at <= as_of, old.superseded_at > as_of
    )
    return [current.where(predictions.c.issued_at <= as_of), replaced]


def is_behind(table: Any, after: Place, model_id: str) -> sa.ColumnElement[bool]:
    """Tell which rows of a model come behind a place in a listing."""
    t_rec, region_id, last_model = after
    same_region = (
        table.region_id >= region_id if model_id > last_model else (table.region_id > region_id)
    )
    # The first condition adds nothing, but it is the one that an index can use.
    return sa.and_(table.t_rec >= t_rec, sa.or_(table.t_rec > t_rec, same_region))


def forecasts_within(connection: sa.Connection, spans: Mapping[int, Span]) -> list[tuple[Any, ...]]:
    """Read the forecasts of all models for each region, from its first time to its last.

    Returns
    -------
    rows in the order of `COLUMNS`
    """
    table = predictions.c
    rows: list[tuple[Any, ...]] = []
    for region_id, (first_at, last_at) in sorted(spans.items()):
        query = (
            sa.select(*(table[name] for name in COLUMNS))
            .where(table.region_id == region_id, table.t_rec >= first_at, table.t_rec <= last_at)
            .order_by(table.region_id, table.t_rec, table.model_id)
            .limit(_MOST_ROWS)
        )
        rows += [tuple(row) for row in connection.execute(query)]
    return rows


def newest_of_region(
    connection: sa.Connection, model_id: str, region_id: int, *, at: datetime
) -> dict[str, Any] | None:
    """Read the newest forecast of a region by a model up to a time, None before the first."""
    table = predictions.c
    query = (
        sa.select(*(table[name] for name in COLUMNS))
        .where(table.region_id == region_id, table.model_id == model_id, table.t_rec <= at)
        .order_by(table.t_rec.desc())
        .limit(1)
    )
    row = connection.execute(query).mappings().first()
    return None if row is None else dict(row)


def newest_forecast(connection: sa.Connection, model_id: str) -> datetime | None:
    """Return the time of a model's newest forecast, withheld or not, None before the first."""
    newest = sa.select(sa.func.max(predictions.c.t_rec)).where(predictions.c.model_id == model_id)
    at: datetime | None = connection.scalar(newest)
    return at
