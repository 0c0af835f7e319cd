"""The windows of forecasts, and the events in them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from solar.errors import NotFoundError
from solar.flares import EVENTS, TARGETS, event
from solar.time import Window
from solar.truth import EVENT, NO_EVENT, UNKNOWN, Truth
from solar.windows import DAY, WINDOWS, forecast_window

AT = datetime(2014, 3, 29, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "first_hour", "end_hour"),
    [("6h", 0, 6), ("12h", 0, 12), ("24h", 0, 24), ("d1", 0, 24), ("48h", 0, 48),
     ("d2", 24, 48), ("d3", 48, 72)],
)  # fmt: skip
def test_a_window_begins_after_its_latency_and_holds_for_its_validity(
    name: str, first_hour: int, end_hour: int
) -> None:
    window = forecast_window(name)

    expected = Window(AT + timedelta(hours=first_hour), AT + timedelta(hours=end_hour))
    assert window.after(AT) == expected


def test_the_events_are_those_of_the_first_day_and_the_targets_those_of_every_window() -> None:
    assert [one.name for one in EVENTS] == ["C1.0", "M1.0", "M5.0", "X1.0"]
    assert len(set(TARGETS)) == len(EVENTS) * len(WINDOWS) == 24
    assert set(EVENTS) <= set(TARGETS)
    assert max(len(one.name) for one in TARGETS) <= 8
    assert all(event(one.name) == one for one in TARGETS)


@pytest.mark.parametrize(
    ("name", "label", "column"),
    [("M1.0", "M1.0+", "m1"), ("M1.0+", "M1.0+", "m1"), ("M1.0/24h", "M1.0+", "m1"),
     ("X1.0/6h", "X1.0+ in 6 h", "x1_6h"), ("C1.0/d2", "C1.0+ on day 2", "c1_d2")],
)  # fmt: skip
def test_an_event_is_found_by_its_class_and_its_window(name: str, label: str, column: str) -> None:
    found = event(name)

    assert (found.label, found.column) == (label, column)


@pytest.mark.parametrize("name", ["M1.0/", "M1.0/7h", "M2.0", "/6h", "6h"])
def test_what_is_no_event_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(NotFoundError, match="choose one of"):
        event(name)


@pytest.mark.parametrize(
    ("window", "peak_hour", "outcome"),
    [("6h", 0, EVENT), ("6h", 5.99, EVENT), ("6h", 6, NO_EVENT), ("24h", 6, EVENT),
     ("d2", 23.99, NO_EVENT), ("d2", 24, EVENT), ("d3", 48, EVENT), ("48h", 47.9, EVENT),
     ("d2", 48, NO_EVENT)],
)  # fmt: skip
def test_a_flare_is_in_the_windows_that_hold_its_peak(
    window: str, peak_hour: float, outcome: int
) -> None:
    t = np.array([AT.replace(tzinfo=None)], "datetime64[us]")
    peak = t + np.timedelta64(int(peak_hour * 3600), "s")
    listed = [Window(AT, AT + timedelta(days=4))]
    truth = Truth(peak, np.array([2e-5]), np.array([7]), listed)
    asked = event("M1.0").within(forecast_window(window))

    assert truth.of_regions(asked, np.array([7]), t).tolist() == [outcome]
    assert truth.of_disk(asked, t).tolist() == [outcome]


def test_a_window_beyond_the_end_of_the_flare_list_is_unknown() -> None:
    t = np.array([AT.replace(tzinfo=None)], "datetime64[us]")
    none = np.zeros(0, "datetime64[us]"), np.zeros(0), np.zeros(0, np.int64)
    truth = Truth(*none, [Window(AT, AT + timedelta(hours=24))])
    codes = {one.name: truth.of_disk(event("M1.0").within(one), t).item() for one in WINDOWS}

    assert DAY.closes_after == timedelta(hours=24)
    assert codes == {
        "6h": NO_EVENT, "12h": NO_EVENT, "24h": NO_EVENT,
        "48h": UNKNOWN, "d2": UNKNOWN, "d3": UNKNOWN,
    }  # fmt: skip
