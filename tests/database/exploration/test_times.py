from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from database.exploration.statistics import MOST_BARS, Times, bars
from solar.time import Window

START = datetime(2014, 3, 1, tzinfo=UTC)


def times(minutes: list[int], peaks: list[float]) -> Times:
    at = np.datetime64("2014-03-01", "us") + np.array(minutes, "timedelta64[m]")
    return Times(at, np.ones(len(minutes), np.int64), np.array(peaks))


def test_a_bar_counts_its_records_and_keeps_the_greatest_forecast() -> None:
    # Ten days in at most 250 bars: 60 minutes each.
    window = Window(START, START + timedelta(days=10))

    drawn = bars(times([0, 12, 59, 60, 300], [0.1, 0.3, np.nan, 0.2, np.nan]), window,
                 whole_days=False)  # fmt: skip

    assert drawn.step == np.timedelta64(60, "m")
    assert drawn.n.tolist() == [3, 1, 1]
    assert drawn.peak.tolist()[:2] == [0.3, 0.2]
    assert np.isnan(drawn.peak[2])
    assert drawn.at[2] == np.datetime64("2014-03-01T05:00")


@pytest.mark.parametrize(("days", "step"), [(3, 1440), (250, 1440), (251, 2880), (3652, 23040)])
def test_no_bar_divides_a_day_that_is_counted_as_a_whole(days: int, step: int) -> None:
    window = Window(START, START + timedelta(days=days))

    assert bars(times([0], [0.1]), window, whole_days=True).step == np.timedelta64(step, "m")


@given(
    st.lists(st.integers(0, 500_000), max_size=60),
    st.integers(1, 350),
    st.booleans(),
)
def test_bars_lose_no_record(minutes: list[int], days: int, whole_days: bool) -> None:
    minutes = sorted(minute % (1440 * days) for minute in minutes)
    window = Window(START, START + timedelta(days=days))

    drawn = bars(times(minutes, [0.5] * len(minutes)), window, whole_days=whole_days)

    assert drawn.n.sum() == len(minutes)
    assert len(drawn.at) <= MOST_BARS + 1
