"""SWPC's products are read one by one, and only changes are sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import replayed_agencies as replayed
from agency_readers import SwpcReader
from replayed_agencies import (
    disk_probabilities,
    listed_flare,
    region_summary,
)

FLARES, EVENTS = "goes/primary/xray-flares-7-day.json", "edited_events.json"
XRAYS = "goes/primary/xrays-7-day.json"


def test_everything_is_told_once_and_not_again(swpc: SwpcReader) -> None:
    assert swpc.read() == []
    kinds = {post.kind for post in swpc.posts}
    assert kinds == {"flares", "xray-flux", "region-reports", "agency-forecasts"}

    swpc.read()

    assert swpc.posts == []


def test_nothing_is_told_again_after_a_restart(swpc: SwpcReader) -> None:
    swpc.read()
    swpc.close()
    swpc.start()

    swpc.read()

    assert swpc.posts == []


def test_what_could_not_be_handed_over_is_told_after_a_restart(swpc: SwpcReader) -> None:
    swpc.is_stopped = True
    swpc.read()
    swpc.close()
    swpc.is_stopped = False
    swpc.start()

    swpc.read()

    assert len(swpc.items("flares")) >= 1
    assert swpc.covers == [("11:30", "11:50")]


def test_the_order_of_the_lists_does_not_matter(swpc: SwpcReader) -> None:
    products = swpc.agencies.products
    products[FLARES] = [listed_flare("2026-09-24T01:00:00Z"), listed_flare()]
    products["solar_regions.json"] = [region_summary(region=4530), region_summary("2026-09-22")]
    swpc.read()

    for path, content in products.items():
        products[path] = content[::-1]
    swpc.read()

    assert swpc.posts == []


@pytest.mark.parametrize("fault", [replayed.html, replayed.half, replayed.out_of_order])
def test_an_outage_of_one_product_does_not_hold_up_the_others(swpc: SwpcReader, fault: Any) -> None:
    swpc.agencies.faults.extend([None, fault])

    assert swpc.read() == ["flares"]
    assert {post.kind for post in swpc.posts} >= {"xray-flux", "region-reports"}


@pytest.mark.parametrize(
    ("path", "content", "failed"),
    [
        # The shape until March 2026: a row of names, then rows of values.
        (XRAYS, [["time_tag", "flux"], ["2026-09-24 11:59:00", "1e-6"]], "X-rays"),
        (FLARES, [{"begin": "2026-09-24T08:10:00Z"}], "flares"),
        (FLARES, [listed_flare(max_class="strong")], "flares"),
        (EVENTS, {"error": "gone"}, "events"),
        ("solar_regions.json", [{"Region": 4529}], "regions"),
        ("solar_probabilities.json", [disk_probabilities("soon")], "probabilities"),
    ],
)
def test_a_changed_shape_is_told_every_time_and_nothing_of_it_is_sent(
    swpc: SwpcReader, caplog: pytest.LogCaptureFixture, path: str, content: Any, failed: str
) -> None:
    swpc.agencies.products[path] = content

    assert [swpc.read(), len(caplog.records)] == [[failed], 1]
    swpc.start()
    assert [swpc.read(), len(caplog.records)] == [[failed], 2]


def test_a_record_that_cannot_be_read_does_not_cost_the_others(
    swpc: SwpcReader, caplog: pytest.LogCaptureFixture
) -> None:
    swpc.agencies.products["solar_regions.json"] = [region_summary(region="?"), region_summary()]

    assert swpc.read() == []
    assert len(swpc.items("region-reports")) == 1
    assert "1 records of the region summary cannot be read" in caplog.text


def test_a_broken_state_file_costs_nothing_but_posts_that_are_known(
    swpc: SwpcReader, tmp_path: Path
) -> None:
    swpc.read()
    (tmp_path / "swpc.json").write_text("{")
    swpc.close()
    swpc.start()

    assert swpc.read() == []
    assert len(swpc.posts) >= 4
