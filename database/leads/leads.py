"""Leads: the forecasts of other windows than the next 24 h, one for each region and hour.

A region has at most one record in each hour here, its first; the newest revision of it counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from database.observations.records import Key
from database.predictions.forecasts import LocatedForecasts
from database.predictions.predictions import COLUMNS as PREDICTION_COLUMNS
from database.predictions.predictions import Place, Span, is_behind, place
from database.schema.forecast_tables import lead_forecasts
from database.schema.tables import observations, predictions, superseded_predictions
from database.upsert import upsert_columns
from solar.flares import EVENTS, LEADS, Event
from solar.time import Window
from solar.windows import ForecastWindow

COLUMNS: tuple[str, ...] = tuple(column.name for column in lead_forecasts.columns)
# A forecast counts as that of a region this long; then the region counts as gone.
MEMORY = timedelta(hours=24)
_MOST_ROWS = 50_000
# What a listing takes from the forecast of the next 24 h that the same record gave.
_OF_RECORD = ("rung", "reason", "imputed_share")
_KEY = ("region_id", "t_rec", "model_id")


@dataclass(frozen=True)
class LeadRow:
    """The forecasts of one record; `probabilities` are in the order of `LEADS`, None where the
    model has no such window or gave no forecast.

    Bit k of `repaired` tells that consistency moved the probability of `TARGETS[k]`, None where a
    version stored the row that did not keep this.
    """

    region_id: int
    t_rec: datetime
    model_id: str
    revision: int
    issued_at: datetime
    probabilities: tuple[float | None, ...]
    repaired: int | None = None

    def of(self, target: Event) -> float | None:
        """Return the probability of a target of another window than the next 24 h."""
        return self.probabilities[LEADS.index(target)]


def store_leads(connection: sa.Connection, columns: Mapping[str, Any]) -> None:
    """Write columns in the order of `COLUMNS`; a known revision is replaced by itself."""
    upsert_columns(connection, lead_forecasts, columns=columns)


def delete_leads(connection: sa.Connection, keys: Sequence[Key], model_ids: Sequence[str]) -> None:
    """Delete the forecasts of records that are no longer the first of their hour."""
    table = lead_forecasts.c
    by_region: dict[int, list[datetime]] = {}
    for region_id, t_rec in keys:
        by_region.setdefault(region_id, []).append(t_rec)
    for region_id, times in sorted(by_region.items()):
        connection.execute(
            lead_forecasts.delete().where(
                table.region_id == region_id,
                table.t_rec.in_(times),
                table.model_id.in_(model_ids),
            )
        )


def load_lead_forecasts(
    connection: sa.Connection,
    model_id: str,
    *,
    of: ForecastWindow,
    window: Window,
    region_id: int | None = None,
) -> LocatedForecasts:
    """Read the forecasts of one window that a model made for t_rec in a stretch of time.

    Parameters
    ----------
    of : another window than the next 24 h
    window : when the records were made

    Returns
    -------
    rows in the order of region and time, the newest revision of each record; `probability`
    (n, events) in the order of `EVENTS`, NaN where the model has no such window or withheld it
    """
    table = lead_forecasts.c
    is_same_record = (observations.c.region_id == table.region_id) & (
        observations.c.t_rec == table.t_rec
    )
    columns = (table[event.within(of).column] for event in EVENTS)
    # As the driver gives it: text or naive datetime, both of which numpy understands.
    t_rec = sa.type_coerce(table.t_rec, sa.types.NullType())
    query = (
        sa.select(table.region_id, t_rec, table.revision, *columns, observations.c.lon_fwt)
        .select_from(lead_forecasts.outerjoin(observations, is_same_record))
        .where(
            table.model_id == model_id,
            table.t_rec >= window.start_at,
            table.t_rec < window.end_at,
        )
    )
    if region_id is not None:
        query = query.where(table.region_id == region_id)
    return _newest_revisions(connection.execute(query).all())


def _newest_revisions(rows: Sequence[Sequence[Any]]) -> LocatedForecasts:
    """Turn rows of (region_id, t_rec, revision, a probability per event, longitude) into arrays."""
    region, at, number, *values = list(zip(*rows, strict=True)) or [()] * (4 + len(EVENTS))
    region_id, t_rec = np.array(region, np.int64), np.array(at, "datetime64[us]")
    order = np.lexsort((np.array(number, np.int64), t_rec, region_id))
    is_newest = np.ones(len(order), np.bool_)
    is_newest[:-1] = _differs(region_id[order]) | _differs(t_rec[order])
    kept = order[is_newest]
    *probability, longitude = (np.array(column, float)[kept] for column in values)
    return LocatedForecasts(
        region_id[kept], t_rec[kept], np.array(probability, float).T.copy(), longitude
    )


def _differs(column: NDArray[Any]) -> NDArray[np.bool_]:
    different: NDArray[np.bool_] = column[1:] != column[:-1]
    return different


def has_leads(connection: sa.Connection, model_id: str, window: Window) -> bool:
    """Tell whether a model made forecasts of other windows for t_rec in a stretch of time."""
    table = lead_forecasts.c
    query = sa.select(table.t_rec).where(
        table.model_id == model_id,
        table.t_rec >= window.start_at,
        table.t_rec < window.end_at,
    )
    return connection.execute(query.limit(1)).first() is not None


def newest_leads(connection: sa.Connection, model_id: str, at: datetime) -> dict[int, LeadRow]:
    """Return the newest forecasts of each region by a model, of the 24 h up to a time."""
    table = lead_forecasts.c
    query = (
        sa.select(*(table[name] for name in COLUMNS))
        .where(table.model_id == model_id, table.t_rec > at - MEMORY, table.t_rec <= at)
        .order_by(table.t_rec, table.region_id, table.revision)
        .limit(_MOST_ROWS)
    )
    return {row.region_id: _lead_row(row) for row in connection.execute(query)}


def newest_lead(
    connection: sa.Connection, model_id: str, region_id: int, *, at: datetime
) -> LeadRow | None:
    """Return the newest forecasts of a region by a model up to a time, None before the first."""
    table = lead_forecasts.c
    query = (
        sa.select(*(table[name] for name in COLUMNS))
        .where(table.region_id == region_id, table.model_id == model_id, table.t_rec <= at)
        .order_by(table.t_rec.desc(), table.revision.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return None if row is None else _lead_row(row)


def leads_within(connection: sa.Connection, spans: Mapping[int, Span]) -> list[LeadRow]:
    """Read every revision of all models for each region, from its first time to its last."""
    table = lead_forecasts.c
    rows: list[LeadRow] = []
    for region_id, (first_at, last_at) in sorted(spans.items()):
        query = (
            sa.select(*(table[name] for name in COLUMNS))
            .where(table.region_id == region_id, table.t_rec >= first_at, table.t_rec <= last_at)
            .limit(_MOST_ROWS)
        )
        rows += map(_lead_row, connection.execute(query))
    return rows


def _lead_row(row: sa.Row[Any]) -> LeadRow:
    return LeadRow(
        row.region_id,
        row.t_rec,
        row.model_id,
        row.revision,
        row.issued_at,
        tuple(getattr(row, lead.column) for lead in LEADS),
        row.repaired,
    )


def list_leads(
    connection: sa.Connection,
    *,
    of: ForecastWindow,
    window: Window,
    models: Sequence[str],
    region_id: int | None = None,
    as_of: datetime | None = None,
    event: Event | None = None,
    min_probability: float = 0.0,
    limit: int,
    after: Place | None = None,
) -> list[dict[str, Any]]:
    """Read forecasts of one window in the order of time, region and model.

    The parameters are those of `database.predictions.predictions.list_predictions`, `event` the
    one of the next 24 h, and so are the names in a row: ``m1`` is M1.0+ in the window `of`. The
    raw probabilities are not stored, and None.
    """
    rows: list[dict[str, Any]] = []
    for model_id in models:
        query = _query(of, model_id, as_of)
        table = lead_forecasts.c
        query = query.where(table.t_rec >= window.start_at, table.t_rec < window.end_at)
        if region_id is not None:
            query = query.where(table.region_id == region_id)
        if event is not None:
            query = query.where(table[event.within(of).column] >= min_probability)
        if after is not None:
            query = query.where(is_behind(table, after, model_id))
        ordered = query.order_by(table.t_rec, table.region_id).limit(limit)
        rows.extend(dict(row) for row in connection.execute(ordered).mappings())
    return sorted(rows, key=place)[:limit]


def _query(of: ForecastWindow, model_id: str, as_of: datetime | None) -> sa.Select[Any]:
    """Select the revision of each record that was known; now it is the newest."""
    table, newer = lead_forecasts.c, lead_forecasts.alias("newer")
    replaced = sa.select(newer.c.revision).where(
        *(newer.c[name] == table[name] for name in _KEY), newer.c.revision > table.revision
    )
    known = [table.model_id == model_id]
    if as_of is not None:
        replaced = replaced.where(newer.c.issued_at <= as_of)
        known.append(table.issued_at <= as_of)
    probabilities = {event.column: table[event.within(of).column] for event in EVENTS}
    raw = {f"{event.column}_raw": sa.null() for event in EVENTS}
    columns = {**{name: table[name] for name in COLUMNS}, **probabilities, **raw}
    columns |= {name: _of_record(name) for name in _OF_RECORD}
    joined: Any = lead_forecasts
    for forecasts in (predictions, superseded_predictions):
        is_same = (forecasts.c[name] == table[name] for name in (*_KEY, "revision"))
        joined = joined.outerjoin(forecasts, sa.and_(*is_same))
    return (
        sa.select(*(columns[name].label(name) for name in PREDICTION_COLUMNS))
        .select_from(joined)
        .where(*known, ~replaced.correlate(lead_forecasts).exists())
    )


def _of_record(name: str) -> sa.ColumnElement[Any]:
    # Either table may hold the revision, or neither if it was deleted for its age.
    return sa.func.coalesce(predictions.c[name], superseded_predictions.c[name])
