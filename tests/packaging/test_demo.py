from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from processes import free_port
from replayed_agencies import NRT, fill_products, replaying, sharp_records, xrays

from demo import clients_of, parse_arguments, settings

ROOT = Path(__file__).parents[2]


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    own = {
        "FLARE_DATABASE_URL": f"sqlite:///{tmp_path}/flarewatch.db",
        "FLARE_DATA_DIR": str(tmp_path),
        "FLARE_API_PORT": free_port(),
        "FLARE_DASH_PORT": free_port(),
    }
    yield {**os.environ, **own}
    for process in processes_of(tmp_path):
        os.kill(process, signal.SIGKILL)


def processes_of(folder: Path) -> list[int]:
    """Find the processes that were started with this data folder."""
    wanted = f"FLARE_DATA_DIR={folder}".encode()
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            if wanted in environ.read_bytes().split(b"\0"):
                found.append(int(environ.parent.name))
        except OSError:
            continue
    return found


def wait_for_a_prediction(environment: dict[str, str]) -> None:
    address = f"http://127.0.0.1:{environment['FLARE_API_PORT']}/api/v1/predictions?limit=1"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if requests.get(address, timeout=5).json()["items"]:
                return
        except requests.RequestException:
            pass
        time.sleep(0.2)
    raise AssertionError("no prediction within 60 s")


def runs_of_the_example(environment: dict[str, str]) -> list[dict[str, Any]]:
    """Return the runs that the Lab shows, and download what the newest has made."""
    lab = f"http://127.0.0.1:{environment['FLARE_API_PORT']}/api/v1/lab"
    runs: list[dict[str, Any]] = requests.get(f"{lab}/runs", timeout=30).json()["items"]
    outputs = f"{lab}/runs/{runs[0]['run_id']}/outputs"
    for output in requests.get(outputs, timeout=30).json()["items"]:
        content = requests.get(f"{outputs}/{output['name']}", timeout=30).content
        assert hashlib.sha256(content).hexdigest() == output["sha256"]
    return runs


@pytest.mark.slow
@pytest.mark.parametrize(
    "ask", [signal.SIGINT, pytest.param(signal.SIGHUP, marks=pytest.mark.thorough)]
)
def test_the_demonstration_predicts_and_leaves_no_process_behind(
    environment: dict[str, str], tmp_path: Path, ask: signal.Signals
) -> None:
    demo = subprocess.Popen(
        [sys.executable, "demo.py"], cwd=ROOT, env=environment, stdout=subprocess.PIPE
    )

    wait_for_a_prediction(environment)
    shown = runs_of_the_example(environment)
    running = processes_of(tmp_path)
    demo.send_signal(ask)
    demo.communicate(timeout=30)

    assert demo.returncode == 0
    assert [run["state"] for run in shown] == ["succeeded"] * 3
    assert {run["owner"]["name"] for run in shown} == {"demo"}
    assert len(running) >= 3
    assert processes_of(tmp_path) == []


@pytest.mark.thorough
def test_a_demonstration_with_a_person_has_a_key_for_its_sender(
    environment: dict[str, str], tmp_path: Path
) -> None:
    database = [sys.executable, "-m", "database"]
    for command in (["upgrade"], ["users", "add", "mei", "--role", "admin", "--invite"]):
        subprocess.run([*database, *command], cwd=ROOT, env=environment, check=True)
    listed, log = [*database, "users", "list"], tmp_path / "data_sender.log"
    for _ in range(2):
        log.unlink(missing_ok=True)
        demo = subprocess.Popen(
            [sys.executable, "demo.py"], cwd=ROOT, env=environment, stdout=subprocess.PIPE
        )
        until(lambda: '"sent":0' not in last_progress(log), seconds=60)
        demo.send_signal(signal.SIGINT)
        demo.communicate(timeout=30)

    shown = subprocess.run(listed, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert shown.stdout.count("demo-sender") == 1


def last_progress(log: Path) -> str:
    text = log.read_text() if log.exists() else ""
    lines = [line for line in text.splitlines() if "progress" in line]
    return lines[-1] if lines else '"sent":0'


def until(condition: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.slow
def test_a_demonstration_that_is_killed_leaves_no_process_behind(
    environment: dict[str, str], tmp_path: Path
) -> None:
    demo = subprocess.Popen(
        [sys.executable, "demo.py"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
    )
    wait_until(lambda: (tmp_path / "data_sender.log").exists())
    running = processes_of(tmp_path)
    demo.kill()
    demo.wait(10)
    wait_until(lambda: not processes_of(tmp_path), seconds=15)

    # The demonstration, the API with its worker, and the dashboard; the sender may follow.
    assert len(running) >= 4


def wait_until(is_so: Callable[[], bool], *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_taken_port_is_named_with_the_way_out(environment: dict[str, str]) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", int(environment["FLARE_DASH_PORT"])))
        holder.listen()

        demo = subprocess.run(
            [sys.executable, "demo.py"], cwd=ROOT, env=environment, capture_output=True, text=True
        )

    assert demo.returncode == 1
    assert f"port {environment['FLARE_DASH_PORT']} cannot be used" in demo.stderr
    assert "FLARE_DASH_PORT=" in demo.stderr


@pytest.mark.parametrize("port", ["abc", "0", "70000", "-1", "80 80"])
def test_what_is_no_port_is_named_in_one_line(environment: dict[str, str], port: str) -> None:
    demo = subprocess.run(
        [sys.executable, "demo.py"], cwd=ROOT, env={**environment, "FLARE_API_PORT": port},
        capture_output=True, text=True,
    )  # fmt: skip

    assert demo.returncode == 1
    assert demo.stderr == (
        f"FLARE_API_PORT={port} is no port; choose one: FLARE_API_PORT=9000 make demo\n"
    )


def test_an_empty_port_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FLARE_API_PORT", "FLARE_API_URL", "FLARE_DASH_PORT"):
        monkeypatch.setenv(name, "")

    chosen = settings(None)

    assert chosen["FLARE_API_PORT"] == "8000"
    assert chosen["FLARE_DASH_PORT"] == "8050"
    assert chosen["FLARE_API_URL"] == "http://127.0.0.1:8000"


def test_a_file_that_is_not_there_is_named(environment: dict[str, str]) -> None:
    demo = subprocess.run(
        [sys.executable, "demo.py", "--data", "no/such.parquet"],
        cwd=ROOT, env=environment, capture_output=True, text=True,
    )  # fmt: skip

    assert demo.returncode == 2
    assert "no/such.parquet does not exist" in demo.stderr


def test_the_xrays_of_a_replay_go_with_its_records(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, minutes = tmp_path / "rows.csv", tmp_path / "g15.csv"
    for path in (rows, minutes):
        path.touch()
    monkeypatch.setattr(sys, "argv", ["demo.py", "--data", str(rows), "--xray", str(minutes)])
    sender = clients_of(parse_arguments())["sender"]
    monkeypatch.setattr(sys, "argv", ["demo.py", "--xray", str(minutes)])
    with pytest.raises(SystemExit):
        parse_arguments()

    assert sender.arguments[-2:] == ("--xray", str(minutes))
    assert "give them with --data" in capsys.readouterr().err


def test_without_a_network_the_real_sun_is_not_shown_but_what_else_is(
    environment: dict[str, str], tmp_path: Path
) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    away = {"FLARE_JSOC_URL": nobody, "FLARE_SWPC_URL": nobody, "NO_PROXY": "127.0.0.1"}

    demo = subprocess.run(
        [sys.executable, "demo.py", "--live"],
        cwd=ROOT, env={**environment, **away}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert demo.returncode == 1
    for name in ("JSOC", "SWPC"):
        assert f"{name} does not answer: 127.0.0.1 cannot be reached: Connection refused" in (
            demo.stdout
        )
    assert "make demo DATA=" in demo.stderr
    assert processes_of(tmp_path) == []


@pytest.mark.thorough
def test_with_the_agencies_the_real_sun_is_shown_in_the_present(
    environment: dict[str, str], tmp_path: Path
) -> None:
    now = datetime.now(UTC).replace(second=0)
    with replaying() as agencies:
        fill_products(agencies)
        for length in ("6-hour", "7-day"):
            agencies.products[f"goes/primary/xrays-{length}.json"] = xrays(until=now)
        agencies.sharps[NRT] = sharp_records(now - timedelta(hours=3), 14)
        urls = {"FLARE_JSOC_URL": agencies.jsoc_url, "FLARE_SWPC_URL": agencies.swpc_url}
        demo = subprocess.Popen(
            [sys.executable, "demo.py", "--live"],
            cwd=ROOT, env={**environment, **urls, "NO_PROXY": "127.0.0.1"},
            stdout=subprocess.PIPE,
        )  # fmt: skip
        wait_for_a_prediction(environment)
        until(lambda: state_of(environment, "X-rays") == "ok", seconds=30)
        records, clock = state_of(environment, "SHARP records"), state_of(environment, "Clock")
        demo.send_signal(signal.SIGINT)
        demo.communicate(timeout=30)

    assert (demo.returncode, clock) == (0, "ok")
    # By the minute of the hour at which this runs, the newest slot is 12 to 24 min old.
    assert records in ("ok", "late")
    assert processes_of(tmp_path) == []


def state_of(environment: dict[str, str], name: str) -> str:
    address = f"http://127.0.0.1:{environment['FLARE_API_PORT']}/status?format=json"
    checks = requests.get(address, timeout=10).json()["checks"]
    state: str = next(check["state"] for check in checks if check["name"].startswith(name))
    return state
