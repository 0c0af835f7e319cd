"""The status in words: what is fresh, late or away, and what is not known."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from status_facts import API, MINUTE, NOW, answered, away, check_of, facts, judged, source

from solar.clock import REPLAY, Reading
from solar.errors import InvalidInputError
from solar.status.checks import BROKEN, Check, read_document
from solar.status.facts import RECORDS, Heartbeat, Look, Source, reason_for_silence
from solar.status.page import html_page, text_table

LATE_RECORDS = (source(RECORDS, 25 * MINUTE, 12 * MINUTE),)
HOURLY = (source(RECORDS, 36 * MINUTE, timedelta(hours=1)),)


def test_all_well_is_said_in_one_word_and_each_source_with_its_age() -> None:
    status = judged(answered())

    assert (status.state, status.headline) == ("ok", "Working")
    assert check_of(status, RECORDS) == Check(RECORDS, "ok", "fresh", "9 min", NOW - 9 * MINUTE)
    assert check_of(status, "Live model").detail == "blend@2.0.0, 9 min ago"
    assert check_of(status, "Senders").word == "2 active"


@pytest.mark.parametrize(
    ("changes", "headline"),
    [
        ({"sources": LATE_RECORDS}, "Working, one source late"),
        ({"forecast_at": NOW - 37 * MINUTE}, "Working, no new forecast"),
        ({"waiting": 3, "stuck": 1}, "Working, notices stuck"),
        ({"failed": 1}, "Working, notices stuck"),
        ({"silent": 2, "sources": LATE_RECORDS}, "Working, one source late, 2 senders silent"),
        ({"silent": 1}, "Working, one sender silent"),
        ({"sources": (Source(RECORDS, None, MINUTE),)}, "Waiting for the first record"),
    ],
    ids=str,
)
def test_what_is_late_stuck_or_silent_stands_in_the_headline(
    changes: dict[str, Any], headline: str
) -> None:
    status = judged(answered(**changes))

    assert (status.state, status.headline) == ("late", headline)


def test_an_hourly_source_is_not_late_between_its_hours() -> None:
    assert judged(answered(sources=HOURLY)).state == "ok"


def test_a_source_is_late_after_two_usual_steps_and_says_what_is_usual() -> None:
    on_time = judged(answered(sources=(source(RECORDS, 24 * MINUTE, 12 * MINUTE),)))
    late = judged(answered(sources=LATE_RECORDS))

    assert check_of(on_time, RECORDS).word == "fresh"
    assert check_of(late, RECORDS).word == "late"
    assert check_of(late, RECORDS).detail == "25 min, usual 12 min"


def test_without_a_live_model_or_an_api_it_does_not_work() -> None:
    down = Check("API", BROKEN, "does not answer")

    assert judged(answered(model_id=None)).headline == "Not working: no live model"
    assert judged(answered(), api=down).headline == "Not working: the API does not answer"


def test_while_the_store_is_away_the_last_that_is_known_has_its_time_and_nothing_looks_quiet() -> (
    None
):
    status = judged(away(facts()))

    assert (status.state, status.headline) == ("broken", "Not working: the store is away")
    assert "no all clear can be read" in status.note
    assert check_of(status, RECORDS).word == "we do not know"
    assert check_of(status, RECORDS).detail == "9 min at 02:10"
    assert check_of(status, "Store").word == "away since 02:11:24"
    for name in ("Live model", "Senders", "Notices", "Clock", "X-rays"):
        assert check_of(status, name).state == "unknown"
    assert check_of(status, "API").word == "up"
    assert status.sun_now is None


def test_a_store_that_never_answered_leaves_nothing_known() -> None:
    status = judged(Look(NOW, None))

    assert status.headline == "Not working: the store has not answered yet"
    assert {check.state for check in status.checks} == {"unknown", "ok", "none"}


def test_ages_in_a_replay_are_by_the_clock_of_the_sun() -> None:
    event_at = NOW - timedelta(days=4000)
    clock = Reading(REPLAY, event_at, NOW, 0.0)
    sources = (Source(RECORDS, event_at - timedelta(minutes=5), 12 * MINUTE),)

    status = judged(answered(sun_now=event_at, clock=clock, sources=sources))

    assert check_of(status, RECORDS).detail == "5 min"
    assert check_of(status, "Clock").word == "replay, paused"
    assert "by the clock of the replay" in html_page(status)


@pytest.mark.parametrize(
    ("heartbeat", "word"),
    [
        (Heartbeat("beating", "", NOW - timedelta(seconds=14)), "beating"),
        (Heartbeat("beating", "", NOW - 3 * MINUTE), "silent"),
        (Heartbeat("silent", "records are late", NOW), "silent"),
        (Heartbeat("unknown", "not sent by this server"), "we do not know"),
        (Heartbeat("off", "a replay runs"), "off"),
    ],
    ids=str,
)
def test_a_heartbeat_counts_as_beating_only_while_its_last_beat_is_young(
    heartbeat: Heartbeat, word: str
) -> None:
    assert check_of(judged(answered(), heartbeat), "Heartbeat").word == word


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"sources": LATE_RECORDS}, "records are late"),
        ({"forecast_at": None}, "no forecast lately"),
        ({"forecast_at": NOW - 37 * MINUTE}, "no forecast lately"),
        ({"stuck": 1}, "notifications are stuck"),
        ({"failed": 1}, "notifications are stuck"),
        ({"waiting": 1}, None),
        ({"sources": (Source(RECORDS, None, MINUTE),)}, "no record yet"),
    ],
    ids=str,
)
def test_the_heartbeat_is_silent_for_a_reason(changes: dict[str, Any], reason: str | None) -> None:
    assert reason_for_silence(facts(**changes), in_replay=False) == reason


def test_in_a_replay_the_heartbeat_beats_only_where_that_is_wanted() -> None:
    replayed = facts(clock=Reading(REPLAY, NOW, NOW, 1.0))

    assert reason_for_silence(replayed, in_replay=False) == "a replay runs"
    assert reason_for_silence(replayed, in_replay=True) is None


def test_the_document_is_read_back_as_it_was_written() -> None:
    for look in (answered(), away(facts()), Look(NOW, None)):
        status = judged(look)

        assert read_document(json.loads(json.dumps(status.document()))) == status


@pytest.mark.parametrize(
    "document", [None, [], {}, {"checks": [{}]}, {"status": "alive"}, "text", 3]
)
def test_what_is_no_status_is_refused(document: Any) -> None:
    with pytest.raises(InvalidInputError, match="not the status"):
        read_document(document)


def test_the_page_is_small_loads_nothing_runs_nothing_and_comes_again_by_itself() -> None:
    page = html_page(judged(away(facts()), Heartbeat("silent", "x" * 200, NOW)))

    assert len(page.encode()) <= 5_000
    assert '<meta http-equiv="refresh" content="30">' in page
    assert "prefers-color-scheme: dark" in page
    for foreign in ("<script", "<link", "src=", "url(", "http://", "https://"):
        assert foreign not in page


def test_each_state_has_a_sign_and_a_word_beside_its_colour_and_no_name_is_markup() -> None:
    page = html_page(judged(answered(model_id="<b>@1", sources=LATE_RECORDS)))

    assert '<td class="state late"><span aria-hidden="true">▲</span> late</td>' in page
    assert "&lt;b&gt;@1" in page
    assert "<b>" not in page


def test_the_table_of_a_terminal_is_aligned_and_coloured_only_on_request() -> None:
    status = judged(answered())
    lines = text_table(status).splitlines()

    rows = [line for line in lines if any(sign in line for sign in "●▲■?○")]
    assert len({line.index(next(s for s in "●▲■?○" if s in line)) for line in rows}) == 1
    assert "\033" not in text_table(status)
    assert "\033[32m" in text_table(status, is_coloured=True)


def test_the_api_and_the_store_say_how_long_they_took() -> None:
    status = judged(answered())

    assert check_of(status, "API") == API
    assert check_of(status, "Store").detail == "3 ms"
