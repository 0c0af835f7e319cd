from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from stored_rows import store_predictions
from synthetic_store import (
    COVERED,
    DAY,
    FIRST,
    MANIFEST,
    MODEL,
    N_DAYS,
    NOW,
    Synthetic,
    fill,
    prediction,
)

from database.engine import reading, transact
from database.flares.flares import FlareRecord, store_flares
from database.harps import add_harp_pairs
from database.models import register
from database.predictions.forecasts import load_located_forecasts
from database.rollup_days import mark_stale
from database.schema.rollup_tables import verification_dekads, verification_stale
from database.verification.lead_skill import lead_skill
from database.verification.rollup import refresh
from database.verification.skill import skill
from database.verification.strata import strata
from database.verification.ten_day_blocks import Key, load_days
from solar.errors import InvalidInputError
from solar.flares import FluxScale
from solar.time import Window


def test_refreshing_twice_changes_nothing(engine: sa.Engine, filled: Synthetic) -> None:
    with reading(engine) as connection:
        before = connection.execute(sa.select(verification_dekads)).all()
    transact(engine, lambda c: mark_stale(c, [FIRST.date() + i * DAY for i in range(N_DAYS)]))

    refreshed = refresh(engine)

    with reading(engine) as connection:
        after = connection.execute(sa.select(verification_dekads)).all()
        left = connection.execute(sa.select(verification_stale)).all()
    assert refreshed == N_DAYS + 1
    assert sorted(after) == sorted(before)
    assert left == []


def test_a_limited_refresh_leaves_the_rest_for_the_next(engine_sqlite: sa.Engine) -> None:
    fill(engine_sqlite)
    with reading(engine_sqlite) as connection:
        marked = len(connection.execute(sa.select(verification_stale)).all())

    first, rest = refresh(engine_sqlite, limit_days=7), refresh(engine_sqlite)

    assert first == 7
    assert rest == marked - 7


def test_a_flare_revised_later_changes_its_days(engine: sa.Engine, filled: Synthetic) -> None:
    quiet = FIRST + 30 * DAY + timedelta(hours=2)
    weak = FlareRecord(quiet, quiet + timedelta(minutes=3), None, "M9.0", FluxScale.OPERATIONAL,
                       noaa_ar=11903)  # fmt: skip
    transact(engine, lambda c: store_flares(c, [weak], source="x", covers=None, now=NOW))
    refresh(engine)
    window = Window(FIRST + 30 * DAY, FIRST + 31 * DAY)
    with reading(engine) as connection:
        before = skill(connection, model_id=MODEL, event="X1.0", window=window, scope="disk")

    strong = FlareRecord(quiet, quiet + timedelta(minutes=3), None, "X1.0", FluxScale.OPERATIONAL,
                         noaa_ar=11903)  # fmt: skip
    transact(engine, lambda c: store_flares(c, [strong], source="x", covers=None, now=NOW))
    refresh(engine)

    with reading(engine) as connection:
        after = skill(connection, model_id=MODEL, event="X1.0", window=window, scope="disk")
    assert (before["n_events"], after["n_events"]) == (0, 1)


def test_forecasts_are_scored_once_the_list_covers_their_window(
    engine: sa.Engine, filled: Synthetic
) -> None:
    more = Window(COVERED.end_at, FIRST + (N_DAYS + 3) * DAY)
    with reading(engine) as connection:
        before = skill(connection, model_id=MODEL, event="C1.0", window=None, scope="disk")
    transact(engine, lambda c: store_flares(c, [], source="x", covers=more, now=NOW))
    refresh(engine)

    with reading(engine) as connection:
        after = skill(connection, model_id=MODEL, event="C1.0", window=None, scope="disk")
    assert after["n_unknown"] == 0
    assert after["n"] == before["n"] + before["n_unknown"]


def test_a_range_that_mixes_flux_scales_names_both(engine: sa.Engine, filled: Synthetic) -> None:
    at = FIRST + 3 * DAY
    other = FlareRecord(at, at + timedelta(minutes=1), None, "C1.0", FluxScale.TRUE)
    transact(engine, lambda c: store_flares(c, [other], source="x", covers=None, now=NOW))

    with reading(engine) as connection:
        body = skill(connection, model_id=MODEL, event="C1.0", window=None, scope="disk")

    assert body["flux_scales"] == ["operational_pre16", "true"]


def test_a_harp_learnt_after_its_flare_takes_the_flare_over(engine: sa.Engine) -> None:
    at = datetime(2014, 3, 1, tzinfo=UTC)
    record = FlareRecord(at, at + timedelta(hours=1), None, "M1.0", FluxScale.OPERATIONAL,
                         noaa_ar=11990)  # fmt: skip
    rows = [prediction(3784, at, MODEL, 0.5)]

    def flares_first(connection: sa.Connection) -> None:
        register(connection, MANIFEST, sha256="0" * 64, stage="live", now=NOW)
        store_flares(connection, [record], source="x", covers=COVERED, now=NOW)

    def forecasts_later(connection: sa.Connection) -> None:
        add_harp_pairs(connection, [(3784, 11990)])
        store_predictions(connection, rows)
        mark_stale(connection, [at.date()])

    for work in (flares_first, forecasts_later):
        transact(engine, work)
        refresh(engine)

    with reading(engine) as connection:
        body = skill(connection, model_id=MODEL, event="M1.0", window=None, scope="region")
    assert (body["n"], body["n_events"]) == (1, 1)


def test_every_model_is_scored_and_persistence_meets_the_cases_of_all(engine: sa.Engine) -> None:
    at = datetime(2014, 3, 1, 12, tzinfo=UTC)
    shadow = "shadow@2.0.0"
    rows = [prediction(1, at, MODEL, 0.5), prediction(2, at, MODEL, None),
            prediction(2, at, shadow, 0.1), prediction(3, at, shadow, None)]  # fmt: skip

    def work(connection: sa.Connection) -> None:
        register(connection, MANIFEST, sha256="0" * 64, stage="live", now=NOW)
        store_predictions(connection, rows)
        store_flares(connection, [], source="x", covers=COVERED, now=NOW)
        mark_stale(connection, [at.date()])

    transact(engine, work)
    refresh(engine)

    names = (MODEL, shadow, "persistence")
    with reading(engine) as connection:
        own, shared = (
            {name: load_days(connection, Key(name, "M1.0", "region", part)) for name in names}
            for part in ("own", "shared")
        )
    assert {name: days.total("n") for name, days in own.items()} == {
        MODEL: 1, shadow: 1, "persistence": 2,
    }  # fmt: skip
    assert [days.total("n") for days in shared.values()] == [0, 0, 0]


def test_the_questions_of_verification_are_served_by_indices(engine: sa.Engine) -> None:
    fill(engine)
    refresh(engine)
    statements: list[tuple[str, object]] = []

    def remember(_c: object, _cursor: object, text: str, values: object, *_: object) -> None:
        statements.append((text, values))

    with reading(engine) as connection:
        sa.event.listen(connection, "before_cursor_execute", remember)
        for scope, cases in (("region", "own"), ("disk", "shared")):
            skill(connection, model_id=MODEL, event="C1.0", window=None, scope=scope, cases=cases)
            strata(connection, model_id=MODEL, event="C1.0", window=None, scope=scope)
            lead_skill(connection, model_id=MODEL, event="C1.0", window=None, scope=scope)
        # All of a table is best read as a whole; a few days are not.
        days = Window(FIRST, FIRST + 5 * DAY)
        skill(connection, model_id=MODEL, event="C1.0", window=days, scope="region", region_id=101)
        load_located_forecasts(connection, MODEL, window=Window(FIRST, FIRST + DAY))
        sa.event.remove(connection, "before_cursor_execute", remember)
        tables = ("verification_dekads", "predictions", "flares")
        plans = [plan(connection, *asked) for asked in statements
                 if any(name in asked[0] for name in tables)]  # fmt: skip

    assert len(plans) >= 4
    assert [one for one in plans if "SCAN" in one or "'ALL'" in one] == []


def plan(connection: sa.Connection, text: str, values: object) -> str:
    words = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
    return str(connection.exec_driver_sql(words + text, values).all())


def test_empty_days_around_the_forecasts_do_not_widen_the_intervals(
    engine_sqlite: sa.Engine,
) -> None:
    fill(engine_sqlite)
    refresh(engine_sqlite)
    wide = Window(FIRST - 3000 * DAY, FIRST + 3000 * DAY)

    with reading(engine_sqlite) as connection:
        tight = skill(connection, model_id=MODEL, event="C1.0", window=None, scope="region")
        asked_wide = skill(connection, model_id=MODEL, event="C1.0", window=wide, scope="region")

    assert asked_wide["scores"] == tight["scores"]


def test_two_refreshers_at_once_lose_no_day_of_each_other(engine: sa.Engine) -> None:
    fill(engine)
    days = [FIRST.date() + i * DAY for i in range(N_DAYS + 1)]
    refresh(engine)
    expected = stored(engine)
    for _ in range(3):
        transact(engine, lambda c: c.execute(verification_dekads.delete()))
        transact(engine, lambda c: mark_stale(c, days))
        with ThreadPoolExecutor(4) as pool:
            done = list(pool.map(lambda _: refresh(engine, limit_days=20), range(4)))
        done.append(refresh(engine))

        assert sum(done) == N_DAYS + 2
        assert stored(engine) == expected


def stored(engine: sa.Engine) -> list[sa.Row[tuple[object, ...]]]:
    with reading(engine) as connection:
        return sorted(connection.execute(sa.select(verification_dekads)).all())


def test_a_row_that_was_cut_short_is_refused(engine_sqlite: sa.Engine) -> None:
    fill(engine_sqlite)
    refresh(engine_sqlite)
    transact(engine_sqlite, lambda c: c.execute(verification_dekads.update().values(days=b"123")))

    with reading(engine_sqlite) as connection, pytest.raises(InvalidInputError, match="cut short"):
        skill(connection, model_id=MODEL, event="C1.0", window=None, scope="region")
