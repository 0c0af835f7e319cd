"""Flares and X-rays of GOES are read whatever the order and the gaps of their lists."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from agency_readers import SwpcReader
from replayed_agencies import (
    NOW,
    listed_flare,
    xrays,
)

from data_sender.sources.live.swpc_products import full_number_at

FLARES, EVENTS = "goes/primary/xray-flares-7-day.json", "edited_events.json"
XRAYS = "goes/primary/xrays-7-day.json"


def test_the_flux_is_that_of_the_long_channel_and_a_sentinel_is_nothing(swpc: SwpcReader) -> None:
    rows = xrays(3)
    rows[-1]["flux"], rows[1]["flux"] = -1e5, None
    swpc.agencies.products[XRAYS] = rows

    swpc.read()

    assert swpc.items("xray-flux") == [
        {"minute_at": "2026-09-24T11:57:00Z", "flux_w_m2": None},
        {"minute_at": "2026-09-24T11:58:00Z", "flux_w_m2": 1.5e-6},
        {"minute_at": "2026-09-24T11:59:00Z", "flux_w_m2": None},
    ]
    assert [post.extra for post in swpc.posts if post.kind == "xray-flux"] == [{"satellite": "G18"}]


def test_a_minute_in_which_electrons_were_counted_is_no_measurement(swpc: SwpcReader) -> None:
    rows = xrays(3)
    for record in rows[-2:]:
        record["electron_contaminaton"] = True
    swpc.agencies.products[XRAYS] = rows

    swpc.read()

    measured = [item["flux_w_m2"] is not None for item in swpc.items("xray-flux")]
    assert measured.count(False) == 1


def test_a_minute_of_two_satellites_is_that_of_the_one_in_charge(swpc: SwpcReader) -> None:
    swpc.agencies.products[XRAYS] = [*xrays(10), *xrays(2, satellite=19)]

    swpc.read()

    assert {post.extra["satellite"] for post in swpc.posts if post.kind == "xray-flux"} == {"G18"}
    assert len(swpc.items("xray-flux")) == 10


def test_a_flare_is_told_when_it_has_ended_and_on_the_true_scale(swpc: SwpcReader) -> None:
    going_on = listed_flare("2026-09-24T11:40:00Z", end_time=None, max_class="C2.0")
    swpc.agencies.products[FLARES] = [listed_flare(), going_on]
    swpc.agencies.products[EVENTS] = []

    swpc.read()

    assert swpc.items("flares") == [
        {"start": "2026-09-24T08:10:00Z", "peak": "2026-09-24T08:20:00Z",
         "end": "2026-09-24T08:30:00Z", "goes_class": "M1.2", "noaa_ar": None, "flux_scale": "true"}
    ]  # fmt: skip
    # The list is complete up to the onset of the one that goes on.
    assert swpc.covers == [("11:30", "11:40")]


def test_an_edited_event_gives_the_listed_flare_its_region_and_its_class(swpc: SwpcReader) -> None:
    swpc.read()

    sent = [(f["start"], f["goes_class"], f["noaa_ar"]) for f in swpc.items("flares")]
    assert sent == [
        ("2026-09-24T08:10:00Z", "M1.2", None),
        ("2026-09-24T08:10:00Z", "M1.3", 14529),
    ]


def test_a_class_that_is_revised_is_told_under_the_same_start(swpc: SwpcReader) -> None:
    swpc.agencies.products[EVENTS] = []
    swpc.read()
    revised = listed_flare(
        "2026-09-24T08:09:00Z", max_class="M1.4", max_time="2026-09-24T08:20:00Z"
    )
    swpc.agencies.products[FLARES] = [revised, listed_flare(max_class="M1.4")]

    swpc.read()

    sent = [(f["start"], f["goes_class"]) for f in swpc.items("flares")]
    assert sent == [("2026-09-24T08:10:00Z", "M1.4")]


def test_a_flare_without_an_end_for_a_day_does_not_hold_up_the_rest(swpc: SwpcReader) -> None:
    swpc.agencies.products[FLARES] = [listed_flare("2026-09-23T08:00:00Z", end_time=None)]
    swpc.agencies.products[EVENTS] = []

    swpc.read()

    assert [flare["end"] for flare in swpc.items("flares")] == [None]
    assert swpc.covers == [("11:30", "11:50")]


@pytest.mark.parametrize("word", ["Unk", None, ""])
def test_a_flare_without_a_class_is_not_told(swpc: SwpcReader, word: str | None) -> None:
    swpc.agencies.products[FLARES] = [listed_flare(max_class=word)]
    swpc.agencies.products[EVENTS] = []

    swpc.read()

    assert swpc.items("flares") == []


def test_an_hour_without_flux_is_not_covered(swpc: SwpcReader) -> None:
    early = xrays(30, until=NOW - timedelta(hours=2))
    swpc.agencies.products[XRAYS] = [*xrays(30), *early]

    swpc.read()

    assert swpc.covers == [("09:30", "10:00"), ("11:30", "11:50")]


def test_coverage_goes_on_where_it_ended(swpc: SwpcReader) -> None:
    swpc.read()
    swpc.now += timedelta(minutes=30)
    swpc.agencies.products["goes/primary/xrays-6-hour.json"] = xrays(360, until=swpc.now)

    swpc.read()

    assert swpc.covers == [("11:50", "12:20")]
    assert len(swpc.items("xray-flux")) == 30


def test_an_outage_of_the_satellites_is_no_quiet(swpc: SwpcReader) -> None:
    swpc.agencies.products |= {XRAYS: [], FLARES: [], EVENTS: []}

    assert swpc.read() == []
    assert swpc.covers == []
    assert not [post for post in swpc.posts if post.kind in ("flares", "xray-flux")]


@pytest.mark.parametrize(
    ("short", "year", "whole"),
    # Numbers of SWPC's summaries in these years.
    [(1029, 2009, 11029), (1158, 2011, 11158), (2192, 2014, 12192), (3664, 2024, 13664),
     (4529, 2026, 14529), (14529, 2026, 14529)],
)  # fmt: skip
def test_the_thousands_of_a_region_follow_from_the_time(short: int, year: int, whole: int) -> None:
    assert full_number_at(short, datetime(year, 10, 24, tzinfo=UTC)) == whole
