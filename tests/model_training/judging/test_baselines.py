from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from model_training.data.dataset import Dataset
from model_training.judging import evaluation


def days(*truth: float) -> Dataset:
    n = len(truth)
    at = np.datetime64("2014-01-01", "us") + np.arange(n) * np.timedelta64(1, "D")
    return Dataset(
        records={},
        steps=np.zeros((n, 1), np.int64),
        region_id=np.ones(n, np.int64),
        t_rec=at,
        truth={"M1.0": np.array(truth)},
        flared_before={"M1.0": np.concatenate([[0.0], np.nan_to_num(truth[:-1])])},
    )


def test_climatology_counts_only_windows_that_have_closed() -> None:
    past = days(1, 0, 0, 1, 0)

    found = evaluation.climatology(past.t_rec, "M1.0", past=past, days=120)

    # Day 0 knows nothing, day 1 the window of day 0, and so on.
    assert np.isnan(found[0])
    assert found[1:] == pytest.approx([1, 1 / 2, 1 / 3, 2 / 4])


def test_climatology_forgets_what_is_older_than_its_days() -> None:
    past = days(1, 0, 0, 0)

    found = evaluation.climatology(past.t_rec, "M1.0", past=past, days=2)

    assert found[3] == pytest.approx(0)


def test_unknown_truth_is_no_quiet_day() -> None:
    past = days(1, np.nan, 0, 0)

    assert evaluation.climatology(past.t_rec, "M1.0", past=past, days=9)[2] == 1


def test_persistence_says_what_happened_before() -> None:
    assert evaluation.persistence(days(1, 0, 1), "M1.0").tolist() == [0, 1, 0]


def test_a_window_has_an_event_if_a_bin_of_it_has_and_is_unknown_if_a_bin_of_it_is() -> None:
    nan = np.nan
    # Hours 0-6, 6-12, 12-24, 24-48 and 48-72 after t.
    by_bin = np.array([[0, 0, 1, 0, nan], [nan, 1, 0, 0, 1], [0, 0, 0, 1, 0]])
    dataset = replace(days(1, nan, 0), by_bin={"M1.0": by_bin})

    truth = evaluation.with_windows(dataset).truth

    expected = {
        "M1.0": [1, nan, 0],
        "M1.0/6h": [0, nan, 0],
        "M1.0/12h": [0, nan, 0],
        "M1.0/48h": [1, nan, 1],
        "M1.0/d2": [0, 0, 1],
        "M1.0/d3": [nan, 1, 0],
    }
    assert truth.keys() == expected.keys()
    for name, outcomes in expected.items():
        np.testing.assert_array_equal(truth[name], outcomes)


def test_climatology_of_a_window_waits_until_it_has_closed() -> None:
    past = days(1, 1, 1, 1, 1)
    past = replace(past, truth={"M1.0/d3": np.array([1.0, 0, 1, 1, 0])})

    found = evaluation.climatology(past.t_rec, "M1.0/d3", past=past, days=120)

    assert np.isnan(found[:3]).all()
    assert found[3:] == pytest.approx([1, 1 / 2])
