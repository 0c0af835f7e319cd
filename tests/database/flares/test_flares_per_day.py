from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from database.engine import reading, transact
from database.flares.flares import FlareRecord, flares_per_day, store_flares
from solar.flares import FluxScale
from solar.time import Window

AT = datetime(2014, 3, 29, 16, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def _store(
    engine: sa.Engine, *flares: tuple[float, str], covered_days: tuple[float, float]
) -> None:
    records = [
        FlareRecord(AT - days * DAY, AT - days * DAY, None, goes_class, FluxScale.OPERATIONAL)
        for days, goes_class in flares
    ]
    first, last = covered_days
    covers = Window(AT - first * DAY, AT - last * DAY)
    transact(
        engine, lambda c: store_flares(c, records, source="test", covers=covers, now=AT)
    )  # fmt: skip


def _rates(engine: sa.Engine) -> dict[str, float]:
    with reading(engine) as connection:
        return flares_per_day(connection, AT)


def test_flares_of_the_rotation_before_are_counted_by_class(engine: sa.Engine) -> None:
    _store(engine, (1, "C1.0"), (2, "M1.0"), (26.9, "X2.0"), (27.1, "X1.0"), covered_days=(40, 0))

    # 3, 2, 1 and 1 flares in 27 days; the one 27.1 days ago is too old.
    expected = {"C1.0": 3 / 27, "M1.0": 2 / 27, "M5.0": 1 / 27, "X1.0": 1 / 27}
    assert _rates(engine) == pytest.approx(expected)


def test_a_list_that_covers_a_part_gives_the_rate_over_that_part(engine: sa.Engine) -> None:
    _store(engine, (6, "M1.0"), (8, "M2.0"), covered_days=(10, 5))

    assert _rates(engine)["M1.0"] == pytest.approx(2 / 5)


def test_a_quiet_covered_rotation_is_no_activity(engine_sqlite: sa.Engine) -> None:
    _store(engine_sqlite, covered_days=(40, -1))

    assert _rates(engine_sqlite) == {"C1.0": 0, "M1.0": 0, "M5.0": 0, "X1.0": 0}


def test_fewer_than_three_covered_days_leave_the_activity_unknown(
    engine_sqlite: sa.Engine,
) -> None:
    _store(engine_sqlite, (1, "M1.0"), covered_days=(2.9, 0))

    assert _rates(engine_sqlite) == {}


def test_without_a_flare_list_the_activity_is_unknown(engine: sa.Engine) -> None:
    assert _rates(engine) == {}
