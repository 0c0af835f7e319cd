"""The regions of a batch: their ids, and a summary of the rows of each."""

from __future__ import annotations

import numpy as np
import sqlalchemy as sa

from app.ingest.batch import Batch
from database.harps import RegionName, resolve_many
from database.regions.regions import RegionUpdate
from solar.columns import Floats, Integers
from solar.time import to_datetime


def resolve_regions(connection: sa.Connection, batch: Batch) -> Integers:
    """Return the region id of each row (n,); the HARP map is asked once for the whole batch."""
    region_ids = batch.harpnum.copy()
    unnamed = np.flatnonzero(region_ids == 0)
    if len(unnamed):
        used, code = np.unique(batch.noaa_ars.codes[unnamed], return_inverse=True)
        names = [RegionName(None, batch.noaa_ars.values[place]) for place in used.tolist()]
        region_ids[unnamed] = np.array(resolve_many(connection, names), np.int64)[code]
    return region_ids


def summarise_regions(batch: Batch, region_ids: Integers) -> list[RegionUpdate]:
    """Summarise the rows of each region; position and area are those of its newest row."""
    # The sort is stable, so that of rows at the same time the first counts.
    order = np.lexsort((batch.t_rec, region_ids))
    firsts = np.flatnonzero(np.diff(region_ids[order], prepend=region_ids[order[:1]] - 1))
    return [
        _summary(batch, int(region_ids[rows[0]]), rows)
        for rows in np.split(order, firsts[1:])
        if len(rows)
    ]


def _summary(batch: Batch, region_id: int, rows: Integers) -> RegionUpdate:
    """Summarise the rows of one region, which are sorted by time."""
    first = int(rows[0])
    last = int(rows[np.searchsorted(batch.t_rec[rows], batch.t_rec[rows[-1]])])
    named = [batch.noaa_ars.values[code] for code in np.unique(batch.noaa_ars.codes[rows]).tolist()]
    return RegionUpdate(
        region_id=region_id,
        noaa_ars=frozenset(number for numbers in named for number in numbers),
        series=batch.series.values[batch.series.codes[last]],
        first_t_rec=to_datetime(batch.t_rec[first]),
        last_t_rec=to_datetime(batch.t_rec[last]),
        last_lon_fwt=_value(batch.lon_fwt, last),
        last_lat_fwt=_value(batch.lat_fwt, last),
        last_area_acr=_value(batch.keyword("AREA_ACR"), last),
    )


def _value(column: Floats, row: int) -> float | None:
    value = float(column[row])
    return None if value != value else value
