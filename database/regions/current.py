"""The current state: how fresh the store is, the regions on the disk and their newest forecasts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from database.flares.flares import disk_activity
from database.models import ModelRow, live_model
from database.regions.regions import noaa_numbers
from database.schema.tables import (
    alerts,
    flares,
    models,
    predictions,
    regions,
    xray_flux,
)
from solar.flares import EVENTS
from solar.full_disk import DiskActivity
from solar.time import Window

CURRENT = timedelta(hours=24)
# So far back pages draw the full disk hour by hour.
ACTIVITY_SHOWN = timedelta(days=3)
MOST_REGIONS = 200

_PROBABILITIES = [predictions.c[event.column] for event in EVENTS]


@dataclass(frozen=True)
class RegionRow:
    """A region with its last known place; positions [deg], area [µHem], None when unknown."""

    region_id: int
    noaa_ars: tuple[int, ...]
    series: str
    first_t_rec: datetime
    last_t_rec: datetime
    lon_fwt: float | None
    lat_fwt: float | None
    area_acr: float | None


@dataclass(frozen=True)
class ForecastRow:
    """One forecast; `probabilities` are in the order of EVENTS, None where not given."""

    region_id: int
    t_rec: datetime
    probabilities: tuple[float | None, ...]
    rung: str
    reason: str | None
    imputed_share: float | None


@dataclass(frozen=True)
class DataState:
    """How fresh the store is, its live model and the regions on the disk.

    `latest` holds each region's newest forecast of the live model, by region id; `activity`
    the flares that the full-disk forecasts of the last three days count.
    """

    newest_t_rec: datetime | None
    model: ModelRow | None
    regions: tuple[RegionRow, ...]
    latest: dict[int, ForecastRow]
    activity: DiskActivity | None = None

    @property
    def series(self) -> tuple[str, ...]:
        """The series that the regions' records come from."""
        return tuple(sorted({region.series for region in self.regions}))


def data_version(connection: sa.Connection) -> str:
    """Return a short text that changes when anything in the store is newer."""
    newest = sa.select(
        sa.select(sa.func.max(predictions.c.issued_at)).scalar_subquery(),
        sa.select(sa.func.max(regions.c.last_t_rec)).scalar_subquery(),
        sa.select(sa.func.max(flares.c.updated_at)).scalar_subquery(),
        sa.select(sa.func.max(models.c.staged_at)).scalar_subquery(),
        sa.select(sa.func.max(alerts.c.changed_at)).scalar_subquery(),
        sa.select(sa.func.max(xray_flux.c.minute_at)).scalar_subquery(),
    )
    return "|".join("" if at is None else str(at) for at in connection.execute(newest).one())


def data_state(connection: sa.Connection) -> DataState:
    """Read how fresh the store is, and the regions on the disk with their newest forecasts."""
    newest = connection.scalar(sa.select(sa.func.max(regions.c.last_t_rec)))
    model = live_model(connection)
    on_disk = () if newest is None else tuple(current_regions(connection, newest))
    latest = (
        {}
        if newest is None or model is None
        else latest_forecasts(connection, model.model_id, newest)
    )
    shown = None if newest is None else Window(newest - ACTIVITY_SHOWN, newest)
    activity = None if shown is None else disk_activity(connection, shown)
    return DataState(newest, model, on_disk, latest, activity)


def current_regions(connection: sa.Connection, at: datetime) -> list[RegionRow]:
    """List the regions with a record in the 24 h up to `at`, the newest first."""
    rows = connection.execute(
        sa.select(regions)
        .where(regions.c.last_t_rec > at - CURRENT, regions.c.last_t_rec <= at)
        .order_by(regions.c.last_t_rec.desc(), regions.c.region_id)
        .limit(MOST_REGIONS)
    )
    return [region_row(row) for row in rows]


def region_row(row: sa.Row[tuple[object, ...]]) -> RegionRow:
    """Turn a row of the table into a region."""
    columns = row._mapping  # public despite its underscore
    return RegionRow(
        region_id=columns["region_id"],
        noaa_ars=tuple(noaa_numbers(columns["noaa_ars"])),
        series=columns["series"],
        first_t_rec=columns["first_t_rec"],
        last_t_rec=columns["last_t_rec"],
        lon_fwt=columns["last_lon_fwt"],
        lat_fwt=columns["last_lat_fwt"],
        area_acr=columns["last_area_acr"],
    )


def latest_forecasts(
    connection: sa.Connection, model_id: str, at: datetime, *, skip: int = 0
) -> dict[int, ForecastRow]:
    """Return each region's newest forecast of the 24 h up to `at`, withheld or not.

    With `skip` the one that many before it; a region without it is absent.
    """
    newest = _newest_times(model_id, at, skip)
    at_newest = (
        (predictions.c.region_id == newest.c.region_id)
        & (predictions.c.t_rec == newest.c.t_rec)
        & (predictions.c.model_id == model_id)
    )
    # An outer join, because its order is fixed: SQLite from 3.46 would begin an inner one with
    # every forecast of the model.
    rows = connection.execute(
        sa.select(
            predictions.c.region_id,
            predictions.c.t_rec,
            predictions.c.rung,
            predictions.c.reason,
            predictions.c.imputed_share,
            *_PROBABILITIES,
        )
        .select_from(newest.outerjoin(predictions, at_newest))
        .limit(MOST_REGIONS)
    )
    return {
        row.region_id: ForecastRow(
            row.region_id, row.t_rec, tuple(row[5:]), row.rung, row.reason, row.imputed_share
        )
        for row in rows
        if row.region_id is not None
    }


def _newest_times(model_id: str, at: datetime, skip: int) -> sa.Subquery:
    # One probe of the primary key for each region on the disk: grouping the day's predictions
    # instead makes MariaDB walk through every prediction ever stored.
    probe = (
        sa.select(predictions.c.t_rec)
        .where(
            predictions.c.region_id == regions.c.region_id,
            predictions.c.model_id == model_id,
            predictions.c.t_rec > at - CURRENT,
            predictions.c.t_rec <= at,
        )
        .order_by(predictions.c.t_rec.desc())
        .limit(1)
        .offset(skip)
        .correlate(regions)
        .scalar_subquery()
    )
    return (
        sa.select(regions.c.region_id, probe.label("t_rec"))
        .where(regions.c.last_t_rec > at - CURRENT, regions.c.first_t_rec <= at)
        .limit(MOST_REGIONS)
        .subquery()
    )
