"""Forecasts as arrays: the stored predictions of a stretch of time, for regions or the disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from database.tables import observations, predictions
from solar.flares import EVENTS, Event
from solar.time import Window

# A region's forecast speaks for it this long; then the region counts as gone from the disk.
DISK_MEMORY = np.timedelta64(6, "h")


@dataclass(frozen=True)
class Forecasts:
    """Forecasts of one entrant, (n,) rows: `region_id` int64, `t` datetime64[us] in UTC, and
    `probability` (n, events) in the order of `EVENTS`, NaN where none was given.
    """

    region_id: NDArray[np.int64]
    t: NDArray[np.datetime64]
    probability: NDArray[np.float64]

    def of(self, event: Event) -> NDArray[np.float64]:
        """Return the (n,) probabilities of one event."""
        return self.probability[:, EVENTS.index(event)]

    def where(self, kept: NDArray[np.bool_]) -> Forecasts:
        """Keep the rows marked in (n,)."""
        return Forecasts(self.region_id[kept], self.t[kept], self.probability[kept])


@dataclass(frozen=True)
class Issues:
    """Forecasts (n,) and the Stonyhurst `longitude` (n,) [deg] of their regions at t_rec, NaN
    where the region was not observed.
    """

    forecasts: Forecasts
    longitude: NDArray[np.float64]

    def where(self, kept: NDArray[np.bool_]) -> Issues:
        """Keep the rows marked in (n,)."""
        return Issues(self.forecasts.where(kept), self.longitude[kept])


@dataclass(frozen=True)
class Latencies:
    """How late forecasts came: `n` (g,) of records of time `t` (g,) were issued `seconds` (g,)
    after it.
    """

    t: NDArray[np.datetime64]
    seconds: NDArray[np.float64]
    n: NDArray[np.int64]


def forecasting_models(connection: sa.Connection) -> list[str]:
    """Return the models that have forecasts, by skipping from one to the next in the index."""
    found: list[str] = []
    following = sa.select(sa.func.min(predictions.c.model_id))
    model_id = connection.execute(following).scalar()
    while model_id is not None:
        found.append(model_id)
        model_id = connection.execute(following.where(predictions.c.model_id > model_id)).scalar()
    return found


def load_forecasts(
    connection: sa.Connection, model_id: str, *, window: Window, region_id: int | None = None
) -> Forecasts:
    """Read the forecasts that a model made for t_rec in `window`."""
    columns = (predictions.c[event.column] for event in EVENTS)
    query = sa.select(predictions.c.region_id, _as_given(predictions.c.t_rec), *columns)
    query = query.where(*_made_by(model_id, window))
    if region_id is not None:
        query = query.where(predictions.c.region_id == region_id)
    rows = connection.execute(query).all()
    return _forecasts(list(zip(*rows, strict=True)))


def load_issues(connection: sa.Connection, model_id: str, *, window: Window) -> Issues:
    """Read the forecasts of a model and where their regions stood."""
    columns = (predictions.c[event.column] for event in EVENTS)
    of_same_record = (observations.c.region_id == predictions.c.region_id) & (
        observations.c.t_rec == predictions.c.t_rec
    )
    query = (
        sa.select(predictions.c.region_id, _as_given(predictions.c.t_rec), *columns,
                  observations.c.lon_fwt)
        .select_from(predictions.outerjoin(observations, of_same_record))
        .where(*_made_by(model_id, window))
    )  # fmt: skip
    found = list(zip(*connection.execute(query).all(), strict=True))
    longitude = found[-1] if found else ()
    return Issues(_forecasts(found[:-1]), np.array(longitude, float))


def load_latencies(connection: sa.Connection, model_id: str, *, window: Window) -> Latencies:
    """Count the forecasts of a model by the time of their record and of their issue.

    Counted by the store, because the regions of a batch share both times.
    """
    times = predictions.c.t_rec, predictions.c.issued_at
    query = (
        sa.select(*map(_as_given, times), sa.func.count())
        .where(*_made_by(model_id, window))
        .group_by(*times)
    )
    t_rec, issued_at, n = list(zip(*connection.execute(query).all(), strict=True)) or [()] * 3
    t = np.array(t_rec, "datetime64[us]")
    seconds = (np.array(issued_at, "datetime64[us]") - t) / np.timedelta64(1, "s")
    return Latencies(t, seconds, np.array(n, np.int64))


def _as_given(column: sa.Column[datetime]) -> sa.ColumnElement[Any]:
    """Read a time as the driver gives it: text or naive datetime, numpy understands both."""
    return sa.type_coerce(column, sa.types.NullType())


def _made_by(model_id: str, window: Window) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        predictions.c.model_id == model_id,
        predictions.c.t_rec >= window.start_at,
        predictions.c.t_rec < window.end_at,
    )


def _forecasts(columns: Sequence[Sequence[Any]]) -> Forecasts:
    region_id, t, *probability = columns or [()] * (2 + len(EVENTS))
    return Forecasts(
        np.array(region_id, np.int64),
        np.array(t, "datetime64[us]"),
        np.array(probability, float).T.copy(),
    )


def full_disk(forecasts: Forecasts, midnights: NDArray[np.datetime64]) -> Forecasts:
    """Combine the regions' newest forecasts at each midnight: 1 - prod(1 - p).

    A midnight without any forecast in the six hours up to it has no row; one with nothing
    but withheld forecasts has NaN.
    """
    times, rows = [], []
    for midnight in midnights:
        is_recent = (forecasts.t > midnight - DISK_MEMORY) & (forecasts.t <= midnight)
        if is_recent.any():
            times.append(midnight)
            rows.append(_combined(forecasts.where(is_recent)))
    probability = np.array(rows, float).reshape(len(rows), len(EVENTS))
    t = np.array(times, "datetime64[us]")
    return Forecasts(np.zeros(len(times), np.int64), t, probability)


def _combined(recent: Forecasts) -> NDArray[np.float64]:
    newest_first = np.argsort(recent.t, kind="stable")[::-1]
    region_id, probability = recent.region_id[newest_first], recent.probability[newest_first]
    combined = np.full(len(EVENTS), np.nan)
    for column in range(len(EVENTS)):
        given = ~np.isnan(probability[:, column])
        _, newest = np.unique(region_id[given], return_index=True)
        if len(newest):
            combined[column] = 1 - np.prod(1 - probability[given, column][newest])
    return combined
