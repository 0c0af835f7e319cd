"""Drift is counted day by day as the raw rows would be, and read for whole days alone."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from drift_store import EDGES, FIRST, HOUR, KEYWORD, MODEL, even_days, graded, manifest, observe

from database.drift.drift import Drift, VariableDrift, drift, whole_days
from database.drift.rollup import refresh_drift
from database.engine import reading, writing
from database.models import ModelRow
from database.schema.rollup_tables import drift_days, drift_stale
from solar.drift import Reference, count, psi
from solar.time import Window

DAY = timedelta(days=1)
MONTH = Window(FIRST, FIRST + 30 * DAY)
EVEN = Reference(np.full(10, 0.1), n=1000)


def drift_of(engine: sa.Engine, model: ModelRow, window: Window = MONTH) -> Drift:
    with reading(engine) as connection:
        return drift(connection, model=model, window=window)


def variable(result: Drift, name: str = KEYWORD) -> VariableDrift:
    (one,) = (one for one in result.variables if one.name == name)
    return one


def stored_days(engine: sa.Engine) -> list[Any]:
    with reading(engine) as connection:
        rows = connection.execute(sa.select(drift_days).order_by(drift_days.c.day))
        return [tuple(row) for row in rows]


def test_the_counts_are_those_of_the_raw_values(engine: sa.Engine) -> None:
    model = graded(engine)
    values = even_days(10, shift=2.0)
    observe(engine, values)

    assert refresh_drift(engine) == 10
    result = drift_of(engine, model)

    keyword = variable(result)
    assert keyword.assessment is not None
    assert keyword.assessment.psi == pytest.approx(psi(count(values, EDGES), EVEN))
    assert keyword.n == 240
    assert [one.name for one in result.variables] == [KEYWORD, "M1.0"]
    assert variable(result, "M1.0").assessment == keyword.assessment


def test_a_second_refresh_finds_nothing_to_do_and_a_repeated_one_changes_nothing(
    engine: sa.Engine,
) -> None:
    graded(engine)
    observe(engine, even_days(3))
    refresh_drift(engine)
    before = stored_days(engine)
    assert refresh_drift(engine) == 0

    observe(engine, even_days(3))

    assert refresh_drift(engine) == 3
    assert stored_days(engine) == before


def test_only_the_days_of_new_records_are_counted_again(engine_sqlite: sa.Engine) -> None:
    graded(engine_sqlite)
    observe(engine_sqlite, even_days(12))
    refresh_drift(engine_sqlite)

    observe(engine_sqlite, [1.5], start=FIRST + 4 * DAY)

    assert refresh_drift(engine_sqlite) == 1


def test_records_that_come_while_a_day_is_counted_have_it_counted_again(
    engine: sa.Engine,
) -> None:
    model = graded(engine)
    observe(engine, even_days(8))
    late = [FIRST + 4 * DAY + HOUR / 2]

    def deliver(*execution: Any) -> None:
        if "FROM predictions" in execution[2] and late:
            observe(engine, [5.5], start=late.pop())

    sa.event.listen(engine, "after_cursor_execute", deliver)
    counted = refresh_drift(engine, limit_days=8)
    sa.event.remove(engine, "after_cursor_execute", deliver)

    assert not late
    assert (counted, refresh_drift(engine)) == (8, 1)
    assert variable(drift_of(engine, model)).n == 8 * 24 + 1


def test_days_far_apart_and_many_days_are_all_counted(engine_sqlite: sa.Engine) -> None:
    graded(engine_sqlite)
    observe(engine_sqlite, even_days(25))
    observe(engine_sqlite, even_days(1), start=FIRST + 900 * DAY)

    assert refresh_drift(engine_sqlite, limit_days=4) == 4
    assert refresh_drift(engine_sqlite) == 22
    assert len(stored_days(engine_sqlite)) == 26


def test_missing_values_are_reported_and_not_counted(engine: sa.Engine) -> None:
    model = graded(engine)
    observe(engine, [None if i % 4 == 0 else 5.5 for i in range(10 * 24)])
    refresh_drift(engine)

    keyword = variable(drift_of(engine, model))

    assert keyword.n == 180
    assert keyword.missing_share == pytest.approx(0.25)
    assert keyword.trained_missing_share == 0.02


def test_records_near_the_limb_feed_no_forecast_and_are_not_counted(
    engine_sqlite: sa.Engine,
) -> None:
    model = graded(engine_sqlite)
    observe(engine_sqlite, even_days(8))
    observe(engine_sqlite, even_days(8), region_id=2, lon_fwt=-75.0)
    refresh_drift(engine_sqlite)

    assert variable(drift_of(engine_sqlite, model)).n == 8 * 24


def test_only_days_from_midnight_to_midnight_are_looked_at(engine_sqlite: sa.Engine) -> None:
    model = graded(engine_sqlite)
    observe(engine_sqlite, even_days(10))
    refresh_drift(engine_sqlite)
    window = Window(FIRST + HOUR, FIRST + 9 * DAY + 23 * HOUR)

    result = drift_of(engine_sqlite, model, window)

    assert whole_days(window) == (FIRST.date() + DAY, FIRST.date() + 8 * DAY)
    assert len(result.days) == 8


def test_a_day_with_records_in_few_of_its_hours_is_left_out(engine_sqlite: sa.Engine) -> None:
    model = graded(engine_sqlite)
    observe(engine_sqlite, even_days(10))
    observe(engine_sqlite, [5.5] * 6, start=FIRST + 10 * DAY)
    refresh_drift(engine_sqlite)

    result = drift_of(engine_sqlite, model)

    assert (len(result.days), result.n_partial) == (10, 1)


def test_one_record_a_day_makes_whole_days_too(engine_sqlite: sa.Engine) -> None:
    model = graded(engine_sqlite)
    observe(engine_sqlite, [5.5] * 20, step=DAY)
    refresh_drift(engine_sqlite)

    assert len(drift_of(engine_sqlite, model).days) == 20


def test_fewer_than_seven_whole_days_are_undefined_with_the_reason(
    engine_sqlite: sa.Engine,
) -> None:
    model = graded(engine_sqlite)
    observe(engine_sqlite, even_days(6))
    refresh_drift(engine_sqlite)

    keyword = variable(drift_of(engine_sqlite, model))

    assert keyword.assessment is None
    assert keyword.reason == "6 whole days; 7 are needed"


def test_an_empty_store_is_undefined_and_no_error(engine: sa.Engine) -> None:
    model = graded(engine)

    assert refresh_drift(engine) == 0
    assert variable(drift_of(engine, model)).assessment is None


def test_a_model_without_reference_says_so_and_its_days_wait(engine_sqlite: sa.Engine) -> None:
    model = graded(engine_sqlite, reference=None)
    observe(engine_sqlite, even_days(2))

    assert refresh_drift(engine_sqlite) == 0
    assert drift_of(engine_sqlite, model).reason == f"{MODEL} has no training reference"
    with reading(engine_sqlite) as connection:
        waiting = connection.execute(sa.select(sa.func.count()).select_from(drift_stale)).scalar()
    assert waiting == 2


def test_other_bins_have_the_days_counted_again(engine_sqlite: sa.Engine) -> None:
    graded(engine_sqlite)
    values = even_days(8)
    observe(engine_sqlite, values)
    refresh_drift(engine_sqlite)
    edges = [edge / 2 for edge in EDGES]
    reference = manifest()["reference"]
    reference["features"][KEYWORD]["edges"] = edges

    model = graded(engine_sqlite, sha256="1" * 64, reference=reference)

    assert refresh_drift(engine_sqlite) == 8
    keyword = variable(drift_of(engine_sqlite, model))
    assert keyword.assessment is not None
    assert keyword.assessment.psi == pytest.approx(psi(count(values, edges), EVEN))


def test_the_median_of_a_day_lies_off_by_deciles(engine_sqlite: sa.Engine) -> None:
    model = graded(engine_sqlite)
    observe(engine_sqlite, [7.5] * 24)
    refresh_drift(engine_sqlite)

    # The middle of bin 7 is the rank 0.75.
    assert variable(drift_of(engine_sqlite, model)).shifts.tolist() == pytest.approx([2.5])


def test_the_upgrade_marks_every_day_of_a_store_that_has_records_already(
    engine: sa.Engine,
) -> None:
    graded(engine)
    observe(engine, even_days(2))
    observe(engine, [5.5], start=FIRST + 5 * DAY)
    with writing(engine) as connection:
        connection.execute(drift_stale.delete())

    with writing(engine) as connection:
        context = MigrationContext.configure(connection)
        with Operations.context(context):
            import_module("database.migrations.versions.0005_drift").upgrade()

    assert refresh_drift(engine) == 6
    assert len(stored_days(engine)) == 3
