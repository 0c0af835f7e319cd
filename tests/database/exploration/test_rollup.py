from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
import sqlalchemy as sa
from exploration_rows import MODEL, START, WHOLE, made_rows, store, store_everything

from database.engine import reading, transact
from database.exploration.rollup import (
    SelectionSummary,
    refresh_exploration,
    summarise_days,
    summarise_records,
)
from database.exploration.selection import Selection
from database.rollup_days import mark_exploration
from database.schema.rollup_tables import exploration_stale
from solar.flares import event
from solar.time import Window

HOUR = timedelta(hours=1)
M1 = event("M1.0")


@pytest.fixture
def counted(engine: sa.Engine) -> sa.Engine:
    store_everything(engine)
    days = {row["t_rec"].date() for row in made_rows()}
    transact(engine, lambda c: mark_exploration(c, days))
    refresh_exploration(engine)
    return engine


def both(
    engine: sa.Engine, selection: Selection
) -> tuple[SelectionSummary | None, SelectionSummary]:
    with reading(engine) as connection:
        return summarise_days(connection, selection, M1), summarise_records(
            connection, selection, M1
        )


# The rows cover forty hours from midnight of 1 March.
@pytest.mark.parametrize(("first", "last"), [(0, 240), (0, 24), (0, 30), (-100, 36.5), (-1, 39)])
def test_days_and_cut_days_amount_to_what_their_records_do(
    counted: sa.Engine, first: float, last: float
) -> None:
    window = Window(START + first * HOUR, START + last * HOUR)

    days, records = both(counted, Selection(MODEL, window))

    assert days is not None
    assert days.distribution == records.distribution
    assert days.times.n.sum() == records.times.n.sum() == days.distribution.n
    assert np.nanmax(days.times.peak) == np.nanmax(records.times.peak)
    for one, other in zip(days.statistics, records.statistics, strict=True):
        assert (one.n, one.minimum, one.maximum) == (other.n, other.minimum, other.maximum)
        assert (one.mean or 0) == pytest.approx(other.mean or 0, rel=1e-12)


def test_a_range_without_a_whole_day_is_left_to_its_records(counted: sa.Engine) -> None:
    window = Window(START + 7 * HOUR, START + 39 * HOUR)

    assert both(counted, Selection(MODEL, window))[0] is None


def test_a_stale_day_is_counted_from_its_records(counted: sa.Engine) -> None:
    late = {**made_rows()[0], "t_rec": START + timedelta(minutes=12)}
    _add(counted, late)

    days, records = both(counted, WHOLE)

    assert days is not None
    assert days.distribution == records.distribution
    assert days.distribution.n == len(made_rows()) + 1


def test_a_refresh_takes_up_what_came_late(counted: sa.Engine) -> None:
    _add(counted, {**made_rows()[0], "t_rec": START + timedelta(minutes=12)})

    assert refresh_exploration(counted) == 1
    assert refresh_exploration(counted) == 0
    days, records = both(counted, WHOLE)
    assert days is not None
    assert days.distribution == records.distribution


def test_too_many_stale_days_leave_the_question_to_the_records(counted: sa.Engine) -> None:
    transact(
        counted, lambda c: mark_exploration(c, {(START + i * 24 * HOUR).date() for i in range(9)})
    )

    assert both(counted, WHOLE)[0] is None


def test_a_store_that_was_never_counted_has_no_answer(engine: sa.Engine) -> None:
    store_everything(engine)

    assert both(engine, WHOLE)[0] is None


def test_the_days_of_another_model_are_not_mixed_in(counted: sa.Engine) -> None:
    assert both(counted, replace(WHOLE, model_id="logistic@1.0.0"))[0] is None


def test_a_limit_of_days_leaves_the_older_ones_for_later(engine: sa.Engine) -> None:
    store_everything(engine)
    transact(engine, lambda c: mark_exploration(c, {row["t_rec"].date() for row in made_rows()}))

    assert refresh_exploration(engine, limit_days=1) == 1

    with reading(engine) as connection:
        assert connection.execute(sa.select(exploration_stale.c.day)).scalars().all() == [
            START.date()
        ]


def _add(engine: sa.Engine, row: dict[str, object]) -> None:
    store(engine, [row])
    transact(engine, lambda c: mark_exploration(c, {START.date()}))
