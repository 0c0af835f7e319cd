from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solar.errors import InvalidInputError, NotFoundError
from solar.flares import EVENTS, event, full_noaa_number, goes_class, peak_flux


@pytest.mark.parametrize(
    ("text", "flux"),
    [("A1.0", 1e-8), ("B5.2", 5.2e-7), ("C3.4", 3.4e-6), ("M5.0", 5e-5), ("X1.7", 1.7e-4),
     ("X28", 2.8e-3), (" m1.0 ", 1e-5)],
)  # fmt: skip
def test_a_class_names_a_peak_flux(text, flux) -> None:
    assert peak_flux(text) == flux


@given(st.sampled_from("ABCM"), st.integers(10, 99))
def test_every_class_survives_the_way_to_flux_and_back(letter, tenths) -> None:
    text = f"{letter}{tenths / 10:.1f}"

    assert goes_class(peak_flux(text)) == text


@given(st.integers(10, 500))
def test_there_is_no_upper_end_to_class_x(tenths) -> None:
    text = f"X{tenths / 10:.1f}"

    assert goes_class(peak_flux(text)) == text


@given(st.floats(1e-8, 1e-2))
def test_a_class_never_claims_an_event_that_the_flux_did_not_reach(flux) -> None:
    reached = [e for e in EVENTS if flux >= e.peak_flux_w_m2 * (1 - 1e-6)]
    claimed = [e for e in EVENTS if peak_flux(goes_class(flux)) >= e.peak_flux_w_m2]

    assert len(claimed) <= len(reached)


def test_the_decimals_of_a_class_are_cut_off() -> None:
    assert goes_class(9.96e-6) == "C9.9"


def test_fluxes_below_class_a_keep_its_letter() -> None:
    assert goes_class(5e-9) == "A0.5"


@pytest.mark.parametrize("text", ["", "Q1.0", "M", "1.0", "X-1", "M1.0+", "C1,5"])
def test_what_is_no_class_is_refused(text) -> None:
    with pytest.raises(InvalidInputError, match=r"write it like C3\.4"):
        peak_flux(text)


@pytest.mark.parametrize("flux", [0.0, -1e-6, float("inf"), float("nan")])
def test_what_is_no_flux_has_no_class(flux) -> None:
    with pytest.raises(InvalidInputError, match="has no GOES class"):
        goes_class(flux)


def test_events_are_defined_by_the_class_they_are_named_after() -> None:
    assert [e.peak_flux_w_m2 for e in EVENTS] == [peak_flux(e.name) for e in EVENTS]


def test_events_go_from_frequent_to_rare() -> None:
    fluxes = [e.peak_flux_w_m2 for e in EVENTS]

    assert fluxes == sorted(fluxes)


def test_an_event_is_found_by_either_spelling() -> None:
    assert event("M1.0") is event("M1.0+")
    assert event("X1.0").column == "x1"


def test_an_unknown_event_is_answered_with_the_known_ones() -> None:
    with pytest.raises(NotFoundError, match=r"C1\.0, M1\.0, M5\.0, X1\.0"):
        event("M2.0")


@pytest.mark.parametrize(
    ("short", "near", "full"),
    [
        (4529, 14_500, 14_529),
        (1990, 11_990, 11_990),
        (9990, 10_005, 9990),
        (4, 9998, 10_004),
        (4, 19_998, 20_004),
        (14_529, 11_000, 14_529),
    ],
)
def test_the_thousands_of_a_region_number_are_restored(short, near, full) -> None:
    assert full_noaa_number(short, near=near) == full
