from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest

from model_training.judging.evidence import Evidence
from model_training.judging.judgement import judge, to_json
from solar.skill import Estimate

Make = Callable[..., Evidence]
UNDEFINED = Estimate(None, None, None)


def test_scores_of_finleys_tornadoes_are_the_published_ones(make_evidence: Make) -> None:
    # Finley 1884: 28 hits, 72 false alarms, 23 misses, 2680 correct negatives;
    # Peirce 0.523, Heidke 0.355 (Jolliffe & Stephenson 2012, table 3.1).
    cells = (28, 72, 23, 2680)
    said = np.repeat([0.9, 0.9, 0.1, 0.1], cells)
    outcome = np.repeat([1.0, 0.0, 1.0, 0.0], cells)

    found = judge(
        make_evidence(2803, calibrated=said, outcome=outcome, entrants={}), resamples=20
    ).entrants["model"]

    assert found.contingency is not None
    assert found.contingency.hits, found.contingency.misses == (28, 23)
    assert found.scores["tss"].value == pytest.approx(0.523, abs=5e-4)
    assert found.scores["hss2"].value == pytest.approx(0.355, abs=5e-4)


def test_an_entrant_that_says_the_same_is_no_different(make_evidence: Make) -> None:
    model = make_evidence()
    twin = make_evidence(entrants={"twin": model.calibrated}, thresholds={"twin": 0.5})

    found = judge(twin, resamples=50).differences["twin"]

    assert set(found) == {"bss", "auc", "tss"}
    assert all(difference == Estimate(0, 0, 0) for difference in found.values())


def test_a_difference_turns_its_sign_when_the_two_change_place(make_evidence: Make) -> None:
    one, other = make_evidence(), make_evidence(seed=8)
    names = {"thresholds": {"other": 0.5}}
    there = make_evidence(entrants={"other": other.calibrated}, **names)
    back = make_evidence(calibrated=other.calibrated, entrants={"other": one.calibrated}, **names)

    forth, reverse = (judge(e, resamples=50).differences["other"] for e in (there, back))

    for score, difference in forth.items():
        assert difference.value == pytest.approx(-(reverse[score].value or 0))
        assert difference.low == pytest.approx(-(reverse[score].high or 0))


def test_a_difference_is_that_of_the_two_scores(make_evidence: Make) -> None:
    found = judge(make_evidence(), resamples=20)

    model, other = found.entrants["model"].scores, found.entrants["persistence"].scores
    for score, difference in found.differences["persistence"].items():
        expected = (model[score].value or 0) - (other[score].value or 0)
        assert difference.value == pytest.approx(expected, abs=2e-5)


def test_everybody_is_scored_on_the_cases_that_all_have_forecast(make_evidence: Make) -> None:
    late = np.full(240, 0.2)
    late[:50] = np.nan

    found = judge(make_evidence(entrants={"late": late}), resamples=20)

    assert (found.n, found.n_withheld, found.n_unknown) == (190, 50, 7)


def test_an_entrant_without_any_forecast_does_not_take_the_cases_away(make_evidence: Make) -> None:
    found = judge(make_evidence(entrants={"silent": np.full(240, np.nan)}), resamples=20)

    assert (found.n, found.absent, list(found.entrants)) == (240, ("silent",), ["model"])


def test_only_an_entrant_with_a_threshold_has_yes_no_scores(make_evidence: Make) -> None:
    found = judge(make_evidence(), resamples=20)

    assert "tss" not in found.entrants["climatology-365d"].scores
    # Persistence says 0 or 1, which is yes and no already.
    assert found.entrants["persistence"].threshold == 0.5
    assert found.differences["climatology-365d"]["tss"] == UNDEFINED


def test_scores_without_events_are_undefined_and_null_in_json(make_evidence: Make) -> None:
    found = judge(make_evidence(outcome=np.zeros(240)), resamples=20)

    body = json.loads(to_json([found]))["judgements"][0]
    scores = body["entrants"]["model"]["scores"]
    assert {scores[name]["value"] for name in ("bss", "auc", "tss", "recall", "csi")} <= {None, 0}
    assert scores["bss"] == scores["auc"] == {"value": None, "low": None, "high": None}
    assert body["base_rate"] == 0


def test_without_cases_there_is_a_judgement_that_says_so(make_evidence: Make) -> None:
    found = judge(make_evidence(0), resamples=20)

    assert (found.n, found.base_rate, found.first_at) == (0, None, None)
    assert found.entrants["model"].scores["brier"] == UNDEFINED


def test_below_ten_days_there_is_a_value_without_interval(make_evidence: Make) -> None:
    # Four regions a day: 36 cases are nine days.
    found = judge(make_evidence(36), resamples=20)

    skill = found.entrants["model"].scores["bss"]
    assert skill.value is not None
    assert (skill.low, found.differences["persistence"]["bss"].low) == (None, None)


def test_calibration_changes_the_brier_score_only_where_the_raw_forecast_differs(
    make_evidence: Make,
) -> None:
    model = make_evidence()

    found = judge(make_evidence(raw=model.calibrated), resamples=20)

    assert found.uncalibrated.scores["brier"] == found.entrants["model"].scores["brier"]
    assert found.uncalibrated.contingency is None
