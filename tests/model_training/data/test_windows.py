from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_training.data.dataset import NO_RECORD
from model_training.data.loading import cut_windows, kept_cases, last_steps
from model_training.recipe.data import WindowConfig
from solar.errors import InvalidInputError

T = np.datetime64("2014-03-10T00:00:00", "us")


def at(*hours: float) -> np.ndarray:
    return T + (np.array(hours) * 3600e6).astype("timedelta64[us]")


def window(**options: float) -> WindowConfig:
    return WindowConfig.model_validate({"cadence_hours": 1, "tolerance_hours": 0.1} | options)


def test_the_last_step_is_the_case_itself_and_the_others_lie_before_it() -> None:
    found = cut_windows(np.array([7, 7, 7]), at(0, 1, 2), window(steps=3))

    assert found.tolist() == [[-1, -1, 0], [-1, 0, 1], [0, 1, 2]]


def test_a_step_without_a_record_near_its_time_stays_empty() -> None:
    found = cut_windows(np.array([7, 7, 7]), at(0, 1.2, 2), window(steps=3))

    assert found[2].tolist() == [0, NO_RECORD, 2]


def test_a_record_as_far_from_its_step_as_the_tolerance_still_counts() -> None:
    found = cut_windows(np.array([7, 7]), at(0, 1.1), window(steps=2))

    assert found[1].tolist() == [0, 1]


def test_records_of_another_region_are_never_in_the_window() -> None:
    found = cut_windows(np.array([7, 8, 7]), at(0, 0, 1), window(steps=2))

    assert found.tolist() == [[-1, 0], [-1, 1], [0, 2]]


def test_a_wide_tolerance_does_not_reach_into_the_future() -> None:
    found = cut_windows(np.array([7, 7, 7]), at(0, 2.4, 2.5), window(steps=2, tolerance_hours=1.5))

    # One hour before 2.4 is 1.4: the record at 2.4 itself is the nearest, not that at 2.5.
    assert found[1].tolist() == [1, 1]


@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(0, 60)), min_size=1, max_size=30),
    st.integers(1, 5),
    st.integers(0, 12),
)
def test_every_step_is_the_nearest_record_of_the_region_up_to_t(
    rows: list[tuple[int, int]], steps: int, tolerance: int
) -> None:
    rows = sorted(set(rows), key=lambda row: row[1])
    region = np.array([row[0] for row in rows])
    minutes = np.array([row[1] for row in rows])
    config = WindowConfig(
        steps=steps, cadence_hours=10 / 60, tolerance_hours=tolerance / 60, stride=1
    )

    found = cut_windows(region, T + minutes * np.timedelta64(1, "m"), config)

    for case, back in np.ndindex(len(rows), steps):
        place = found[case, -1 - back]
        target = minutes[case] - 10 * back
        allowed = (region == region[case]) & (minutes <= minutes[case])
        distance = np.abs(minutes[allowed] - target).min()
        if distance > tolerance:
            assert place == NO_RECORD
        else:
            assert allowed[place]
            assert abs(minutes[place] - target) == distance


def test_a_stride_keeps_every_so_many_th_case_of_each_region() -> None:
    assert kept_cases(np.array([7, 8, 7, 8, 7, 7]), 2).tolist() == [0, 1, 4]


def test_windows_of_the_source_are_shortened_to_their_last_steps() -> None:
    steps = np.arange(8).reshape(2, 4)

    assert last_steps(steps, window(steps=2), cadence_hours=1).tolist() == [[2, 3], [6, 7]]
    assert last_steps(steps, window(), cadence_hours=1) is steps


def test_windows_of_the_source_cannot_be_made_longer() -> None:
    with pytest.raises(InvalidInputError, match=r"have 4 steps of 1 h, not 5"):
        last_steps(np.arange(8).reshape(2, 4), window(steps=5), cadence_hours=1)
