from __future__ import annotations

import os
import signal
from pathlib import Path

import orjson
import pytest

from model_training.journal import EVENTS, Journal, Stop, StoppedError, stopping_on_signals


def told(folder: Path) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in (folder / EVENTS).read_bytes().splitlines()]


def test_every_step_is_written_with_its_place_its_figures_and_the_time_that_is_left(
    tmp_path: Path,
) -> None:
    steps = Journal(tmp_path).within("fold 2012").within("gru").steps("epoch", 3)

    steps.advance(loss=0.5)
    steps.advance(loss=0.25)

    first, second = told(tmp_path)
    assert (first["place"], first["event"], first["step"], first["of"]) == (
        "fold 2012/gru", "epoch", 1, 3,
    )  # fmt: skip
    assert second["loss"] == 0.25
    assert float(str(second["eta_seconds"])) >= 0
    assert str(second["at"]).endswith("Z")


def test_a_resumed_count_goes_on_where_the_checkpoint_stands(tmp_path: Path) -> None:
    Journal(tmp_path).steps("epoch", 10, done=7).advance()

    assert told(tmp_path)[0]["step"] == 8


def test_a_journal_without_a_folder_keeps_nothing() -> None:
    journal = Journal()

    journal.steps("epoch", 1).advance(loss=1.0)

    assert journal.checkpoint(".pt") is None


def test_parts_of_a_run_have_checkpoints_of_their_own(tmp_path: Path) -> None:
    journal = Journal(tmp_path)

    one, other = (
        journal.within(fold).within("C1.0").checkpoint(".pt") for fold in ("2012", "2013")
    )

    assert one is not None
    assert one != other
    assert one.parent.is_dir()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_asks_for_a_stop_that_every_part_of_the_run_sees(
    tmp_path: Path, number: signal.Signals
) -> None:
    stop = Stop()
    part = Journal(tmp_path, stop=stop).within("final")

    with stopping_on_signals(stop):
        os.kill(os.getpid(), number)

    with pytest.raises(StoppedError, match="run it again with --resume"):
        part.check()
    assert told(tmp_path)[-1]["event"] == "stopped"


def test_after_the_run_signals_mean_what_they_meant_before() -> None:
    before = signal.getsignal(signal.SIGTERM)

    with stopping_on_signals(Stop()):
        pass

    assert signal.getsignal(signal.SIGTERM) is before
