"""The regions of a batch: their ids, and a summary of the rows of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sqlalchemy as sa

from app.ingest.batch import Batch
from database.harps import RegionName, resolve_many
from database.regions.regions import RegionUpdate
from solar.columns import Floats, Integers
from solar.time import to_datetime


def resolve_regions(connection: sa.Connection, batch: Batch) -> list[int]:
    """Return the region id of each row; the HARP map is asked once for the whole batch."""
    named = np.column_stack([batch.harpnum, batch.noaa_ars.codes])
    distinct, of_row = np.unique(named, axis=0, return_inverse=True)
    values = batch.noaa_ars.values
    names = [RegionName(harpnum or None, values[code]) for harpnum, code in distinct.tolist()]
    ids = resolve_many(connection, names)
    return [ids[place] for place in of_row.reshape(-1).tolist()]


def summarise_regions(batch: Batch, region_ids: Sequence[int]) -> list[RegionUpdate]:
    """Summarise the rows of each region; position and area are those of its newest row."""
    ids = np.array(region_ids, np.int64)
    # The sort is stable, so that of rows at the same time the first counts.
    order = np.lexsort((batch.t_rec, ids))
    firsts = np.flatnonzero(np.diff(ids[order], prepend=ids[order[:1]] - 1))
    return [
        _summary(batch, int(ids[rows[0]]), rows)
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
