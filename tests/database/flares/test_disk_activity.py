from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import sqlalchemy as sa

from database.engine import reading, transact, writing
from database.flares.flares import FlareRecord, disk_activity, store_flares
from database.rollup_days import stale_marks
from database.schema import tables
from database.schema.rollup_tables import verification_stale
from solar.flares import FluxScale
from solar.full_disk import COUNTED
from solar.time import Window, to_datetime64

AT = datetime(2014, 3, 29, 16, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def _store(
    engine: sa.Engine, *flares: tuple[float, str], covered_days: tuple[float, float] | None
) -> None:
    records = [
        FlareRecord(AT - days * DAY, AT - days * DAY, None, goes_class, FluxScale.OPERATIONAL)
        for days, goes_class in flares
    ]
    covers = None
    if covered_days is not None:
        covers = Window(AT - covered_days[0] * DAY, AT - covered_days[1] * DAY)
    transact(engine, lambda c: store_flares(c, records, source="test", covers=covers, now=AT))


def _counts(engine: sa.Engine) -> dict[tuple[str, int], float]:
    with reading(engine) as connection:
        activity = disk_activity(connection, Window(AT, AT + DAY))
    (counts,) = activity.counts(np.array([to_datetime64(AT)]))
    return dict(zip(COUNTED, counts.tolist(), strict=True))


def test_the_flares_of_the_store_are_counted_by_class_and_span(engine: sa.Engine) -> None:
    _store(
        engine,
        (0.5, "B9.0"),
        (1, "C1.0"),
        (2, "M1.0"),
        (26.9, "X2.0"),
        (27.1, "X1.0"),
        covered_days=(200, -1),
    )

    assert _counts(engine) == {
        ("M1.0", 1): 0,
        ("M1.0", 3): 1,
        ("M1.0", 27): 2,
        ("M1.0", 120): 3,
        ("C1.0", 1): 1,
        ("C1.0", 3): 2,
        ("C1.0", 27): 3,
    }


def test_without_a_flare_list_the_activity_is_unknown(engine: sa.Engine) -> None:
    assert np.isnan(list(_counts(engine).values())).all()


def _region(engine: sa.Engine, newest: datetime) -> None:
    names = [column.name for column in tables.regions.columns]
    row = (1, 1, "12017", "s", AT - 200 * DAY, newest, 0.0, 0.0, 100.0)
    with writing(engine) as connection:
        connection.execute(tables.regions.insert().values(dict(zip(names, row, strict=True))))


def _stale(engine: sa.Engine) -> list[datetime]:
    with reading(engine) as connection:
        return sorted(stale_marks(connection, verification_stale, 1000))


@pytest.mark.parametrize(("days_of_records", "last_stale"), [(0, 3), (30, 31), (300, 121)])
def test_a_late_flare_has_the_disk_of_later_records_counted_again(
    engine_sqlite: sa.Engine, days_of_records: int, last_stale: int
) -> None:
    _region(engine_sqlite, AT + days_of_records * DAY)

    _store(engine_sqlite, (0, "M1.0"), covered_days=None)

    # From three days before, to the last day that counts it and has records, and the one after.
    stale = _stale(engine_sqlite)
    assert (stale[0], stale[-1]) == ((AT - 3 * DAY).date(), (AT + last_stale * DAY).date())
    assert len(stale) == last_stale + 4
