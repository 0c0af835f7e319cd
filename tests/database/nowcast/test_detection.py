from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from xray_minutes import FLARE, QUIET, START, minutes

from database.engine import reading, transact
from database.flares.xray import store_flux
from database.nowcast.detection import detect_stored, store_minutes
from database.nowcast.nowcast import NowcastEvent, list_nowcast_events
from solar.flare_detection import MINUTE, XrayMinute, detect
from solar.time import Window

ALL = Window(datetime(2022, 1, 1, tzinfo=UTC), datetime(2023, 1, 1, tzinfo=UTC))
# Two flares, the second in progress, and a stretch of another satellite between them.
STREAM = [
    *minutes([QUIET] * 20 + FLARE + [QUIET] * 120),
    *minutes([2e-6] * 60, start=START + 60 * MINUTE, satellite="G18"),
    *minutes(FLARE[:7], start=START + 150 * MINUTE),
]


def store(engine: sa.Engine, rows: Sequence[XrayMinute]) -> None:
    transact(engine, lambda connection: store_minutes(connection, rows))


def stored_events(engine: sa.Engine) -> list[NowcastEvent]:
    with reading(engine) as connection:
        events = list_nowcast_events(connection, ALL, now=STREAM[-1].minute_at)
    return [replace(event, revision=1) for event in events]


def computed(rows: Sequence[XrayMinute]) -> list[NowcastEvent]:
    return [NowcastEvent.of(flare) for flare in detect(rows)]


def test_stored_events_are_those_of_all_minutes_in_whatever_order_they_came(
    engine: sa.Engine,
) -> None:
    rng = random.Random(3)
    late = sorted(
        STREAM, key=lambda one: one.minute_at + (rng.random() < 0.2) * timedelta(hours=rng.random())
    )
    rows = [*late, *rng.sample(late, 30)]

    for start in range(0, len(rows), 20):
        store(engine, rows[start : start + 20])

    assert stored_events(engine) == computed(STREAM)
    assert [event.state for event in computed(STREAM)] == ["ended", "rising"]


def test_two_that_store_at_once_miss_nothing_between_their_minutes(engine: sa.Engine) -> None:
    halves = [[row for i, row in enumerate(STREAM) if i % 2 == part] for part in (0, 1)]

    def feed(rows: list[XrayMinute]) -> None:
        for start in range(0, len(rows), 8):
            store(engine, rows[start : start + 8])

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(feed, halves))

    assert stored_events(engine) == computed(STREAM)


def test_a_revised_minute_computes_its_flare_anew_and_leaves_the_others(
    engine_sqlite: sa.Engine,
) -> None:
    store(engine_sqlite, STREAM)
    revised = XrayMinute(STREAM[25].minute_at, 4e-5, "G16")

    store(engine_sqlite, [revised])

    with reading(engine_sqlite) as connection:
        first, second = list_nowcast_events(connection, ALL)
    assert (first.goes_class, first.revision) == ("M4.0", 2)
    assert second.revision == 1


def test_the_minutes_of_an_earlier_version_are_gone_through_once(engine_sqlite: sa.Engine) -> None:
    month_before = minutes(FLARE, start=START - timedelta(days=30))
    rows = [*month_before, *STREAM]
    transact(engine_sqlite, lambda connection: store_flux(connection, rows))

    changes = [detect_stored(engine_sqlite) for _ in range(2)]

    assert changes == [3, 0]
    assert stored_events(engine_sqlite) == computed(rows)


def test_a_flare_that_a_revision_takes_away_is_gone(engine_sqlite: sa.Engine) -> None:
    rows = minutes([QUIET] * 20 + FLARE)
    store(engine_sqlite, rows)

    store(engine_sqlite, [replace(row, flux_w_m2=QUIET) for row in rows])

    assert stored_events(engine_sqlite) == []


def test_what_is_sent_again_changes_nothing(engine_sqlite: sa.Engine) -> None:
    store(engine_sqlite, STREAM)

    store(engine_sqlite, STREAM)

    with reading(engine_sqlite) as connection:
        assert {event.revision for event in list_nowcast_events(connection, ALL)} == {1}
