"""Of two versions of a record the same one wins, whichever came first, if both have a DATE."""

from __future__ import annotations

from functools import reduce
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solar.precedence import ARRIVAL, DATE, RANK, REASONS, TIE, RecordVersions, decide
from solar.sharp import is_near_real_time

Version = tuple[bool, int | None, int]


def versions(*listed: Version) -> RecordVersions:
    definitive, days, contents = zip(*listed, strict=True)
    dates = [None if day is None else np.datetime64("2014-03-01", "us") + np.timedelta64(day, "D")
             for day in days]  # fmt: skip
    return RecordVersions(
        np.array(definitive), np.array(dates, "datetime64[us]"), np.array(contents, np.int64)
    )


def wins(incoming: Version, current: Version) -> bool:
    won, _ = decide(versions(current), versions(incoming))
    return bool(won[0])


def after(current: Version, incoming: Version) -> Version:
    return incoming if incoming != current and wins(incoming, current) else current


dated = st.tuples(st.booleans(), st.integers(0, 3), st.integers(0, 5))


@pytest.mark.parametrize(
    ("current", "incoming", "expected", "ground"),
    [
        ((True, 1, 1), (False, 9, 2), False, RANK),
        ((False, 9, 1), (True, 1, 2), True, RANK),
        ((False, 9, 1), (True, None, 2), True, RANK),
        ((True, 1, 1), (True, 2, 2), True, DATE),
        ((False, 2, 1), (False, 1, 2), False, DATE),
        ((True, 1, 1), (True, 1, 2), True, TIE),
        ((True, 1, 2), (True, 1, 1), False, TIE),
        ((True, None, 2), (True, 1, 1), True, ARRIVAL),
        ((True, 1, 2), (True, None, 1), True, ARRIVAL),
        ((True, None, 2), (True, None, 1), True, ARRIVAL),
    ],
)
def test_the_rank_decides_before_the_date_and_the_date_before_the_arrival(
    current: Version, incoming: Version, expected: bool, ground: int
) -> None:
    won, grounds = decide(versions(current), versions(incoming))

    assert (won.tolist(), grounds.tolist()) == ([expected], [ground])


def test_many_records_are_decided_at_once() -> None:
    won, grounds = decide(
        versions((True, 1, 1), (False, 1, 1), (True, None, 1)),
        versions((False, 1, 2), (False, 2, 2), (True, 1, 2)),
    )

    assert won.tolist() == [False, True, True]
    assert [REASONS[ground] for ground in grounds] == [
        "near-real-time", "older DATE", "came before",
    ]  # fmt: skip


@given(st.lists(dated, min_size=1, max_size=5, unique=True))
def test_the_version_that_holds_in_the_end_does_not_depend_on_the_order_of_arrival(
    given: list[Version],
) -> None:
    assert len({reduce(after, order) for order in permutations(given)}) == 1


@given(dated, dated, dated)
def test_dated_versions_are_in_a_total_order(a: Version, b: Version, c: Version) -> None:
    if a != b:
        assert wins(a, b) != wins(b, a)
    if len({a, b, c}) == 3 and wins(a, b) and wins(b, c):
        assert wins(a, c)


def test_without_a_date_the_order_of_arrival_decides_even_against_a_newer_date() -> None:
    new, undated, old = (True, 2, 1), (True, None, 2), (True, 1, 3)

    assert reduce(after, [new, undated, old]) == old
    assert reduce(after, [old, new, undated]) == undated


@pytest.mark.parametrize(
    ("series", "expected"),
    [("hmi.sharp_cea_720s", False), ("hmi.sharp_cea_720s_nrt", True), ("hmi.sharp_720s_nrt", True),
     ("simulated", False), ("unstated", False), ("my-regression", False)],
)  # fmt: skip
def test_the_name_of_a_series_tells_its_rank(series: str, expected: bool) -> None:
    assert is_near_real_time(series) is expected
