from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_dash.shared.gaps import Gap, broken_line, cadence, find_gaps, hatch
from app_dash.shared.theme import LIGHT

START = np.datetime64("2014-03-29T00:00:00", "us")
STEP = np.timedelta64(720, "s")


def _times(*slots: int) -> np.ndarray:
    return START + np.array(slots) * STEP


def test_three_missing_cadences_are_no_gap_and_more_are() -> None:
    times = _times(0, 1, 4, 8)

    assert find_gaps(times, STEP) == [Gap(times[2], times[3])]


def test_the_line_breaks_at_a_gap() -> None:
    times, values = broken_line(_times(0, 1, 8, 9), np.array([1.0, 2.0, 3.0, 4.0]), STEP)

    np.testing.assert_array_equal(values, [1.0, 2.0, np.nan, 3.0, 4.0])
    assert len(times) == len(values)


def test_missing_values_count_as_missing_records() -> None:
    values = np.array([1.0, np.nan, np.nan, np.nan, np.nan, 2.0])

    _, drawn = broken_line(_times(0, 1, 2, 3, 4, 5), values, STEP)

    np.testing.assert_array_equal(drawn, [1.0, np.nan, 2.0])


def test_a_single_missing_value_does_not_break_the_line() -> None:
    _, drawn = broken_line(_times(0, 1, 2), np.array([1.0, np.nan, 2.0]), STEP)

    np.testing.assert_array_equal(drawn, [1.0, 2.0])


def test_nothing_to_draw_is_an_empty_line() -> None:
    times, values = broken_line(_times(0, 1), np.array([np.nan, np.nan]), STEP)

    assert len(times) == len(values) == 0


@given(st.integers(1, 12_000), st.lists(st.integers(0, 11_999), max_size=30))
def test_a_trace_never_exceeds_two_thousand_points(n: int, cuts: list[int]) -> None:
    slots = np.arange(n) + 10 * np.isin(np.arange(n), cuts).cumsum()
    values = np.sin(np.arange(n) / 7.0)

    times, drawn = broken_line(START + slots * STEP, values, STEP)

    assert len(times) == len(drawn) <= 2_000
    assert np.isnan(drawn).sum() == len(find_gaps(START + slots * STEP, STEP))


def test_thinning_keeps_the_extremes() -> None:
    values = np.zeros(10_000)
    values[6_543] = 1.0

    _, drawn = broken_line(START + np.arange(10_000) * STEP, values, STEP)

    assert np.nanmax(drawn) == 1.0


@pytest.mark.parametrize(("hours", "expected"), [(1, 3600), (0.2, 720), (0.01, 720)])
def test_the_cadence_is_the_usual_distance_but_not_below_the_instrument(
    hours: float, expected: int
) -> None:
    times = START + (np.arange(9) * hours * 3600).astype("timedelta64[s]")

    assert cadence(times) == np.timedelta64(expected, "s")


def test_a_gap_is_hatched_over_the_whole_height() -> None:
    trace = hatch([Gap(START, START + STEP)], 0.1, 100.0, LIGHT)

    assert trace["fillpattern"]["shape"] == "/"
    assert set(trace["y"]) == {0.1, 100.0, None}
    assert trace["x"][1] - trace["x"][0] == 720_000
