"""In a replay, and as of a time, nothing that comes later is shown or spoken of."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from plotly.utils import PlotlyJSONEncoder
from pyarrow import parquet
from spring_2014 import import_spring, jump, raw_table
from told_times import times

from app.alerts.alerting import judge_alerts
from app.contract.responses import PARQUET
from app_dash.create_app import PAGES, create_app
from app_dash.frame import routing
from app_dash.settings import DashSettings
from database.engine import writing
from database.schema.tables import xray_flux
from database.upsert import upsert
from solar.time import isoformat, parse_time
from solar.windows import WINDOWS

pytestmark = pytest.mark.thorough
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
NOW = parse_time("2014-03-29T15:59:00Z")
BEFORE = parse_time("2014-03-24T15:59:00Z")
# The wall stands there, so that its times, with a year and without, are not those of the Sun.
WALL = parse_time("2026-01-02T00:00:00Z")
FORMS = ("format=json", "format=csv", "format=parquet")
# How long a replay is, and what a model was judged on, are told whatever time it is.
SPOKEN_OF_ANYWAY = {"/api/v1/clock", "/api/v1/models"}
OF_FIGURES = re.compile(r"\b1[34]\d{11}\b")


@pytest.fixture
def replay(
    client_sqlite: FlaskClient, engine_sqlite: sa.Engine, shared_data: Path, clock: Any
) -> FlaskClient:
    clock.now = WALL
    import_spring(client_sqlite, engine_sqlite, shared_data, now=WALL)
    minutes = [(BEFORE + k * MINUTE, 1e-6 + k * 1e-10, "G15") for k in range(-3000, 12_000)]
    forecasts = [
        {
            "valid_from": isoformat(day),
            "issued_at": isoformat(day - 30 * MINUTE),
            "probabilities": {"C1.0": 0.7, "M1.0": 0.3},
        }
        for day in (datetime(2014, 3, 1, tzinfo=UTC) + k * DAY for k in range(40))
    ]
    body = {"model": "agency@1", "forecasts": forecasts}
    assert client_sqlite.post("/api/v1/agency-forecasts", json=body).status_code == 200
    config = client_sqlite.application.extensions["flarewatch"].alert_config
    judge_alerts(engine_sqlite, config, now=WALL)
    with writing(engine_sqlite) as connection:
        upsert(connection, xray_flux, columns=("minute_at", "flux_w_m2", "satellite"), rows=minutes)
    jump(engine_sqlite, client_sqlite.application, NOW, wall=WALL)
    return client_sqlite


def of_figures(text: str) -> Iterator[datetime]:
    """Yield the times of figures, in which they are milliseconds."""
    for number in OF_FIGURES.findall(text):
        yield datetime.fromtimestamp(int(number) / 1000, UTC)


def later(found: Iterable[datetime], at: datetime, allowed: set[datetime]) -> set[datetime]:
    return {t for t in found if at < t < WALL - 300 * DAY} - allowed


def text_of(answer: Any) -> str:
    """Return what an answer says; of Parquet its columns, their types and its metadata."""
    if answer.content_type != PARQUET:
        return str(answer.get_data(as_text=True))
    table = parquet.read_table(io.BytesIO(answer.get_data()))
    return f"{table.schema} {table.to_pandas().to_csv()}"


def newest_of(at: datetime) -> datetime:
    """Return the time of the newest record: the hour before both times, in TAI."""
    return at.replace(hour=14, second=25)


def ends_of_ranges(at: datetime) -> set[datetime]:
    """The midnights that end the day and the month of a time: ranges exclude their end."""
    midnight = at.replace(hour=0, minute=0)
    return {midnight + DAY, parse_time("2014-04-01T00:00:00Z")}


def windows_of_forecasts(newest: datetime) -> set[datetime]:
    """What the newest forecasts are for, and the middle of it, where figures write a word."""
    nominal = newest + timedelta(seconds=35)
    windows = [window.after(at) for window in WINDOWS for at in (newest, nominal)]
    ends = {end for window in windows for end in (window.start_at, window.end_at)}
    # The matrix of windows names the days of some.
    days = {end.replace(hour=0, minute=0, second=0) for end in ends}
    return {newest + DAY / 2, nominal + DAY / 2} | ends | days


def addresses(client: FlaskClient, search: str) -> Iterator[str]:
    (alert,) = client.get(f"/api/v1/alerts?limit=1&{search}").get_json()["items"]
    for path, methods in client.get("/openapi.json").get_json()["paths"].items():
        names = {parameter["name"] for parameter in methods.get("get", {}).get("parameters", ())}
        is_asked = not search or "at" in names
        if "get" not in methods or path in SPOKEN_OF_ANYWAY or "/lab/" in path or not is_asked:
            continue
        given = [search] + ["event=M1.0"] * ("event" in names)
        given += ["region=3894"] * path.endswith(("explanations", "leads"))
        given += ["limit=10000"] * ("limit" in names)
        for form in FORMS if "format" in names else ("",):
            asked = filter(None, [*given, form])
            yield f"{path.replace('{alert_id}', alert['id'])}?{'&'.join(asked)}"


def test_no_answer_page_or_export_has_a_later_time(
    replay: FlaskClient, engine_sqlite: sa.Engine
) -> None:
    for at, search in ((NOW, ""), (BEFORE, f"at={isoformat(BEFORE)}")):
        check_answers(replay, at, search)
        check_pages(engine_sqlite, at, search)
        check_exports(engine_sqlite, at, search)


def check_answers(replay: FlaskClient, at: datetime, search: str) -> None:
    asked = 0
    for address in addresses(replay, search):
        text = text_of(replay.get(address))
        asked += len(text) > 1_000
        allowed = ends_of_ranges(at)
        if address.startswith("/api/v1/predictions"):
            # Of each hour of a day, the end of what its forecasts are for.
            allowed |= {newest_of(at) + DAY - k * 60 * MINUTE for k in range(24)}
        if address.startswith("/api/v1/leads"):
            windows = [window.after(newest_of(at)) for window in WINDOWS]
            allowed |= {end for window in windows for end in (window.start_at, window.end_at)}
        assert later(times(text, year=NOW.year), at, allowed) == set(), address
    assert asked >= 8


def check_pages(engine: sa.Engine, at: datetime, search: str) -> None:
    following = newest_of(at) + 60 * MINUTE
    # As of a time, the slider of a region goes on to the present, and a link to the next record.
    ahead = {NOW.replace(hour=15, minute=0), following, following + timedelta(seconds=35)}
    allowed = (
        ends_of_ranges(at) | windows_of_forecasts(newest_of(at)) | (ahead if search else set())
    )
    settings = DashSettings(_env_file=None)
    for path in ("/", "/regions", "/regions/3894", "/skill", "/explore", "/pipeline", "/alerts"):
        address = f"?{search}&range=24h" if path == "/pipeline" else f"?{search}"
        context = routing.read_context(engine, settings=settings, theme="light", search=address)
        frame = routing.draw_frame(context, PAGES, pathname=path, search=address)
        # The bar shows the present of the replay and its end, as the clock of the API does.
        frame["clock"] = {} if search else frame["clock"] | {"ends": None}
        text = json.dumps(frame, cls=PlotlyJSONEncoder)
        assert len(text) > 10_000
        assert later([*times(text, year=NOW.year), *of_figures(text)], at, allowed) == set(), path


def check_exports(engine: sa.Engine, at: datetime, search: str) -> None:
    site = create_app(engine, DashSettings(_env_file=None)).server.test_client()
    for name in ("predictions.csv", "predictions.parquet", "skill.csv", "skill.json"):
        with site.get(f"/export/{name}?range=all&{search}") as exported:
            assert exported.status_code == 200
            found = set(times(text_of(exported), year=NOW.year))
        assert found, name
        assert later(found, at, ends_of_ranges(at)) == set(), name


def test_ten_numbers_are_those_of_the_raw_tables_before_and_after_a_jump(
    replay: FlaskClient, engine_sqlite: sa.Engine
) -> None:
    for at in (NOW, parse_time("2014-04-02T11:30:00Z")):
        jump(engine_sqlite, replay.application, at, wall=WALL)
        assert told(replay) == computed(engine_sqlite, at)


def told(client: FlaskClient) -> dict[str, Any]:
    def items(path: str) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = client.get(f"/api/v1/{path}").get_json()["items"]
        return listed

    now = parse_time(client.get("/api/v1/clock").get_json()["now"])
    flares = items("flares?limit=10000&min_class=M1.0&from=2014-02-15T00:00:00Z")
    alerts = items("alerts?limit=10000&event=M1.0")
    skill = client.get("/api/v1/skill?event=M1.0").get_json()
    return {
        "regions": sum(
            parse_time(r["last_t_rec"]) > now - DAY for r in items("regions?limit=10000")
        ),
        "newest": client.get("/api/v1/clock").get_json()["newest"],
        "records": len(items("observations?limit=10000")),
        "forecasts": len(items("predictions?limit=10000")),
        "flares": len(flares),
        "largest": max(flare["peak_flux_w_m2"] for flare in flares),
        "open": sum(alert["state"] == "open" for alert in alerts),
        "n": skill["n"],
        "events": skill["n_events"],
        "brier": pytest.approx(skill["scores"]["brier"]["value"], abs=1e-9),
    }


def computed(engine: sa.Engine, at: datetime) -> dict[str, Any]:
    raw = {
        name: raw_table(engine, name)
        for name in ("observations", "predictions", "flares", "alerts")
    }
    now = pd.Timestamp(at).tz_localize(None)
    day = pd.Timedelta(days=1)
    seen = raw["observations"][raw["observations"].t_rec <= now]
    models, forecasts = raw_table(engine, "models"), raw["predictions"]
    live = models[models.stage == "live"].model_id.item()
    forecasts = forecasts[(forecasts.model_id == live) & (forecasts.t_rec <= now)]
    all_strong = raw["flares"][raw["flares"].peak_flux_w_m2 >= 0.999999e-5]
    has_ended = all_strong.end_at.fillna(all_strong.peak_at) <= now
    strong = all_strong[has_ended & (all_strong.peak_at >= pd.Timestamp("2014-02-15"))]
    alerts = raw["alerts"][(raw["alerts"].event == "M1.0") & (raw["alerts"].outcome != "missed")]
    is_open = (alerts.opened_at <= now) & ~(alerts.closed_at <= now)
    under_way = raw["flares"][(raw["flares"].start_at <= now) & (raw["flares"].end_at > now)]
    until = min([now, *under_way.start_at])
    given = forecasts[forecasts.m1.notna() & (forecasts.t_rec + day <= until)]
    unclear, observed = np.zeros((2, len(given)), bool)
    for flare in strong.itertuples():
        within = (given.t_rec <= flare.peak_at) & (flare.peak_at < given.t_rec + day)
        unclear |= within & pd.isna(flare.region_id)
        observed |= within & (given.region_id == flare.region_id)
    cases, o = given[~unclear], observed[~unclear]
    return {
        "regions": int((seen.groupby("region_id").t_rec.max() > now - day).sum()),
        "newest": seen.t_rec.max().isoformat() + "Z",
        "records": len(seen),
        "forecasts": len(forecasts),
        "flares": len(strong),
        "largest": strong.peak_flux_w_m2.max(),
        "open": int(is_open.sum()),
        "n": len(cases),
        "events": int(o.sum()),
        "brier": float(((cases.m1 - o) ** 2).mean()),
    }
