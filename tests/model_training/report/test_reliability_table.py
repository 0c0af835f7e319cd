from __future__ import annotations

import numpy as np

from model_training.judging.evidence import Evidence
from model_training.report.results import reliability_rows


def evidence(p: list[float], outcome: list[int], *, regions: int | None = None) -> Evidence:
    """Make cases of one day, each of a region of its own unless there are fewer."""
    n = len(p)
    return Evidence(
        part="test", event="M1.0", region_id=np.arange(n) % (regions or n),
        t_rec=np.full(n, np.datetime64("2014-01-01T00", "us")), outcome=np.array(outcome, float),
        raw=np.array(p), calibrated=np.array(p), entrants={}, threshold=None, n_unknown=0,
    )  # fmt: skip


def test_a_bin_counts_with_thirty_cases_and_is_within_its_bar_where_the_forecast_comes_true() -> (
    None
):
    # 12 of 40 is .3, as said; 0 of 40 has the Wilson bar [0, .088], and .6 lies far from it.
    p = [0.3] * 40 + [0.6] * 40 + [0.9] * 29
    outcome = [1] * 12 + [0] * 28 + [0] * 40 + [0] * 29

    assert reliability_rows([evidence(p, outcome)]) == [["M1.0", "2", "1", "–", "–", "–"]]


def test_forecasts_below_one_percent_are_shown_with_how_often_they_came_true() -> None:
    row = reliability_rows([evidence([0.004] * 1500 + [0.01] * 10, [1] * 30 + [0] * 1480)])[0]

    assert row[3:] == ["1,500", "0.4 %", "2.0 %"]


def test_cases_of_one_region_and_day_widen_the_bar() -> None:
    # 4 of 40 has the bar [.040, .231] if all are independent; as 2 cases it reaches beyond .35.
    p, outcome = [0.35] * 40, [1] * 4 + [0] * 36

    assert reliability_rows([evidence(p, outcome)])[0][2] == "0"
    assert reliability_rows([evidence(p, outcome, regions=2)])[0][2] == "1"
