"""Whatever happens to a sender, the counters tell where each of its rows has gone."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from chaos.senders import STEPS, write_source
from conftest import empty
from e2e.house import House, build
from processes import free_port, serving

from database.delivery.row_outcomes import OUTCOMES
from database.engine import create_engine
from database.schema.tables import observations
from database.settings import DatabaseSettings

SUN = ("--regions", "6", "--start", "2024-05-01T00:00:00Z", "--duration", "0.5")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    built = build(tmp_path)
    with built.serving("app", ready=f"{built.api}/ready"):
        yield built


def start(
    house: House, name: str, *arguments: str, source: Sequence[str] = ("simulate", *SUN)
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "data_sender", *source, *arguments, "--sender", name],
        env=house.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def senders(house: House) -> dict[str, dict[str, Any]]:
    answer = requests.get(f"{house.api}/api/v1/senders", timeout=10)
    return {item["sender"]: item for item in answer.json()["items"]}


def stored(house: House) -> int:
    address = house.environment["FLARE_DATABASE_URL"]
    engine = create_engine(DatabaseSettings(database_url=address))
    with engine.connect() as connection:
        n = connection.scalar(sa.select(sa.func.count()).select_from(observations))
    engine.dispose()
    return int(n or 0)


def wait_for(house: House, name: str, *, sent: int) -> None:
    deadline = time.monotonic() + 60
    while ((senders(house).get(name) or {}).get("sent") or 0) < sent:
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
def test_what_three_senders_have_sent_is_what_the_store_accounts_for(house: House) -> None:
    # Two senders see the same Sun, the third another one with the same region numbers.
    running = [
        start(house, name, "--seed", seed, "--batch", batch)
        for name, seed, batch in (("one", "7", "20"), ("two", "7", "33"), ("three", "8", "50"))
    ]
    assert [process.wait(120) for process in running] == [0, 0, 0]

    found = senders(house)

    assert set(found) == {"one", "two", "three"}
    for row in found.values():
        assert row["sent"] == sum(row[name] for name in OUTCOMES) > 100
        assert row["lost"] == 0
    assert sum(row["accepted"] for row in found.values()) == stored(house)
    assert sum(row["duplicates"] for row in found.values()) > 0


@pytest.mark.slow
def test_a_sender_that_is_killed_again_and_again_loses_nothing(house: House) -> None:
    for sent in (20, 60, 110):
        process = start(house, "one", "--seed", "7", "--batch", "7")
        wait_for(house, "one", sent=sent)
        process.kill()
        process.wait()
    assert start(house, "one", "--seed", "7", "--batch", "50").wait(120) == 0

    row = senders(house)["one"]

    # The simulator goes on from the time of its position: it hands regions of that one time
    # over again, and says so.
    assert row["sent"] == row["accepted"] + row["duplicates"]
    assert row["duplicates"] < 3 * 12
    assert (row["lost"], row["revised"], row["rejected"]) == (0, 0, 0)
    assert row["accepted"] == stored(house)


@pytest.mark.thorough
def test_a_sender_with_two_posts_on_the_way_is_killed_and_its_count_ends_exact(
    mariadb_engine: sa.Engine, tmp_path: Path
) -> None:
    empty(mariadb_engine)
    address = mariadb_engine.url.render_as_string(hide_password=False)
    house = House(tmp_path, f"http://127.0.0.1:{free_port()}", "", address)
    regions, rng = range(7_000, 7_060), random.Random(5)
    write_source(tmp_path / "rows.parquet", regions)
    # What the store has already shows that rows on the way are not taken for repeated ones.
    write_source(tmp_path / "known.parquet", regions[::2])
    n, n_known = len(regions) * STEPS, len(regions[::2]) * STEPS

    def replay(name: str, file: str) -> subprocess.Popen[bytes]:
        batch = str(rng.choice((500, 700, 900)))
        return start(house, name, "--batch", batch, source=("replay", str(tmp_path / file)))

    environment = house.environment | {"FLARE_API_WORKERS": "2"}
    with serving("app", "serve", ready=f"{house.api}/ready", environment=environment):
        assert replay("two", "known.parquet").wait(120) == 0
        for tenth in range(1, 10):
            process = replay("one", "rows.parquet")
            wait_for(house, "one", sent=int(n * (tenth + rng.random()) / 10))
            process.kill()
            process.wait()
        assert replay("one", "rows.parquet").wait(120) == 0
        row = senders(house)["one"]

    assert stored(house) == n
    assert (row["sent"], row["accepted"], row["duplicates"]) == (n, n - n_known, n_known)
    assert (row["lost"], row["revised"], row["rejected"]) == (0, 0, 0)
