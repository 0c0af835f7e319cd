"""A store of sixty days: five regions, their flares, and forecasts that know them a little."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import sqlalchemy as sa
from stored_rows import store_predictions

from database.engine import transact
from database.flares.flares import FlareRecord, store_flares
from database.harps import add_harp_pairs
from database.models import register
from database.rollup_days import mark_stale
from database.schema.tables import regions
from database.upsert import upsert
from solar.flares import EVENTS, FluxScale, goes_class, peak_flux
from solar.time import Window

MODEL = "logistic@1.0.0"


NOW = datetime(2026, 1, 1, tzinfo=UTC)


FIRST = datetime(2014, 2, 1, tzinfo=UTC)


N_DAYS = 60


COVERED = Window(datetime(2013, 6, 1, tzinfo=UTC), FIRST + timedelta(days=55, hours=7))


THRESHOLDS = {"C1.0": 0.4, "M1.0": 0.05, "M5.0": 0.012, "X1.0": 0.004}


MANIFEST = {
    "name": "logistic",
    "version": "1.0.0",
    "events": [{"name": name, "threshold": value} for name, value in THRESHOLDS.items()],
}


NOAA = {101: 11901, 102: 11902, 103: 11903, 104: 11904, -11905: 11905}


DAY = timedelta(days=1)


@dataclass(frozen=True)
class Synthetic:
    """What went into the store, as frames for the independent computation."""

    predictions: pd.DataFrame
    flares: pd.DataFrame


def synthetic_flares(rng: np.random.Generator) -> list[FlareRecord]:
    minutes = np.sort(rng.choice(290 * 24 * 60, 420, replace=False))
    records = []
    for minute in minutes:
        start = COVERED.start_at + timedelta(minutes=int(minute))
        flux = 1e-6 * (1 - rng.random()) ** -0.9
        noaa = rng.choice([11901, 11902, 11903, 11904, 11905], p=[0.4, 0.3, 0.1, 0.1, 0.1])
        # The strong ones know their region but for a few, as in the real list.
        is_known = rng.random() > (0.04 if flux >= 1e-5 else 0.1)
        records.append(
            FlareRecord(start, start + timedelta(minutes=6), start + timedelta(minutes=15),
                        goes_class(flux), FluxScale.OPERATIONAL,
                        noaa_ar=int(noaa) if is_known else None)
        )  # fmt: skip
    at_midnight = FIRST + 20 * DAY
    edge = FlareRecord(at_midnight - timedelta(minutes=5), at_midnight, None, "X1.2",
                       FluxScale.OPERATIONAL, noaa_ar=11904)  # fmt: skip
    return [*records, edge]


def synthetic_predictions(rng: np.random.Generator) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for region_id in NOAA:
        level = {101: 1.2, 102: 0.6}.get(region_id, -0.8)
        for step in range(N_DAYS * 4):
            at = FIRST + timedelta(hours=6 * step)
            if rng.random() < 0.05:
                continue
            odds = np.exp(level + rng.normal() + np.array([0.0, -2.3, -3.9, -5.0]))
            p = [float(value) for value in odds / (1 + odds)]
            given = [None] * 4 if rng.random() < 0.04 else p
            rows.append((region_id, at, MODEL, *given, *given, "full", None, 0.0, 1, NOW))
    return rows


def prediction(region_id: int, at: datetime, model_id: str, p: float | None) -> tuple[object, ...]:
    return (region_id, at, model_id, *[p] * 8, "full", None, 0.0, 1, NOW)


def fill(engine: sa.Engine) -> Synthetic:
    rng = np.random.default_rng(7)
    records, rows = synthetic_flares(rng), synthetic_predictions(rng)

    def work(connection: sa.Connection) -> None:
        register(connection, MANIFEST, sha256="0" * 64, stage="live", now=NOW)
        add_harp_pairs(connection, [(harp, noaa) for harp, noaa in NOAA.items() if harp > 0])
        remember_regions(connection, list(NOAA))
        store_predictions(connection, rows)
        store_flares(connection, records, source="synthetic", covers=COVERED, now=NOW)
        mark_stale(connection, {row[1].date() for row in rows})

    transact(engine, work)
    predictions = pd.DataFrame(
        [row[:2] + row[3:7] for row in rows], columns=["region", "t", *(e.column for e in EVENTS)]
    ).astype({e.column: float for e in EVENTS})
    by_noaa = {noaa: region for region, noaa in NOAA.items()}
    flares = pd.DataFrame(
        [
            (
                r.peak_at,
                r.end_at or r.peak_at,
                peak_flux(r.goes_class),
                by_noaa.get(r.noaa_ar or 0, 0),
            )
            for r in records
        ],
        columns=["peak", "end", "flux", "region"],
    )
    return Synthetic(predictions, flares)


def remember_regions(connection: sa.Connection, region_ids: list[int]) -> None:
    last = FIRST + N_DAYS * DAY
    upsert(connection, regions, columns=("region_id", "series", "first_t_rec", "last_t_rec"),
           rows=[(region_id, "test", FIRST, last) for region_id in region_ids])  # fmt: skip
