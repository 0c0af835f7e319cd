"""Runs side by side: the numbers of `flarewatch compare`, and nothing on unequal cases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lab_calls import RECIPE, Lab

from model_training.judging import evidence as evidence_files
from model_training.judging.evidence import Evidence
from model_training.report.comparison import ComparedRun, compare

MakeRun = Callable[..., str]


@pytest.fixture
def lab(lab_sqlite: Lab) -> Lab:
    return lab_sqlite


@pytest.fixture
def make_run(lab: Lab, tmp_path: Path) -> MakeRun:
    """Return what makes a run that succeeded, with this evidence."""
    worker = lab.worker("train", "estimator:logistic-regression", "estimator:gru")

    def make(*evidences: Evidence | bytes, who: str = "ann", **changes: Any) -> str:
        run_id: str = lab.run(who, start=True, **changes)["run_id"]
        lab.claimed(run_id, worker)
        lab.ended(run_id, "succeeded")
        content = evidences[0]
        if not isinstance(content, bytes):
            path = tmp_path / f"{run_id}.parquet"
            evidence_files.write(evidences, path)
            content = path.read_bytes()
        lab.delivered(run_id, "evidence.parquet", content)
        return run_id

    return make


def evidence(
    probability: Sequence[float],
    outcome: Sequence[float],
    *,
    threshold: float | None = 0.5,
    reference: Sequence[float] | None = None,
    **changes: Any,
) -> Evidence:
    """Return forecasts of one region, a case a day."""
    n, p = len(outcome), np.array(probability, float)
    made = Evidence(
        part="test",
        event="M1.0",
        region_id=np.full(n, 377, np.int64),
        t_rec=np.datetime64("2014-01-01", "us") + np.arange(n) * np.timedelta64(1, "D"),
        outcome=np.array(outcome, float),
        raw=p,
        calibrated=p,
        entrants={} if reference is None else {"climatology-365d": np.array(reference, float)},
        threshold=threshold,
        n_unknown=2,
    )
    return replace(made, **changes)


def compared(lab: Lab, *runs: str, who: str = "ann", part: str = "test") -> Any:
    return lab.get(who, f"/compare?runs={','.join(runs)}&part={part}")


# An event on every fourth of twelve days: the base rate 1/4 has the Brier score 3/16.
OUTCOME = [1, 0, 0, 0] * 3
SHARP = evidence([0.75, 0.25, 0.25, 0.25] * 3, OUTCOME)  # Brier 1/16, BSS 2/3; hits all: TSS 1
DULL = evidence([0.5] * 12, OUTCOME)  # Brier 1/4, BSS -1/3; yes always: TSS 0


def test_scores_and_differences_are_those_of_the_hand(lab: Lab, make_run: MakeRun) -> None:
    sharp, dull = make_run(SHARP), make_run(DULL, recipe=RECIPE.replace("= 7", "= 8"))

    answer = compared(lab, sharp, dull)

    (event,) = answer["events"]
    first, other = event["runs"]
    assert event["event"] == "M1.0"
    assert [run["run_id"] for run in answer["runs"]] == [sharp, dull]
    assert (first["n"], first["n_events"], first["n_unknown"]) == (12, 3, 2)
    assert first["differences"] is first["reason"] is other["reason"] is None
    assert first["scores"]["bss"]["value"] == pytest.approx(2 / 3, abs=1e-5)
    assert first["scores"]["tss"]["value"] == 1
    assert other["scores"]["bss"]["value"] == pytest.approx(-1 / 3, abs=1e-5)
    differences = other["differences"]
    assert differences["bss"]["value"] == differences["tss"]["value"] == -1
    assert differences["bss"]["says"] == differences["tss"]["says"] == "worse"
    assert differences["tss"]["low"] == differences["tss"]["high"] == -1
    (full,) = (one for one in other["reliability"] if one["n"])
    assert (full["low"], full["n"], full["observed"]) == (0.5, 12, 0.25)
    differing = {one["name"]: one["values"] for one in answer["parameters"] if one["differs"]}
    assert differing == {"seed": [7, 8]}
    assert "estimator.kind" in {one["name"] for one in answer["parameters"]}


def test_the_numbers_are_those_of_the_command_line(lab: Lab, make_run: MakeRun) -> None:
    rng, n = np.random.default_rng(3), 1_200
    outcome = (rng.random(n) < 0.1).astype(float)
    reference = np.where(np.arange(n) < 100, np.nan, 0.1)
    some = [
        evidence(
            np.clip(rng.beta(1, 9, n) + gain * outcome, 0, 1),
            outcome,
            threshold=0.2,
            reference=reference,
        )
        for gain in (0.3, 0.28, 0.0)
    ]
    back = slice(None, None, -1)
    names = ("region_id", "t_rec", "outcome", "raw", "calibrated")
    some[2] = replace(
        some[2],
        **{name: getattr(some[2], name)[back] for name in names},
        entrants={"climatology-365d": reference[back]},
    )
    ids = [make_run(one) for one in some]

    shown = {one["run_id"]: one for one in compared(lab, *ids)["events"][0]["runs"]}

    (section,) = compare(
        [ComparedRun(*pair) for pair in zip(ids, [[e] for e in some], strict=True)]
    )
    judged = section.judgement
    assert judged is not None
    assert {one["n"] for one in shown.values()} == {judged.n} == {n - 100}
    for run_id, one in shown.items():
        for score in ("bss", "tss"):
            assert one["scores"][score] == vars(judged.entrants[run_id].scores[score])
    for run_id, of_run in judged.differences.items():
        for score in ("bss", "tss") if run_id in ids else ():
            there, here = of_run[score], shown[run_id]["differences"][score]
            assert here["value"] == -(there.value or 0)
            assert (here["low"], here["high"]) == (-(there.high or 0), -(there.low or 0))


def test_nothing_is_compared_on_unequal_cases(lab: Lab, make_run: MakeRun) -> None:
    first, fewer = make_run(SHARP), make_run(evidence([0.5] * 11, OUTCOME[:11]))
    other_truth, other_event = (
        make_run(evidence([0.5] * 12, [0] * 12)),
        make_run(replace(DULL, event="C1.0")),
    )

    c1, m1 = compared(lab, first, fewer, other_truth, other_event)["events"]

    name = "small, run"
    _, *others = m1["runs"]
    assert [one["reason"] for one in others] == [
        f"{name} 1 was judged on 12 cases, {name} 2 on 11, 11 of them shared",
        "3 of their cases have different outcomes",
        f"{name} 4 has no such cases of this event",
    ]
    assert [one["differences"] for one in others] == [None] * 3
    assert [one["n"] for one in others] == [11, 12, None]
    # Without an event there is no skill to speak of.
    assert others[1]["scores"]["tss"] == {"value": None, "low": None, "high": None}
    assert others[2]["scores"] is None
    assert {one["reason"] for one in c1["runs"]} == {f"{name} 1 has no such cases of this event"}


def test_a_run_without_a_threshold_has_no_yes_and_no(lab: Lab, make_run: MakeRun) -> None:
    runs = compared(lab, make_run(SHARP), make_run(replace(DULL, threshold=None)))

    other = runs["events"][0]["runs"][1]
    assert other["scores"]["tss"]["value"] is None
    assert other["differences"]["tss"]["says"] == "undefined"
    assert other["differences"]["bss"]["says"] == "worse"


def test_what_cannot_be_compared_is_refused_with_the_reason(lab: Lab, make_run: MakeRun) -> None:
    good, broken = make_run(SHARP), make_run(b"PAR1 not really")
    private, draft = make_run(SHARP), lab.run()["run_id"]
    network = lab.run(kind="network")["run_id"]

    def refused(*runs: str, who: str = "ann") -> tuple[int, str]:
        answer = lab.call(who, "GET", f"/compare?runs={','.join(runs)}")
        problem = answer.get_json()
        faults = [fault["message"] for fault in problem["errors"]]
        return answer.status_code, "; ".join(faults) or problem["detail"]

    apart = (422, "name 2 to 10 runs with commas between them, each once")
    assert refused(good) == refused(good, good) == apart
    assert refused(*[good] * 11)[0] == refused(good, network)[0] == 422
    assert refused(good, draft) == (409, f"run {draft} is draft; compare runs that succeeded")
    assert refused(good, private, who="ben") == (404, "there is no such run")
    unreadable = f"the evidence.parquet of run {broken} cannot be read as evidence; run it again"
    assert refused(good, broken) == (422, unreadable)


def test_a_part_that_no_run_was_judged_on_has_no_events(lab: Lab, make_run: MakeRun) -> None:
    assert compared(lab, make_run(SHARP), make_run(DULL), part="validation")["events"] == []
