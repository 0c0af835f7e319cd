"""All clear at each hour of two months of real records is what pandas finds in the raw files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from app_dash.frame.all_clear import Verdict, assess
from app_dash.frame.page import PageContext
from app_dash.settings import DashSettings
from app_dash.shared.theme import LIGHT
from database.clock.clock import usual_step as stored_step
from database.engine import reading, writing
from database.models import register
from database.nowcast.detection import store_minutes
from database.regions.current import data_state
from database.schema import tables
from database.upsert import upsert
from solar.flare_detection import XrayMinute
from solar.sharp import KEYWORDS

pytestmark = [pytest.mark.thorough, pytest.mark.slow]

FIRST, LAST = pd.Timestamp("2014-02-15"), pd.Timestamp("2014-04-14 23:00")
HOUR, DAY = pd.Timedelta(hours=1), pd.Timedelta(days=1)
THRESHOLD, LIMIT = 0.08, 0.12
MODEL = "m@1"
SETTINGS = DashSettings(all_clear_limit=LIMIT)
NAMES = ("age", "disk", "threshold", "limb", "behind", "forecasts", "unlisted", "flare", "xrays")


@dataclass(frozen=True)
class Raw:
    """The records with a probability and place of each, the flares, and minutes of X-rays."""

    records: pd.DataFrame
    flares: pd.DataFrame
    minutes: pd.DataFrame
    lasting: list[tuple[pd.Timestamp, pd.Timestamp, bool]]


def records_of(shared_data: Path, *, with_places: bool) -> pd.DataFrame:
    """Read the records; the probability rises with TOTUSJH, and the smallest have none."""
    rows = pd.read_parquet(shared_data / "sharp/hourly_2014.parquet")
    rows = rows[["noaa_ar", "t_rec", "TOTUSJH", "NACR"]].sort_values(["t_rec", "noaa_ar"])
    p = 1 / (1 + np.exp(9.5 - 2.0 * np.log10(rows.TOTUSJH)))
    rows["p"] = p.where(rows.NACR > 25)
    rows["lat"] = rows["lon"] = np.nan
    return placed(rows, shared_data) if with_places else rows


def placed(rows: pd.DataFrame, shared_data: Path) -> pd.DataFrame:
    """Add the places of the region summaries of each day."""
    srs = pd.read_parquet(shared_data / "training/srs_daily_1996_2026.parquet")
    parts = srs.location.str.extract(r"([NS])(\d+)([EW])(\d+)")
    srs = pd.DataFrame(
        {
            "noaa_ar": srs.noaa_ar,
            "day": srs.date,
            "lat_of": parts[1].astype(float) * parts[0].map({"N": 1, "S": -1}),
            "lon_of": parts[3].astype(float) * parts[2].map({"W": 1, "E": -1}),
        }
    ).drop_duplicates(["noaa_ar", "day"])
    found = rows.assign(day=rows.t_rec.dt.floor("D")).merge(srs, on=["noaa_ar", "day"], how="left")
    turned = found.lon_of + 13.2 * ((found.t_rec - found.day) / DAY)
    return rows.assign(lat=found.lat_of.to_numpy(), lon=turned.to_numpy())


def drawn_minutes() -> tuple[pd.DataFrame, list[tuple[pd.Timestamp, pd.Timestamp, bool]]]:
    """Draw quiet minutes with gaps, and a flare on the hour each day, of M2.0 or of C5.0 in turn.

    Four minutes after its start a flare is known, and it lasts until the flux is half way back.
    """
    at = pd.date_range(FIRST - DAY, LAST + HOUR, freq="min")
    flux = pd.Series(5e-7, index=at)
    lasting = []
    for number, day in enumerate(pd.date_range(FIRST, LAST, freq="D")):
        start, peak = day + pd.Timedelta(hours=10, minutes=45), 2e-5 if number % 2 else 5e-6
        rise = np.geomspace(5e-7, peak, 11)
        fall = np.geomspace(peak, 5e-7, 121)[1:]
        course = np.concatenate([rise, fall])
        flux[start : start + pd.Timedelta(minutes=len(course) - 1)] = course
        half = 11 + int(np.argmax(fall <= 5e-7 + (peak - 5e-7) / 2))
        lasting.append(
            (start + pd.Timedelta(minutes=3), start + pd.Timedelta(minutes=half), peak > 1e-5)
        )
    minutes = flux.rename("flux").rename_axis("at").reset_index()
    clock = minutes["at"].dt.strftime("%H:%M")
    # At 5 the newest is ten minutes old, at 6 eleven, and at 20 hours.
    gaps = clock.between("04:51", "05:00") | clock.between("05:50", "06:00")
    return minutes[~(gaps | clock.between("17:30", "20:30"))], lasting


def read_raw(shared_data: Path, *, with_places: bool, with_xrays: bool) -> Raw:
    flares = pd.read_parquet(shared_data / "flares/goes_flares.parquet")
    near = flares.peak_time.between(FIRST - 2 * DAY, LAST + 2 * DAY) & (
        flares.peak_flux_wm2 >= 1e-6
    )
    minutes, lasting = drawn_minutes()
    return Raw(
        records_of(shared_data, with_places=with_places),
        flares[near],
        minutes if with_xrays else minutes[:0],
        lasting if with_xrays else [],
    )


def expected(raw: Raw, now: pd.Timestamp) -> list[bool]:
    """Decide each condition at an hour from the raw rows alone."""
    # They are in the order of their times.
    past = raw.records[: raw.records.t_rec.searchsorted(now, side="right")]
    newest = past.t_rec.iloc[-1]
    recent = past[past.t_rec > newest - DAY]
    last = recent.groupby("noaa_ar").tail(1).set_index("noaa_ar")
    return [
        now - newest <= 2 * usual_step(recent.t_rec),
        *of_regions(last, newest),
        not unlisted(raw.flares, last, newest=newest, now=now),
        *of_xrays(raw, now),
    ]


def usual_step(times: pd.Series) -> pd.Timedelta:
    steps = sorted(times.drop_duplicates().sort_values().diff().dropna())
    return max(steps[len(steps) // 2], pd.Timedelta(minutes=12)) if steps else HOUR / 5


def of_regions(last: pd.DataFrame, newest: pd.Timestamp) -> list[bool]:
    p = last.p.where(newest - last.t_rec <= 3 * HOUR)
    # Howard, Harvey & Forgach 1990: sidereal, in microradians a second; minus the Earth's motion.
    square = np.sin(np.radians(last.lat.fillna(0.0))) ** 2
    sidereal = np.degrees((2.894 - 0.428 * square - 0.370 * square**2) * 86_400e-6)
    rate = sidereal - 360 / 365.25636
    lon = last.lon + rate * ((newest - last.t_rec) / DAY)
    lon = (lon + 180) % 360 - 180
    is_far, is_behind = lon.abs() > 70, lon.abs() > 90
    disk = 1 - (1 - p.dropna()).prod() if p.notna().any() else np.inf
    return [
        bool(disk < LIMIT),
        not (p >= THRESHOLD).any(),
        not (is_far & ~is_behind).any(),
        not (is_behind & ~(lon > 90 + rate)).any(),
        not (p.isna() & ~is_far).any(),
    ]


def unlisted(
    flares: pd.DataFrame, last: pd.DataFrame, *, newest: pd.Timestamp, now: pd.Timestamp
) -> bool:
    end = now if now <= newest + DAY else newest
    peaked = flares[(flares.peak_time >= newest - DAY) & (flares.peak_time < end)]
    return bool(((peaked.noaa_ar != 0) & ~peaked.noaa_ar.isin(last.index)).any())


def of_xrays(raw: Raw, now: pd.Timestamp) -> list[bool]:
    past = raw.minutes[: raw.minutes["at"].searchsorted(now, side="right")]
    if past.empty or now - past["at"].iloc[-1] > pd.Timedelta(minutes=10):
        return [False, False]
    is_strong = any(known <= now < end and strong for known, end, strong in raw.lasting)
    return [not is_strong and past.flux.iloc[-1] < 1e-5, True]


def stock(engine: sa.Engine, raw: Raw) -> None:
    """Store all that is read as of a time; the regions follow hour by hour."""
    names = {table: [c.name for c in table.columns] for table in (tables.predictions, tables.flares,
                                                                  tables.observations)}  # fmt: skip
    values = [1.5] * len(KEYWORDS)
    records, said = [], []
    for row in raw.records.itertuples():
        at, p = utc(row.t_rec), none(row.p)
        records.append((row.noaa_ar, at, "s", None, 0, None, None, *values, 1, 0, "s1", at))
        said.append((row.noaa_ar, at, MODEL, *(p,) * 8, "full", None if p else "x", 0.0, 0, at))
    flares = [
        (f"f{n}", utc(row.peak_time), utc(row.peak_time), None, row.goes_class, row.peak_flux_wm2,
         "operational_pre16", row.noaa_ar or None, None, None, "none", "G15", "t", None, 0,
         utc(row.peak_time))
        for n, row in enumerate(raw.flares.itertuples())
    ]  # fmt: skip
    manifest = {"name": "m", "version": "1", "events": [{"name": "M1.0", "threshold": THRESHOLD}]}
    minutes = [XrayMinute(utc(at), flux, "G15") for at, flux in zip(*minutes_of(raw), strict=True)]
    with writing(engine) as connection:
        register(connection, manifest, sha256="0" * 64, stage="live", now=utc(FIRST))
        for table, rows in ((tables.observations, records), (tables.predictions, said),
                            (tables.flares, flares)):  # fmt: skip
            upsert(connection, table, columns=names[table], rows=rows)
        store_minutes(connection, minutes)


def minutes_of(raw: Raw) -> tuple[pd.Series, pd.Series]:
    return raw.minutes["at"], raw.minutes["flux"]


def utc(at: pd.Timestamp) -> datetime:
    return at.to_pydatetime().replace(tzinfo=UTC)


def none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def come(engine: sa.Engine, records: pd.DataFrame) -> None:
    """Store the regions of an hour's records."""
    columns = [column.name for column in tables.regions.columns]
    rows = [
        (row.noaa_ar, row.noaa_ar, str(row.noaa_ar), "s", utc(row.t_rec), utc(row.t_rec),
         none(row.lon), none(row.lat), 100.0)
        for row in records.itertuples()
    ]  # fmt: skip
    with writing(engine) as connection:
        upsert(connection, tables.regions, columns=columns, rows=rows, keep=("first_t_rec",))


def said(engine: sa.Engine, now: pd.Timestamp) -> Verdict:
    with reading(engine) as connection:
        state = data_state(connection)
        step = stored_step(connection, state.newest_t_rec or utc(now))
    return assess(PageContext(engine, SETTINGS, LIGHT, state, utc(now), usual_step=step))


# Where X-rays and places are missing a third of the hours is enough: all clear is said at none.
@pytest.mark.parametrize(("with_xrays", "step"), [(False, 3), (True, 1)])
def test_each_condition_at_each_hour_is_that_of_the_raw_rows(
    engine_sqlite: sa.Engine, shared_data: Path, with_xrays: bool, step: int
) -> None:
    raw = read_raw(shared_data, with_places=with_xrays, with_xrays=with_xrays)
    stock(engine_sqlite, raw)
    of_hour = dict(list(raw.records.groupby("t_rec")))
    met = []
    for place, now in enumerate(pd.date_range(FIRST, LAST, freq="h")):
        if now in of_hour:
            come(engine_sqlite, of_hour[now])
        if place % step:
            continue
        conditions = expected(raw, now)
        verdict = said(engine_sqlite, now)
        found = [condition.is_met for condition in verdict.conditions]
        wanted = dict(zip(NAMES, conditions, strict=True))
        assert dict(zip(NAMES, found, strict=True)) == wanted, now
        assert (verdict.kind == "ok") == all(conditions), now
        met.append(conditions)

    n_hours, often = len(met), np.sum(met, axis=0)
    n_clear = sum(all(conditions) for conditions in met)
    assert n_hours == 1416 // step
    # With X-rays each condition alone is met in some hours and not in others, and so are all.
    assert ((often > 0) & (often < n_hours)).all() == with_xrays
    assert (n_clear > 0) == with_xrays
