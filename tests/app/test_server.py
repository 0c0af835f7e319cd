"""The real server: it starts, serves, refuses what it must, and stops when it is told to."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ports import free_port
from slow_peers import slow_peers

from app.settings import ApiSettings

ROOT = Path(__file__).resolve().parents[2]
Row = Callable[..., dict[str, Any]]


def environment(**settings: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FLARE_")}
    return kept | {f"FLARE_{name}": value for name, value in settings.items()}


def get(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=5) as response:
        answer: dict[str, Any] = json.load(response)
        return answer


@contextmanager
def serving(address: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "serve"],
        cwd=ROOT,
        env=environment(DATABASE_URL=address, API_PORT=str(port)),
        stderr=subprocess.DEVNULL,
    )
    try:
        yield wait_for(f"http://127.0.0.1:{port}", process), process
    finally:
        process.kill()
        process.wait(10)


def wait_for(url: str, process: subprocess.Popen[bytes]) -> str:
    for _ in range(300):
        assert process.poll() is None, "the server stopped while starting"
        try:
            get(f"{url}/health")
        except OSError:
            time.sleep(0.1)
        else:
            return url
    raise AssertionError("the server does not answer after 30 s")


@pytest.mark.slow
def test_the_server_starts_stores_and_stops_within_5_seconds(tmp_path: Path, row: Row) -> None:
    with serving(f"sqlite:///{tmp_path}/flarewatch.db") as (url, process):
        ready = get(f"{url}/ready")
        request = urllib.request.Request(
            f"{url}/api/v1/observations",
            json.dumps({"observations": [row()]}).encode(),
            {"Content-Type": "application/json"},
        )
        port = int(url.rpartition(":")[2])
        with (
            slow_peers(port, heads=12, bodies=12, idle=450),
            urllib.request.urlopen(request, timeout=5) as response,
        ):
            answer = json.load(response)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        status = process.wait(10)
        seconds = time.monotonic() - began

    assert ready["status"] == "ready"
    assert answer["accepted"] == 1
    assert (status, seconds < 5) == (0, True)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["mariadb"], indirect=True)
def test_on_mariadb_several_workers_count_together(engine: Any, row: Row) -> None:
    address = engine.url.render_as_string(hide_password=False)

    with serving(address) as (url, process):
        for _ in range(8):
            get(f"{url}/ready")
        with urllib.request.urlopen(f"{url}/metrics", timeout=5) as response:
            text = response.read().decode()
        process.terminate()
        assert process.wait(10) == 0

    counted = 'flarewatch_request_seconds_count{method="GET",route="/ready",status="200"} 8.0'
    assert counted in text


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["mariadb"], indirect=True)
def test_a_worker_that_ends_takes_nothing_from_the_others(engine: Any, row: Row) -> None:
    address = engine.url.render_as_string(hide_password=False)

    with serving(address) as (url, process):
        first, *_ = workers_of(process)
        os.kill(first, signal.SIGTERM)
        while first in workers_of(process):
            time.sleep(0.1)
        # Of a kind that none has counted yet, on whichever worker they come.
        for _ in range(8):
            get(f"{url}/api/v1/regions")
        with urllib.request.urlopen(f"{url}/metrics", timeout=5) as response:
            text = response.read().decode()

    counted = 'flarewatch_request_seconds_count{method="GET",route="/api/v1/regions",status="200"}'
    assert f"{counted} 8.0" in text


def workers_of(process: subprocess.Popen[bytes]) -> list[int]:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return [int(pid) for pid in children.split()]


def refusal(**settings: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "app", "serve"],
        cwd=ROOT, env=environment(**{"API_PORT": str(free_port()), **settings}),
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_a_setting_that_cannot_be_is_refused_by_its_name() -> None:
    assert "FLARE_API_KEY: " in refusal(API_KEY="short")
    assert "FLARE_API_PORT: " in refusal(API_PORT="eighty")


def test_a_changed_model_stops_the_start_with_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "artifacts"
    shutil.copytree(ApiSettings().artifacts_dir, folder)
    name = json.loads((folder / "live.json").read_text())["live"].replace("@", "-")
    (folder / name / "model.onnx").write_bytes(b"x")

    line = refusal(ARTIFACTS_DIR=str(folder), DATABASE_URL=f"sqlite:///{tmp_path}/f.db")

    assert f"model {name}: model.onnx is not the file its manifest describes" in line


def test_an_open_door_is_refused(tmp_path: Path) -> None:
    line = refusal(API_HOST="0.0.0.0", DATABASE_URL=f"sqlite:///{tmp_path}/f.db")

    assert "set FLARE_API_KEY" in line
