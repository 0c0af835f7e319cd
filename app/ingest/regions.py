"""The regions of a batch: their ids, and a summary of the rows of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sqlalchemy as sa

from app.contract.columns import Floats, Integers
from app.ingest.batch import Batch
from database.harps import RegionName, resolve_many
from database.regions.regions import RegionUpdate
from solar.sharp import BY_NAME
from solar.time import to_datetime

_AREA = list(BY_NAME).index("AREA_ACR")


def resolve_regions(connection: sa.Connection, batch: Batch) -> list[int]:
    """Return the region id of each row; the HARP map is asked once for the whole batch."""
    named = np.column_stack([batch.harpnums, batch.ar_sets.codes])
    distinct, of_row = np.unique(named, axis=0, return_inverse=True)
    values = batch.ar_sets.values
    names = [RegionName(harpnum or None, values[code]) for harpnum, code in distinct.tolist()]
    ids = resolve_many(connection, names)
    return [ids[place] for place in of_row.reshape(-1).tolist()]


def summarise_regions(batch: Batch, region_ids: Sequence[int]) -> list[RegionUpdate]:
    """Summarise the rows of each region; position and area are those of its newest row."""
    ids = np.array(region_ids, np.int64)
    # The sort is stable, so that of rows at the same time the first counts.
    order = np.lexsort((batch.times, ids))
    firsts = np.flatnonzero(np.diff(ids[order], prepend=ids[order[:1]] - 1))
    return [
        _summary(batch, int(ids[rows[0]]), rows)
        for rows in np.split(order, firsts[1:])
        if len(rows)
    ]


def _summary(batch: Batch, region_id: int, rows: Integers) -> RegionUpdate:
    """Summarise the rows of one region, which are sorted by time."""
    first = int(rows[0])
    last = int(rows[np.searchsorted(batch.times[rows], batch.times[rows[-1]])])
    named = [batch.ar_sets.values[code] for code in np.unique(batch.ar_sets.codes[rows]).tolist()]
    return RegionUpdate(
        region_id=region_id,
        noaa_ars=frozenset(number for numbers in named for number in numbers),
        series=batch.series_names.values[batch.series_names.codes[last]],
        first_t_rec=to_datetime(batch.times[first]),
        last_t_rec=to_datetime(batch.times[last]),
        last_lon_fwt=_value(batch.lon_fwt, last),
        last_lat_fwt=_value(batch.lat_fwt, last),
        last_area_acr=_value(batch.keywords[:, _AREA], last),
    )


def _value(column: Floats, row: int) -> float | None:
    value = float(column[row])
    return None if value != value else value
