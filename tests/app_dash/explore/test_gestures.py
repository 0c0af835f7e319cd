from __future__ import annotations

import pytest

from app_dash.explore.query import ExploreQuery, binned, dragged, filter_model, filtered
from solar.flares import event

CUSTOM = ExploreQuery(range="7d", start="2014-03-01T00:00:00Z", end="2014-03-02T00:00:00Z")
M1 = event("M1.0")


def test_a_dragged_stretch_becomes_the_range_to_the_minute() -> None:
    moved = {"xaxis.range[0]": "2014-03-01 06:00:29.1234", "xaxis.range[1]": "2014-03-03 12:00:31"}

    query = dragged(ExploreQuery(range="all"), moved)

    assert (query.start, query.end) == ("2014-03-01T06:00:00Z", "2014-03-03T12:01:00Z")
    assert query.range == "all"


def test_a_stretch_dragged_from_right_to_left_is_the_same() -> None:
    moved = {"xaxis.range[0]": "2014-03-03", "xaxis.range[1]": "2014-03-01"}

    query = dragged(ExploreQuery(), moved)

    assert (query.start, query.end) == ("2014-03-01T00:00:00Z", "2014-03-03T00:00:00Z")


def test_a_stretch_shorter_than_a_minute_is_still_a_range() -> None:
    moved = {"xaxis.range[0]": "2014-03-01 00:00:01", "xaxis.range[1]": "2014-03-01 00:00:02"}

    query = dragged(ExploreQuery(), moved)

    assert (query.start, query.end) == ("2014-03-01T00:00:00Z", "2014-03-01T00:01:00Z")


@pytest.mark.parametrize(
    ("query", "wider"),
    [(CUSTOM, ExploreQuery(range="7d")), (ExploreQuery(range="7d"), ExploreQuery(range="all"))],
)
def test_a_double_click_widens_back(query: ExploreQuery, wider: ExploreQuery) -> None:
    assert dragged(query, {"xaxis.autorange": True}) == wider


@pytest.mark.parametrize("moved", [None, {}, {"autosize": True}, {"shapes": []}])
def test_other_moves_of_a_figure_change_nothing(moved: dict[str, object] | None) -> None:
    assert dragged(CUSTOM, moved) == CUSTOM


def test_a_bar_filters_by_its_bin_and_a_second_click_removes_the_filter() -> None:
    # The bins are 1 % wide up to 10 %, then 5 %: the eleventh is 10 to 15 %.
    once = binned(ExploreQuery(where="c1:20..;m1:3..4"), M1, 10)

    assert once.where == "c1:20..;m1:10..15"
    assert binned(once, M1, 10).where == "c1:20.."


def test_the_last_bar_holds_certainty_too() -> None:
    assert binned(ExploreQuery(), M1, 27).where == "m1:95.."


@pytest.mark.parametrize(
    "query",
    [
        ExploreQuery(),
        ExploreQuery(where="m1:5..10;usflux:12..;meanjzd:..3", rung="partial", regions="3894"),
        ExploreQuery(regions="3894,12017"),
    ],
)
def test_the_filters_given_to_the_grid_change_nothing(query: ExploreQuery) -> None:
    assert filtered(query, filter_model(query)) == query


def test_a_filter_of_the_grid_goes_into_the_address() -> None:
    model = {
        "c1": {"filterType": "number", "type": "inRange", "filter": 5, "filterTo": 10},
        "rung": {"filterType": "text", "type": "contains", "filter": "70°"},
        "region_id": {"filterType": "number", "type": "equals", "filter": 3894},
    }

    query = filtered(ExploreQuery(regions="12017,12013"), model)

    assert (query.where, query.rung, query.regions) == ("c1:5..10", "70°", "3894")


def test_clearing_the_grids_filters_clears_the_address() -> None:
    query = filtered(ExploreQuery(where="m1:5..", rung="full", regions="3894"), {})

    assert query == ExploreQuery()


def test_regions_of_the_field_stay_when_a_column_is_filtered() -> None:
    model = {"m1": {"filterType": "number", "type": "lessThan", "filter": 5}}

    assert filtered(ExploreQuery(regions="12017,12013"), model).regions == "12017,12013"
