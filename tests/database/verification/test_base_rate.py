"""The base rate is counted over whole days that a flare list covers, up to now."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from stocked_store import MODEL, stock

from database.engine import reading, writing
from database.rollup_days import mark_stale
from database.schema import tables
from database.upsert import upsert
from database.verification.base_rate import BaseRates, base_rates
from database.verification.rollup import refresh
from solar.flares import event, goes_class

NOW = datetime(2014, 3, 29, 16, tzinfo=UTC)
MIDNIGHT = datetime(2014, 3, 29, tzinfo=UTC)
DAY = timedelta(days=1)


def _list(engine: sa.Engine, flares: list[tuple[float, float]], *, from_days: int) -> None:
    """Store flares by their days before midnight, in a list that is complete from there to now."""
    rows = []
    for number, (days, flux) in enumerate(flares):
        at = MIDNIGHT - days * DAY
        rows.append((f"f{number}", at, at, at, goes_class(flux), flux, "operational_pre16", None,
                     None, None, "none", "G15", "test", None, 0, NOW))  # fmt: skip
    covered = ("test", MIDNIGHT - from_days * DAY, NOW)
    with writing(engine) as connection:
        names = [column.name for column in tables.flares.columns]
        upsert(connection, tables.flares, columns=names, rows=rows)
        upsert(connection, tables.flare_coverage, columns=("source", "from_at", "to_at"),
               rows=[covered])  # fmt: skip


def _rates(engine: sa.Engine, *, now: datetime = NOW) -> BaseRates:
    with reading(engine) as connection:
        return base_rates(connection, event("M1.0"), MODEL, now=now)


def test_days_with_a_flare_are_counted_once_and_those_without_a_list_not_at_all(
    engine: sa.Engine,
) -> None:
    # Two on one day, one 28 days ago, one of today, which is not over, and one below M1.0.
    _list(engine, [(1, 1e-5), (0.5, 2e-4), (28, 5e-5), (-0.5, 1e-4), (3, 9.9e-6)], from_days=120)

    assert _rates(engine) == BaseRates(
        date(2014, 3, 28), {27: 1 / 27, 120: 2 / 120, 365: None}, None
    )


def test_a_gap_of_the_list_leaves_the_rate_over_it_unknown(engine: sa.Engine) -> None:
    _list(engine, [(1, 1e-5)], from_days=20)

    assert _rates(engine).disk == {27: None, 120: None, 365: None}


def test_a_list_that_ended_days_ago_tells_nothing_of_now(engine: sa.Engine) -> None:
    _list(engine, [(1, 1e-5)], from_days=365)

    assert _rates(engine, now=NOW + DAY).disk[27] == pytest.approx(1 / 27)
    late = _rates(engine, now=NOW + 2 * DAY)
    assert late == BaseRates(None, dict.fromkeys((27, 120, 365)), None)


def test_nothing_after_now_counts(engine: sa.Engine) -> None:
    _list(engine, [(1, 1e-5), (0.5, 1e-5), (3, 1e-5)], from_days=365)

    # At noon of the 27th only the flare of the 26th is on a day that is over.
    assert _rates(engine, now=NOW - 2 * DAY).disk[27] == pytest.approx(1 / 27)


def test_the_rate_of_regions_is_that_of_the_verified_cases(engine: sa.Engine) -> None:
    stock(engine, now=NOW)
    with writing(engine) as connection:
        mark_stale(connection, [date(2014, 3, day) for day in range(24, 31)])
    refresh(engine)

    # The window of the last case that counts closes with the 28th. Before the 28th, 12017 and
    # 12024 were forecast each hour from 26 March 09:00 (39 times), and 12013 from 25 March 22:00
    # (50 times); the M2.0 of 12017 on the 28th at 20:00 followed the last 3 within less than a day.
    assert _rates(engine).region == pytest.approx(3 / 128)
