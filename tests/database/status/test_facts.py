"""What the store tells for the status, on SQLite and MariaDB."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from raised_alerts import announce
from stocked_store import MODEL, NOW, stock

from database.engine import reading, transact, writing
from database.schema import tables
from database.status.facts import STUCK_AFTER, read_facts
from solar.clock import REPLAY
from solar.status.facts import Facts

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def read(engine: sa.Engine, now: datetime = NOW) -> Facts:
    with reading(engine) as connection:
        return read_facts(connection, now=now)


def insert(engine: sa.Engine, table: sa.Table, *rows: dict[str, Any]) -> None:
    with writing(engine) as connection:
        connection.execute(table.insert(), list(rows))


def newest(known: Facts) -> dict[str, datetime | None]:
    return {source.name: source.newest_at for source in known.sources}


def test_an_empty_store_has_sources_of_which_nothing_came(engine: sa.Engine) -> None:
    known = read(engine)

    assert newest(known) == dict.fromkeys(
        ["SHARP records", "X-rays", "Flare list", "Region reports"]
    )
    assert (known.model_id, known.forecast_at, known.ingest_at) == (None, None, None)
    assert (known.waiting, known.active, known.silent) == (0, 0, 0)


def test_each_source_has_its_newest_and_records_their_usual_step(engine: sa.Engine) -> None:
    stock(engine)
    insert(
        engine,
        tables.xray_flux,
        {"minute_at": NOW - 3 * MINUTE, "flux_w_m2": 2e-6, "satellite": "G15"},
        {"minute_at": NOW - 2 * MINUTE, "flux_w_m2": None, "satellite": "G15"},
    )
    report = {"source": "SRS", "noaa_ar": 12017, "observed_at": NOW - 16 * HOUR, "received_at": NOW}
    insert(engine, tables.region_reports, report)

    known = read(engine)

    assert newest(known) == {
        "SHARP records": NOW,
        "X-rays, GOES-15": NOW - 3 * MINUTE,
        "Flare list": NOW,
        "Region reports": NOW - 16 * HOUR,
    }
    assert known.records.step == HOUR
    assert (known.model_id, known.forecast_at) == (MODEL, NOW)
    assert known.is_forecasting


def test_an_agency_that_has_ended_is_named_only_where_there_is_no_other(engine: sa.Engine) -> None:
    old = {"model_id": "metoffice@1", "valid_from": NOW - timedelta(days=400), "issued_at": NOW}
    insert(engine, tables.disk_forecasts, old)
    alone = read(engine)
    current = {"model_id": "swpc@1", "valid_from": NOW + 8 * HOUR, "issued_at": NOW}
    insert(engine, tables.disk_forecasts, current)

    assert [source.name for source in alone.sources[4:]] == ["metoffice forecast"]
    assert alone.sources[4].is_late(NOW)
    (swpc,) = read(engine).sources[4:]
    assert (swpc.name, swpc.age(NOW)) == ("swpc forecast", timedelta(0))


def test_senders_are_active_or_silent_until_they_have_finished_or_are_no_longer_missed(
    engine: sa.Engine,
) -> None:
    zeros = dict.fromkeys(("accepted", "duplicates", "revised", "rejected"), 0)
    ages = {"now": 5, "killed": 60, "finished": 90, "last-week": 7 * 86_400}
    rows = [
        {
            "sender_id": name,
            "first_seen_at": NOW - timedelta(seconds=age),
            "last_seen_at": NOW - timedelta(seconds=age),
            "finished_at": NOW - timedelta(seconds=age) if name == "finished" else None,
            **zeros,
        }
        for name, age in ages.items()
    ]
    insert(engine, tables.senders, *rows)

    known = read(engine)

    assert (known.active, known.silent) == (1, 1)
    assert known.ingest_at == NOW - timedelta(seconds=5)


def test_a_notification_is_stuck_when_it_has_waited_long_and_given_up_for_a_day(
    engine: sa.Engine,
) -> None:
    announce(engine)
    made_at = datetime.fromisoformat("2014-03-29T12:05:00Z")

    def counts(now: datetime) -> tuple[int, int, int]:
        known = read(engine, now)
        return known.waiting, known.stuck, known.failed

    assert counts(made_at + MINUTE) == (1, 0, 0)
    assert counts(made_at + STUCK_AFTER + MINUTE) == (1, 1, 0)
    transact(engine, lambda c: c.execute(tables.notices.update().values(state="failed")))
    assert counts(made_at + HOUR) == (0, 0, 1)
    assert counts(made_at + timedelta(days=2)) == (0, 0, 0)


def test_in_a_replay_it_is_for_the_sun_what_its_clock_says(engine: sa.Engine) -> None:
    stock(engine)
    row = {
        "turn": 1, "mode": REPLAY, "event_at": NOW + 40 * MINUTE, "wall_at": NOW, "speed": 0.0,
        "version": 1,
    }  # fmt: skip
    insert(engine, tables.store_clock, row)

    known = read(engine, NOW + timedelta(days=4000))

    assert known.sun_now == NOW + 40 * MINUTE
    assert known.records.age(known.sun_now) == 40 * MINUTE
