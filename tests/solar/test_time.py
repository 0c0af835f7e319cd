from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solar.errors import InvalidInputError
from solar.time import (
    LEAP_SECONDS,
    Window,
    isoformat,
    parse_time,
    tai_to_utc,
    to_datetime,
    to_datetime64,
    utc_to_tai,
)


def at(*labels):
    return np.array(labels, "datetime64[us]")


# IERS Bulletin C 43, 49 and 52: TAI - UTC becomes 35, 36 and 37 s.
@pytest.mark.parametrize(
    ("utc", "tai"),
    [
        ("2012-06-30T23:59:59", "2012-07-01T00:00:33"),
        ("2012-07-01T00:00:00", "2012-07-01T00:00:35"),
        ("2015-06-30T23:59:59", "2015-07-01T00:00:34"),
        ("2015-07-01T00:00:00", "2015-07-01T00:00:36"),
        ("2016-12-31T23:59:59", "2017-01-01T00:00:35"),
        ("2017-01-01T00:00:00", "2017-01-01T00:00:37"),
        ("2010-05-01T00:00:00", "2010-05-01T00:00:34"),
        ("1972-01-01T00:00:00", "1972-01-01T00:00:10"),
        ("2026-11-21T00:00:00", "2026-11-21T00:00:37"),
    ],
)
def test_tai_and_utc_on_both_sides_of_a_leap_second(utc, tai) -> None:
    assert tai_to_utc(at(tai)) == at(utc)
    assert utc_to_tai(at(utc)) == at(tai)


@pytest.mark.parametrize(
    ("tai", "utc"),
    [
        ("2012-07-01T00:00:34", "2012-07-01T00:00:00"),
        ("2015-07-01T00:00:35.5", "2015-07-01T00:00:00"),
        ("2017-01-01T00:00:36", "2017-01-01T00:00:00"),
    ],
)
def test_the_leap_second_itself_becomes_the_instant_after_it(tai, utc) -> None:
    assert tai_to_utc(at(tai)) == at(utc)


@given(st.datetimes(*map(datetime.fromisoformat, ("1972-01-02", "2100-01-01"))))
def test_a_utc_time_survives_the_way_to_tai_and_back(utc) -> None:
    assert tai_to_utc(utc_to_tai(at(utc))) == at(utc)


def test_the_table_rises_by_one_second_at_a_time() -> None:
    starts, offsets = zip(*LEAP_SECONDS, strict=True)

    assert list(starts) == sorted(starts)
    assert offsets == tuple(range(10, 38))


def test_a_missing_time_stays_missing() -> None:
    assert np.isnat(tai_to_utc(at("NaT", "2014-03-01"))).tolist() == [True, False]
    assert np.isnat(utc_to_tai(at("NaT"))).all()


@pytest.mark.parametrize("convert", [tai_to_utc, utc_to_tai])
def test_times_before_whole_leap_seconds_are_refused(convert) -> None:
    with pytest.raises(InvalidInputError, match="before 1972"):
        convert(at("1971-12-31T23:59:59"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2014-03-01T00:00:00Z", datetime(2014, 3, 1, tzinfo=UTC)),
        ("2014-03-01T02:00:00+02:00", datetime(2014, 3, 1, tzinfo=UTC)),
        ("2014.03.01_00:00:00_TAI", datetime(2014, 2, 28, 23, 59, 25, tzinfo=UTC)),
        ("2014.03.01_00:00_TAI", datetime(2014, 2, 28, 23, 59, 25, tzinfo=UTC)),
        ("2014.03.01_00:00:35.50_TAI", datetime(2014, 3, 1, 0, 0, 0, 500_000, tzinfo=UTC)),
    ],
)
def test_times_are_read_as_utc(text, expected) -> None:
    parsed = parse_time(text)

    assert parsed == expected
    assert parsed.tzinfo is UTC


@pytest.mark.parametrize("text", ["2014-03-01T00:00:00", "2014-03-01"])
def test_a_time_without_a_zone_is_refused(text) -> None:
    with pytest.raises(InvalidInputError, match="names no time zone; add Z"):
        parse_time(text)


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2014-13-01T00:00:00Z", "2014.02.30_00:00:00_TAI", "2014.03.01_00:00:60_TAI",
     "1969.03.01_00:00:00_TAI", "0001-01-01T00:00:00+23:00", "2014.03.01_00:00:00_UTC"],
)  # fmt: skip
def test_what_is_no_time_is_refused(text) -> None:
    with pytest.raises(InvalidInputError):
        parse_time(text)


def test_a_naive_datetime_goes_nowhere() -> None:
    naive = datetime.fromisoformat("2014-03-01")

    for refuse in (to_datetime64, isoformat, lambda t: Window(t, t + timedelta(1))):
        with pytest.raises(InvalidInputError, match="names no time zone"):
            refuse(naive)


def test_a_time_is_written_with_z() -> None:
    berlin = timezone(timedelta(hours=1))

    assert isoformat(datetime(2014, 3, 1, 1, tzinfo=berlin)) == "2014-03-01T00:00:00Z"


@given(st.datetimes(timezones=st.just(UTC)))
def test_numpy_and_python_times_are_the_same_instant(instant) -> None:
    assert to_datetime(to_datetime64(instant)) == instant


def test_a_window_holds_its_start_and_not_its_end() -> None:
    start = datetime(2014, 3, 1, tzinfo=UTC)
    window = Window(start, start + timedelta(hours=24))

    assert start in window
    assert start + timedelta(hours=24) - timedelta(microseconds=1) in window
    assert start + timedelta(hours=24) not in window


def test_every_instant_lies_in_exactly_one_of_two_neighbouring_windows() -> None:
    noon = datetime(2014, 3, 1, 12, tzinfo=UTC)
    morning = Window(noon - timedelta(hours=12), noon)
    evening = Window(noon, noon + timedelta(hours=12))

    for hours in range(-12, 12):
        instant = noon + timedelta(hours=hours)
        assert (instant in morning) != (instant in evening)


@pytest.mark.parametrize("hours", [0, -1])
def test_a_range_that_is_turned_round_is_refused(hours) -> None:
    start = datetime(2014, 3, 1, tzinfo=UTC)

    with pytest.raises(InvalidInputError, match="turned round"):
        Window(start, start + timedelta(hours=hours))
