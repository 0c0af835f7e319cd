from __future__ import annotations

import json
from dataclasses import replace

import pytest
from plotly.utils import PlotlyJSONEncoder
from skill_body import answer

from app_dash.shared.theme import LIGHT
from app_dash.shared.verification.report import Score, SkillReport, ValuePoint
from app_dash.shared.verification.tables import difference_table, verdict
from app_dash.skill.data import SkillData, frozen_threshold
from app_dash.skill.query import SkillQuery, SkillRequest
from app_dash.skill.threshold import (
    chosen_cost_loss,
    expected_expense,
    slide,
    threshold_panels,
)
from database.models import ModelRow
from database.verification.base_rate import SPANS_DAYS, BaseRates
from solar.errors import InvalidInputError
from solar.time import Window, parse_time

NOON = "2014-03-01T12:00:00Z"
SHOWN = {"threshold": -1.37, "cl": -1.37}
MARCH = Window(parse_time("2014-03-01T00:00:00Z"), parse_time("2014-04-01T00:00:00Z"))


def drawn(query: SkillQuery, found: SkillReport) -> str:
    view = SkillData(
        SkillRequest("m@1", "M1.0", "region", MARCH),
        found,
        frozen=0.043,
        has_flares=True,
        base_rates=BaseRates(None, dict.fromkeys(SPANS_DAYS), None),
        model=None,
    )
    panels = threshold_panels(query, view, LIGHT)
    return json.dumps(panels, cls=PlotlyJSONEncoder, ensure_ascii=False)


def test_a_slider_that_was_moved_changes_the_address_and_nothing_else() -> None:
    search = slide("?event=C1.0&cl=0.2", moved={"threshold": "-1", "cl": -1.37}, shown=SHOWN)

    assert SkillQuery.parse(search) == SkillQuery(event="C1.0", cl=0.2, threshold=0.1)


def test_a_slider_that_has_just_been_drawn_changes_nothing() -> None:
    assert slide("?event=C1.0", moved={"threshold": -1.37, "cl": None}, shown=SHOWN) == ""


def test_the_end_of_the_axis_is_still_a_ratio() -> None:
    assert SkillQuery.parse(slide("", moved={"cl": 0}, shown=SHOWN)).cl == 0.9999


@pytest.mark.parametrize("search", ["?threshold=2", "?threshold=nan", "?cl=0", "?cl=1"])
def test_an_impossible_threshold_or_ratio_is_refused(search: str) -> None:
    with pytest.raises(InvalidInputError):
        SkillQuery.parse(search)


def test_without_a_choice_the_user_is_the_one_whom_the_threshold_suits() -> None:
    # The report holds values at 0.01, 0.05 and 0.4.
    assert chosen_cost_loss(SkillQuery(), answer()) == 0.05
    assert chosen_cost_loss(SkillQuery(cl=0.3), answer()) == 0.4
    assert chosen_cost_loss(SkillQuery(), answer(value=[])) == 0.043
    assert chosen_cost_loss(SkillQuery(), answer(threshold=None)) is None


def test_the_expense_is_counted_in_losses_per_case() -> None:
    expense = expected_expense(answer(), ValuePoint(cost_loss=0.05))

    # 916 alarms at 0.05 and 264 misses at 1, of 8,219 cases; 481 events.
    assert expense["model"] == pytest.approx((0.05 * 916 + 264) / 8219)
    assert expense["without"] == pytest.approx(0.05)
    assert expense["perfect"] == pytest.approx(0.05 * 481 / 8219)


def test_the_panels_show_the_value_and_a_link_that_undoes_a_choice() -> None:
    plain, chosen = drawn(SkillQuery(), answer()), drawn(SkillQuery(cl=0.05), answer())

    assert "Reset" not in plain
    assert "Reset" in chosen
    assert "Value acting from p ≥ 0.05" in chosen
    assert '"0.35"' in chosen


def test_the_frozen_threshold_is_the_models_and_persistence_has_none() -> None:
    live = ModelRow("m@1", "m", "1", "live", {}, {"M1.0": 0.043}, parse_time(NOON))
    other = replace(live, model_id="n@1", stage="shadow", thresholds={"M1.0": None})

    def frozen(model_id: str) -> float | None:
        return frozen_threshold(SkillRequest(model_id, "M1.0", "region", MARCH), [live, other])

    assert [frozen(name) for name in ("m@1", "n@1")] == [0.043, None]
    assert [frozen(name) for name in ("climatology-120d", "persistence")] == [0.043, None]


def test_an_undefined_value_says_what_is_missing() -> None:
    assert "undefined without events" in drawn(SkillQuery(), answer(value=[]))


@pytest.mark.parametrize(
    ("difference", "word"),
    [
        (Score(value=0.1, low=0.01, high=0.2), "better"),
        (Score(value=-0.1, low=-0.2, high=-0.01), "worse"),
        (Score(value=0.1, low=-0.01, high=0.2), "no difference"),
        (Score(value=0.1), "no interval"),
        (Score(), "undefined"),
    ],
)
def test_only_an_interval_that_excludes_zero_tells_two_forecasts_apart(
    difference: Score, word: str
) -> None:
    assert verdict(difference)[0] == word


def test_a_difference_is_signed_and_an_undefined_one_a_dash() -> None:
    text = json.dumps(difference_table(answer()), cls=PlotlyJSONEncoder, ensure_ascii=False)

    for said in ('"+0.12"', '"\u22120.10"', '"–"', '"minus Persistence"', '"worse"'):
        assert said in text
