"""Whatever JSOC answers on a bad day, nothing is lost and nothing is made up."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import replayed_agencies as replayed
from agency_readers import BEGIN, HOUR, JsocReader
from replayed_agencies import (
    DEFINITIVE,
    replaying,
    sharp_record,
    sharp_records,
)

from data_sender.sources.live.feed import (
    Feed,
    FeedError,
    FeedFormatError,
    FeedUnavailableError,
)
from data_sender.sources.live.jsoc import MOST_FAILURES
from solar.process import StopSignal


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (replayed.out_of_order, "status 503"),
        (replayed.html, "not JSON but '<!DOCTYPE"),
        (replayed.half, "breaks off"),
        (replayed.refused, "Cant open series"),
        (replayed.late, "in time"),
        (replayed.without("USFLUX"), "lacks USFLUX"),
        (replayed.renamed("TOTUSJH"), "lacks TOTUSJH"),
        (replayed.shortened("LON_FWT"), "different lengths: T_REC 5, LON_FWT 4"),
    ],
)
def test_a_slice_that_fails_is_asked_for_again_and_nothing_of_it_is_sent(
    jsoc: JsocReader, caplog: pytest.LogCaptureFixture, fault: Any, reason: str
) -> None:
    jsoc.agencies.sharps[DEFINITIVE] = sharp_records(BEGIN, 10)
    jsoc.agencies.faults.extend([None, fault, fault])

    jsoc.read(slice_length=HOUR)

    assert len(jsoc.times) == len(set(jsoc.times)) == 10
    messages = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(messages) == 2
    assert all(reason in text and DEFINITIVE in text for text in messages)


@pytest.mark.parametrize("fault", [replayed.with_extra, replayed.reversed_rows])
def test_more_columns_and_another_order_change_nothing(jsoc: JsocReader, fault: Any) -> None:
    jsoc.agencies.sharps[DEFINITIVE] = sharp_records(BEGIN, 5)
    jsoc.agencies.faults.append(fault)

    jsoc.read()

    assert jsoc.times == sorted(jsoc.times)
    assert len(jsoc.times) == 5


def test_an_empty_answer_is_no_end(jsoc: JsocReader) -> None:
    jsoc.agencies.sharps[DEFINITIVE] = sharp_records(BEGIN, 5)
    jsoc.agencies.faults.append(replayed.empty)

    jsoc.read(rounds=2)

    assert len(jsoc.times) == 5


def test_a_refused_connection_is_an_outage(stop: StopSignal) -> None:
    with replaying() as gone:
        url = gone.jsoc_url
    feed = Feed(url, stop, timeout_seconds=0.2)

    with pytest.raises(FeedUnavailableError, match="no connection"):
        feed.get(ds="x")
    feed.close()


def test_a_range_with_an_end_is_given_up_when_its_format_has_changed(jsoc: JsocReader) -> None:
    jsoc.agencies.sharps[DEFINITIVE] = sharp_records(BEGIN, 5)
    jsoc.agencies.faults.extend([replayed.without("QUALITY")] * MOST_FAILURES)

    with pytest.raises(FeedFormatError, match="lacks QUALITY"):
        jsoc.read(end_at=BEGIN + HOUR)
    assert jsoc.sent == []


def test_a_column_that_nobody_can_read_is_a_change_of_format(jsoc: JsocReader) -> None:
    jsoc.agencies.sharps[DEFINITIVE] = sharp_records(BEGIN, 3, USFLUX="2,1e22")

    with pytest.raises(FeedError, match="no USFLUX"):
        jsoc.read(end_at=BEGIN + HOUR)


def test_a_value_that_nobody_can_read_is_missing_and_told(
    jsoc: JsocReader, caplog: pytest.LogCaptureFixture
) -> None:
    jsoc.agencies.sharps[DEFINITIVE] = [
        sharp_record(BEGIN), sharp_record(BEGIN + HOUR / 5, USFLUX="***")
    ]  # fmt: skip

    jsoc.read()

    assert ["USFLUX" in row["keywords"] for row in jsoc.sent] == [True, False]
    assert "1 USFLUX in JSOC's answer cannot be read: '***'" in caplog.text
