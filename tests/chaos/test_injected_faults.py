"""Each kind of fault, killed in between: what was sent is stored, and each is answered for."""

from __future__ import annotations

import random
import subprocess
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from conftest import empty
from e2e.house import build
from faulty_replay import START, FaultyReplay, assert_accounted_for, every_kind, sun

from app.create_app import create_app
from app.services import prepare
from app.settings import ApiSettings
from data_sender.faulty_source import report
from data_sender.position import Position
from solar.time import isoformat
from solar.toml import write_toml


@dataclass
class EventTime:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now


@pytest.mark.thorough
def test_faults_of_each_kind_lose_nothing_and_are_answered_for_at_any_batch_and_after_kills(
    mariadb_engine: sa.Engine, seed: int, tmp_path: Path
) -> None:
    empty(mariadb_engine)
    rng, clock = random.Random(seed), EventTime()
    address = mariadb_engine.url.render_as_string(hide_password=False)
    settings = ApiSettings(database_url=address)
    prepare(settings)
    app = create_app(settings, clock=clock)
    replay = FaultyReplay(app.test_client(), clock, tmp_path, seed=seed)

    try:
        replay.run(batch=lambda: rng.randint(1, 9), kills=(rng.randint(5, 40), rng.randint(1, 30)))

        assert_accounted_for(app.test_client(), replay)
    finally:
        app.extensions["flarewatch"].engine.dispose()


@pytest.mark.thorough
def test_replicas_that_share_a_source_with_faults_store_its_rows_once_when_one_is_killed(
    tmp_path: Path,
) -> None:
    source, faults = sun(7), every_kind(7)
    items = {item["kind"]: item for item in report(faults, source, sender="").items}
    n_kept = sum(len(chunk.rows) for chunk in source.chunks(Position())) - sum(
        items[kind]["affected"] for kind in ("gap", "corrupt", "quality")
    )
    house, path = build(tmp_path), tmp_path / "faults.toml"
    path.write_text(write_toml({"fault": [_entry(item) for item in items.values()]}))
    shared = ("simulate", "--seed", "7", "--regions", "4", "--start", isoformat(START))
    options = (*shared, "--duration", "1", "--shard", "auto", "--faults", str(path))

    with house.serving("app", ready=f"{house.api}/ready"):
        replicas = [house.start("data_sender", *options, "--speed", "14400") for _ in range(3)]
        time.sleep(3)
        replicas[0].kill()
        codes = [finish_code(replica) for replica in replicas]
        answers = [
            requests.get(f"{house.api}/api/v1/{name}", timeout=30).json()["items"]
            for name in ("senders", "faults", "observations")
        ]

    senders, told, stored = answers
    assert codes[1:] == [0, 0]
    assert len(stored) == n_kept == sum(sender["accepted"] for sender in senders)
    assert all(sender["lost"] == 0 == sender["revised"] for sender in senders)
    assert {item["kind"]: item["affected"] for item in told} == {
        kind: item["affected"] for kind, item in items.items()
    }


def finish_code(replica: subprocess.Popen[bytes]) -> int:
    replica.communicate(timeout=120)
    return replica.returncode


def _entry(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name != "affected" and value is not None}
