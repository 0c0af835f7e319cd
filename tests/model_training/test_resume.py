"""A long run that is stopped, or killed, goes on and ends in the same model."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from synthetic_windows import PLAIN, recipe_of_windows, write_recipe, write_windows

from model_training.__main__ import main

LENGTH = 25
GRU = {"kind": "gru", "layers": 1, "hidden": 8, "dropout": 0.2, "batch": 32, "epochs": LENGTH}
GAN = PLAIN | {
    "augmentation": {"kind": "timegan", "batch": 8, "iterations": LENGTH, "layers": 1, "hidden": 4,
                     "share": 1},
}  # fmt: skip
LONG: dict[str, dict[str, Any]] = {"gru": GRU, "timegan": GAN}
# What a run tells of each step, and the part of the run in whose middle it is stopped: the
# first fold is behind it.
STEP = {"gru": "epoch", "timegan": "iteration"}
PLACE = {"gru": "fold 2/M1.0", "timegan": "fold 2/M1.0/timegan/supervised"}
SECONDS = 60.0
ARTEFACT = "windows-0.0.1"


@dataclass(frozen=True)
class Training:
    """A recipe, and where the process that trains it keeps its run and its artefact."""

    recipe: Path
    data: Path
    home: Path

    @property
    def folder(self) -> Path:
        return self.home / "runs" / ARTEFACT

    @property
    def graph(self) -> bytes:
        return (self.home / "out" / ARTEFACT / "model.onnx").read_bytes()

    @property
    def events(self) -> list[dict[str, Any]]:
        """Return the lines of the event log; one that is still being written is left out."""
        log = self.folder / "events.jsonl"
        whole = log.read_bytes().rpartition(b"\n")[0] if log.is_file() else b""
        return [orjson.loads(line) for line in whole.splitlines()]

    def steps(self, kind: str, place: str) -> list[dict[str, Any]]:
        return [
            line for line in self.events if line["event"] == STEP[kind] and line["place"] == place
        ]

    @property
    def words(self) -> list[str]:
        places = {"--data": self.data, "--out": self.home / "out", "--runs": self.home / "runs"}
        named = [word for name, path in places.items() for word in (name, str(path))]
        return ["train", str(self.recipe), *named]

    def interrupt(self, kind: str, number: signal.Signals) -> tuple[int, str]:
        """Send a signal in the middle of the second fold; return the exit code and the words."""
        process = subprocess.Popen(
            [sys.executable, "-m", "model_training", *self.words],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        deadline = time.monotonic() + SECONDS
        while not self.steps(kind, PLACE[kind]) and time.monotonic() < deadline:
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.005)
        process.send_signal(number)
        _, said = process.communicate(timeout=SECONDS)
        return process.returncode, said


def training(kind: str, data: Path, home: Path) -> Training:
    home.mkdir()
    recipe = write_recipe(home / "recipe.toml", recipe_of_windows(LONG[kind]))
    return Training(recipe, data, home)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_windows(tmp_path_factory.mktemp("windows"))


@pytest.fixture(scope="module", params=["gru", pytest.param("timegan", marks=pytest.mark.thorough)])
def uninterrupted(
    request: pytest.FixtureRequest, data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Training]:
    one = training(request.param, data, tmp_path_factory.mktemp("whole") / request.param)
    assert main(one.words) == 0
    return request.param, one


def test_the_event_log_tells_step_loss_and_the_seconds_left(
    uninterrupted: tuple[str, Training],
) -> None:
    kind, whole = uninterrupted

    steps = whole.steps(kind, PLACE[kind])

    assert [line["step"] for line in steps] == list(range(1, LENGTH + 1))
    assert all(line["of"] == LENGTH and line["eta_seconds"] >= 0 for line in steps)
    assert all(any(name.endswith("loss") for name in line) for line in steps)
    assert [line["event"] for line in (whole.events[0], whole.events[-1])] == ["begin", "end"]


def test_a_stopped_run_resumes_to_the_model_of_an_uninterrupted_one(
    uninterrupted: tuple[str, Training], data: Path, tmp_path: Path
) -> None:
    kind, whole = uninterrupted
    broken = training(kind, data, tmp_path / kind)

    code, said = broken.interrupt(kind, signal.SIGTERM)
    last = broken.events[-1]
    checkpoints = list((broken.folder / "checkpoints").glob("*.pt"))
    resumed = main([*broken.words, "--resume"])

    assert (code, last["event"], last["place"].split("/")[0]) == (1, "stopped", "fold 2")
    assert said.startswith("Stopped: ")
    assert "--resume" in said
    assert len(checkpoints) == 2
    assert resumed == 0
    assert broken.graph == whole.graph
    # No step of either fold is done twice.
    for place in (PLACE[kind].replace("fold 2", "fold 1"), PLACE[kind]):
        assert [line["step"] for line in broken.steps(kind, place)] == list(range(1, LENGTH + 1))


@pytest.mark.thorough
def test_a_killed_run_resumes_to_the_model_of_an_uninterrupted_one(
    uninterrupted: tuple[str, Training], data: Path, tmp_path: Path
) -> None:
    kind, whole = uninterrupted
    broken = training(kind, data, tmp_path / kind)

    code, _ = broken.interrupt(kind, signal.SIGKILL)
    resumed = main([*broken.words, "--resume"])

    assert (code, resumed) == (-signal.SIGKILL, 0)
    assert broken.graph == whole.graph
    first = PLACE[kind].replace("fold 2", "fold 1")
    assert [line["step"] for line in broken.steps(kind, first)] == list(range(1, LENGTH + 1))


def test_a_resumed_run_refuses_the_checkpoints_of_other_options(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = training("gru", data, tmp_path / "gru")
    assert main(one.words) == 0
    write_recipe(one.recipe, recipe_of_windows(GRU | {"learning_rate": 0.01}))

    assert main([*one.words, "--resume"]) == 1

    said = capsys.readouterr().err
    assert "is of a fit with other options or other rows; run without --resume" in said
