from __future__ import annotations

from typing import Any

import pytest
from skill_body import MODEL, SHADOW, answer, strata, stratum

from app_dash.shared.theme import LIGHT
from app_dash.shared.verification.diagrams import precision_recall_figure
from app_dash.shared.verification.styles import markers, styles
from app_dash.skill.strata_figure import strata_figure
from app_dash.skill.threshold_figures import (
    LOWEST_VALUE,
    nearest,
    slider_position,
    threshold_figure,
    value_figure,
)


def lines(figure: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {trace["name"]: trace for trace in figure["data"] if "name" in trace}


def test_a_threshold_below_the_axis_is_left_out_and_an_undefined_score_is_a_gap() -> None:
    drawn = lines(threshold_figure(answer(), LIGHT, frozen=0.043))

    assert (drawn["TSS"]["x"], drawn["TSS"]["y"]) == ([1.0, 50.0, 90.0], [0.4, 0.1, 0.0])
    assert drawn["Precision"]["x"] == [1.0, 50.0]


def test_the_frozen_threshold_is_marked_only_beside_another_one() -> None:
    frozen = threshold_figure(answer(), LIGHT, frozen=0.043)["layout"]["shapes"]
    moved = answer(threshold={"value": 0.2, "source": "requested"})
    both = threshold_figure(moved, LIGHT, frozen=0.043)["layout"]["shapes"]

    assert [line["x0"] for line in frozen] == pytest.approx([4.3])
    assert [line["x0"] for line in both] == pytest.approx([4.3, 20.0])


def test_without_a_curve_only_the_axes_stand() -> None:
    figure = threshold_figure(answer(curve=[], scores={}), LIGHT, frozen=None)

    assert all(trace["x"] == [] for trace in figure["data"])
    assert figure["layout"]["annotations"] == []


def test_an_undefined_value_is_left_out_and_a_hopeless_one_ends_below_the_frame() -> None:
    drawn = lines(value_figure(answer(), LIGHT, cost_loss=0.05))

    assert drawn["gradient-boosting 1.0.0"]["x"] == [0.01, 0.05]
    assert drawn["gradient-boosting 1.0.0"]["y"][0] < LOWEST_VALUE
    assert drawn["acting from p ≥ C/L"]["y"] == [0.1, 0.35, 0.0]


def test_the_chosen_user_is_the_nearest_on_a_logarithmic_axis() -> None:
    points = answer().value

    # log 0.02 lies 0.30 above log 0.01 and 0.40 below log 0.05.
    assert nearest(points, 0.02) == points[0]
    assert nearest(points, 0.024) == points[1]
    assert nearest(points, None) is None
    assert nearest([], 0.1) is None


def test_the_value_of_the_chosen_user_is_written_at_his_line() -> None:
    layout = value_figure(answer(), LIGHT, cost_loss=0.05)["layout"]

    assert layout["annotations"][0]["text"] == "C/L 0.05 · 0.30"
    assert layout["shapes"][0]["x0"] == 0.05


def test_precision_and_recall_are_drawn_in_percent_with_the_point_in_use() -> None:
    figure = precision_recall_figure(answer(), LIGHT)

    drawn = lines(figure)
    assert drawn["gradient-boosting 1.0.0"]["x"] == [10.0, 80.0]
    assert drawn["gradient-boosting 1.0.0"]["y"] == [60.0, 10.0]
    assert figure["data"][-1]["x"] == pytest.approx([45.1])
    assert figure["layout"]["shapes"][0]["y0"] == pytest.approx(5.85)


def test_a_stratum_of_few_events_is_open_and_one_without_cases_absent() -> None:
    many, few, counts = strata_figure(strata().longitude, "tss", LIGHT, title="")["data"]

    assert (many["x"], few["x"]) == (["30 to 60 deg"], ["-90 to -60 deg"])
    assert few["marker"]["symbol"] == "circle-open"
    assert counts["y"] == [900, 1800, 7]
    assert many["error_y"]["array"] == pytest.approx([0.2])
    assert many["error_y"]["arrayminus"] == pytest.approx([0.1])


def test_a_month_without_events_keeps_its_cases_and_has_no_point() -> None:
    many, few, counts = strata_figure(strata().month, "tss", LIGHT, title="")["data"]

    assert (many["x"], few["x"]) == (["2014-02"], [])
    assert counts["x"] == ["2014-02", "2014-03"]


def test_ten_years_of_months_are_small_and_few_are_labelled() -> None:
    months = [stratum(f"{year}-{month:02d}", 900, 40, 0.4)
              for year in range(2010, 2020) for month in range(1, 13)]  # fmt: skip

    figure = strata_figure(strata(month=months).month, "tss", LIGHT, title="")

    assert len(figure["data"][0]["x"]) == 120
    assert figure["data"][0]["error_y"]["width"] == 0
    assert figure["layout"]["xaxis"]["tickvals"] == [
        "2010-01", "2011-09", "2013-05", "2015-01", "2016-09", "2018-05",
    ]  # fmt: skip


def test_a_score_without_interval_has_a_bar_of_no_length() -> None:
    bare = strata(month=[{**stratum("2014-02", 9, 20, None), "scores": {"tss": {"value": 0.4}}}])

    many = strata_figure(bare.month, "tss", LIGHT, title="")["data"][0]

    assert (many["error_y"]["array"], many["error_y"]["arrayminus"]) == ([0.0], [0.0])


def test_two_models_differ_in_shape_and_the_first_has_the_accent_colour() -> None:
    beside = [{"model": SHADOW, "n": 1, "n_events": 0}, {"model": "persistence", "n": 1,
                                                        "n_events": 0}]  # fmt: skip

    looks = styles(answer(entrants=beside).all, LIGHT)

    assert markers([MODEL, SHADOW, "persistence"]) == ["circle", "triangle", "diamond"]
    assert looks[0].color == LIGHT.accent
    assert len({(look.dash, look.color) for look in looks}) == 3


@pytest.mark.parametrize(("value", "place"), [(0.1, -1.0), (1e-9, -3.0), (7.0, 0.0)])
def test_a_slider_is_at_the_logarithm_and_always_within_its_axis(
    value: float, place: float
) -> None:
    assert slider_position(value) == place
