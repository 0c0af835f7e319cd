"""Whatever of the Lab dies, hangs or is wiped: each run ends in one true state, its files whole."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
import sqlalchemy as sa
from chaos.lab_scenario import HARMS, LabScenario, open_lab, wait_until

from database.engine import reading
from database.lab.attempts import list_attempts
from database.lab.outputs import list_outputs
from database.schema.lab_tables import datasets, runs

KINDS = ("train", "audit")
FAULTS = 3
OVER = ("succeeded", "failed", "cancelled", "timed_out", "lost")
# Of each kind of run, once it has succeeded.
FILES = {
    "train": {
        "windows-0.0.1/model.onnx",
        "windows-0.0.1/manifest.json",
        "report.html",
        "scores.json",
        "evidence.parquet",
        "recipe.toml",
        "log.txt",
        "events.jsonl",
    },
    "audit": {"audit.json", "recipe.toml", "log.txt"},
    "describe": {"breakdown.json", "log.txt"},
}

_log = logging.getLogger(__name__)
pytestmark = pytest.mark.thorough
rounds = count(1)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabScenario]:
    with open_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab
        programs = lab.programs
        for program in programs:
            program.kill()
        wait_until(lambda: not lab.strays(), about=lambda: str(lab.strays()), seconds=15)


def test_after_faults_every_run_ends_in_one_true_state(lab: LabScenario, seed: int) -> None:
    rng = random.Random(seed)
    number = next(rounds)
    for kind in KINDS:
        lab.start(kind)
    sent: list[str] = []
    sender = threading.Thread(target=lambda: sent.append(_send(lab, number)))
    sender.start()

    for _ in range(FAULTS):
        _inflict(lab, rng)
    sender.join(60)
    found = {run_id: _over(lab, run_id) for (run_id,) in _rows(lab, sa.select(runs.c.run_id))}
    for run_id, run in found.items():
        _assert_is_true(lab, run_id, run)
        if run["state"] != "succeeded":
            lab.person.call("POST", f"/runs/{run_id}/restart")
    for run_id in found:
        _assert_is_whole(lab, run_id, _over(lab, run_id))

    assert len(sent) == 1, "the data set was not made"
    states = _rows(lab, sa.select(datasets.c.state, sa.func.count()).group_by(datasets.c.state))
    assert [tuple(row) for row in states] == [("ready", number + 1)]
    assert len(found) == (len(KINDS) + 1) * number + 1
    wait_until(lambda: not lab.work_folders(), about=lambda: str(lab.work_folders()), seconds=20)
    wait_until(lambda: not lab.jobs(), about=lambda: str(lab.jobs()), seconds=15)
    wait_until(lambda: not lab.strays(), about=lambda: str(lab.strays()), seconds=15)


def _send(lab: LabScenario, number: int) -> str:
    return lab.send_dataset(f"set-{number}", cases=240 + 3 * number, pause=0.3)


def _inflict(lab: LabScenario, rng: random.Random) -> None:
    """Do harm, let it last, sometimes for longer than a lease, and repair it."""
    time.sleep(rng.uniform(0.2, 1.5))
    name = rng.choice(list(HARMS))
    seconds = rng.choice((rng.uniform(0.1, 1.0), rng.uniform(0.1, 1.0), rng.uniform(3.2, 4.5)))
    # pytest shows what was played when a round fails.
    _log.warning("%s for %.1f s", name, seconds)
    repair = HARMS[name](lab, rng)
    time.sleep(seconds)
    repair()


def _over(lab: LabScenario, run_id: str) -> dict[str, Any]:
    """Return a run once nothing will happen to it any more by itself."""
    run: dict[str, Any] = {}

    def look() -> bool:
        run.update(lab.person.run(run_id))
        with reading(lab.engine) as connection:
            query = sa.select(runs.c.restarts_at).where(runs.c.run_id == run_id)
            return run["state"] in OVER and connection.execute(query).scalar() is None

    wait_until(look, about=lambda: f"{run['state']} {run.get('reason')}\n{lab.about()}")
    return run


def _assert_is_true(lab: LabScenario, run_id: str, run: dict[str, Any]) -> None:
    """The reason is one that was played, and the last attempt says the same as the run."""
    reason = run["reason"] or ""
    with reading(lab.engine) as connection:
        attempts = list_attempts(connection, run_id)
    assert run["state"] != "timed_out", reason
    if run["state"] == "failed":
        assert reason.startswith("killed by SIGKILL"), (run_id, reason, lab.about())
    if run["state"] in ("succeeded", "failed", "lost"):
        assert attempts[-1].outcome == run["state"], (run_id, attempts)
    assert [one.outcome for one in attempts[:-1]].count("succeeded") == 0, attempts
    assert all(one.ended_at for one in attempts), (run_id, run["state"], attempts)


def _assert_is_whole(lab: LabScenario, run_id: str, run: dict[str, Any]) -> None:
    """The run has succeeded once, and each of its files is what the row says."""
    assert run["state"] == "succeeded", (run_id, run["reason"], lab.about())
    with reading(lab.engine) as connection:
        attempts = list_attempts(connection, run_id)
        found = {one.name: one for one in list_outputs(connection, run_id)}
    assert [one.outcome for one in attempts].count("succeeded") == 1, attempts
    assert attempts[-1].outcome == "succeeded"
    assert found.keys() >= FILES[run["kind"]], found.keys()
    for output in found.values():
        assert output.attempt == attempts[-1].attempt, output
        assert len(lab.kept(output.sha256)) == output.bytes


def _rows(lab: LabScenario, query: sa.Select[Any]) -> list[Any]:
    with reading(lab.engine) as connection:
        return list(connection.execute(query))
