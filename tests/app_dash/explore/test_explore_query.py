from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app_dash.explore.query import ExploreQuery, write_order
from app_dash.frame.typed_fields import accept
from app_dash.shared.range_picker import parse_utc, window_of, write_utc
from app_dash.shared.url_state import read_region_numbers
from database.exploration.records import Sort
from solar.errors import InvalidInputError
from solar.time import Window

NOW = datetime(2014, 3, 29, 16, tzinfo=UTC)
SHOWN = {"start": "2014-03-02 16:00", "end": "2014-03-29 16:00", "regions": "", "least": "0"}


def typed(search: str, **fields: str) -> str:
    return accept(ExploreQuery, search, typed={**SHOWN, **fields}, shown=SHOWN)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2014-03-01 12:00", datetime(2014, 3, 1, 12, tzinfo=UTC)),
        (" 2014-03-01 ", datetime(2014, 3, 1, tzinfo=UTC)),
        ("2014-03-01T12:00:00Z", datetime(2014, 3, 1, 12, tzinfo=UTC)),
        ("2014-03-01T12:00+09:00", datetime(2014, 3, 1, 3, tzinfo=UTC)),
        # TAI was 35 s ahead of UTC in 2014.
        ("2014.03.01_12:00:35_TAI", datetime(2014, 3, 1, 12, tzinfo=UTC)),
    ],
)
def test_a_typed_time_is_utc_unless_it_says_otherwise(text: str, expected: datetime) -> None:
    assert parse_utc(text) == expected


@pytest.mark.parametrize("text", ["next tuesday", "2014-13-01", "12:00", "2014-03-01 25:00"])
def test_an_unreadable_time_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(InvalidInputError, match=r"is not a time; write"):
        typed("", start=text)


def test_a_written_time_reads_back() -> None:
    at = datetime(2014, 4, 14, 22, 59, 25, tzinfo=UTC)

    assert parse_utc(write_utc(at)) == at


def test_a_range_turned_round_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="turned round"):
        typed("", end="2014-02-01")


def test_a_typed_end_fixes_the_other_end_that_was_shown() -> None:
    query = ExploreQuery.parse(typed("?range=7d", end="2014-03-28 12:00"))

    assert (query.start, query.end) == ("2014-03-02T16:00:00Z", "2014-03-28T12:00:00Z")


def test_a_field_that_was_not_touched_leaves_the_preset_alone() -> None:
    query = ExploreQuery.parse(typed("?range=7d&event=M1.0", regions="AR 12017, HARP 3721"))

    assert (query.range, query.start, query.regions) == ("7d", None, "12017,3721")
    assert query.event == "M1.0"


def test_emptying_both_times_returns_to_the_preset() -> None:
    query = ExploreQuery.parse(typed("?range=7d&start=2014-03-01T00:00:00Z", start="", end=""))

    assert not query.is_custom


@pytest.mark.parametrize("text", ["abc", "3721 x", "-5", "12017.5", "99999999"])
def test_what_is_no_region_number_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="is no region number"):
        typed("", regions=text)


def test_too_many_regions_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="too many"):
        read_region_numbers(" ".join(str(number) for number in range(60)))


@pytest.mark.parametrize("text", ["-1", "101", "many", "nan"])
def test_what_is_no_percentage_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="percent from 0 to 100"):
        typed("?event=M1.0", least=text)


@pytest.mark.parametrize(
    "query",
    [
        ExploreQuery(),
        ExploreQuery(range="all", event="X1.0", least=2.5),
        ExploreQuery(start="2014-03-01T00:00:00Z", end="2014-03-02T00:00:00Z", regions="3894"),
        ExploreQuery(model="logistic@1.0.0"),
        ExploreQuery(where="m1:5..10;usflux:12..", rung="70° & more", sort="usflux"),
    ],
)
def test_the_address_holds_the_whole_state(query: ExploreQuery) -> None:
    assert ExploreQuery.parse(query.search()) == query


def test_a_preset_ends_with_the_newest_record() -> None:
    stored = Window(datetime(2010, 5, 1, tzinfo=UTC), NOW)

    assert window_of(ExploreQuery(range="7d"), stored) == Window(NOW - timedelta(days=7), NOW)
    assert window_of(ExploreQuery(range="all"), stored) == stored


def test_an_unknown_column_to_sort_by_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="no column 'password'"):
        ExploreQuery.parse("?sort=-password")


def test_the_order_of_the_table_is_read_from_the_address() -> None:
    assert ExploreQuery().order == Sort()
    assert ExploreQuery(sort="m1").order == Sort("m1", is_descending=False)
    assert write_order(Sort("m1")) == "-m1"
