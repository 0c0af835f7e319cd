from __future__ import annotations

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
