"""JSOC is asked in slices and again and again, and its records get names that hold."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path

import pytest
from agency_readers import BEGIN, HOUR, JsocReader
from replayed_agencies import (
    DEFINITIVE,
    NRT,
    sharp_record,
    sharp_records,
)

from data_sender.sources.live.jsoc import SERIES


def test_a_record_is_read_as_the_contract_writes_it(jsoc: JsocReader) -> None:
    jsoc.agencies.sharps[DEFINITIVE] = [
        sharp_record(
            BEGIN, NOAA_ARS="11991,11990", R_VALUE="0.000", TOTPOT="MISSING", MEANALP="nan"
        )
    ]

    jsoc.read()

    row = jsoc.sent[0]
    # 2014.03.01_00:00:00_TAI is 35 s earlier in UTC.
    assert row["t_rec"] == "2014-02-28T23:59:25Z"
    assert (row["harpnum"], row["noaa_ars"], row["series"]) == (3721, [11990, 11991], DEFINITIVE)
    assert (row["quality"], row["lon_fwt"]) == (0, -12.3)
    assert row["made_at"] == "2014-04-07T10:00:00Z"
    assert row["keywords"]["R_VALUE"] == 0.0
    assert not {"TOTPOT", "MEANALP"} & row["keywords"].keys()
    assert not {"TOTBSQ", "EPSX"} & set(jsoc.agencies.asked[0].split("key=")[1].split(","))


@pytest.mark.parametrize(
    ("text", "quality"),
    [
        ("0x00010000", 0x10000),
        ("65536", 65536),
        ("-1073741824", 0xC0000000),
        ("0xC0000000", 0xC0000000),
        ("MISSING", None),
    ],
)
def test_quality_is_read_in_every_spelling(
    jsoc: JsocReader, text: str, quality: int | None
) -> None:
    jsoc.agencies.sharps[DEFINITIVE] = [sharp_record(BEGIN, QUALITY=text)]

    jsoc.read()

    assert jsoc.sent[0]["quality"] == quality


def test_the_past_is_asked_for_in_slices_that_miss_nothing(jsoc: JsocReader) -> None:
    jsoc.now = BEGIN + 24 * HOUR
    jsoc.agencies.sharps[DEFINITIVE] = sharp_records(BEGIN, 120)

    jsoc.read(slice_length=timedelta(hours=5))

    assert len(jsoc.agencies.asked) == 5
    assert len(jsoc.times) == len(set(jsoc.times)) == 120
    assert jsoc.times == sorted(jsoc.times)


def test_what_appears_late_is_found_and_what_is_known_is_not_sent_twice(jsoc: JsocReader) -> None:
    shown = jsoc.agencies.sharps[DEFINITIVE] = sharp_records(BEGIN, 5)

    def more() -> None:
        # A second region of past moments, and the first one goes on.
        shown.extend(sharp_records(BEGIN, 5, 3740, NOAA_AR="0", NOAA_ARS="MISSING"))
        shown.extend(sharp_records(BEGIN + HOUR, 2))

    jsoc.read(rounds=2, between=more)

    keys = [(row["harpnum"], row["t_rec"]) for row in jsoc.sent]
    assert len(keys) == len(set(keys)) == 12


def test_a_record_that_was_made_again_is_sent_again(jsoc: JsocReader) -> None:
    shown = jsoc.agencies.sharps[DEFINITIVE] = sharp_records(BEGIN, 2)

    def remake() -> None:
        shown[1] = shown[1] | {"DATE": "2014-05-01T00:00:00Z"}

    jsoc.read(rounds=2, between=remake)

    assert [row["made_at"][:7] for row in jsoc.sent] == ["2014-04", "2014-04", "2014-05"]


def test_a_restart_goes_on_where_it_was(jsoc: JsocReader, tmp_path: Path) -> None:
    jsoc.agencies.sharps[DEFINITIVE] = sharp_records(BEGIN, 120)
    jsoc.now = BEGIN + 12 * HOUR
    jsoc.read()
    first, jsoc.sent = jsoc.times, []
    jsoc.now = BEGIN + 24 * HOUR

    jsoc.read(lookback=timedelta(0))

    # The newest record is asked for again; the API knows it.
    assert set(first) & set(jsoc.times) == {first[-1]}
    assert len({*first, *jsoc.times}) == 120


def test_a_range_with_an_end_has_a_checkpoint_of_its_own(jsoc: JsocReader) -> None:
    jsoc.agencies.sharps[DEFINITIVE] = sharp_records(BEGIN - 24 * HOUR, 130)
    jsoc.read()
    jsoc.sent = []

    jsoc.read(start_at=BEGIN - 24 * HOUR, end_at=BEGIN - 23 * HOUR)

    assert len(jsoc.times) == 5


def test_near_real_time_records_go_under_their_noaa_number(jsoc: JsocReader) -> None:
    jsoc.agencies.sharps[NRT] = [
        sharp_record(BEGIN, 9001, NOAA_ARS="11991,11990"),
        # The numbering of patches is one of their own: 9002 is none of the definitive HARPs.
        sharp_record(BEGIN, 9002, NOAA_AR="0", NOAA_ARS="MISSING"),
    ]

    jsoc.read(series=SERIES["nrt"])

    assert [(row.get("harpnum"), row["noaa_ars"]) for row in jsoc.sent] == [(None, [11990, 11991])]
    assert jsoc.sent[0]["series"] == NRT


def test_of_two_patches_with_one_number_the_larger_is_the_region(jsoc: JsocReader) -> None:
    jsoc.agencies.sharps[NRT] = [
        sharp_record(BEGIN, 9001, USFLUX="1e21"), sharp_record(BEGIN, 9002, USFLUX="3e22")
    ]  # fmt: skip

    jsoc.read(series=SERIES["nrt"])

    assert [row["keywords"]["USFLUX"] for row in jsoc.sent] == [3e22]


def test_definitive_records_meet_the_near_real_time_ones_under_the_noaa_number(
    jsoc: JsocReader,
) -> None:
    jsoc.agencies.sharps[NRT] = [sharp_record(BEGIN, 9001)]
    jsoc.agencies.sharps[DEFINITIVE] = [
        sharp_record(BEGIN, 3721, USFLUX="3e22"),
        sharp_record(BEGIN, 3722, USFLUX="1e21"),
        sharp_record(BEGIN, 3740, NOAA_AR="0", NOAA_ARS="MISSING"),
    ]

    jsoc.read(series=SERIES["both"])

    named = [(row["series"], row.get("harpnum"), row.get("noaa_ars")) for row in jsoc.sent]
    assert named == [
        (NRT, None, [11990]),
        (DEFINITIVE, None, [11990]),
        (DEFINITIVE, 3722, None),
        (DEFINITIVE, 3740, None),
    ]


def test_what_is_kept_aside_and_what_has_merged_is_told_once(
    jsoc: JsocReader, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    jsoc.agencies.sharps[NRT] = sharp_records(BEGIN, 5, 9002, NOAA_AR="0", NOAA_ARS="MISSING")
    jsoc.agencies.sharps[DEFINITIVE] = sharp_records(BEGIN, 5, H_MERGE="1")

    jsoc.read(rounds=2, series=SERIES["both"])

    assert caplog.text.count("near-real-time patch 9002 has no NOAA number yet") == 1
    assert caplog.text.count("HARP 3721 has merged") == 1


def test_a_record_without_a_number_of_its_own_goes_under_no_other(jsoc: JsocReader) -> None:
    jsoc.agencies.sharps[DEFINITIVE] = [
        sharp_record(BEGIN), sharp_record(BEGIN + HOUR / 5, HARPNUM="MISSING")
    ]  # fmt: skip

    jsoc.read()

    assert "harpnum" not in jsoc.sent[1]
    assert "noaa_ars" not in jsoc.sent[1]
