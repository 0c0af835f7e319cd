from __future__ import annotations

import pytest

from solar.sharp import (
    BY_NAME,
    KEYWORDS,
    LIVE_KEYWORDS,
    QUALITY_BITS,
    UNSERVED_KEYWORDS,
    describe_quality,
)


def test_there_are_eighteen_live_keywords_and_seven_that_jsoc_does_not_serve() -> None:
    assert len(LIVE_KEYWORDS) == 18
    assert len(UNSERVED_KEYWORDS) == 7
    assert all(keyword.is_live for keyword in LIVE_KEYWORDS)
    assert not any(keyword.is_live for keyword in UNSERVED_KEYWORDS)


def test_names_and_columns_are_spelled_once() -> None:
    assert len(BY_NAME) == len({keyword.column for keyword in KEYWORDS}) == 25


@pytest.mark.parametrize("keyword", KEYWORDS, ids=lambda keyword: keyword.name)
def test_a_keyword_says_what_it_is_in_which_unit_and_range(keyword) -> None:
    assert keyword.description
    assert keyword.unit
    assert keyword.display_unit
    assert keyword.display_scale > 0
    assert keyword.low < keyword.high


def test_gradients_are_named_per_pixel_as_they_are_stored() -> None:
    assert {BY_NAME[name].unit for name in ("MEANGBT", "MEANGBZ", "MEANGBH")} == {"G/pixel"}


def test_no_flux_near_inversion_lines_is_a_value() -> None:
    assert BY_NAME["R_VALUE"].low == 0


def test_the_bits_of_a_quality_are_said_in_words() -> None:
    assert describe_quality(0) == "clean"
    assert describe_quality(0x10000) == "fewer interpolation points than expected"
    assert describe_quality(0x40000400) == "target filtergram missing, cosmic-ray list missing"


def test_a_signed_quality_reads_as_no_data() -> None:
    assert describe_quality(-(2**31)) == "no data"


def test_bits_without_a_name_stay_numbers() -> None:
    assert describe_quality(0x10240) == (
        "fewer interpolation points than expected, minor bits 0x240"
    )


def test_every_bit_that_spoils_a_map_has_a_name() -> None:
    assert {1 << bit for bit in range(16, 32)} <= QUALITY_BITS.keys()
