from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from model_training.__main__ import main
from model_training.features import FlareHistory
from model_training.fitting.disk_activity import Days, days_of_list, days_of_regions, fit
from solar.flares import event
from solar.full_disk import FITTED, REACH_DAYS


def cases(n: int, n_events: int) -> Days:
    rng = np.random.default_rng(0)
    outcome = np.zeros(n)
    outcome[rng.permutation(n)[:n_events]] = 1
    return Days(rng.integers(0, 9, (n, 7)).astype(float), outcome)


def test_the_fit_forecasts_what_the_regression_it_is_from_does() -> None:
    days = cases(300, 90)
    model = LogisticRegression(C=1.0, tol=1e-8, max_iter=1000)
    model.fit(np.log1p(days.counts), days.outcome)

    found = fit(days, fitted_on="days")

    assert found is not None
    expected = model.predict_proba(np.log1p(days.counts))[:, 1]
    assert found.activity(days.counts) == pytest.approx(expected, abs=1e-3)
    assert (found.n_days, found.n_events, found.fitted_on) == (300, 90, "days")


@pytest.mark.parametrize(
    ("n_events", "is_fitted"), [(4, False), (5, True), (35, True), (36, False)]
)
def test_with_fewer_than_five_days_of_an_outcome_there_is_no_fit(
    n_events: int, is_fitted: bool
) -> None:
    assert (fit(cases(40, n_events), fitted_on="days") is not None) == is_fitted


def test_days_of_regions_count_what_came_before_and_tell_what_came_after() -> None:
    # 120 days that only reach back, and four more; flares on the last of those and on the second.
    by_day = {"C1.0": np.zeros(REACH_DAYS + 4), "M1.0": np.zeros(REACH_DAYS + 4)}
    by_day["C1.0"][REACH_DAYS - 1] = 3
    by_day["M1.0"][REACH_DAYS - 1] = 1
    by_day["M1.0"][REACH_DAYS + 1] = 2

    of_day, of_d2, of_48h = (
        days_of_regions(by_day, event(name)) for name in ("M1.0", "M1.0/d2", "M1.0/48h")
    )

    assert of_day.outcome.tolist() == [0, 1, 0, 0]
    assert of_d2.outcome.tolist() == [1, 0, 0]
    assert of_48h.outcome.tolist() == [1, 1, 0]
    # M in 1, 3, 27 and 120 days, C in 1, 3 and 27.
    assert of_day.counts[0].tolist() == [1, 1, 1, 1, 3, 3, 3]
    assert of_day.counts[3].tolist() == [0, 2, 3, 3, 0, 0, 3]


def test_days_of_the_list_end_before_the_test_begins() -> None:
    at = np.array(["2010-01-01T12:00", "2013-12-31T12:00", "2014-01-01T12:00"], "datetime64[us]")
    flares = FlareHistory(at, np.full(3, 2e-5), np.zeros(3, np.int64))

    found = {name: days_of_list(flares, event(name)) for name in ("M1.0", "M1.0/d2", "M1.0/6h")}

    # The 120 days after the begin of the list are 1 January to 1 May 2010; the last day is
    # 31 December 2013, the last one with a second day the 30th.
    assert {name: len(days.outcome) for name, days in found.items()} == {
        "M1.0": 1340,
        "M1.0/d2": 1339,
        "M1.0/6h": 1340,
    }
    assert found["M1.0"].outcome.sum() == found["M1.0/d2"].outcome.sum() == 1
    # The flare at noon is not in the first six hours.
    assert found["M1.0/6h"].outcome.sum() == 0


def test_the_file_in_use_is_what_the_command_makes(shared_data: Path, tmp_path: Path) -> None:
    made = tmp_path / "fit.json"

    assert main(["disk", "--data", str(shared_data), "--to", str(made)]) == 0

    found, used = (json.loads(path.read_text("utf-8")) for path in (made, FITTED))
    assert found["inputs"] == used["inputs"]
    assert set(found["events"]) == set(used["events"])
    for name, one in found["events"].items():
        other = used["events"][name]
        for key in ("n_days", "n_events", "threshold", "fitted_on"):
            assert one[key] == other[key], (name, key)
        assert one["weights"] == pytest.approx(other["weights"], abs=2e-3)
        assert one["intercept"] == pytest.approx(other["intercept"], abs=2e-3)
