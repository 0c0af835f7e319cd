"""The numbers on each page of a replay are those of the raw tables, before and after a jump."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from plotly.utils import PlotlyJSONEncoder
from spring_2014 import import_spring, jump, raw_table

from app.alerts.alerting import judge_alerts
from app_dash.create_app import PAGES
from app_dash.frame import routing
from app_dash.settings import DashSettings
from app_dash.shared.numbers import count, percent, points, probability, quantity
from app_dash.shared.numbers import score_text as score
from database.drift.rollup import refresh_drift
from database.verification.rollup import refresh
from solar.sharp import BY_NAME
from solar.time import parse_time

pytestmark = pytest.mark.thorough
TIMES = ("2014-03-29T15:59:00Z", "2014-04-02T11:30:00Z")
# By then all was imported, so that only the clock tells what is known. A day of its own: the page
# keeps the size of a store for a minute, and the store of another test has the same address.
WALL = parse_time("2026-01-03T00:00:00Z")
HOUR, DAY = pd.Timedelta(hours=1), pd.Timedelta(days=1)
EVENTS = {"c1": "C1.0", "m1": "M1.0", "m5": "M5.0", "x1": "X1.0"}
REGION = 3894
# What a second sender has sent today: what became of its rows, in how many requests.
DESK = {"accepted": 4, "duplicates": 3, "late": 1, "rejected": 2, "requests": 3}
LEAST = 10


@dataclass(frozen=True)
class Raw:
    """The rows of the store up to a time, of the live model alone, and its threshold for M1.0."""

    now: pd.Timestamp
    records: pd.DataFrame
    forecasts: pd.DataFrame
    flares: pd.DataFrame
    under_way: pd.DataFrame
    alerts: pd.DataFrame
    threshold: float
    manifest: dict[str, Any]
    stored: dict[str, pd.DataFrame]

    @property
    def current(self) -> pd.DataFrame:
        """The newest forecast of each region that is not older than three hours."""
        newest = self.records.t_rec.max()
        last = self.forecasts.sort_values("t_rec").groupby("region_id").tail(1)
        return last[last.t_rec >= newest - 3 * HOUR]


def read_raw(engine: sa.Engine, at: datetime) -> Raw:
    now = pd.Timestamp(at).tz_localize(None)
    models, records, flares = (raw_table(engine, n) for n in ("models", "observations", "flares"))
    live = models[models.stage == "live"].iloc[0]
    forecasts, alerts = raw_table(engine, "predictions"), raw_table(engine, "alerts")
    manifest = json.loads(live.manifest)
    events = {one["name"]: one["threshold"] for one in manifest["events"]}
    return Raw(
        now,
        records[records.t_rec <= now],
        forecasts[(forecasts.model_id == live.model_id) & (forecasts.t_rec <= now)],
        flares[flares.end_at.fillna(flares.peak_at) <= now],
        flares[(flares.start_at <= now) & (flares.end_at > now)],
        alerts[alerts.opened_at <= now],
        events["M1.0"],
        manifest,
        {"observations": records, "predictions": forecasts, "flares": flares},
    )


def now_page(raw: Raw) -> Iterator[str]:
    for name in ("c1", "m1", "x1"):
        p = raw.current[name].dropna()
        yield from (probability(float(1 - (1 - p).prod())), probability(float(p.max())))
    for p in raw.current.m1.dropna():
        yield probability(p)


def regions_page(raw: Raw) -> Iterator[str]:
    last = raw.records.groupby("region_id").t_rec.max()
    yield f"{len(last)} most recent first"
    yield f"{len(raw.current)} of {(last > raw.records.t_rec.max() - DAY).sum()} on the disk"
    for row in raw.current.itertuples():
        yield probability(row.m1)
    for at in raw.records.groupby("region_id").t_rec.min():
        yield f"{nominal(at):%-d %b %Y %H:%M}"


def region_page(raw: Raw) -> Iterator[str]:
    own = raw.forecasts[raw.forecasts.region_id == REGION].sort_values("t_rec")
    newest, previous = own.iloc[-1], own.iloc[-2]
    day_before = own[own.t_rec <= newest.t_rec - DAY].iloc[-1]
    for name, event in EVENTS.items():
        yield f"{event}+{percent(newest[name])}"
        yield f"{points(newest[name] - day_before[name])} pp, 24 h"
        yield f"{points(newest[name] - previous[name])} pp, last"
    last = raw.records[raw.records.region_id == REGION].sort_values("t_rec").iloc[-1]
    for name in ("TOTUSJH", "SHRGT45", "ABSNJZH"):
        yield keyword(name, last[name.lower()])


def skill_page(raw: Raw) -> Iterator[str]:
    strong = raw.flares[raw.flares.peak_flux_w_m2 >= 0.999999e-5]
    until = min([raw.now, *raw.under_way.start_at])
    given = raw.forecasts[raw.forecasts.m1.notna() & (raw.forecasts.t_rec + DAY <= until)]
    unclear, observed = np.zeros((2, len(given)), bool)
    for flare in strong.itertuples():
        within = (given.t_rec <= flare.peak_at) & (flare.peak_at < given.t_rec + DAY)
        unclear |= within & pd.isna(flare.region_id)
        observed |= within & (given.region_id == flare.region_id)
    o, yes = observed[~unclear], (given.m1 >= raw.threshold)[~unclear].to_numpy()
    hits, false, missed = (yes & o).sum(), (yes & ~o).sum(), (~yes & o).sum()
    quiet, n = (~yes & ~o).sum(), len(o)
    yield f"n = {count(n)}events = {count(hits + missed)}"
    yield from (f"{count(hits)}hits", f"{count(false)}false alarms", f"{count(missed)}misses")
    yield f"{count(quiet)}correct quiet"
    yield score(hits / (hits + missed) - false / (false + quiet))
    yield score(hits / (hits + false))
    yield score(hits / (hits + missed))
    yield score(false / (hits + false))
    chance = (hits + false) * (hits + missed) / n
    yield score((hits - chance) / (hits + false + missed - chance))
    margins = (hits + missed) * (missed + quiet) + (hits + false) * (false + quiet)
    yield score(2 * (hits * quiet - false * missed) / margins)


def explore_page(raw: Raw) -> Iterator[str]:
    newest = raw.records.t_rec.max()
    shown = raw.records[raw.records.t_rec > newest - 27 * DAY]
    yield f"records {count(len(shown))}"
    for name in ("USFLUX", "TOTUSJH", "MEANSHR", "SHRGT45"):
        values = shown[name.lower()]
        for value in (values.min(), values.max(), values.mean()):
            yield keyword(name, value)


def alerts_page(raw: Raw) -> Iterator[str]:
    recent = raw.alerts[raw.alerts.opened_at > raw.records.t_rec.max() - 27 * DAY]
    recent = recent[recent.outcome != "missed"]
    is_open = ~(recent.closed_at <= raw.now)
    yield f"{len(recent)} on this page, {is_open.sum()} open"
    for event, of_event in recent.groupby("event"):
        yield f"{event}+{len(of_event)}"
    for row in recent.itertuples():
        own = raw.forecasts[raw.forecasts.region_id == row.region_id]
        until = row.closed_at if row.closed_at <= raw.now else raw.now
        within = own[(own.t_rec >= row.opened_at) & (own.t_rec <= until)]
        column = next(name for name, event in EVENTS.items() if event == row.event)
        yield probability(within[column].max())


def pipeline_page(raw: Raw) -> Iterator[str]:
    records, desk = raw.stored["observations"], DESK
    accepted = len(records)
    assert (records.sender_id == "desk").sum() == desk["accepted"]
    # What was received counts, whatever time the replay shows.
    yield f"{count(accepted)}new records"
    yield f"{desk['duplicates']}already known"
    yield f"{desk['late']}of the accepted"
    yield f"{desk['rejected']}broke a rule"
    total = accepted + desk["duplicates"] + desk["rejected"]
    yield (
        f"2 senders sent {count(total)} rows = {count(accepted)} accepted + {desk['duplicates']}"
        f" duplicate + 0 revised + {desk['rejected']} rejected; the store holds {count(accepted)}"
    )
    received = sum(desk[name] for name in ("accepted", "duplicates", "rejected"))
    yield f"{received} rows in {desk['requests']} requests in the last 24 h"
    yield f"lon_fwt{desk['rejected']}"
    for name in ("predictions", "flares"):
        yield f"{name}{count(len(raw.stored[name]))} rows"
    # The records of the desk alone came today, each to every model.
    of_desk = records[records.sender_id == "desk"][["region_id", "t_rec"]]
    yield f"{len(of_desk.merge(raw.stored['predictions']))} forecasts today"
    latency_days = (records.received_at - records.t_rec).min() / DAY
    yield "No forecast was issued within 115 days of its record" * (latency_days > 115)
    yield f"{nominal(raw.forecasts.t_rec.max()):%-d %b %Y %H:%M}"
    yield from drift_numbers(raw)


def drift_numbers(raw: Raw) -> Iterator[str]:
    """Yield PSI and KS of each keyword over the whole days of the last 27."""
    newest = raw.records.t_rec.max()
    midnight = newest.normalize()
    seen = raw.records[~(raw.records.lon_fwt.abs() > 70)]
    first = (newest - 27 * DAY).ceil("D")
    seen = seen[(seen.t_rec >= first) & (seen.t_rec < midnight)]
    hours = seen.t_rec.dt.floor("h").drop_duplicates().dt.normalize().value_counts()
    whole = hours[hours >= 0.75 * hours.median()].index
    seen = seen[seen.t_rec.dt.normalize().isin(whole)]
    reference = raw.manifest["reference"]
    for name, part in reference["features"].items():
        if name not in BY_NAME or not part["edges"]:
            continue
        bins = pd.cut(seen[name.lower()], [-np.inf, *part["edges"], np.inf])
        shares = bins.value_counts(sort=False, normalize=True).to_numpy()
        trained = np.array(part["shares"])
        o = np.maximum(shares, 0.5 / bins.notna().sum())
        e = np.maximum(trained, 0.5 / reference["n"])
        psi = np.where((shares == 0) & (trained == 0), 0, (o - e) * np.log(o / e)).sum()
        ks = np.abs((shares - trained).cumsum()).max()
        yield f"{name}{BY_NAME[name].description}{score(psi)}{score(ks)}"


EXPECTED: dict[str, Callable[[Raw], Iterator[str]]] = {
    "/": now_page,
    "/regions": regions_page,
    f"/regions/{REGION}": region_page,
    "/skill?range=all": skill_page,
    "/explore": explore_page,
    "/alerts": alerts_page,
    "/pipeline?range=24h": pipeline_page,
}


def nominal(at: pd.Timestamp) -> pd.Timestamp:
    """Return the slot of a record: its time in TAI, 35 s ahead of UTC in 2014."""
    return at + pd.Timedelta(seconds=35)


def keyword(name: str, value: float) -> str:
    return quantity(float(value) / BY_NAME[name].display_scale)


def words(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from words(node.get("props", {}).get("children"))
    elif isinstance(node, list):
        for one in node:
            yield from words(one)
    elif isinstance(node, str | int | float):
        yield str(node)


@pytest.fixture
def replay(
    client_sqlite: FlaskClient,
    engine_sqlite: sa.Engine,
    shared_data: Path,
    clock: Any,
    row: Callable[..., dict[str, Any]],
) -> FlaskClient:
    clock.now = WALL
    import_spring(client_sqlite, engine_sqlite, shared_data, now=WALL)
    clock.now = datetime.now(UTC)
    send_from_desk(client_sqlite, row)
    clock.now = WALL
    refresh(engine_sqlite)
    refresh_drift(engine_sqlite)
    config = client_sqlite.application.extensions["flarewatch"].alert_config
    judge_alerts(engine_sqlite, config, now=WALL)
    return client_sqlite


def send_from_desk(client: FlaskClient, row: Callable[..., dict[str, Any]]) -> None:
    hours = [row(t_rec=f"2014-03-20T0{hour}:00:00Z", harpnum=9001) for hour in range(1, 5)]
    wrong = [row(t_rec=f"2014-03-20T0{hour}:00:00Z", lon_fwt=500.0) for hour in (6, 7)]
    for rows in (hours[1:], [hours[0], *wrong], hours[1:]):
        body = {"sender": {"id": "desk"}, "observations": rows}
        assert client.post("/api/v1/observations", json=body).status_code == 200


def test_ten_numbers_on_each_page_are_those_of_the_raw_tables_before_and_after_a_jump(
    replay: FlaskClient, engine_sqlite: sa.Engine
) -> None:
    for at in map(parse_time, TIMES):
        jump(engine_sqlite, replay.application, at, wall=WALL)
        raw = read_raw(engine_sqlite, at)
        for address, numbers in EXPECTED.items():
            text = page_text(engine_sqlite, address)
            expected = Counter(numbers(raw))
            missing = {one: n for one, n in expected.items() if text.count(one) < n}
            assert missing == {}, (at, address)
            assert expected.total() >= LEAST, address


def page_text(engine: sa.Engine, address: str) -> str:
    path, _, search = address.partition("?")
    settings = DashSettings(_env_file=None)
    context = routing.read_context(engine, settings=settings, theme="light")
    frame = routing.draw_frame(context, PAGES, pathname=path, search=f"?{search}")
    return "".join(words(json.loads(json.dumps(frame["page"], cls=PlotlyJSONEncoder))))
