from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_dash.region.query import RegionQuery, SearchQuery, address, region_of
from solar.errors import InvalidInputError

queries = st.builds(
    RegionQuery,
    range=st.sampled_from(["24h", "3d", "5d", "passage"]),
    scale=st.sampled_from(["log", "linear"]),
    event=st.sampled_from(["C1.0", "M1.0", "M5.0", "X1.0"]),
    keywords=st.sampled_from(["main", "all"]),
)


@given(queries)
def test_what_is_written_into_an_address_is_read_back(query: RegionQuery) -> None:
    assert RegionQuery.parse(query.search()) == query


@given(st.text(max_size=60))
def test_no_address_breaks_the_page(search: str) -> None:
    with contextlib.suppress(InvalidInputError):
        RegionQuery.parse(search)


def test_defaults_leave_no_trace_in_the_address() -> None:
    assert RegionQuery().search() == ""
    assert address(3894, RegionQuery(range="3d")) == "/regions/3894?range=3d"


def test_a_bad_value_is_named_with_what_was_given() -> None:
    with pytest.raises(InvalidInputError, match=r"range='7d': .*'24h', '3d', '5d' or 'passage'"):
        RegionQuery.parse("?range=7d")


def test_an_unknown_name_is_ignored() -> None:
    assert RegionQuery.parse("?utm=1") == RegionQuery()


def test_a_region_is_read_from_the_path() -> None:
    assert region_of("/regions") is None
    assert region_of("/regions/3894") == 3894
    assert region_of("/regions/-12023") == -12023


@pytest.mark.parametrize("path", ["/regions/abc", "/regions/3894/x", "/regions/99999999999"])
def test_a_path_that_is_no_region_is_refused(path: str) -> None:
    with pytest.raises(InvalidInputError, match="is no region"):
        region_of(path)


def test_a_search_takes_numbers_only() -> None:
    assert SearchQuery.parse("?q=12017").q == 12017
    with pytest.raises(InvalidInputError, match="q='sunspot'"):
        SearchQuery.parse("?q=sunspot")
