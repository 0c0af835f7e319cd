from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
import sqlalchemy as sa
from xray_minutes import FLARE, QUIET, START, minutes

from database.engine import reading, transact
from database.nowcast.detection import store_minutes
from database.nowcast.nowcast import (
    Nowcast,
    NowcastEvent,
    list_nowcast_events,
    read_nowcast,
)
from solar.flare_detection import MINUTE, detect
from solar.time import Window

ROWS = minutes([QUIET] * 20 + FLARE + [QUIET] * 20)
# The flare begins at minute 20, is told at 23, peaks at 25 and ends at 29.


def at(minute: int, second: int = 40) -> datetime:
    return START + minute * MINUTE + second * MINUTE / 60


@pytest.fixture
def filled(engine_sqlite: sa.Engine) -> sa.Engine:
    transact(engine_sqlite, lambda connection: store_minutes(connection, ROWS))
    return engine_sqlite


def told(engine: sa.Engine, now: datetime) -> Nowcast:
    with reading(engine) as connection:
        return read_nowcast(connection, now)


def test_a_flare_in_progress_is_told_with_its_flux_and_level(engine: sa.Engine) -> None:
    transact(engine, lambda connection: store_minutes(connection, ROWS[:26]))

    nowcast = told(engine, at(25))

    assert (nowcast.minute_at, nowcast.goes_class, nowcast.r_scale) == (at(25, 0), "M2.0", "R1")
    assert (nowcast.state, nowcast.satellite, nowcast.flux_scale) == ("rising", "G16", "true")
    assert nowcast.reason == "M2.0 so far, rising since 17:20: four minutes rose by 40 %"
    assert nowcast.event is not None
    assert (nowcast.event.start_at, nowcast.event.end_at) == (at(20, 0), None)


@pytest.mark.parametrize("minute", range(19, 32))
def test_the_nowcast_of_a_past_minute_knows_no_later_one(filled: sa.Engine, minute: int) -> None:
    now = at(minute)
    until_then = detect(ROWS[: minute + 1])
    lasting = [NowcastEvent.of(f) for f in until_then if f.end_known_at is None]

    with reading(filled) as connection:
        nowcast = read_nowcast(connection, now)
        events = list_nowcast_events(connection, Window(START, now))

    assert nowcast.event == (lasting[0] if lasting else None)
    assert [replace(e, revision=1) for e in events] == [NowcastEvent.of(f) for f in until_then]


def test_without_a_flare_it_is_quiet(filled: sa.Engine) -> None:
    nowcast = told(filled, at(45))

    assert (nowcast.state, nowcast.event, nowcast.r_scale) == ("quiet", None, None)
    assert nowcast.reason == "no flare in progress"


def test_a_flux_of_more_than_ten_minutes_ago_is_no_data(filled: sa.Engine) -> None:
    last = len(ROWS) - 1

    assert told(filled, at(last + 10, 0)).state == "quiet"
    late = told(filled, at(last + 10, 1))

    assert (late.state, late.minute_at) == ("no data", ROWS[-1].minute_at)
    assert late.reason == "the newest X-ray minute is 10 min old"


def test_an_empty_store_has_no_data_and_no_value(engine_sqlite: sa.Engine) -> None:
    nowcast = told(engine_sqlite, START)

    assert nowcast == replace(nowcast, state="no data", minute_at=None, flux_w_m2=None, event=None)
    assert nowcast.reason == "no X-ray flux was measured in the last day"


def test_a_flare_without_minutes_for_an_hour_is_shown_unfinished(engine_sqlite: sa.Engine) -> None:
    transact(engine_sqlite, lambda connection: store_minutes(connection, ROWS[:26]))

    def states(now: datetime) -> list[str]:
        with reading(engine_sqlite) as connection:
            events = list_nowcast_events(connection, Window(START, now), now=now)
        return [event.state for event in events]

    assert states(at(25 + 61)) == ["rising"]
    assert states(at(25 + 62)) == ["unfinished"]
    assert told(engine_sqlite, at(25 + 62)).event is None
