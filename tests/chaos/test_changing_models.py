"""The models of a running server change 20 times under ingest, one of them to a broken one."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from chaos.scenario import bare_environment
from conftest import empty
from processes import free_port, serving
from registered_models import go_live, register_candidate

from database.engine import reading
from database.lab.file_store import FileStore
from database.lineups import LineUp, current_lineup, list_lineups
from database.schema.tables import observations, predictions
from database.server_processes import ServerProcess, list_processes
from database.settings import FileSettings
from model_training.registry import ARTIFACTS
from solar.stages import Stages, write_stages
from solar.time import isoformat

_log = logging.getLogger(__name__)

FORECASTER, BLEND = "forecaster@1.0.0", "blend@1.0.0"
THIRD = "logistic-regression@1.0.0"
CHANGES, BROKEN_ROUND, SENDERS = 20, 7, 3
# On a machine with nothing else to do it takes a second or two.
PATIENCE_SECONDS = 60.0
START, STEP = datetime(2014, 3, 1, tzinfo=UTC), timedelta(minutes=12)
Key = tuple[int, datetime]


@dataclass
class Sender(threading.Thread):
    """Sends one record after the other, each once; `refused` are the answers other than 200."""

    url: str
    region: int
    stop: threading.Event
    sent: list[Key] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def __hash__(self) -> int:
        return self.region

    def run(self) -> None:
        """Send until told to stop."""
        with requests.Session() as session:
            while not self.stop.is_set():
                self._send(session, START + len(self.sent) * STEP)

    def _send(self, session: requests.Session, t_rec: datetime) -> None:
        row = {
            "harpnum": self.region,
            "t_rec": isoformat(t_rec),
            "series": "hmi.sharp_cea_720s",
            "quality": 0,
            "lon_fwt": 10.0,
            "lat_fwt": 12.0,
            "keywords": {"USFLUX": 2e22, "TOTUSJH": 1000.0},
        }
        body = {"sender": {"id": f"s{self.region}"}, "observations": [row]}
        self.sent.append((self.region, t_rec))
        try:
            answer = session.post(f"{self.url}/api/v1/observations", json=body, timeout=30)
        except requests.RequestException as error:
            self.refused.append(str(error))
        else:
            if answer.status_code != 200 or answer.json()["accepted"] != 1:
                self.refused.append(answer.text)


@dataclass
class House:
    """A server on MariaDB, its folder of artefacts, and how long changes took to be served."""

    engine: sa.Engine
    folder: Path
    url: str
    seconds: list[float] = field(default_factory=list)

    @property
    def models(self) -> Path:
        return self.folder / "models"

    def processes(self) -> list[ServerProcess]:
        with reading(self.engine) as connection:
            return list_processes(connection)

    def line_up(self) -> LineUp:
        with reading(self.engine) as connection:
            line_up = current_lineup(connection)
        assert line_up is not None
        return line_up

    def wait(self, is_true: Callable[[list[ServerProcess]], bool]) -> float:
        """Wait until something is true of both processes, and return how long that took."""
        began = time.monotonic()
        while not (len(rows := self.processes()) == 2 and is_true(rows)):
            assert time.monotonic() - began < PATIENCE_SECONDS, rows
            time.sleep(0.02)
        return time.monotonic() - began

    def change(self, act: Callable[[], Any]) -> None:
        """Change the line-up, and wait until both processes serve it."""
        before = self.line_up().number
        act()
        self.seconds.append(self.wait(lambda rows: all((p.line_up or 0) > before for p in rows)))

    def promote(self, live: str, *shadows: str) -> None:
        """Write the stage file, as the command line does."""
        write_stages(self.models, Stages(live=live, shadow=shadows), now=datetime.now(UTC))


@pytest.fixture
def house(mariadb_engine: sa.Engine, tmp_path: Path) -> Iterator[House]:
    empty(mariadb_engine)
    shutil.copytree(ARTIFACTS, tmp_path / "models")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        **bare_environment(),
        "FLARE_DATABASE_URL": mariadb_engine.url.render_as_string(hide_password=False),
        "FLARE_API_PORT": port,
        "FLARE_API_WORKERS": "2",
        "FLARE_ARTIFACTS_DIR": str(tmp_path / "models"),
        "FLARE_DATA_DIR": str(tmp_path),
    }
    log = tmp_path / "api.log"
    with serving("app", "serve", ready=f"{url}/ready", environment=environment, log=log):
        yield House(mariadb_engine, tmp_path, url)


@contextmanager
def sending(url: str) -> Iterator[list[Sender]]:
    """Send records of several regions until the block ends."""
    stop = threading.Event()
    senders = [Sender(url, 4000 + number, stop) for number in range(SENDERS)]
    with ExitStack() as stack:
        for sender in senders:
            sender.start()
            stack.callback(sender.join)
        stack.callback(stop.set)
        yield senders


def broken_candidate(house: House) -> str:
    folder = shutil.copytree(house.models / "forecaster-1.0.0", house.folder / "broken-9.0.0")
    manifest = folder / "manifest.json"
    text = manifest.read_text().replace('"name": "forecaster"', '"name": "broken"', 1)
    manifest.write_text(text.replace('"version": "1.0.0"', '"version": "9.0.0"', 1))
    store = FileStore(FileSettings(data_dir=house.folder, lab_store=""))
    return register_candidate(house.engine, folder, store, broken=True)


def third_candidate(house: House) -> str:
    """Register the third model by its files alone: no folder has it."""
    folder = shutil.move(house.models / THIRD.replace("@", "-"), house.folder)
    store = FileStore(FileSettings(data_dir=house.folder, lab_store=""))
    return register_candidate(house.engine, Path(folder), store)


def play(house: House) -> str:
    """Change the line-up again and again, by people and by the stage file."""
    broken = broken_candidate(house)
    third_candidate(house)
    turns = [BLEND, FORECASTER, THIRD]
    for number in range(1, CHANGES + 1):
        model_id = turns[number % 3]
        if number == BROKEN_ROUND:
            refuse(house, broken)
        elif number == BROKEN_ROUND + 1:
            answer = requests.post(
                f"{house.url}/api/v1/lab/models/rollback", json={"why": "it is broken"}, timeout=30
            )
            assert answer.status_code == 200, answer.text
            house.change(partial(go_live, house.engine, broken, stage="retired"))
        elif number % 5 == 0:
            house.change(partial(house.promote, FORECASTER if number % 2 else BLEND))
        elif house.line_up().live == model_id:
            house.change(partial(go_live, house.engine, turns[(number + 1) % 3]))
        else:
            house.change(partial(go_live, house.engine, model_id))
    return broken


def refuse(house: House, broken: str) -> None:
    before = house.line_up().number
    go_live(house.engine, broken)
    house.wait(lambda rows: all(broken in (process.fault or "") for process in rows))
    said = requests.get(f"{house.url}/ready", timeout=30).json()
    assert [process["line_up"] for process in said["processes"]] == [before, before]
    assert all(f"{broken} cannot be loaded" in one["fault"] for one in said["processes"])


@pytest.mark.thorough
def test_twenty_changes_under_ingest_lose_no_record_and_a_broken_model_is_refused(
    house: House,
) -> None:
    house.wait(lambda rows: all(process.line_up == 1 for process in rows))
    before = {(process.process_id, process.pid) for process in house.processes()}

    with sending(house.url) as senders:
        broken = play(house)

    assert {(process.process_id, process.pid) for process in house.processes()} == before
    assert [process.fault for process in house.processes()] == [None, None]
    sent = [key for sender in senders for key in sender.sent]
    assert [refusal for sender in senders for refusal in sender.refused] == []
    with reading(house.engine) as connection:
        stored = connection.execute(
            sa.select(observations.c.region_id, observations.c.t_rec, observations.c.received_at)
        ).all()
        forecasts = connection.execute(
            sa.select(
                predictions.c.region_id,
                predictions.c.t_rec,
                predictions.c.model_id,
                predictions.c.revision,
            )
        ).all()
        lineups = list_lineups(connection, limit=100)
    assert sorted((row.region_id, row.t_rec) for row in stored) == sorted(sent)
    assert {row.revision for row in forecasts} == {1}
    scored: dict[Key, list[str]] = defaultdict(list)
    for row in forecasts:
        scored[row.region_id, row.t_rec].append(row.model_id)
    received = {(row.region_id, row.t_rec): row.received_at for row in stored}
    assert scored.keys() == received.keys()
    slowest = max(house.seconds)
    for key, at in received.items():
        # Each record was scored by the models of one line-up, and of one that served then.
        assert sorted(scored[key]) in serving_at(lineups, at, broken, slowest), key
    assert len(lineups) >= CHANGES + 1
    _log.info("%d records; served after at most %.2f s", len(sent), slowest)


def serving_at(lineups: list[LineUp], at: datetime, broken: str, seconds: float) -> list[list[str]]:
    """Return the models of the line-ups that a process may have served at a time.

    A newer one may come while a request waits, and an older one serves until the change is seen.
    """
    slack = timedelta(seconds=seconds + 5)
    served = [line_up for line_up in lineups if line_up.live != broken]
    oldest_first = sorted(served, key=lambda line_up: line_up.number)
    ends = [*(line_up.at for line_up in oldest_first[1:]), datetime.now(UTC)]
    return [
        sorted({*line_up.model_ids} - {broken})
        for line_up, end in zip(oldest_first, ends, strict=True)
        if line_up.at - slack <= at <= end + slack
    ]
