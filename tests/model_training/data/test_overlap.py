from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model_training.data.dataset import Dataset
from model_training.data.overlap import find_overlap


def windows(values: NDArray[np.float64], steps: NDArray[np.int64] | None = None) -> Dataset:
    """Cases of one feature; without steps every row of values is a window of its own records."""
    own = np.arange(values.size).reshape(values.shape) if steps is None else steps
    n = len(own)
    return Dataset(
        records={"TOTUSJH": values.ravel()},
        steps=own,
        region_id=np.arange(n),
        t_rec=np.datetime64("2014-03-01", "us") + np.arange(n) * np.timedelta64(1, "h"),
        truth={},
        flared_before={},
    )


def test_windows_slid_over_the_same_values_are_counted() -> None:
    # 125 windows of 60 steps, 32 of them slid by 5 to 55 steps in pairs over the same values.
    rng = np.random.default_rng(3)
    values = rng.normal(size=(125, 60))
    for pair in range(16):
        slide = 5 * (1 + pair % 11)
        values[2 * pair + 1, : 60 - slide] = values[2 * pair, slide:]

    found = find_overlap(windows(values), ["TOTUSJH"])

    assert (found.overlapping, found.cases) == (32, 125)
    assert found.shared == 0


def test_four_equal_values_in_a_row_are_no_copy() -> None:
    values = np.random.default_rng(3).normal(size=(2, 10))
    values[1, :4] = values[0, 6:]

    assert find_overlap(windows(values), ["TOTUSJH"]).overlapping == 0


def test_constant_and_missing_runs_are_no_copies() -> None:
    values = np.full((3, 10), np.nan)
    values[:2] = 0.0

    assert find_overlap(windows(values), ["TOTUSJH"]).overlapping == 0


def test_a_window_that_repeats_itself_does_not_overlap_another() -> None:
    values = np.tile(np.arange(5.0), (1, 4))

    assert find_overlap(windows(values), ["TOTUSJH"]).copied == 0


def test_cases_that_share_records_overlap() -> None:
    values = np.random.default_rng(3).normal(size=(1, 12))
    steps = np.array([[0, 1, 2, 3, 4, 5], [3, 4, 5, 6, 7, 8], [-1, -1, -1, 9, 10, 11]])

    found = find_overlap(windows(values, steps), ["TOTUSJH"])

    assert found.shared == 2
    assert found.copied == 0
    assert found.overlapping == 2


def test_single_records_are_copies_when_all_features_are_equal() -> None:
    found = find_overlap(windows(np.array([[1.0], [2.0], [1.0]])), ["TOTUSJH"])

    assert found.copied == 2
    assert found.feature == "all features"
