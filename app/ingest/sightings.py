"""Sightings: what a batch says of each region as a whole."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.ingest.batch import Batch, Floats
from app.ingest.coded import Integers
from database.regions.regions import RegionUpdate
from solar.sharp import BY_NAME
from solar.time import to_datetime

_AREA = list(BY_NAME).index("AREA_ACR")


def sightings(batch: Batch, region_ids: Sequence[int]) -> list[RegionUpdate]:
    """Sum up the rows of each region; position and area are those of its newest row."""
    ids = np.array(region_ids, np.int64)
    # The sort is stable, so that of rows at the same time the first counts.
    order = np.lexsort((batch.times, ids))
    firsts = np.flatnonzero(np.diff(ids[order], prepend=ids[order[:1]] - 1))
    return [
        _sighting(batch, int(ids[rows[0]]), rows)
        for rows in np.split(order, firsts[1:])
        if len(rows)
    ]


def _sighting(batch: Batch, region_id: int, rows: Integers) -> RegionUpdate:
    """Sum up the rows of one region, which are in the order of time."""
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
