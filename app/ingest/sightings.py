"""Sightings: what a batch says of each region as a whole."""

from __future__ import annotations

from collections.abc import Sequence

from app.ingest.batch import Batch, Floats
from database.regions import Sighting
from solar.sharp import BY_NAME

_AREA = list(BY_NAME).index("AREA_ACR")


def sightings(batch: Batch, region_ids: Sequence[int]) -> list[Sighting]:
    """Sum up the rows of each region; position and area are those of its newest row."""
    rows: dict[int, list[int]] = {}
    for row, region_id in enumerate(region_ids):
        rows.setdefault(region_id, []).append(row)
    return [_sighting(batch, region_id, own) for region_id, own in rows.items()]


def _sighting(batch: Batch, region_id: int, rows: Sequence[int]) -> Sighting:
    first = min(rows, key=batch.t_rec.__getitem__)
    last = max(rows, key=batch.t_rec.__getitem__)
    return Sighting(
        region_id=region_id,
        noaa_ars=frozenset(number for row in rows for number in batch.noaa_ars[row]),
        series=batch.series[last],
        first_t_rec=batch.t_rec[first],
        last_t_rec=batch.t_rec[last],
        last_lon_fwt=_value(batch.lon_fwt, last),
        last_lat_fwt=_value(batch.lat_fwt, last),
        last_area_acr=_value(batch.keywords[:, _AREA], last),
    )


def _value(column: Floats, row: int) -> float | None:
    value = float(column[row])
    return None if value != value else value
