from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solar.flares import event
from solar.time import Window
from solar.truth import EVENT, NO_EVENT, UNKNOWN, Truth

MIDNIGHT = datetime(2014, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)
COVERED = [Window(MIDNIGHT - 10 * DAY, MIDNIGHT + 10 * DAY)]
M1 = event("M1.0")


def truth_of(*flares: tuple[datetime, float, int], covered: list[Window] = COVERED) -> Truth:
    ordered = sorted(flares)
    return Truth(
        np.array([at.replace(tzinfo=None) for at, _, _ in ordered], "datetime64[us]"),
        np.array([flux for _, flux, _ in ordered], float),
        np.array([region for _, _, region in ordered], np.int64),
        covered,
    )


def times(*at: datetime) -> np.ndarray:
    return np.array([one.replace(tzinfo=None) for one in at], "datetime64[us]")


def of_region_1(truth: Truth, at: datetime) -> int:
    return int(truth.of_regions(M1, np.array([1]), times(at))[0])


@pytest.mark.parametrize(
    ("issued_at", "expected"),
    [
        (MIDNIGHT, EVENT),  # a peak at the very start is inside
        (MIDNIGHT + timedelta(microseconds=1), NO_EVENT),
        (MIDNIGHT - DAY, NO_EVENT),  # a peak at the very end belongs to the next window
        (MIDNIGHT - DAY + timedelta(microseconds=1), EVENT),
    ],
)
def test_windows_are_half_open_in_the_time_of_peak(issued_at: datetime, expected: int) -> None:
    truth = truth_of((MIDNIGHT, 1e-5, 1))

    assert of_region_1(truth, issued_at) == expected


@pytest.mark.parametrize(
    ("flux", "region", "expected"),
    [
        (1e-5, 1, EVENT),  # M1.0 itself counts
        (9.9e-6, 1, NO_EVENT),
        (1e-4, 2, NO_EVENT),  # of another region
        (1e-5, 0, UNKNOWN),  # whose region cannot be told
        (9.9e-6, 0, NO_EVENT),  # too weak to matter
    ],
)
def test_truth_depends_on_class_and_region(flux: float, region: int, expected: int) -> None:
    assert of_region_1(truth_of((MIDNIGHT, flux, region)), MIDNIGHT) == expected


def test_whether_truth_is_known_does_not_depend_on_what_it_is() -> None:
    with_own_event = truth_of((MIDNIGHT, 1e-4, 0), (MIDNIGHT, 1e-5, 1))
    without = truth_of((MIDNIGHT, 1e-4, 0))

    assert of_region_1(with_own_event, MIDNIGHT) == of_region_1(without, MIDNIGHT) == UNKNOWN


@pytest.mark.parametrize(
    ("issued_at", "expected"),
    [
        (MIDNIGHT + 9 * DAY, NO_EVENT),  # the window ends with the coverage
        (MIDNIGHT + 9 * DAY + timedelta(microseconds=1), UNKNOWN),
        (MIDNIGHT - 10 * DAY, NO_EVENT),
        (MIDNIGHT - 10 * DAY - timedelta(microseconds=1), UNKNOWN),
    ],
)
def test_beyond_the_coverage_no_flare_does_not_mean_quiet(
    issued_at: datetime, expected: int
) -> None:
    assert of_region_1(truth_of(), issued_at) == expected


def test_an_event_in_a_window_that_is_not_covered_is_not_scored() -> None:
    assert of_region_1(truth_of((MIDNIGHT, 1e-5, 1), covered=[]), MIDNIGHT) == UNKNOWN


def test_the_disk_counts_flares_of_any_region_and_of_none() -> None:
    truth = truth_of((MIDNIGHT, 1e-5, 0))

    found = truth.of_disk(M1, times(MIDNIGHT - DAY, MIDNIGHT, MIDNIGHT + 20 * DAY))

    assert found.tolist() == [NO_EVENT, EVENT, UNKNOWN]


HOURS = st.integers(0, 96)
FLARES = st.lists(st.tuples(HOURS, st.sampled_from([1e-6, 1e-5, 1e-4]), st.integers(-2, 3)))
CASES = st.lists(st.tuples(st.integers(-2, 3), HOURS), min_size=1)


@given(FLARES, CASES)
def test_many_cases_at_once_equal_one_by_one(
    flares: list[tuple[int, float, int]], cases: list[tuple[int, int]]
) -> None:
    at = [(MIDNIGHT + timedelta(hours=h), flux, region) for h, flux, region in flares]
    issued = [MIDNIGHT + timedelta(hours=h) for _, h in cases]

    truth = truth_of(*at)
    found = truth.any_within(
        M1, times(*issued), times(*issued) + np.timedelta64(24, "h"),
        region_id=np.array([region for region, _ in cases]),
    )  # fmt: skip

    expected = [
        any(r == region and flux >= 1e-5 and t <= peak < t + DAY for peak, flux, r in at)
        for (region, _), t in zip(cases, issued, strict=True)
    ]
    assert found.tolist() == expected
