from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_dash.explore.columns import (
    ColumnFilter,
    filters_of_model,
    model_of,
    read_filters,
    write_filters,
)
from database.exploration.selection import NUMBERS, Limit
from solar.errors import InvalidInputError

sides = st.integers(-1000, 1000).map(float)
ranges = st.builds(
    lambda column, low, width, open_side: ColumnFilter(
        column,
        None if open_side == "low" else low,
        None if open_side == "high" else low + width,
    ),
    st.sampled_from(sorted(NUMBERS)),
    sides,
    st.integers(1, 500),
    st.sampled_from(["low", "high", "none"]),
)


@given(st.lists(ranges, max_size=5, unique_by=lambda one: one.column))
def test_filters_survive_the_address_and_the_grid(filters: list[ColumnFilter]) -> None:
    assert list(read_filters(write_filters(filters))) == filters
    assert list(filters_of_model(model_of(filters))) == filters


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("m1:5..10", Limit("m1", 0.05, 0.1)),
        # 57 * 0.01 would be 0.5700000000000001, beside the record of exactly 57 %.
        ("c1:57..", Limit("c1", 0.57, None)),
        # The table shows USFLUX in 10^21 Mx.
        ("usflux:..12.5", Limit("usflux", None, 1.25e22)),
        (" meanjzd:-3..+3 ", Limit("meanjzd", -3.0, 3.0)),
    ],
)
def test_a_filter_means_the_unit_of_the_table(text: str, limit: Limit) -> None:
    assert [one.limit() for one in read_filters(text)] == [limit]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("m1:5..10", "P(M1.0+) 5 to 10\u202f%"),
        ("x1:0.5..", "P(X1.0+) from 0.5\u202f%"),
        ("usflux:..12.5", "USFLUX below 12.5 × 10²¹ Mx"),
    ],
)
def test_a_filter_says_what_it_keeps(text: str, label: str) -> None:
    assert read_filters(text)[0].label() == label


@pytest.mark.parametrize(
    "text", ["m1", "m1:..", "m1:a..b", "password:1..2", "t_rec:1..2", "m1:5-10", "m1:1..2,c1:3..4"]
)
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="is no filter of a column"):
        read_filters(text)


@pytest.mark.parametrize("text", ["m1:1e400..", "usflux:1e300..", "m1:..-1e999"])
def test_a_limit_beyond_all_numbers_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="is too large; give a smaller number"):
        read_filters(text)


def test_a_column_is_limited_once() -> None:
    with pytest.raises(InvalidInputError, match="twice"):
        read_filters("m1:1..2;m1:5..6")


def test_a_range_turned_round_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="lower limit below the upper"):
        read_filters("m1:10..5")


def test_a_column_of_text_is_no_range_of_numbers() -> None:
    asked = {"rung": {"filterType": "text", "type": "contains", "filter": "full"}}

    assert filters_of_model(asked) == ()
