"""Forecasts as arrays: the stored predictions of a stretch of time, for regions or the disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from database.schema.tables import observations, predictions
from solar.columns import Columns
from solar.flares import EVENTS, Event
from solar.full_disk import DiskActivity, disk_probability
from solar.time import Window
from solar.windows import DAY, ForecastWindow

# A region's forecast counts for the disk this long; then the region counts as gone.
DISK_MEMORY = np.timedelta64(6, "h")
MOST_ROWS = 20_000

_PROBABILITIES = [predictions.c[event.column] for event in EVENTS]


@dataclass(frozen=True)
class Forecasts(Columns):
    """Stored forecasts of one model, (n,) rows: `region_id` int64, 0 for the disk, `t_rec`
    datetime64[us] in UTC, and `probability` (n, events) in the order of `EVENTS`, NaN where none
    was given.
    """

    region_id: NDArray[np.int64]
    t_rec: NDArray[np.datetime64]
    probability: NDArray[np.float64]

    def of(self, event: Event) -> NDArray[np.float64]:
        """Return the (n,) probabilities of one event."""
        return self.probability[:, EVENTS.index(event)]


@dataclass(frozen=True)
class LocatedForecasts(Forecasts):
    """Forecasts, and the Stonyhurst `longitude` (n,) [deg] of their regions at t_rec, NaN where
    the region was not observed.
    """

    longitude: NDArray[np.float64]


@dataclass(frozen=True)
class Latencies(Columns):
    """How late forecasts were issued: `n` (g,) of records of time `t_rec` (g,) `seconds` (g,)
    after it.
    """

    t_rec: NDArray[np.datetime64]
    seconds: NDArray[np.float64]
    n: NDArray[np.int64]


def forecasting_models(connection: sa.Connection) -> list[str]:
    """Return the models that have forecasts, by skipping from one to the next in the index."""
    model_ids: list[str] = []
    following = sa.select(sa.func.min(predictions.c.model_id))
    model_id = connection.execute(following).scalar()
    while model_id is not None:
        model_ids.append(model_id)
        model_id = connection.execute(following.where(predictions.c.model_id > model_id)).scalar()
    return model_ids


def load_forecasts(
    connection: sa.Connection, model_id: str, *, window: Window, region_id: int | None = None
) -> Forecasts:
    """Read the forecasts that a model made for t_rec in `window`."""
    query = sa.select(predictions.c.region_id, _raw(predictions.c.t_rec), *_PROBABILITIES)
    query = query.where(*_made_by(model_id, window))
    if region_id is not None:
        query = query.where(predictions.c.region_id == region_id)
    return _forecasts(connection.execute(query).all())


def load_located_forecasts(
    connection: sa.Connection, model_id: str, *, window: Window
) -> LocatedForecasts:
    """Read the forecasts of a model and the longitudes of their regions."""
    is_same_record = (observations.c.region_id == predictions.c.region_id) & (
        observations.c.t_rec == predictions.c.t_rec
    )
    columns = (predictions.c.region_id, _raw(predictions.c.t_rec), *_PROBABILITIES)
    query = (
        sa.select(*columns, observations.c.lon_fwt)
        .select_from(predictions.outerjoin(observations, is_same_record))
        .where(*_made_by(model_id, window))
    )
    rows = connection.execute(query).all()
    longitude = np.array([row[-1] for row in rows], float)
    return LocatedForecasts(**vars(_forecasts(rows)), longitude=longitude)


def load_latencies(connection: sa.Connection, model_id: str, *, window: Window) -> Latencies:
    """Count the forecasts of a model by the time of their record and of their issue.

    The store counts, because the regions of a batch share both times.
    """
    times = predictions.c.t_rec, predictions.c.issued_at
    query = (
        sa.select(*map(_raw, times), sa.func.count())
        .where(*_made_by(model_id, window))
        .group_by(*times)
    )
    t_rec, issued_at, n = list(zip(*connection.execute(query).all(), strict=True)) or [()] * 3
    at = np.array(t_rec, "datetime64[us]")
    seconds = (np.array(issued_at, "datetime64[us]") - at) / np.timedelta64(1, "s")
    return Latencies(at, seconds, np.array(n, np.int64))


def hourly_forecasts(
    connection: sa.Connection, model_id: str, at: datetime, *, hours: int
) -> Forecasts:
    """Return all forecasts at the record times nearest before each full hour back from `at`.

    One time an hour is enough for a line of three days; taking every record of a 12-minute
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
    rows = connection.execute(
        sa.select(predictions.c.region_id, _raw(predictions.c.t_rec), *_PROBABILITIES)
        .where(
            predictions.c.model_id == model_id, predictions.c.t_rec.in_(_one_per_hour(times, at))
        )
        .order_by(predictions.c.t_rec)
        .limit(MOST_ROWS)
    ).all()
    return _forecasts(rows)


def _one_per_hour(times: Sequence[datetime], at: datetime) -> list[datetime]:
    newest: dict[int, datetime] = {}
    for t_rec in sorted(times):
        newest[int((at - t_rec) / timedelta(hours=1))] = t_rec
    return sorted(newest.values())


def _raw(column: sa.Column[datetime]) -> sa.ColumnElement[Any]:
    """Read a time as the driver gives it: text or naive datetime, numpy understands both."""
    return sa.type_coerce(column, sa.types.NullType())


def _made_by(model_id: str, window: Window) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        predictions.c.model_id == model_id,
        predictions.c.t_rec >= window.start_at,
        predictions.c.t_rec < window.end_at,
    )


def _forecasts(rows: Sequence[Sequence[Any]]) -> Forecasts:
    """Turn rows of (region_id, t_rec, a probability per event, …) into arrays, None into NaN."""
    region_id, t_rec, *probability = list(zip(*rows, strict=True)) or [()] * (2 + len(EVENTS))
    return Forecasts(
        np.array(region_id, np.int64),
        np.array(t_rec, "datetime64[us]"),
        np.array(probability[: len(EVENTS)], float).T.copy(),
    )


def full_disk(
    forecasts: Forecasts,
    midnights: NDArray[np.datetime64],
    activity: DiskActivity,
    *,
    window: ForecastWindow = DAY,
) -> Forecasts:
    """Forecast the full disk at each midnight, from the regions' newest forecasts for `window`.

    The product of the regions, 1 - prod(1 - p), and the recent flares make one number. A midnight
    without any forecast in the six hours up to it has no row; one that has only withheld forecasts
    has NaN.
    """
    times, rows = [], []
    for midnight in midnights:
        is_recent = (forecasts.t_rec > midnight - DISK_MEMORY) & (forecasts.t_rec <= midnight)
        if is_recent.any():
            times.append(midnight)
            rows.append(_combined(forecasts.take(is_recent)))
    product = np.array(rows, float).reshape(len(rows), len(EVENTS))
    at = np.array(times, "datetime64[us]")
    counts, names = activity.counts(at), [event.within(window).name for event in EVENTS]
    probability = np.column_stack(
        [
            disk_probability(name, column, counts)
            for name, column in zip(names, product.T, strict=True)
        ]
    )
    return Forecasts(np.zeros(len(times), np.int64), at, probability)


def _combined(recent: Forecasts) -> NDArray[np.float64]:
    newest_first = np.argsort(recent.t_rec, kind="stable")[::-1]
    region_id, probability = recent.region_id[newest_first], recent.probability[newest_first]
    combined = np.full(len(EVENTS), np.nan)
    for column in range(len(EVENTS)):
        is_known = ~np.isnan(probability[:, column])
        _, newest = np.unique(region_id[is_known], return_index=True)
        if len(newest):
            combined[column] = 1 - np.prod(1 - probability[is_known, column][newest])
    return combined
