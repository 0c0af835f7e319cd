from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model_training.judging.evidence import Evidence
from model_training.report.comparison import ComparedRun, compare, write
from solar.errors import InvalidInputError

Make = Callable[..., Evidence]


def _turned_round(evidence: Evidence) -> Evidence:
    back = slice(None, None, -1)
    return replace(
        evidence,
        region_id=evidence.region_id[back],
        t_rec=evidence.t_rec[back],
        outcome=evidence.outcome[back],
        raw=evidence.raw[back],
        calibrated=evidence.calibrated[back],
        entrants={name: p[back] for name, p in evidence.entrants.items()},
    )


def test_runs_on_the_same_cases_stand_side_by_side_whatever_their_order(
    make_evidence: Make,
) -> None:
    evidence = make_evidence()

    (side,) = compare(
        [ComparedRun("gru@1", [evidence]), ComparedRun("svm@1", [_turned_round(evidence)])]
    )

    assert side.judgement is not None
    assert list(side.judgement.entrants) == ["gru@1", "svm@1", "climatology-365d", "persistence"]
    # The two say the same of every case, so that nothing lies between them.
    assert side.judgement.differences["svm@1"]["bss"].value == 0
    assert side.judgement.differences["svm@1"]["tss"].high == 0


def test_each_run_keeps_its_own_threshold(make_evidence: Make) -> None:
    runs = [ComparedRun("a", [make_evidence()]), ComparedRun("b", [make_evidence(threshold=0.25)])]

    (side,) = compare(runs)

    assert side.judgement is not None
    assert [side.judgement.entrants[name].threshold for name in "ab"] == [0.5, 0.25]


def test_runs_on_other_cases_are_not_comparable(make_evidence: Make) -> None:
    runs = [ComparedRun("a", [make_evidence(240)]), ComparedRun("b", [make_evidence(200)])]

    (side,) = compare(runs)

    assert side.judgement is None
    assert side.reason == (
        "Not comparable: a was judged on 240 cases, b on 200, 200 of them shared."
    )


def test_runs_with_another_truth_are_not_comparable(make_evidence: Make) -> None:
    one = make_evidence()
    runs = [ComparedRun("a", [one]), ComparedRun("b", [replace(one, outcome=1 - one.outcome)])]

    (side,) = compare(runs)

    assert side.reason == "Not comparable: a and b hold 240 cases of different outcome."


def test_an_event_that_one_run_was_not_asked_is_not_comparable(make_evidence: Make) -> None:
    (side,) = compare(
        [ComparedRun("a", [make_evidence()]), ComparedRun("b", [make_evidence(event="C1.0")])]
    )

    assert side.reason == "Not comparable: b holds no evidence of this."


def test_cases_without_events_are_compared_without_figures(make_evidence: Make) -> None:
    quiet = make_evidence(outcome=np.zeros(240))

    (side,) = compare([ComparedRun("a", [quiet]), ComparedRun("b", [quiet])])

    assert side.pictures == ()
    assert side.judgement is not None
    assert side.judgement.entrants["b"].scores["bss"].value is None


@pytest.mark.parametrize("labels", [["a"], ["a", "a"], [str(n) for n in range(11)]])
def test_too_few_too_many_and_twins_are_refused(labels: list[str], make_evidence: Make) -> None:
    with pytest.raises(InvalidInputError, match="give 2 to 10 runs of different labels"):
        compare([ComparedRun(label, [make_evidence()]) for label in labels])


def test_the_page_says_which_runs_and_where_they_are_not_comparable(
    make_evidence: Make, tmp_path: Path
) -> None:
    evidence = make_evidence()
    runs = [
        ComparedRun("gru@1", [evidence, make_evidence(event="C1.0")]),
        ComparedRun("<svm>", [evidence]),
    ]

    write(runs, tmp_path / "comparison.html")

    html = (tmp_path / "comparison.html").read_text(encoding="utf-8")
    assert "Comparison of 2 runs" in html
    assert "&lt;svm&gt; holds no evidence of this." in html
    assert "<svm>" not in html
