"""A replay gives the same forecasts at any batch size and speed, shared, and after a kill."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
import requests
import sqlalchemy as sa
from conftest import empty
from processes import free_port, serving
from xray_minutes import FLARE, QUIET

from data_sender.position import Position
from data_sender.rows import Rows
from data_sender.sources.simulation.region_statistics import load_statistics
from data_sender.sources.simulation.simulation import Simulation, Sun
from database.predictions.predictions import COLUMNS
from database.schema.nowcast_tables import nowcast_events
from database.schema.tables import observations, predictions, xray_flux
from solar.sharp import KEYWORDS
from solar.time import isoformat, parse_time

pytestmark = pytest.mark.slow

START = np.datetime64("2014-03-01", "us")
DAY, HOUR, MINUTE = (np.timedelta64(1, unit) for unit in ("D", "h", "m"))
# The flare list begins a day before the rows.
DAYS = 3
FORECAST = [name for name in COLUMNS if name != "issued_at"]


class Replays:
    """An API with its store, and files of hourly rows and flares, replayed again and again."""

    def __init__(self, engine: sa.Engine, folder: Path) -> None:
        self.engine, self.folder = engine, folder
        self.url = f"http://127.0.0.1:{free_port()}"
        self.environment = {
            **os.environ,
            "FLARE_DATABASE_URL": engine.url.render_as_string(hide_password=False),
            "FLARE_API_PORT": self.url.rpartition(":")[2],
            "FLARE_API_URL": self.url,
            "FLARE_LEASE_SECONDS": "2",
        }
        self._number = 0
        simulation = Simulation(Sun(3, 14.0, load_statistics()), START, START + DAYS * DAY)
        chunks = list(simulation.chunks(Position()))
        self.n_rows = _write_rows(folder / "rows.parquet", [chunk.rows for chunk in chunks])
        flares = [flare.body for chunk in chunks for flare in chunk.flares]
        _write_flares(folder / "flares.parquet", [*flares, *_long_flares()])

    def begin(self) -> None:
        """Empty the store, and let the next senders know nothing."""
        empty(self.engine)
        self._number += 1

    def start(self, *options: object) -> subprocess.Popen[bytes]:
        files = ["rows.parquet", "--flares", "flares.parquet"]
        return subprocess.Popen(
            [sys.executable, "-m", "data_sender", "replay", *files, *map(str, options)],
            cwd=self.folder,
            env={
                **self.environment,
                "FLARE_DATA_DIR": str(self.folder / str(self._number)),
                "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def replay(self, *options: object) -> list[tuple[Any, ...]]:
        _wait_for(self.start(*options))
        return self.forecasts()

    def set_clock(self, action: str, **given: Any) -> dict[str, Any]:
        clock = f"{self.url}/api/v1/clock"
        answer = requests.put(clock, json={"action": action, **given}, timeout=10)
        assert answer.ok, answer.text
        content: dict[str, Any] = answer.json()
        return content

    def senders(self) -> dict[str, dict[str, Any]]:
        items = requests.get(f"{self.url}/api/v1/senders", timeout=10).json()["items"]
        return {item["sender"]: item for item in items}

    def newest_time(self) -> datetime:
        with self.engine.connect() as connection:
            newest: datetime = connection.scalar(sa.select(sa.func.max(observations.c.t_rec)))
            return newest

    def n_stored(self) -> int:
        with self.engine.connect() as connection:
            query = sa.select(sa.func.count()).select_from(observations)
            return connection.execute(query).scalar_one()

    def forecasts(self) -> list[tuple[Any, ...]]:
        assert self.n_stored() == self.n_rows
        columns = [predictions.c[name] for name in FORECAST]
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(*columns).order_by(*columns[:3]))
            return [tuple(row) for row in rows]


def _wait_until(is_so: Callable[[], bool], *, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _wait_for(sender: subprocess.Popen[bytes]) -> dict[str, Any]:
    output, log = sender.communicate(timeout=120)
    assert sender.returncode == 0, log.decode()
    summary: dict[str, Any] = orjson.loads(output)
    return summary


def _write_rows(path: Path, parts: list[Rows]) -> int:
    rows = Rows.concatenate(parts)
    # Every fifth of the slots of 12 minutes, from the second day on.
    slots = np.unique(rows.t_rec, return_inverse=True)[1]
    rows = rows.take((slots % 5 == 0) & (rows.t_rec >= START + DAY))
    keywords = {keyword.name: rows.keywords[:, place] for place, keyword in enumerate(KEYWORDS)}
    times = pa.array(rows.t_rec, pa.timestamp("us", tz="UTC"))
    numbers = pa.array([numbers[0] for numbers in rows.noaa_ars.rows()])
    columns = {"T_REC": times, "HARPNUM": rows.harpnum, "NOAA_AR": numbers, **keywords}
    pyarrow.parquet.write_table(pa.table(columns), path)
    return len(rows)


def _write_flares(path: Path, bodies: list[dict[str, Any]]) -> None:
    names = ("start", "peak", "end", "goes_class", "noaa_ar", "harpnum", "flux_scale")
    columns: dict[str, list[Any]] = {name: [body.get(name) for body in bodies] for name in names}
    for name in ("start", "peak", "end"):
        times = np.array([at.removesuffix("Z") for at in columns[name]], "datetime64[s]")
        columns[name] = pa.array(times)
    pyarrow.parquet.write_table(pa.table(columns), path)


def _long_flares() -> list[dict[str, Any]]:
    """Return flares during which a list is not complete for longer than it may lag, 6 h."""
    return [
        {
            "start": f"{START + start * HOUR}Z",
            "peak": f"{START + start * HOUR + 20 * MINUTE}Z",
            "end": f"{START + (start + lasts) * HOUR}Z",
            "goes_class": "M1.5",
            "flux_scale": "true",
        }
        for start, lasts in ((40, 9), (54, 14))
    ]


@pytest.fixture
def replays(engine_sqlite: sa.Engine, tmp_path: Path) -> Iterator[Replays]:
    made = Replays(engine_sqlite, tmp_path)
    with serving("app", "serve", ready=f"{made.url}/ready", environment=made.environment):
        yield made


def test_forecasts_depend_on_neither_batches_nor_speed_nor_a_kill_nor_replicas(
    replays: Replays,
) -> None:
    # Two days and one past their end: hours of some 14 rows are 40 ms apart.
    found = {"hour by hour": replays.replay("--speed", 86_400)}
    replays.begin()
    found["batches of 5,000"] = replays.replay("--speed", "max", "--batch", 5_000)
    replays.begin()
    found["batches of 7, killed, then of 500"] = _killed_and_resumed(replays)
    replays.begin()
    for part in ("2/2", "1/2"):
        _wait_for(replays.start("--speed", "max", "--shard", part))
    found["in two parts"] = replays.forecasts()
    replays.begin()
    for replica in [replays.start("--speed", "max", "--shard", "auto") for _ in range(2)]:
        _wait_for(replica)
    found["shared"] = replays.forecasts()

    expected = found["hour by hour"]
    assert {forecast[FORECAST.index("rung")] for forecast in expected} >= {"full", "partial"}
    assert [name for name, forecasts in found.items() if forecasts != expected] == []


def _killed_and_resumed(replays: Replays) -> list[tuple[Any, ...]]:
    sender = replays.start("--speed", "max", "--batch", 7, "--sender", "s1")
    while replays.n_stored() < replays.n_rows // 4:
        assert sender.poll() is None
        time.sleep(0.01)
    sender.kill()
    sender.communicate()
    return replays.replay("--speed", "max", "--batch", 500, "--sender", "s1")


@pytest.mark.thorough
def test_replicas_follow_one_clock_through_pause_jump_and_the_loss_of_one(
    replays: Replays,
) -> None:
    expected = replays.replay("--speed", "max")
    replays.begin()
    names = ("r1", "r2")
    options = ("--speed", 7_200, "--shard", "auto", "--sender")
    lost, left = (replays.start(*options, name) for name in names)
    _wait_until(lambda: replays.n_stored() > 30)

    paused = replays.set_clock("pause")
    time.sleep(1.5)
    n_paused = replays.n_stored()
    time.sleep(1.0)
    assert replays.n_stored() == n_paused < replays.n_rows
    assert replays.newest_time() <= parse_time(paused["now"]) + timedelta(hours=3)

    lost.kill()
    lost.communicate()
    to = parse_time(paused["now"]) + timedelta(hours=10)
    replays.set_clock("jump", to=isoformat(to))
    _wait_until(lambda: replays.newest_time() > to - timedelta(hours=1))
    _wait_until(lambda: replays.senders()["r1"]["state"] == "taken over", seconds=30)

    # The one that is left waits, paused, and is there all the same.
    assert replays.senders()["r1"]["taken_over_by"] == ["r2"]
    assert replays.senders()["r2"]["state"] == "active"
    replays.set_clock("speed", speed=None)
    _wait_for(left)
    assert replays.senders()["r2"]["state"] == "finished"
    assert replays.forecasts() == expected


@pytest.mark.thorough
def test_the_minutes_of_xrays_and_the_flares_in_them_are_those_of_the_file_however_they_are_sent(
    replays: Replays,
) -> None:
    options = ("--xray", "g15.csv", "--speed")
    written = _write_minutes(replays.folder / "g15.csv")
    rows = pyarrow.parquet.read_table(replays.folder / "rows.parquet")["T_REC"].to_pylist()
    begin, end = min(rows) - timedelta(days=1), max(rows) + timedelta(days=1)
    found = {}
    for speed in ("max", "86400"):
        replays.begin()
        _wait_for(replays.start(*options, speed))
        found[speed] = _xrays(replays)
    replays.begin()
    for part in ("2/2", "1/2"):
        _wait_for(replays.start(*options, "max", "--shard", part))
    found["in two parts"] = _xrays(replays)
    replays.begin()
    killed = replays.start(*options, 43_200, "--sender", "s1")
    _kill_after(killed, 2_500, replays)
    _wait_for(replays.start(*options, 43_200, "--sender", "s1"))
    found["killed and resumed"] = _xrays(replays)
    replays.begin()
    shared = (*options, 43_200, "--shard", "auto", "--sender")
    lost, left = (replays.start(*shared, name) for name in ("r1", "r2"))
    _kill_after(lost, 2_500, replays)
    _wait_for(left)
    found["shared, one killed"] = _xrays(replays)

    minutes, events = found["max"]
    assert [at for at, _, _ in minutes] == [at for at in written if begin <= at <= end]
    assert [event[1] for event in events] == ["M2.0"] * (DAYS + 1)
    assert [name for name, xrays in found.items() if xrays != found["max"]] == []


def _write_minutes(path: Path) -> list[datetime]:
    """Write minutes with a flare each day, from a day before the rows; return their times."""
    times = np.arange(START - DAY, START + (DAYS + 2) * DAY, MINUTE)
    flux = np.full(len(times), QUIET)
    for first in range(600, len(times), 1440):
        flux[first : first + len(FLARE)] = FLARE
    table = {"minute_at": pa.array(times), "flux_w_m2": flux}
    pyarrow.csv.write_csv(pa.table(table), path)
    return [at.replace(tzinfo=UTC) for at in times.tolist()]


def _kill_after(sender: subprocess.Popen[bytes], n_minutes: int, replays: Replays) -> None:
    _wait_until(lambda: len(_xrays(replays)[0]) >= n_minutes)
    sender.kill()
    sender.communicate()


def _xrays(replays: Replays) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    flux, event = xray_flux.c, nowcast_events.c
    minutes = sa.select(flux.minute_at, flux.satellite, flux.flux_w_m2).order_by(flux.minute_at)
    events = sa.select(event.event_id, event.goes_class, event.peak_at, event.end_at)
    with replays.engine.connect() as connection:
        stored = connection.execute(minutes).all(), connection.execute(events).all()
    return [tuple(row) for row in stored[0]], sorted(tuple(row) for row in stored[1])
