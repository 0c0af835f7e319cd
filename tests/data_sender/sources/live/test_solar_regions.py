"""Regions and probabilities are read by their dates, with signs and numbers of their own."""

from __future__ import annotations

from typing import Any

import pytest
from agency_readers import SwpcReader
from replayed_agencies import (
    disk_probabilities,
    region_summary,
)


def test_a_region_is_reported_with_west_positive_and_its_whole_number(swpc: SwpcReader) -> None:
    swpc.read()

    assert swpc.items("region-reports") == [
        {"noaa_ar": 14529, "observed_at": "2026-09-23T00:00:00Z", "lon_deg": -63.0, "lat_deg": 13.0,
         "area_msh": 240.0, "spot_class": "Dkc", "mag_class": "BGD", "spots": 14}
    ]  # fmt: skip


@pytest.mark.parametrize("location", [None, "", "Unk"])
def test_the_numbers_of_the_position_have_the_other_sign(
    swpc: SwpcReader, location: str | None
) -> None:
    swpc.agencies.products["solar_regions.json"] = [region_summary(location=location)]

    swpc.read()

    report = swpc.items("region-reports")[0]
    assert (report["lon_deg"], report["lat_deg"]) == (-63.0, 13.0)


def test_a_spotless_region_has_no_class(swpc: SwpcReader) -> None:
    spotless = {"area": None, "spot_class": None, "mag_class": None, "number_spots": None}
    swpc.agencies.products["solar_regions.json"] = [region_summary(**spotless)]

    swpc.read()

    report = swpc.items("region-reports")[0]
    assert [report[name] for name in ("area_msh", "spot_class", "mag_class", "spots")] == [None] * 4


def test_the_regions_of_a_day_are_forecast_for_the_next_one_together(swpc: SwpcReader) -> None:
    regions = [region_summary(), region_summary(region=4530), region_summary("2026-09-22")]
    swpc.agencies.products["solar_regions.json"] = regions
    swpc.read()
    regions[1]["m_flare_probability"] = 35

    swpc.read()

    sent = [(f["noaa_ar"], f["valid_from"], f["probabilities"]["M1.0"])
            for f in swpc.items("agency-forecasts")]  # fmt: skip
    assert sent == [
        (14529, "2026-09-24T00:00:00Z", 0.25), (14530, "2026-09-24T00:00:00Z", 0.35)
    ]  # fmt: skip


def test_probabilities_are_read_by_their_date_as_numbers_or_as_text(swpc: SwpcReader) -> None:
    # Days 2 and 3 begin one and two days after the date.
    days = [disk_probabilities(), disk_probabilities("2026-09-23", m_class_1_day=None)]
    swpc.agencies.products |= {"solar_probabilities.json": days, "solar_regions.json": []}

    swpc.read()

    assert swpc.items("agency-forecasts") == [
        {"valid_from": "2026-09-24T00:00:00Z",
         "probabilities": {"C1.0": 0.95, "M1.0": 0.4, "X1.0": 0.05}},
        {"valid_from": "2026-09-25T00:00:00Z", "window": "d2",
         "probabilities": {"C1.0": 0.9, "M1.0": 0.35, "X1.0": 0.05}},
        {"valid_from": "2026-09-26T00:00:00Z", "window": "d3",
         "probabilities": {"C1.0": 0.9, "M1.0": 0.3, "X1.0": 0.05}},
        {"valid_from": "2026-09-23T00:00:00Z",
         "probabilities": {"C1.0": 0.95, "M1.0": None, "X1.0": 0.05}},
        {"valid_from": "2026-09-24T00:00:00Z", "window": "d2",
         "probabilities": {"C1.0": 0.9, "M1.0": 0.35, "X1.0": 0.05}},
        {"valid_from": "2026-09-25T00:00:00Z", "window": "d3",
         "probabilities": {"C1.0": 0.9, "M1.0": 0.3, "X1.0": 0.05}},
    ]  # fmt: skip


@pytest.mark.parametrize("value", [-1, 101, "n/a", -99999])
def test_what_is_no_probability_is_nothing(swpc: SwpcReader, value: Any) -> None:
    region = region_summary(**dict.fromkeys(
        ("c_flare_probability", "m_flare_probability", "x_flare_probability"), value
    ))  # fmt: skip
    swpc.agencies.products |= {"solar_regions.json": [region], "solar_probabilities.json": []}

    assert swpc.read() == []
    assert swpc.items("agency-forecasts") == []
