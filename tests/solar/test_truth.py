from __future__ import annotations

from datetime import timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from solar.flares import Event, event
from solar.time import Window, to_datetime
from solar.truth import EVENT, NO_EVENT, UNASSIGNED, UNKNOWN, Truth

T = np.datetime64("2014-03-10T00:00:00", "us")
C, M = event("C1.0"), event("M1.0")


def at(*hours: float) -> np.ndarray:
    return T + (np.array(hours, float) * 3600e6).astype("timedelta64[us]")


def window(first: float, last: float) -> Window:
    start = to_datetime(T)
    return Window(start + timedelta(hours=first), start + timedelta(hours=last))


def truth(*flares: tuple[float, float, int], covered: Window | None = None) -> Truth:
    ordered = sorted(flares)
    return Truth(
        at(*(hour for hour, _, _ in ordered)),
        np.array([flux for _, flux, _ in ordered], float),
        np.array([region for _, _, region in ordered], np.int64),
        [covered or window(-240, 240)],
    )


def of_region(known: Truth, region: int, *hours: float, event: Event = M) -> list[int]:
    regions = np.full(len(hours), region, np.int64)
    found: list[int] = known.of_regions(event, regions, at(*hours)).tolist()
    return found


def test_a_flare_is_an_event_for_its_class_and_for_lower_ones() -> None:
    known = truth((5, 2e-5, 7))

    found = [of_region(known, 7, 0, event=event(name)) for name in ("C1.0", "M1.0", "M5.0", "X1.0")]

    assert found == [[EVENT], [EVENT], [NO_EVENT], [NO_EVENT]]


def test_the_window_holds_its_start_but_not_its_end() -> None:
    assert of_region(truth((0, 1e-5, 7)), 7, 0) == [EVENT]
    assert of_region(truth((24, 1e-5, 7)), 7, 0) == [NO_EVENT]


def test_a_class_given_a_rounding_error_too_low_still_counts() -> None:
    assert of_region(truth((1, 9.9999999e-6, 7)), 7, 0) == [EVENT]


def test_a_flare_of_another_region_changes_nothing() -> None:
    assert of_region(truth((5, 1e-4, 8)), 7, 0) == [NO_EVENT]


def test_a_flare_without_region_hides_the_truth_of_its_class_and_of_lower_ones() -> None:
    known = truth((5, 2e-6, UNASSIGNED))

    assert of_region(known, 7, 0, event=C) == [UNKNOWN]
    assert of_region(known, 7, 0, event=M) == [NO_EVENT]


def test_a_region_with_an_event_of_its_own_is_as_unknown_as_a_quiet_one() -> None:
    known = truth((1, 2e-5, UNASSIGNED), (2, 3e-5, 7))

    found = known.of_regions(M, np.array([7, 8]), at(0, 0))

    assert found.tolist() == [UNKNOWN, UNKNOWN]


def test_an_event_in_a_window_that_the_list_does_not_cover_is_unknown() -> None:
    known = truth((2, 3e-5, 7), covered=window(0, 24))

    assert of_region(known, 7, -1, 0, 1) == [UNKNOWN, EVENT, UNKNOWN]


def test_two_stretches_with_a_gap_do_not_cover_a_window_across_it() -> None:
    two = Truth(at(), np.zeros(0), np.zeros(0, np.int64), [window(0, 30), window(31, 60)])

    assert of_region(two, 7, 0, 6, 7, 31) == [NO_EVENT, NO_EVENT, UNKNOWN, NO_EVENT]


def test_for_the_whole_disk_the_region_does_not_matter() -> None:
    known = truth((5, 2e-5, UNASSIGNED), covered=window(0, 48))

    assert known.of_disk(M, at(-1, 0, 6, 30)).tolist() == [UNKNOWN, EVENT, NO_EVENT, UNKNOWN]


def test_a_list_without_flares_knows_quiet_days() -> None:
    assert of_region(truth(), 7, 0) == [NO_EVENT]


def test_regions_known_by_a_negative_number_are_told_apart() -> None:
    known = truth((1, 2e-5, -11990), (2, 2e-5, 11990))

    assert of_region(known, -11990, 0, 1.5) == [EVENT, NO_EVENT]


FLARES = st.lists(
    st.tuples(st.integers(-60, 60), st.sampled_from([5e-6, 2e-5]), st.integers(0, 3)), max_size=12
)


@given(FLARES, st.lists(st.tuples(st.integers(1, 3), st.integers(-60, 60)), min_size=1))
def test_every_case_is_what_counting_by_hand_gives(
    flares: list[tuple[int, float, int]], cases: list[tuple[int, int]]
) -> None:
    region, hour = (np.array(column, np.int64) for column in zip(*cases, strict=True))

    found = truth(*flares).of_regions(M, region, at(*hour))

    def by_hand(own: int, start: int) -> int:
        owners = {r for h, flux, r in flares if start <= h < start + 24 and flux >= 1e-5}
        if UNASSIGNED in owners:
            return UNKNOWN
        return EVENT if own in owners else NO_EVENT

    assert found.tolist() == [by_hand(*case) for case in cases]


@given(FLARES, st.integers(-60, 60))
def test_whether_a_window_is_known_is_the_same_for_every_region(
    flares: list[tuple[int, float, int]], hour: int
) -> None:
    regions = np.array([1, 2, 3, 4], np.int64)

    found = truth(*flares).of_regions(M, regions, at(*[hour] * 4))

    assert len(set((found == UNKNOWN).tolist())) == 1
