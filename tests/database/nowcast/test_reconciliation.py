from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from xray_minutes import FLARE, QUIET, START, minutes

from database.engine import reading, transact
from database.flares.flares import FlareRecord, store_flares
from database.nowcast.detection import store_minutes
from database.nowcast.nowcast import (
    NowcastCounts,
    NowcastEvent,
    count_nowcast_events,
    list_nowcast_events,
)
from database.nowcast.reconciliation import Reconciler, reconcile
from solar.flare_detection import MINUTE, XrayMinute
from solar.flares import FluxScale
from solar.time import Window

DAY = Window(START - timedelta(hours=12), START + timedelta(hours=12))
COVERED = Window(START - timedelta(days=1), START + timedelta(days=2))
NEXT_DAY = START + timedelta(hours=26)
# Begins at minute 20, peaks at 25 as M2.0, ends at 29.
ROWS = minutes([QUIET] * 20 + FLARE + [QUIET] * 60)
PEAK_AT = START + 25 * MINUTE


def listed(peak_at: datetime, name: str = "M2.0", *, length: int = 10) -> FlareRecord:
    start_at, end_at = peak_at - 5 * MINUTE, peak_at + length * MINUTE
    return FlareRecord(start_at, peak_at, end_at, name, FluxScale.TRUE)


def run(
    engine: sa.Engine,
    flares: Sequence[FlareRecord],
    *,
    rows: Sequence[XrayMinute] = ROWS,
    covers: Window | None = COVERED,
    now: datetime = NEXT_DAY,
) -> list[NowcastEvent]:
    def work(connection: sa.Connection) -> list[NowcastEvent]:
        store_minutes(connection, rows)
        store_flares(connection, flares, source="swpc", covers=covers, now=now)
        reconcile(connection, now=now)
        return list_nowcast_events(connection, DAY, now=now)

    return transact(engine, work)


def test_a_listed_flare_within_three_minutes_confirms_what_was_seen(engine: sa.Engine) -> None:
    (event,) = run(engine, [listed(PEAK_AT - 2 * MINUTE, "M2.5")])

    assert (event.state, event.reconciled_at) == ("confirmed", NEXT_DAY)
    assert event.peak_error_s == 120
    assert event.class_error == pytest.approx(2.0 / 2.5 - 1)
    assert event.flare_id is not None


@pytest.mark.parametrize(
    ("peak_after", "name", "state"),
    [(3, "X1.0", "confirmed"), (4, "M2.1", "confirmed"), (4, "M2.3", "unconfirmed"),
     (40, "M2.0", "unconfirmed")],
)  # fmt: skip
def test_else_it_must_overlap_with_the_same_class(
    engine_sqlite: sa.Engine, peak_after: int, name: str, state: str
) -> None:
    (event,) = run(engine_sqlite, [listed(PEAK_AT + peak_after * MINUTE, name)])

    assert event.state == state


def test_the_nearest_peak_is_taken_and_each_flare_once(engine_sqlite: sa.Engine) -> None:
    flares = [listed(PEAK_AT - 3 * MINUTE, "M1.0"), listed(PEAK_AT + MINUTE, "M3.0")]

    (event,) = run(engine_sqlite, flares)

    assert event.peak_error_s == -60


def test_what_the_list_never_had_is_unconfirmed_a_day_after_its_end(
    engine_sqlite: sa.Engine,
) -> None:
    end_at = START + 29 * MINUTE

    (early,) = run(engine_sqlite, [], now=end_at + timedelta(hours=24))
    (late,) = run(engine_sqlite, [], now=end_at + timedelta(hours=24, minutes=1))

    assert (early.state, late.state) == ("ended", "unconfirmed")
    assert (late.flare_id, late.class_error, late.peak_error_s) == (None, None, None)


def test_without_a_complete_list_nothing_is_said(engine_sqlite: sa.Engine) -> None:
    (event,) = run(engine_sqlite, [], covers=None)

    assert (event.state, event.reconciled_at) == ("ended", None)


def test_a_flare_that_is_listed_later_confirms_after_all(engine_sqlite: sa.Engine) -> None:
    run(engine_sqlite, [])

    (event,) = run(engine_sqlite, [listed(PEAK_AT)])

    assert (event.state, event.class_error) == ("confirmed", 0)


def test_the_list_of_a_later_time_says_nothing_of_an_earlier_one(engine_sqlite: sa.Engine) -> None:
    run(engine_sqlite, [listed(PEAK_AT)])

    with reading(engine_sqlite) as connection:
        (event,) = list_nowcast_events(connection, DAY, now=NEXT_DAY - MINUTE)

    assert (event.state, event.flare_id) == ("ended", None)


def test_the_counts_are_of_a_class_and_above_and_of_stored_minutes(
    engine_sqlite: sa.Engine,
) -> None:
    unlisted = minutes(FLARE, start=START + 90 * MINUTE)
    flares = [
        listed(PEAK_AT),
        listed(START + 70 * MINUTE, "M1.0", length=2),
        listed(START + 75 * MINUTE, "C9.0", length=2),
        listed(START + 600 * MINUTE, "X1.0"),
    ]
    run(engine_sqlite, flares, rows=[*ROWS, *unlisted])

    with reading(engine_sqlite) as connection:
        counts = count_nowcast_events(connection, DAY, least_flux=1e-5, now=NEXT_DAY)

    assert counts == NowcastCounts(confirmed=1, unconfirmed=1, missed=1)


def test_classes_of_two_scales_are_not_compared(engine_sqlite: sa.Engine) -> None:
    rows = minutes([QUIET] * 20 + FLARE + [QUIET] * 20, satellite="G15")

    (event,) = run(engine_sqlite, [listed(PEAK_AT)], rows=rows)

    assert (event.state, event.class_error, event.peak_error_s) == ("confirmed", None, 0)


def test_it_is_done_again_when_the_list_or_the_minutes_have_changed(
    engine_sqlite: sa.Engine,
) -> None:
    reconciler = Reconciler()

    def turn() -> int:
        return reconciler.reconcile_if_changed(engine_sqlite, now=NEXT_DAY, wall=NEXT_DAY)

    run(engine_sqlite, [], covers=None)
    turns = [turn()]
    transact(
        engine_sqlite,
        lambda c: store_flares(c, [listed(PEAK_AT)], source="s", covers=None, now=NEXT_DAY),
    )
    turns += [turn(), turn()]

    assert turns == [0, 1, 0]
