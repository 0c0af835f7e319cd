from __future__ import annotations

import os
import signal
from pathlib import Path

import orjson
import pytest

from model_training.journal import (
    EVENTS,
    Journal,
    Stop,
    StoppedError,
    progress_of,
    stopping_on_signals,
)


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
        "fold 2012/gru",
        "epoch",
        1,
        3,
    )
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


def test_the_lines_of_a_part_are_those_of_no_other(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for name in ("fold 1", "fold 10"):
        journal.within(name).within("M1.0").tell("network")

    (line,) = journal.within("fold 1").lines()

    assert orjson.loads(line)["place"] == "fold 1/M1.0"
    assert len(journal.lines()) == 2


def test_what_a_run_turns_to_is_a_line_of_its_log_and_an_event(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        Journal(tmp_path).within("fold 1").turn_to("fitting 80 cases")

    assert caplog.messages == ["fold 1: fitting 80 cases"]
    assert (told(tmp_path)[0]["event"], told(tmp_path)[0]["text"]) == ("doing", "fitting 80 cases")


def test_progress_is_the_share_of_the_parts_and_of_the_steps_in_the_last_one(
    tmp_path: Path,
) -> None:
    journal = Journal(tmp_path)
    journal.tell_parts(["fold 1", "fold 2"])
    fold = journal.within("fold 2")
    fold.tell_parts(["C1.0", "M1.0"])
    steps = fold.within("M1.0").steps("epoch", 4)

    steps.advance()

    # One of two parts, one of the two events of the other, and a quarter of the epochs of that.
    share, doing, eta_s = progress_of(journal.lines())
    assert share == pytest.approx(0.5 + 0.25 + 0.25 / 4)
    assert doing == "fold 2, M1.0: epoch 1 of 4"
    assert eta_s is not None


def test_progress_never_goes_back_and_ends_at_all(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    with journal.of_run("one"):
        journal.tell_parts(["fit"])
        for place in ("generator", "supervised"):
            journal.within("fit").within(place).steps("iteration", 2).advance()
            assert progress_of(journal.lines())[0] == 0.5

    assert progress_of(journal.lines())[0] == 1


def test_of_a_run_that_told_no_parts_only_the_words_are_known(tmp_path: Path) -> None:
    Journal(tmp_path).turn_to("reading the data")

    assert progress_of([*Journal(tmp_path).lines(), b'{"at": "20']) == (
        None,
        "reading the data",
        None,
    )
