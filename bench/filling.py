"""A store filled to a given number of predictions, as a long replay would leave it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import sqlalchemy as sa

from database.engine import reading, writing
from database.models import live_model
from database.stale_days import mark_stale
from database.tables import flare_coverage, flares, observations, predictions, regions
from database.upsert import upsert
from solar.flares import EVENTS, goes_class, peak_flux
from solar.sharp import LIVE_KEYWORDS

START = datetime(2012, 1, 1, tzinfo=UTC)
FRAMES_PER_REGION = 1_440  # twelve days at 12 minutes: one passage of the disk
REGIONS_AT_A_TIME = 8

_OBSERVATION = ["region_id", "t_rec", "series", "quality", "lon_fwt", "lat_fwt",
                *(k.column for k in LIVE_KEYWORDS),
                "content_hash", "revision", "sender_id", "received_at"]  # fmt: skip
_PREDICTION = ["region_id", "t_rec", "model_id", *(e.column for e in EVENTS),
               *(f"{e.column}_raw" for e in EVENTS), "rung", "reason", "imputed_share",
               "revision", "issued_at"]  # fmt: skip
_FLARE = ["flare_id", "start_at", "peak_at", "end_at", "goes_class", "peak_flux_w_m2",
          "flux_scale", "region_id", "assignment", "source", "revision", "updated_at"]  # fmt: skip


def fill(engine: sa.Engine, *, n_predictions: int) -> None:
    """Write whole disk passages, eight regions at a time, until there are enough predictions."""
    with reading(engine) as connection:
        live = live_model(connection)
    if live is None:
        raise RuntimeError("start the API once before filling, so that a model is live")
    rng = np.random.default_rng(1)
    n_regions = -(-n_predictions // FRAMES_PER_REGION)
    last = START
    for number in range(n_regions):
        first = START + timedelta(days=12 * (number // REGIONS_AT_A_TIME))
        last = _write_passage(engine, 1 + number, first, model_id=live.model_id, rng=rng)
    _write_flares(engine, until=last, n_regions=n_regions, rng=rng)


def _write_passage(
    engine: sa.Engine, region: int, first: datetime, *, model_id: str, rng: np.random.Generator
) -> datetime:
    times = [first + timedelta(minutes=12 * i) for i in range(FRAMES_PER_REGION)]
    level = np.exp(rng.normal(-1, 1) + np.cumsum(rng.normal(0, 0.02, FRAMES_PER_REGION)))
    longitude = np.linspace(-69, 69, FRAMES_PER_REGION)
    with writing(engine) as connection:
        observed = list(_observed(region, times, level, longitude))
        upsert(connection, observations, columns=_OBSERVATION, rows=observed)
        forecast = list(_forecast(region, times, level, model_id))
        upsert(connection, predictions, columns=_PREDICTION, rows=forecast)
        connection.execute(
            regions.insert().values(
                region_id=region, harpnum=region, noaa_ars=str(11000 + region),
                series="hmi.sharp_cea_720s", first_t_rec=times[0], last_t_rec=times[-1],
                last_lon_fwt=69.0, last_lat_fwt=12.0, last_area_acr=300.0,
            )
        )  # fmt: skip
        mark_stale(connection, {at.date() for at in times})
    return times[-1]


def _observed(
    region: int, times: list[datetime], level: np.ndarray, longitude: np.ndarray
) -> Iterator[tuple[object, ...]]:
    middles = np.array([k.low + (k.high - k.low) * 0.002 for k in LIVE_KEYWORDS])
    values = (middles * np.clip(level, 0.1, 50)[:, None]).tolist()
    for i, at in enumerate(times):
        yield (region, at, "hmi.sharp_cea_720s", 0, float(longitude[i]), 12.0, *values[i],
               i, 1, "bench", at)  # fmt: skip


def _forecast(
    region: int, times: list[datetime], level: np.ndarray, model_id: str
) -> Iterator[tuple[object, ...]]:
    c1 = np.clip(0.2 * level, 1e-4, 0.99)
    columns = np.stack([c1, 0.2 * c1, 0.05 * c1, 0.02 * c1], axis=1).tolist()
    for at, row in zip(times, columns, strict=True):
        yield (region, at, model_id, *row, *row, "full", None, 0.0, 1, at)


def _write_flares(
    engine: sa.Engine, *, until: datetime, n_regions: int, rng: np.random.Generator
) -> None:
    days = (until - START).days + 1
    rows = []
    for number in range(days * 6):
        at = START + timedelta(hours=4 * number, minutes=float(rng.uniform(0, 200)))
        band = min(n_regions, 1 + (at - START).days // 12 * REGIONS_AT_A_TIME)
        written = goes_class(1e-6 * float(rng.pareto(1.0) + 1))
        rows.append((at.strftime("%Y%m%dT%H%M%S"), at, at, at, written, peak_flux(written), "true",
                     band, "harp", "bench", 1, at))  # fmt: skip
    with writing(engine) as connection:
        upsert(connection, flares, columns=_FLARE, rows=rows)
        covered = [("bench", START, until + timedelta(days=2))]
        upsert(connection, flare_coverage, columns=["source", "from_at", "to_at"], rows=covered)
