"""Positions: where each region was last seen, as told by the record that holds."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from database.tables import observations, regions


def correct_positions(connection: sa.Connection, region_ids: Sequence[int]) -> None:
    """Read the position, area and series of some regions from their newest record again."""
    source, target = observations.c, regions.c
    for region_id in region_ids:
        newest = (
            sa.select(source.series, source.lon_fwt, source.lat_fwt, source.area_acr)
            .where(source.region_id == region_id)
            .order_by(source.t_rec.desc())
            .limit(1)
        )
        row = connection.execute(newest).first()
        if row is None:
            continue
        values = dict(
            zip(("series", "last_lon_fwt", "last_lat_fwt", "last_area_acr"), row, strict=True)
        )
        connection.execute(sa.update(regions).where(target.region_id == region_id).values(values))
