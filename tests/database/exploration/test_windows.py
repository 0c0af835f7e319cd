"""The records of another window than the next 24 h: those that have its forecasts, once each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from exploration_rows import MODEL, PROBABILITIES, START, WHOLE, made_rows, store_everything
from stored_rows import store_leads

from database.engine import reading, transact
from database.exploration.records import Sort, batches, bounded, count, page
from database.exploration.rollup import (
    refresh_exploration,
    summarise_days,
    summarise_records,
)
from database.exploration.selection import Limit
from database.exploration.statistics import distribution, record_times, statistics
from database.rollup_days import mark_exploration
from solar.flares import EVENTS, LEADS
from solar.flares import event as find_event
from solar.windows import forecast_window

SIX_HOURS = replace(WHOLE, of=forecast_window("6h"))
DAY_TWO = replace(WHOLE, of=forecast_window("d2"))


def lead(row: dict[str, Any], *, revision: int, share: float) -> tuple[Any, ...]:
    """Give half of the odds of 24 h for 6 h, and nothing for the other windows."""
    values = [
        row[one.class_column] * share
        if one.window.name == "6h" and row[one.class_column] is not None
        else None
        for one in LEADS
    ]
    return (row["region_id"], row["t_rec"], MODEL, revision, *values, row["t_rec"])


@pytest.fixture
def frame(engine: sa.Engine) -> pd.DataFrame:
    store_everything(engine)
    rows = [row for row in made_rows() if (row["t_rec"] - START).seconds // 3600 % 2 == 0]
    # The predictions have revision 1; the revision 0 of these records was replaced.
    old = [lead(row, revision=0, share=1.0) for row in rows]
    new = [lead(row, revision=1, share=0.5) for row in rows]
    transact(engine, lambda c: store_leads(c, [*old, *new]))
    frame = pd.DataFrame(rows)
    frame[PROBABILITIES] = frame[PROBABILITIES].astype(float) / 2
    return frame


def test_table_file_and_figures_hold_the_records_that_have_the_window_once(
    engine: sa.Engine, frame: pd.DataFrame
) -> None:
    with reading(engine) as connection:
        shown = bounded(connection, SIX_HOURS)
        rows = page(connection, shown, sort=Sort("m1"), start=0, limit=500)
        drawn = distribution(connection, shown)
        times = record_times(connection, shown, find_event("M1.0"))
        n, by_keyword = count(connection, shown), statistics(connection, shown)
    written = [row for batch in batches(engine, SIX_HOURS) for row in batch]

    assert n == drawn.n == len(rows) == len(written) == len(frame)
    expected = frame.set_index(["region_id", "t_rec"])
    for row in (*rows, *written):
        wanted = expected.loc[(row["region_id"], row["t_rec"])]
        for name in (*PROBABILITIES, "usflux"):
            assert row[name] == pytest.approx(wanted[name]) or pd.isna(wanted[name])
    known = [row["m1"] for row in rows if row["m1"] is not None]
    assert known == sorted(known, reverse=True)
    assert drawn.without_forecast == frame.c1.isna().sum()
    for event in EVENTS:
        assert drawn.peaks[event.name] == pytest.approx(frame[event.column].max())
        assert sum(drawn.counts[event.name]) == frame[event.column].notna().sum()
    assert times.n.sum() == len(frame)
    by_column = {row.keyword.column: row for row in by_keyword}
    assert by_column["usflux"].mean == pytest.approx(frame.usflux.mean())


def test_limits_and_least_probability_are_of_the_window(
    engine: sa.Engine, frame: pd.DataFrame
) -> None:
    limited = replace(SIX_HOURS, limits=(Limit("m1", 0.01, 0.1),))
    least = replace(SIX_HOURS, event=find_event("C1.0"), min_probability=0.1)

    with reading(engine) as connection:
        found = [count(connection, selection) for selection in (limited, least)]

    expected = [((frame.m1 >= 0.01) & (frame.m1 < 0.1)).sum(), (frame.c1 >= 0.1).sum()]
    assert found == expected
    assert min(found) > 0


def test_a_window_without_a_forecast_has_records_without_a_forecast(
    engine: sa.Engine, frame: pd.DataFrame
) -> None:
    with reading(engine) as connection:
        drawn = distribution(connection, DAY_TWO)
        rows = page(connection, DAY_TWO, sort=Sort(), start=0, limit=5)

    assert drawn.n == drawn.without_forecast == len(frame)
    assert all(row["m1"] is None for row in rows)


def test_the_days_of_a_window_amount_to_what_its_records_do(
    engine: sa.Engine, frame: pd.DataFrame
) -> None:
    transact(engine, lambda c: mark_exploration(c, {t_rec.date() for t_rec in frame.t_rec}))
    assert refresh_exploration(engine) == 2

    with reading(engine) as connection:
        for selection in (SIX_HOURS, DAY_TWO, WHOLE):
            days = summarise_days(connection, selection, find_event("M1.0"))
            records = summarise_records(connection, selection, find_event("M1.0"))
            assert days is not None
            assert days.distribution == records.distribution
            assert days.times.n.sum() == records.times.n.sum()
            assert [row.mean for row in days.statistics] == [
                row.mean if row.mean is None else pytest.approx(row.mean)
                for row in records.statistics
            ]


def test_a_view_of_a_window_is_bounded_by_its_own_records(
    engine: sa.Engine, frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("database.exploration.records.VIEW_LIMIT", 12)

    with reading(engine) as connection:
        shown = bounded(connection, SIX_HOURS)
        n = count(connection, shown)

    # Three regions at every second hour: the newest four times.
    assert n == 12
    assert shown.window.start_at > sorted(frame.t_rec.unique())[-5]
