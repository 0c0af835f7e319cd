from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solar.flares import EVENTS, TARGETS
from solar.full_disk import (
    COUNTED,
    DiskActivity,
    DiskAggregate,
    disk_aggregates,
    disk_probability,
    mean_in_log_odds,
)
from solar.time import Window
from solar.windows import WINDOWS

chances = st.floats(0, 1)
EVER = Window(datetime(2013, 1, 1, tzinfo=UTC), datetime(2014, 4, 1, tzinfo=UTC))
# Odds of 4 by one M flare of the last day: 2 ln(1 + 1).
SIMPLE = DiskAggregate((2.0, *[0.0] * 6), 0.0, 0.5, 9, 5, "")
ONE_M = [1, 1, 1, 1, 1, 1, 1]


def times(*at: str) -> np.ndarray:
    return np.array(at, "datetime64[us]")


def activity_of(*flares: tuple[str, str, float], covered: tuple[Window, ...] = (EVER,)):
    peak_at, end_at, flux = zip(*flares, strict=True) if flares else ((), (), ())
    return DiskActivity(times(*peak_at), times(*end_at), np.array(flux, float), covered)


def counted(activity: DiskActivity, at: str) -> dict[tuple[str, int], float]:
    return dict(zip(COUNTED, activity.counts(times(at))[0].tolist(), strict=True))


def test_the_full_disk_is_half_way_between_regions_and_flares_in_log_odds() -> None:
    # Odds of 1 by the regions and of 4 by the flares: their geometric mean is 2.
    assert SIMPLE.activity(ONE_M) == pytest.approx(0.8)
    assert mean_in_log_odds([0.5], [0.8]) == pytest.approx([2 / 3])


def test_one_number_gives_one_number() -> None:
    assert float(mean_in_log_odds(0.5, 0.8)) == pytest.approx(2 / 3)


def test_unknown_activity_leaves_the_product_and_unknown_regions_leave_nothing() -> None:
    unknown = np.full(7, np.nan)

    found = disk_probability("M1.0", [0.3, np.nan], [unknown, ONE_M])

    assert found[0] == 0.3
    assert np.isnan(found[1])


def test_an_event_that_was_never_fitted_has_the_product() -> None:
    assert disk_probability("Z1.0", [0.3], [ONE_M]).tolist() == [0.3]


@given(chances, chances, st.integers(0, 20))
def test_riskier_regions_never_make_a_safer_disk(one: float, other: float, n: int) -> None:
    low, high = disk_probability("M1.0", sorted([one, other]), [[n] * 7] * 2)

    assert 0 < low <= high < 1


def test_flares_count_from_their_end_and_by_their_peak() -> None:
    activity = activity_of(
        ("2013-11-01T00:00", "2013-11-01T00:10", 1e-4),
        ("2014-02-26T12:00", "2014-02-26T12:10", 2e-6),
        ("2014-02-27T23:59", "2014-02-28T00:20", 1e-5),
        ("2014-02-28T23:50", "2014-03-01T00:05", 5e-5),
    )

    # At midnight the last one is under way. The first peaked 120 days before, to the minute.
    assert counted(activity, "2014-03-01T00:00") == {
        ("M1.0", 1): 0,
        ("M1.0", 3): 1,
        ("M1.0", 27): 1,
        ("M1.0", 120): 2,
        ("C1.0", 1): 0,
        ("C1.0", 3): 2,
        ("C1.0", 27): 2,
    }
    later = counted(activity, "2014-03-01T00:05")
    assert (later["M1.0", 1], later["M1.0", 120]) == (1, 2)


def test_a_flare_that_peaks_at_the_time_itself_is_of_the_window_to_come() -> None:
    activity = activity_of(("2014-03-01T00:00", "2014-03-01T00:00", 1e-5))

    assert counted(activity, "2014-03-01T00:00")["M1.0", 1] == 0


def test_a_long_span_that_is_covered_in_part_is_scaled_up() -> None:
    covered = Window(datetime(2014, 2, 19, tzinfo=UTC), datetime(2014, 3, 1, tzinfo=UTC))
    activity = activity_of(("2014-02-20T00:00", "2014-02-20T00:10", 1e-5), covered=(covered,))

    found = counted(activity, "2014-03-01T00:00")

    # One flare in ten days, as in each of twelve.
    assert found["M1.0", 120] == pytest.approx(12)
    assert found["M1.0", 27] == pytest.approx(2.7)
    assert found["M1.0", 3] == 0


@pytest.mark.parametrize(
    ("first", "last", "is_known"),
    [
        ("02-26T00", "03-01T00", True),
        ("02-26T01", "03-01T00", False),
        ("02-01T00", "02-28T18", True),
        ("02-01T00", "02-28T17", False),
    ],
)
def test_activity_needs_a_list_of_the_last_three_days_that_is_late_by_six_hours_at_most(
    first: str, last: str, is_known: bool
) -> None:
    start, end = (datetime.fromisoformat(f"2014-{at}:00+00:00") for at in (first, last))
    activity = activity_of(covered=(Window(start, end),))

    assert np.isfinite(activity.counts(times("2014-03-01T00:00"))).all() == is_known


def test_without_a_list_no_activity_is_known() -> None:
    assert np.isnan(activity_of(covered=()).counts(times("2014-03-01", "2014-03-02"))).all()


def test_each_event_and_window_is_fitted_on_enough_days_before_the_test() -> None:
    fitted = disk_aggregates()

    assert list(fitted) == [target.name for target in TARGETS]
    assert all(one.n_days - one.n_events >= 5 <= one.n_events for one in fitted.values())
    assert all(0 < one.threshold < 1 for one in fitted.values())
    assert all("to 2013" in one.fitted_on for one in fitted.values())


@given(st.lists(st.integers(0, 30), min_size=4, max_size=4))
def test_a_more_active_sun_is_not_said_to_be_a_safer_one_in_24_h(n: list[int]) -> None:
    # More C flares alone, in all three spans at once.
    one = disk_aggregates()["M1.0"]
    quiet, active = sorted(n)[0], sorted(n)[-1]

    low, high = one.activity([[0] * 4 + [quiet] * 3, [0] * 4 + [active] * 3])

    assert low <= high


@given(st.lists(st.integers(0, 30), min_size=7, max_size=7), st.lists(chances, min_size=1))
def test_neither_a_rarer_flare_nor_a_shorter_window_is_likelier_on_the_full_disk(
    counts: list[int], regions: list[float]
) -> None:
    product = min(regions)
    said = {t: float(disk_probability(t.name, [product], [counts])[0]) for t in TARGETS}

    for frequent, rare in pairwise(EVENTS):
        for window in WINDOWS:
            assert said[rare.within(window)] <= said[frequent.within(window)]
    for shorter, longer in pairwise(one for one in WINDOWS if not one.latency):
        for event in EVENTS:
            assert said[event.within(shorter)] <= said[event.within(longer)]
