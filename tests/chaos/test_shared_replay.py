"""Replicas share a source: whatever happens to one of them, every row is stored once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import requests
import sqlalchemy as sa
from conftest import empty
from processes import free_port, serving

from data_sender.position import Position
from data_sender.rows import Rows
from data_sender.sources.simulation.region_statistics import load_statistics
from data_sender.sources.simulation.simulation import Simulation, Sun
from database.schema.tables import flare_coverage, observations, shard_members

pytestmark = pytest.mark.slow

# Two days of a simulated Sun: some 2,900 rows, 12 seconds of them at this speed.
START = np.datetime64("2014-03-01", "us")
STRETCH = np.timedelta64(2, "D")
SUN = ["--seed", "5", "--regions", "12", "--start", "2014-03-01T00:00:00Z", "--duration", "2"]
PACE = ["--speed", "14400"]
SLOW = ["--speed", "3600"]
LEASE_SECONDS = 2.0
# So long that not even a slow machine lets one run out.
SAFE_LEASE_SECONDS = 15.0


class Stage:
    """An API with its store, and replicas of a sender that share one source."""

    def __init__(self, engine: sa.Engine, folder: Path, *, lease_seconds: float) -> None:
        self.engine = engine
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._environment = {
            **os.environ,
            "FLARE_DATABASE_URL": engine.url.render_as_string(hide_password=False),
            "FLARE_API_PORT": port,
            "FLARE_API_URL": self.url,
            "FLARE_DATA_DIR": str(folder),
            "FLARE_LEASE_SECONDS": str(lease_seconds),
        }
        self._replicas: list[subprocess.Popen[bytes]] = []

    def api(self) -> AbstractContextManager[subprocess.Popen[bytes]]:
        return serving("app", "serve", ready=f"{self.url}/ready", environment=self._environment)

    def replica(self, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "data_sender", "simulate", *SUN, "--shard", "auto"]
        replica = subprocess.Popen(
            [*command, "--batch", "100", *options],
            env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self._replicas.append(replica)
        return replica

    def stored(self) -> list[tuple[int, str]]:
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(observations.c.region_id, observations.c.t_rec))
            return sorted((row.region_id, row.t_rec.isoformat()) for row in rows)

    def senders(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = requests.get(f"{self.url}/api/v1/senders", timeout=30).json()[
            "items"
        ]
        return items

    def senders_with_rows(self) -> int:
        return sum(sender["accepted"] > 0 for sender in self.senders())

    def members(self) -> int:
        with self.engine.connect() as connection:
            query = sa.select(sa.func.count()).select_from(shard_members)
            return connection.execute(query).scalar_one()

    def close(self) -> None:
        for replica in self._replicas:
            if replica.poll() is None:
                replica.kill()
            replica.communicate()


@pytest.fixture
def stage(engine_sqlite: sa.Engine, tmp_path: Path) -> Iterator[Stage]:
    made = Stage(engine_sqlite, tmp_path, lease_seconds=LEASE_SECONDS)
    yield made
    made.close()


@pytest.fixture
def mariadb_stage(mariadb_engine: sa.Engine, tmp_path: Path) -> Iterator[Stage]:
    empty(mariadb_engine)
    made = Stage(mariadb_engine, tmp_path, lease_seconds=SAFE_LEASE_SECONDS)
    yield made
    made.close()


def expected() -> list[tuple[int, str]]:
    simulation = Simulation(Sun(5, 12.0, load_statistics()), START, START + STRETCH)
    rows = Rows.concatenate([chunk.rows for chunk in simulation.chunks(Position())])
    times = [f"{at}+00:00" for at in rows.t_rec.astype("datetime64[s]")]
    return sorted(zip(rows.harpnum.tolist(), times, strict=True))


def wait_until(condition: Callable[[], bool], *, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.05)


def summary_of(replica: subprocess.Popen[bytes]) -> dict[str, Any]:
    output, log = replica.communicate(timeout=120)
    assert replica.returncode == 0, log.decode()
    summary: dict[str, Any] = orjson.loads(output)
    assert summary["is_complete"]
    return summary


def assert_added_up(stage: Stage, n: int) -> None:
    senders = stage.senders()
    assert sum(sender["accepted"] for sender in senders) == n
    assert [sender["lost"] for sender in senders] == [0] * len(senders)
    for sender in senders:
        names = ("accepted", "duplicates", "revised", "rejected")
        assert sender["sent"] == sum(sender[name] for name in names)
    assert stage.members() == 0


@pytest.mark.thorough
def test_replicas_send_a_source_once_also_when_one_comes_late_and_all_are_stopped(
    mariadb_stage: Stage,
) -> None:
    stage, rows = mariadb_stage, expected()
    with stage.api():
        replicas = [stage.replica(*SLOW) for _ in range(2)]
        wait_until(lambda: stage.senders_with_rows() == 2)
        replicas.append(stage.replica(*SLOW))
        wait_until(lambda: stage.senders_with_rows() == 3)
        for replica in replicas:
            replica.terminate()
        for replica in replicas:
            replica.communicate(timeout=60)
        assert 0 < len(stage.stored()) < len(rows)
        assert_added_up(stage, len(stage.stored()))
        last = [summary_of(stage.replica()) for _ in range(2)]

        assert stage.stored() == rows
        assert (last[0]["sent"] > 0, last[1]["sent"]) == (True, 0)
        assert sum(sender["duplicates"] for sender in stage.senders()) == 0
        assert_added_up(stage, len(rows))
    with stage.engine.connect() as connection:
        covered = connection.execute(sa.select(flare_coverage)).all()
    assert covered


def test_a_killed_replica_and_a_paused_one_lose_and_double_nothing(stage: Stage) -> None:
    rows = expected()
    with stage.api():
        replicas = [stage.replica(*PACE) for _ in range(3)]
        wait_until(lambda: len(stage.stored()) > len(rows) // 5)
        replicas[0].kill()
        replicas[1].send_signal(signal.SIGSTOP)
        time.sleep(2 * LEASE_SECONDS)
        replicas[1].send_signal(signal.SIGCONT)
        found = [summary_of(replica) for replica in replicas[1:]]

        assert stage.stored() == rows
        # Sent again is only what came after the last word of each, a tenth of a lease apart.
        assert sum(summary["duplicates"] for summary in found) < len(rows) // 2
        assert_added_up(stage, len(rows))


@pytest.mark.thorough
def test_an_api_that_is_killed_finds_every_shard_with_its_holder(stage: Stage) -> None:
    rows = expected()
    with stage.api() as api:
        replicas = [stage.replica(*PACE) for _ in range(2)]
        wait_until(lambda: len(stage.stored()) > len(rows) // 5)
        os.killpg(api.pid, signal.SIGKILL)
    time.sleep(2 * LEASE_SECONDS)
    with stage.api():
        found = [summary_of(replica) for replica in replicas]

        assert stage.stored() == rows
        assert all(summary["accepted"] > 0 for summary in found)
        assert_added_up(stage, len(rows))
