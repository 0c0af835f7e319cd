from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from app_dash.shared.chart import epoch, epochs
from app_dash.shared.range_picker import RangeQuery, window_of, write_range
from solar.time import Window, parse_time, to_datetime64

# Stored times of records, 35 s before the full slots by which they are called.
FIRST, NEWEST = parse_time("2014-02-14T23:59:25Z"), parse_time("2014-03-29T22:59:25Z")
STORED = Window(FIRST, NEWEST + timedelta(seconds=1))


@pytest.mark.parametrize(
    ("search", "start", "end"),
    [
        ("?range=24h", "2014-03-28 23:00", "2014-03-29 23:00"),
        ("?range=all", "2014-02-15 00:00", "2014-03-29 23:00"),
        ("?start=2014-03-01T12:00:07Z", "2014-03-01 12:00:07", "2014-03-29 23:00"),
        ("?end=2014-03-28T23:59:25Z", "2014-02-15 00:00", "2014-03-28 23:59:25"),
    ],
)
def test_a_range_shows_the_slots_of_its_records_and_typed_times_as_typed(
    search: str, start: str, end: str
) -> None:
    query = RangeQuery.parse(search)

    written = write_range(query, window_of(query, STORED))

    assert written == {"start": start, "end": end}


def test_a_figure_draws_a_record_at_its_slot_and_a_flare_at_its_minute() -> None:
    flare = parse_time("2014-03-29T17:48:00Z")
    slot = parse_time("2014-03-29T23:00:00Z")

    assert epoch(NEWEST) == slot.timestamp() * 1000
    assert epoch(flare) == flare.timestamp() * 1000
    drawn = epochs(np.array([to_datetime64(NEWEST), to_datetime64(flare), np.datetime64("NaT")]))
    np.testing.assert_array_equal(drawn, [epoch(NEWEST), epoch(flare), np.nan])
