from __future__ import annotations

from pathlib import Path

from model_training.journal import EVENTS, Journal
from model_training.report.model_figures import learning_curves


def test_curves_are_read_from_what_a_journal_wrote(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for fold in ("fold-0", "fold-1"):
        steps = journal.within(fold).steps("epoch", 2)
        steps.advance(loss=0.5, validation_loss=0.6)
        steps.advance(loss=0.4, validation_loss=None)
    journal.tell("finished", loss=0.3)

    found = learning_curves((tmp_path / EVENTS).read_bytes().splitlines())

    read = [(curve.unit, curve.place, curve.figure, curve.steps, curve.values) for curve in found]
    assert read == [
        ("epoch", "fold-0", "loss", (1, 2), (0.5, 0.4)),
        ("epoch", "fold-0", "validation_loss", (1,), (0.6,)),
        ("epoch", "fold-1", "loss", (1, 2), (0.5, 0.4)),
        ("epoch", "fold-1", "validation_loss", (1,), (0.6,)),
    ]


def test_a_step_that_was_repeated_after_a_resume_counts_once() -> None:
    lines = [
        '{"event":"epoch","place":"gru","step":1,"loss":0.9}',
        '{"event":"epoch","place":"gru","step":1,"loss":0.8}',
    ]

    (curve,) = learning_curves(lines)

    assert (curve.steps, curve.values) == ((1,), (0.8,))


def test_half_a_line_and_other_json_are_passed_over() -> None:
    assert learning_curves(['{"event":"epoch","st', "3", "", '{"event":"epoch","step":1}']) == ()
