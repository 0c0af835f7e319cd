from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
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
from database.flares import FlareRecord, store_flares
from database.forecasts import load_forecasts
from database.harps import learn
from database.models import register
from database.predictions import store_predictions
from database.tables import verification_days, verification_stale
from database.verification import mark_stale, refresh, skill
from solar.flares import FluxScale
from solar.time import Window


def test_refreshing_twice_changes_nothing(engine: sa.Engine, filled: Synthetic) -> None:
    with reading(engine) as connection:
        before = connection.execute(sa.select(verification_days)).all()
    transact(engine, lambda c: mark_stale(c, [FIRST.date() + i * DAY for i in range(N_DAYS)]))

    refreshed = refresh(engine)

    with reading(engine) as connection:
        after = connection.execute(sa.select(verification_days)).all()
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
        learn(connection, [(3784, 11990)])
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

    query = sa.select(verification_days.c.model_id, verification_days.c.n).where(
        verification_days.c.event == "M1.0", verification_days.c.scope == "region"
    )
    with reading(engine) as connection:
        counted = {row.model_id: row.n for row in connection.execute(query)}
    assert counted == {MODEL: 1, shadow: 1, "persistence": 2}


def test_the_questions_of_verification_are_served_by_indices(engine: sa.Engine) -> None:
    fill(engine)
    refresh(engine)
    statements: list[tuple[str, object]] = []

    def remember(_c: object, _cursor: object, text: str, values: object, *_: object) -> None:
        statements.append((text, values))

    with reading(engine) as connection:
        sa.event.listen(connection, "before_cursor_execute", remember)
        skill(connection, model_id=MODEL, event="C1.0", window=None, scope="region")
        load_forecasts(connection, MODEL, window=Window(FIRST, FIRST + DAY))
        sa.event.remove(connection, "before_cursor_execute", remember)
        plans = [plan(connection, *asked) for asked in statements if "verification_days" in asked[0]
                 or "predictions" in asked[0]]  # fmt: skip

    assert len(plans) >= 4
    assert not any("SCAN" in one or "'ALL'" in one for one in plans), plans


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
