from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app_dash.shared import numbers

NARROW = "\u202f"


@pytest.mark.parametrize(
    ("lower", "upper", "text"),
    [
        (0.24, 0.45, f"24 to 45{NARROW}%"),
        (0.0004, 0.013, f"<0.1 to 1.3{NARROW}%"),
        (0.05, 0.45, f"5.0 to 45{NARROW}%"),
        (0.05, 0.46, "hardly known"),
        (None, None, "–"),
    ],
)
def test_a_band_is_written_from_to_and_hardly_known_beyond_forty_points(
    lower: float | None, upper: float | None, text: str
) -> None:
    assert numbers.band_text(lower, upper) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, f"<0.1{NARROW}%"),
        (0.0009, f"<0.1{NARROW}%"),
        (0.001, f"0.1{NARROW}%"),
        (0.043, f"4.3{NARROW}%"),
        (0.0999, f"10{NARROW}%"),
        (0.35, f"35{NARROW}%"),
        (0.99, f"99{NARROW}%"),
        (0.9901, f">99{NARROW}%"),
        (1.0, f">99{NARROW}%"),
    ],
)
def test_a_probability_is_written_with_the_figures_it_deserves(value: float, text: str) -> None:
    assert numbers.probability(value) == text


@pytest.mark.parametrize(
    ("change", "text"),
    [(None, "–"), (0.34, "+34"), (-0.004, "\u22120.4"), (0.0001, "0.0"), (-0.0999, "\u221210")],
)
def test_a_change_carries_its_sign_and_a_true_minus(change: float, text: str) -> None:
    assert numbers.points(change) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (1264.2, "1,264"), (35.18, "35.2"), (1.994, "1.99"), (-0.0045, "\u22120.0045")],
)
def test_a_quantity_keeps_about_three_figures(value: float, text: str) -> None:
    assert numbers.quantity(value) == text


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(seconds=59), "59 s"),
        (timedelta(minutes=47), "47 min"),
        (timedelta(hours=11), "11 h"),
        (timedelta(days=4617), "4,617 d"),
        (timedelta(seconds=-5), "0 s"),
    ],
)
def test_a_duration_is_written_in_its_largest_fitting_unit(span: timedelta, text: str) -> None:
    assert numbers.duration(span) == text


def test_times_are_written_in_utc() -> None:
    at = datetime(2014, 3, 29, 16, 0, tzinfo=UTC)

    assert numbers.moment(at) == "29 Mar 16:00"
    assert numbers.date_moment(at) == "29 Mar 2014 16:00"


def test_the_time_of_a_record_is_written_as_its_slot() -> None:
    at = datetime(2014, 3, 31, 23, 59, 25, tzinfo=UTC)

    assert numbers.moment(at) == "1 Apr 00:00"
    assert numbers.date_moment(at) == "1 Apr 2014 00:00"


@pytest.mark.parametrize(
    ("lat", "lon", "text"),
    [(10.2, 33.4, "N10W33"), (-15.0, -82.0, "S15E82"), (-3.0, 4.0, "S03W04"), (None, 3.0, "–")],
)
def test_a_position_is_written_as_the_field_does(lat: float, lon: float, text: str) -> None:
    assert numbers.position(lat, lon) == text


def test_a_region_goes_by_its_noaa_numbers_before_its_harp() -> None:
    assert numbers.region_name(3894, (12017, 12018)) == "12017 + 12018"
    assert numbers.region_name(900001, ()) == "HARP 900001"
    assert numbers.region_name(-12023, ()) == "12023"
