from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app_dash.region.keyword_panels import _APART, LaneSpan, _time_row
from app_dash.region.outcomes import Outcome
from app_dash.region.probability_lines import spread
from app_dash.region.timeline_lanes import Run, runs
from app_dash.shared.gaps import Gap

END = np.datetime64("2014-03-29T16:00:00", "us")
HOUR = np.timedelta64(1, "h")


def test_neighbouring_outcomes_join_into_runs_and_a_gap_ends_one() -> None:
    times = END + np.array([0, 1, 2, 9]) * HOUR
    hit, miss = Outcome.HIT, Outcome.MISS
    start = float(END.astype("datetime64[ms]").astype(float))
    hour = 3_600_000

    found = runs(times, [hit, hit, miss, miss], HOUR)

    assert found == [
        Run(hit, start, start + 2 * hour),
        Run(miss, start + 2 * hour, start + 3 * hour),
        Run(miss, start + 9 * hour, start + 10 * hour),
    ]


@given(st.lists(st.floats(0, 100), max_size=4).map(lambda v: sorted(v, reverse=True)))
def test_labels_never_lie_upon_each_other(heights: list[float]) -> None:
    moved = spread(heights, 8.0)

    assert all(upper - lower >= 8.0 - 1e-9 for upper, lower in itertools.pairwise(moved))


def test_what_was_not_known_yet_is_a_run_of_its_own() -> None:
    times = END + np.arange(4) * HOUR

    found = runs(times, [Outcome.HIT] * 4, HOUR, np.array([True, True, False, False]))

    assert [run.is_known for run in found] == [True, False]
    assert found[0].end == found[1].start


@given(st.lists(st.integers(0, 99), min_size=2, max_size=6, unique=True))
def test_the_dates_of_gaps_never_lie_upon_each_other(hours: list[int]) -> None:
    span = LaneSpan(END - 100 * HOUR, END, HOUR)
    gaps = [Gap(span.start + hour * HOUR, span.start + (hour + 1) * HOUR) for hour in hours]

    _, bar = _time_row(gaps, span).children

    styles = [label.style for label in bar.children]
    places = sorted(
        float(style["left"][:-1]) / 100
        if "left" in style
        else 1 - float(style["right"][:-1]) / 100 - _APART
        for style in styles
    )
    assert all(right - left >= _APART - 1e-4 for left, right in itertools.pairwise(places))
