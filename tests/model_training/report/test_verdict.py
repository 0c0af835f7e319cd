from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from model_training.judging.evidence import Evidence
from model_training.judging.judgement import judge
from model_training.report.page import comparisons, finding, headline
from solar.skill import Estimate

Make = Callable[..., Evidence]


@pytest.mark.parametrize(
    ("difference", "expected"),
    [
        (Estimate(0.1, 0.01, 0.2), "better"),
        (Estimate(0.1, -0.01, 0.2), "not told apart"),
        (Estimate(-0.1, -0.2, -0.01), "worse"),
        (Estimate(0.1, None, None), "undefined"),
        (Estimate(None, None, None), "undefined"),
    ],
)
def test_only_an_interval_on_one_side_of_zero_is_a_finding(
    difference: Estimate, expected: str
) -> None:
    assert finding(difference) == expected


def test_the_headline_names_whom_the_model_beats(make_evidence: Make) -> None:
    model = make_evidence()
    entrants = {**model.entrants, "twin": model.calibrated}

    said = headline(judge(make_evidence(entrants=entrants), resamples=100))

    assert "the model beats climatology-365d and persistence" in said
    assert "cannot be told apart from twin" in said


def test_without_events_nothing_is_said_of_skill(make_evidence: Make) -> None:
    found = judge(make_evidence(outcome=np.zeros(240)), resamples=20)

    assert "undefined, there are no events" in headline(found)
    assert comparisons(found) == ()


def test_where_every_case_is_an_event_nothing_is_said_of_skill(make_evidence: Make) -> None:
    found = judge(make_evidence(outcome=np.ones(240)), resamples=20)

    assert "undefined, every case is an event" in headline(found)


def test_few_events_are_named_as_such(make_evidence: Make) -> None:
    found = judge(make_evidence(outcome=np.eye(1, 240)[0]), resamples=20)

    assert headline(found).endswith("Fewer than 10 events: take it lightly.")
