"""Every process waits for what it needs, and ends when it is told to, with nothing half done."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mariadb_server
import pytest
import sqlalchemy as sa
from processes import free_port, serving
from slow_peers import slow_peers

from database.engine import create_engine
from database.migrations import upgrade
from database.schema.tables import observations, predictions, regions
from database.settings import DatabaseSettings
from solar.sharp import KEYWORDS

STOP_SECONDS = 10.0
ROOT = Path(__file__).parents[2]
NOWHERE = "mysql+mysqlconnector://a:b@127.0.0.1:1/flarewatch"
ROWS = 500


def environment(folder: Path, **settings: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FLARE_")}
    port, page = free_port(), free_port()
    own = {
        "DATABASE_URL": NOWHERE,
        "API_PORT": port,
        "API_URL": f"http://127.0.0.1:{port}",
        "DASH_PORT": page,
        "DATA_DIR": str(folder),
        "WEBHOOK_URL": "http://127.0.0.1:1/",
        "WEBHOOK_SECRET": "a secret of the test",
        "KAFKA_BOOTSTRAP": "127.0.0.1:1",
    } | settings
    return kept | {f"FLARE_{name}": value for name, value in own.items()}


@contextmanager
def running(*command: str, env: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT, env=env, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for(log: Path, text: str) -> None:
    deadline = time.monotonic() + 60
    while text not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


def stopped(process: subprocess.Popen[bytes]) -> tuple[int, bool]:
    """Return the exit status after SIGTERM, and whether it came in time."""
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    return process.wait(30), time.monotonic() - began < STOP_SECONDS


# What each says while nothing answers it, and its status when it is stopped meanwhile: a command
# has not done its work, a service has.
WAITING = {
    "app serve": ("the store does not answer yet", 0),
    "app consume": ("the store does not answer yet", 0),
    "data_sender simulate --history 1": ("does not answer", 0),
    "database upgrade": ("the store does not answer yet", 143),
    "database backup x.zip": ("the store does not answer yet", 143),
}


@pytest.mark.parametrize("command", WAITING)
def test_whoever_waits_says_so_and_ends_at_once_when_told_to(command: str, tmp_path: Path) -> None:
    said, status = WAITING[command]
    log = tmp_path / "log"

    with running("-m", *command.split(), env=environment(tmp_path), log=log) as process:
        wait_for(log, said)
        ended = stopped(process)

    assert ended == (status, True), log.read_text()
    assert "Traceback" not in log.read_text()


def test_the_dashboard_is_up_while_its_store_is_away(tmp_path: Path) -> None:
    env, log = environment(tmp_path), tmp_path / "log"
    page = f"http://127.0.0.1:{env['FLARE_DASH_PORT']}"

    with running("-m", "app_dash", "serve", env=env, log=log) as process:
        alive = ask(f"{page}/health")
        with (
            slow_peers(int(env["FLARE_DASH_PORT"]), heads=12, bodies=12, idle=450),
            pytest.raises(urllib.error.HTTPError) as refused,
        ):
            urllib.request.urlopen(f"{page}/ready", timeout=30)
        refused.value.close()
        ended = stopped(process)

    assert alive == {"status": "alive"}
    assert refused.value.code == 503
    assert ended == (0, True), log.read_text()


def test_the_demonstration_ends_in_the_middle_of_its_start(tmp_path: Path) -> None:
    log = tmp_path / "log"

    with running("demo.py", env=environment(tmp_path), log=log) as process:
        wait_for(log, "the store does not answer yet")
        ended = stopped(process)

    assert ended == (0, True), log.read_text()


@pytest.mark.slow
def test_the_api_comes_up_when_its_store_does(tmp_path: Path) -> None:
    folder, port = tmp_path / "store", int(free_port())
    folder.mkdir()
    mariadb_server.install(folder)
    with mariadb_server.running(folder, port=port) as address:
        url = make_store(address)
    env, log = environment(tmp_path, DATABASE_URL=url), tmp_path / "log"

    with running("-m", "app", "serve", env=env, log=log) as process:
        wait_for(log, "the store does not answer yet")
        with mariadb_server.running(folder, port=port):
            wait_for(log, "Booting worker")
            assert ask(f"{env['FLARE_API_URL']}/ready")["status"] == "ready"
            ended = stopped(process)

    assert ended == (0, True)


def make_store(address: str) -> str:
    server = sa.create_engine(address)
    with server.begin() as connection:
        connection.exec_driver_sql("CREATE DATABASE flarewatch CHARACTER SET utf8mb4")
    server.dispose()
    engine = create_engine(DatabaseSettings(database_url=f"{address}flarewatch"))
    upgrade(engine)
    engine.dispose()
    return f"{address}flarewatch"


def ask(address: str) -> dict[str, str]:
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5) as response:
                answer: dict[str, str] = json.load(response)
                return answer
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def post(base: str, first: int, rows: int) -> dict[str, int] | None:
    """Return the answer, None when the connection ended without one."""
    records = [
        {"harpnum": 7000, "noaa_ars": [], "series": "hmi.sharp_cea_720s", "quality": 0,
         "t_rec": f"2014-03-{1 + place // 96:02}T{place // 4 % 24:02}:{place % 4 * 12:02}:00Z",
         "lon_fwt": 1.0, "lat_fwt": 2.0, "keywords": {k.name: 1.0 for k in KEYWORDS}}
        for place in range(first, first + rows)
    ]  # fmt: skip
    request = urllib.request.Request(
        f"{base}/api/v1/observations",
        json.dumps({"observations": records}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            answer: dict[str, int] = json.load(response)
            return answer
    except urllib.error.HTTPError as error:
        with error:
            raise AssertionError(error.read().decode()) from error
    except OSError:
        return None


def stored(engine: sa.Engine) -> tuple[int, int]:
    """Return the records, and those of them that have a forecast."""
    of_same = (predictions.c.region_id == observations.c.region_id) & (
        predictions.c.t_rec == observations.c.t_rec
    )
    key = (observations.c.region_id, observations.c.t_rec)
    scored = sa.select(*key).join(predictions, of_same).distinct()
    with engine.connect() as connection:
        return (
            connection.scalar(sa.select(sa.func.count()).select_from(observations)) or 0,
            connection.scalar(sa.select(sa.func.count()).select_from(scored.subquery())) or 0,
        )


@pytest.mark.slow
@pytest.mark.parametrize("is_let_go", [True, pytest.param(False, marks=pytest.mark.thorough)])
def test_a_bulk_request_at_the_stop_is_finished_or_leaves_nothing(
    mariadb_engine: sa.Engine, tmp_path: Path, is_let_go: bool
) -> None:
    with mariadb_engine.begin() as connection:
        for table in (observations, predictions, regions):
            connection.execute(table.delete())
    url = mariadb_engine.url.render_as_string(hide_password=False)
    env = environment(tmp_path, DATABASE_URL=url)
    base, answers = env["FLARE_API_URL"], []

    with serving(
        "app", "serve", ready=f"{base}/ready", environment=env, log=tmp_path / "log"
    ) as api:
        post(base, 0, 1)
        bulk = threading.Thread(target=lambda: answers.append(post(base, 1, ROWS)))
        # While another holds its region the request cannot get on.
        with mariadb_engine.begin() as holder:
            holder.execute(sa.select(regions).with_for_update())
            bulk.start()
            time.sleep(2)
            began = time.monotonic()
            api.send_signal(signal.SIGTERM)
            if is_let_go:
                time.sleep(1)
            else:
                api.wait(30)
        status = api.wait(30)
        seconds = time.monotonic() - began
        bulk.join()

    assert status == 0
    assert seconds < STOP_SECONDS
    if is_let_go:
        assert answers[0] is not None
        assert answers[0]["accepted"] == ROWS
        assert stored(mariadb_engine) == (1 + ROWS, 1 + ROWS)
    else:
        assert answers == [None]
        assert stored(mariadb_engine) == (1, 1)
