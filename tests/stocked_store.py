"""A small store of known content: three regions, one model, hourly forecasts, a few flares."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from database.engine import writing
from database.models import register
from database.schema import tables
from database.upsert import upsert
from solar.flares import goes_class
from solar.sharp import KEYWORDS

NOW = datetime(2014, 3, 29, 16, 0, tzinfo=UTC)
MODEL = "gradient-boosting@1.0.0"
MANIFEST = {
    "name": "gradient-boosting",
    "version": "1.0.0",
    "events": [
        {"name": "C1.0", "threshold": 0.3},
        {"name": "M1.0", "threshold": 0.1},
        {"name": "M5.0", "threshold": 0.05},
        {"name": "X1.0", "threshold": None},
    ],
}
SERIES = "hmi.sharp_cea_720s"
# Region, NOAA number, longitude, hours since its last record, probability of M1.0+.
REGIONS = (
    (3894, 12017, 33.0, 0, 0.35),
    (3907, 12024, -24.0, 0, 0.06),
    (3856, 12010, 82.0, 0, None),
    (3874, 12013, 80.0, 11, 0.02),
)
HOURS = 80


def stock(engine: sa.Engine, *, series: str = SERIES, now: datetime = NOW) -> None:
    """Fill an empty store."""
    with writing(engine) as connection:
        register(connection, MANIFEST, sha256="0" * 64, stage="live", now=now)
        for region_id, noaa_ar, longitude, silent, main in REGIONS:
            times = [now - timedelta(hours=silent + back) for back in range(HOURS)][::-1]
            _stock_region(connection, (region_id, noaa_ar, longitude, series), times)
            _stock_forecasts(connection, region_id, times, main)
        _stock_flares(connection, now)


def _stock_region(
    connection: sa.Connection, known: tuple[int, int, float, str], times: list[datetime]
) -> None:
    region_id, noaa_ar, longitude, series = known
    region = (
        region_id,
        region_id,
        str(noaa_ar),
        series,
        times[0],
        times[-1],
        longitude,
        10.0,
        500.0,
    )
    names = [column.name for column in tables.regions.columns]
    upsert(connection, tables.regions, columns=names, rows=[region])
    mapped = ("harpnum", "noaa_ar")
    upsert(connection, tables.harp_noaa, columns=mapped, rows=[(region_id, noaa_ar)])
    values = [1.5 if keyword.name != "R_VALUE" else None for keyword in KEYWORDS]
    rows = [
        (region_id, t_rec, series, None, 0, longitude, 10.0, *values, 1, 0, "s1", t_rec)
        for t_rec in times
    ]
    names = [column.name for column in tables.observations.columns]
    upsert(connection, tables.observations, columns=names, rows=rows)


def _stock_forecasts(
    connection: sa.Connection, region_id: int, times: list[datetime], main: float | None
) -> None:
    given = (None,) * 4 if main is None else (2 * main, main, main / 2, main / 10)
    reason = "beyond 70° of longitude" if main is None else None
    rung = "none" if main is None else "full"
    rows = [
        (region_id, t_rec, MODEL, *given, *given, rung, reason, 0.0, 0, t_rec) for t_rec in times
    ]
    names = [column.name for column in tables.predictions.columns]
    upsert(connection, tables.predictions, columns=names, rows=rows)


def _stock_flares(connection: sa.Connection, now: datetime) -> None:
    listed = (
        ("a", now - timedelta(hours=20), 2e-5, 12017, 3894),
        ("b", now - timedelta(hours=3), 3e-6, 12017, 3894),
        ("c", now - timedelta(hours=5), 1.2e-6, 12023, None),
        ("d", now - timedelta(hours=100), 5e-6, 12024, 3907),
    )
    rows = [
        (key, at, at, at, goes_class(flux), flux, "operational_pre16", noaa_ar, None, region_id,
         "listed", "G15", "test", None, 0, now)
        for key, at, flux, noaa_ar, region_id in listed
    ]  # fmt: skip
    names = [column.name for column in tables.flares.columns]
    upsert(connection, tables.flares, columns=names, rows=rows)
    covered = ("test", now - timedelta(days=30), now)
    upsert(
        connection, tables.flare_coverage, columns=("source", "from_at", "to_at"), rows=[covered]
    )
