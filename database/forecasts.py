"""Forecasts as arrays: the stored predictions of a stretch of time, for regions or the disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from database.tables import predictions
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
    # As the driver gives it: text or naive datetime, both of which numpy understands.
    t_rec = sa.type_coerce(predictions.c.t_rec, sa.types.NullType())
    columns = (predictions.c[event.column] for event in EVENTS)
    query = sa.select(predictions.c.region_id, t_rec, *columns).where(
        predictions.c.model_id == model_id,
        predictions.c.t_rec >= window.start_at,
        predictions.c.t_rec < window.end_at,
    )
    if region_id is not None:
        query = query.where(predictions.c.region_id == region_id)
    rows = connection.execute(query).all()
    return Forecasts(
        np.array([row[0] for row in rows], np.int64),
        np.array([row[1] for row in rows], "datetime64[us]"),
        np.array([row[2:] for row in rows], float).reshape(len(rows), len(EVENTS)),
    )


def union(parts: Sequence[Forecasts]) -> Forecasts:
    """Return the regions and times of all parts once; probability 0 where any part gave one."""
    region_id = np.concatenate([part.region_id for part in parts])
    t = np.concatenate([part.t for part in parts])
    given = np.concatenate([~np.isnan(part.probability) for part in parts])
    order = np.lexsort((region_id, t))
    region_id, t, given = region_id[order], t[order], given[order]
    is_first = np.ones(len(t), bool)
    is_first[1:] = (region_id[1:] != region_id[:-1]) | (t[1:] != t[:-1])
    starts = np.flatnonzero(is_first)
    any_given = np.logical_or.reduceat(given, starts) if len(starts) else given
    return Forecasts(region_id[starts], t[starts], np.where(any_given, 0.0, np.nan))


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
