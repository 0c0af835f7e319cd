from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from solar.time import (
    is_slot_of,
    nearest_slot,
    nominal,
    nominal_times,
    parse_time,
    slot_before,
    slot_from,
    tai_label,
    to_datetime64,
)


def test_slots_are_those_of_the_tai_clock() -> None:
    begin = nearest_slot(datetime(2014, 3, 1, tzinfo=UTC))
    # TAI - UTC was 35 s in 2014 and is 37 s since 2017.
    assert nearest_slot(datetime(2014, 3, 1, tzinfo=UTC)) == datetime(
        2014, 2, 28, 23, 59, 25, tzinfo=UTC
    )
    assert nearest_slot(datetime(2026, 9, 24, tzinfo=UTC)) == datetime(
        2026, 9, 23, 23, 59, 23, tzinfo=UTC
    )
    assert (
        np.diff(
            [nearest_slot(begin + k * timedelta(minutes=12)).timestamp() for k in range(9)]
        ).tolist()
        == [720.0] * 8
    )


def test_the_slot_before_a_time_is_not_after_it() -> None:
    slot = datetime(2014, 3, 1, 0, 11, 25, tzinfo=UTC)

    assert slot_before(slot) == slot
    assert slot_before(slot - timedelta(microseconds=1)) == slot - timedelta(minutes=12)
    assert tai_label(slot) == "2014.03.01_00:12:00_TAI"


def test_the_slots_of_a_cadence_are_counted_from_midnight_tai() -> None:
    six_hours = timedelta(hours=6)
    midnight = datetime(2014, 2, 28, 23, 59, 25, tzinfo=UTC)

    assert slot_from(midnight, cadence=six_hours) == midnight
    assert slot_from(midnight + timedelta(seconds=1), cadence=six_hours) == midnight + six_hours
    # TAI - UTC went from 34 to 35 s in this night.
    evening = datetime(2012, 6, 30, 17, 59, 27, tzinfo=UTC)
    assert tai_label(slot_from(evening, cadence=six_hours)) == "2012.07.01_00:00:00_TAI"
    # Seven hours do not divide a day; TAI - UTC was 10 s in 1972.
    early = datetime(1972, 1, 1, tzinfo=UTC)
    hours = slot_from(early, cadence=timedelta(hours=7)) - datetime(1970, 1, 1, tzinfo=UTC)
    assert (hours.total_seconds() + 10) % (7 * 3600) == 0


def test_what_lies_between_the_slots_of_a_cadence_is_none_of_it() -> None:
    times = np.array(["2014-02-28T23:59:25", "2014-03-01T00:11:25", "NaT"], "datetime64[us]")

    assert is_slot_of(times, timedelta(hours=6)).tolist() == [True, False, False]
    assert is_slot_of(times, timedelta(minutes=12)).tolist() == [True, True, False]


def test_a_record_is_called_by_its_slot_and_any_other_time_by_itself() -> None:
    record, flare = parse_time("2014-03-29T22:59:25Z"), parse_time("2014-03-29T17:48:00Z")

    assert nominal(record) == parse_time("2014-03-29T23:00:00Z")
    assert nominal(parse_time("2026-09-23T23:59:23Z")) == parse_time("2026-09-24T00:00:00Z")
    assert nominal(flare) == flare


def test_many_records_are_called_by_their_slots_as_one_is() -> None:
    told = ["2014-03-29T22:59:25Z", "2026-09-23T23:59:23Z", "2014-03-29T17:48:00Z"]
    times = np.array([*(to_datetime64(parse_time(one)) for one in told), np.datetime64("NaT")])

    named = nominal_times(times)

    expected = ["2014-03-29T23:00", "2026-09-24T00:00", "2014-03-29T17:48", "NaT"]
    np.testing.assert_array_equal(named, np.array(expected, "datetime64[us]"))


def test_a_time_before_the_slots_of_tai_keeps_its_name() -> None:
    # TAI - UTC was no whole number of seconds before 1972.
    old = datetime(1960, 1, 1, tzinfo=UTC)

    assert nominal(old) == old
