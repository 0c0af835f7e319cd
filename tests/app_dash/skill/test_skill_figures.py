from __future__ import annotations

from datetime import date, timedelta

import pytest
from skill_body import BAND, answer

from app_dash.shared.numbers import score_text
from app_dash.shared.theme import LIGHT
from app_dash.shared.verification.diagrams import reliability_figure, roc_figure
from app_dash.shared.verification.report import DayCount, Score
from app_dash.shared.verification.score_axis import KINDS, interval_text, place, scale
from app_dash.skill.panels import reliability
from app_dash.skill.query import SkillQuery
from app_dash.skill.strata_figure import MOST_BARS, MOST_WEEKS, days_figure, grouped

TSS = KINDS[0]


def test_a_bin_of_few_cases_is_open_and_apart_and_an_empty_one_absent() -> None:
    many, few, counts = reliability_figure(answer(), LIGHT)["data"]

    assert (many["x"], many["y"]) == ([1.0], [2.0])
    assert few["x"] == [33.0]
    assert few["marker"]["symbol"] == "circle-open"
    assert counts["y"] == [7000, 11]


def test_wilson_bars_reach_from_the_observed_frequency_to_their_ends() -> None:
    many = reliability_figure(answer(), LIGHT)["data"][0]

    # 2.4 - 2.0 above and 2.0 - 1.7 below, in percent.
    assert many["error_y"]["array"] == pytest.approx([0.4])
    assert many["error_y"]["arrayminus"] == pytest.approx([0.3])


def test_the_bars_of_counts_are_as_wide_as_their_bins() -> None:
    counts = reliability_figure(answer(), LIGHT)["data"][2]

    assert counts["width"] == pytest.approx([5.0, 10.0])


def test_the_band_of_the_model_is_shaded_from_bin_to_bin_and_absent_without_one() -> None:
    report = answer(band=BAND)

    shaded, *others = reliability_figure(report, LIGHT, band=report.band)["data"]

    # There along the lower bounds, and back along the upper ones.
    assert shaded["x"] == pytest.approx([0.4, 33, 33, 0.4])
    assert shaded["y"] == pytest.approx([0.2, 24, 45, 0.9])
    assert others == reliability_figure(report, LIGHT)["data"]


def test_the_panel_says_how_many_bins_are_inside_the_band_in_all_and_by_year() -> None:
    drawn = str(reliability(SkillQuery(), answer(band=BAND), LIGHT))

    assert "60 refits of the model, mean width 0.036" in drawn
    assert "7 of 8 bins" in drawn
    assert "2014 6 of 6, 2015 1 of 4" in drawn
    assert "Inside" not in str(reliability(SkillQuery(), answer(), LIGHT))


def test_the_isotonic_fit_replaces_the_bins_and_names_its_terms() -> None:
    figure = reliability_figure(answer(), LIGHT, is_corp=True)

    fitted, counts = figure["data"]
    assert fitted["y"] == pytest.approx([2.0, 600 / 11])
    assert counts["y"] == [7000, 11]
    assert figure["layout"]["annotations"][-1]["text"].startswith("MCB ")


def test_without_events_no_base_rate_is_drawn() -> None:
    layout = reliability_figure(answer(base_rate=0.0), LIGHT)["layout"]

    assert layout["annotations"] == []
    assert len(layout["shapes"]) == 1


def test_the_operating_point_is_that_of_the_contingency_table() -> None:
    point = roc_figure(answer(), LIGHT)["data"][-1]

    # POD 217/481 and POFD 699/7738, in percent.
    assert point["y"] == pytest.approx([45.114], abs=1e-3)
    assert point["x"] == pytest.approx([9.033], abs=1e-3)


def test_an_undefined_point_of_the_roc_is_left_out() -> None:
    curves = {curve.get("name"): curve for curve in roc_figure(answer(), LIGHT)["data"]}

    assert curves["gradient-boosting 1.0.0"]["x"] == [0.0, 100.0]
    assert curves["Persistence"]["x"] == []


def test_without_events_there_is_no_operating_point() -> None:
    table = {"hits": 0, "false_alarms": 3, "misses": 0, "correct_negatives": 9}
    traces = roc_figure(answer(contingency=table), LIGHT)["data"]

    assert all(trace["mode"] == "lines" for trace in traces)


def test_events_and_quiet_cases_of_a_day_add_up_to_its_cases() -> None:
    days = [DayCount(day=date(2014, 3, 1), n=120, events=8)]
    events, quiet = days_figure(days, "M1.0", LIGHT)["data"]

    assert (events["y"], quiet["y"]) == ([8], [112])
    assert events["marker"]["color"] == LIGHT.m_mark


def test_a_long_range_is_drawn_by_the_week_and_loses_nothing() -> None:
    first = date(2012, 1, 2)  # a Monday
    days = [DayCount(day=first + timedelta(i), n=10, events=i % 2) for i in range(700)]

    weeks = grouped(days)

    assert len(weeks) == 100
    assert len(grouped(days[:MOST_BARS])) == MOST_BARS
    assert sum(week.n for week in weeks) == 7000
    assert sum(week.events for week in weeks) == 350


def test_ten_years_are_drawn_by_the_month_and_lose_nothing() -> None:
    days = [DayCount(day=date(2010, 5, 1) + timedelta(i), n=10, events=i % 2) for i in range(3650)]

    months = grouped(days)

    # May 2010 to April 2020.
    assert len(months) == 120 <= MOST_WEEKS
    assert months[0].day == date(2010, 5, 1)
    assert sum(month.n for month in months) == 36500
    assert sum(month.events for month in months) == 1825


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.358, "0.36"), (-0.07, "\u22120.07"), (-0.001, "0.00"), (None, "–"), (1.0, "1.00")],
)
def test_a_score_has_two_decimals_and_undefined_is_a_dash(value: float | None, text: str) -> None:
    assert score_text(value) == text


def test_an_interval_is_written_only_when_both_ends_are_known() -> None:
    assert interval_text(Score(value=0.36, low=0.21, high=0.51)) == "0.21 … 0.51"
    assert interval_text(Score(value=0.36, low=0.21)) == ""


def test_a_line_is_widened_in_halves_to_what_lies_below_it() -> None:
    assert scale(TSS, [Score(value=0.3)]) == (-0.2, 1.0)
    assert scale(TSS, [Score(value=-0.3)]) == (-0.5, 1.0)
    assert scale(TSS, [Score(value=-40.0)]) == (-2.0, 1.0)


def test_a_mark_lies_in_proportion_and_never_outside_its_line() -> None:
    assert place(Score(value=0.4), (-0.2, 1.0)).at == pytest.approx(0.5)
    assert place(Score(value=-40.0), (-2.0, 1.0)).at == 0.0
    assert place(Score(), (-0.2, 1.0)).at is None
