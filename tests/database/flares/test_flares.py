from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from database.engine import reading, transact
from database.flares.coverage import coverage, covered_windows
from database.flares.flares import FlareRecord, flare_history, list_flares, store_flares
from database.schema.rollup_tables import verification_stale
from solar.flares import FluxScale
from solar.time import Window

NOW = datetime(2026, 1, 1, tzinfo=UTC)
START = datetime(2014, 3, 1, 23, 50, tzinfo=UTC)
EVER = Window(datetime(2000, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))


def flare(
    goes_class: str = "M1.0",
    *,
    start: datetime = START,
    rise_minutes: int = 5,
    noaa_ar: int | None = None,
    harpnum: int | None = None,
) -> FlareRecord:
    return FlareRecord(start, start + timedelta(minutes=rise_minutes), None, goes_class,
                       FluxScale.OPERATIONAL, noaa_ar=noaa_ar, harpnum=harpnum)  # fmt: skip


def store(
    engine: sa.Engine, *records: FlareRecord, covers: Window | None = None
) -> tuple[int, ...]:
    report = transact(
        engine, lambda c: store_flares(c, records, source="test", covers=covers, now=NOW)
    )
    return report.added, report.revised, report.unchanged


def stored(engine: sa.Engine) -> list[tuple[str, str, int | None, int]]:
    with reading(engine) as connection:
        stored = list_flares(connection, window=EVER, limit=100)
    return [(f.flare_id, f.goes_class, f.noaa_ar, f.revision) for f in stored]


def test_a_flare_posted_twice_is_stored_once(engine: sa.Engine) -> None:
    first, second = store(engine, flare()), store(engine, flare())

    assert (first, second) == ((1, 0, 0), (0, 0, 1))
    assert stored(engine) == [("20140301T235000Z", "M1.0", None, 1)]


def test_a_revision_keeps_the_id_and_what_it_does_not_know(engine: sa.Engine) -> None:
    store(engine, flare("M1.0", noaa_ar=11990))

    changed = store(engine, flare("M1.2"))

    assert changed == (0, 1, 0)
    assert stored(engine) == [("20140301T235000Z", "M1.2", 11990, 2)]


def test_a_region_that_becomes_known_is_a_revision(engine: sa.Engine) -> None:
    store(engine, flare())

    changed = store(engine, flare(noaa_ar=11990, rise_minutes=6))

    assert changed == (0, 1, 0)
    assert stored(engine) == [("20140301T235000Z", "M1.0", 11990, 2)]


def test_two_regions_flaring_at_the_same_minute_are_two_flares(engine: sa.Engine) -> None:
    both = flare(noaa_ar=11990), flare("C5.0", noaa_ar=11991, rise_minutes=9)

    first, second = store(engine, *both), store(engine, *both)

    assert (first, second) == ((2, 0, 0), (0, 0, 2))
    assert [row[0] for row in stored(engine)] == ["20140301T235000Z", "20140301T235000Z-2"]


def test_a_flare_marks_the_days_whose_windows_persistence_and_quiet_it_touches(
    engine: sa.Engine,
) -> None:
    store(engine, flare(rise_minutes=10))  # peaks at 2014-03-02T00:00, which is of the new day

    with reading(engine) as connection:
        days = connection.execute(sa.select(verification_stale.c.day)).scalars().all()
    assert [str(day) for day in sorted(days)] == [
        "2014-02-27", "2014-02-28", "2014-03-01", "2014-03-02", "2014-03-03", "2014-03-04",
        "2014-03-05",
    ]  # fmt: skip


def test_history_is_half_open_in_the_time_of_peak(engine: sa.Engine) -> None:
    store(engine, flare(rise_minutes=10))
    midnight = datetime(2014, 3, 2, tzinfo=UTC)
    day = timedelta(days=1)

    with reading(engine) as connection:
        before = flare_history(connection, Window(midnight - day, midnight))
        after = flare_history(connection, Window(midnight, midnight + day))

    assert (len(before.peak_at), len(after.peak_at)) == (0, 1)
    assert str(after.peak_at[0]) == "2014-03-02T00:00:00.000000"
    assert (after.flux[0], after.region_id[0]) == (1e-5, 0)


def test_history_is_sorted_and_can_leave_weak_flares_out(engine: sa.Engine) -> None:
    hour = timedelta(hours=1)
    store(engine, flare("C1.0", start=START + hour), flare("M1.0", start=START - hour),
          flare("X1.0", start=START))  # fmt: skip

    with reading(engine) as connection:
        every = flare_history(connection, EVER)
        strong = flare_history(connection, EVER, min_flux=1e-5)

    assert every.flux.tolist() == [1e-5, 1e-4, 1e-6]
    assert strong.flux.tolist() == [1e-5, 1e-4]


def test_coverage_grows_where_stretches_touch_and_keeps_gaps(engine: sa.Engine) -> None:
    def day(number: int) -> datetime:
        return datetime(2014, 3, number, tzinfo=UTC)

    for first, last in ((1, 5), (10, 12), (5, 6), (11, 15), (2, 3)):
        store(engine, covers=Window(day(first), day(last)))

    with reading(engine) as connection:
        assert covered_windows(connection) == [Window(day(1), day(6)), Window(day(10), day(15))]
        assert coverage(connection) == Window(day(10), day(15))


def test_there_is_no_coverage_before_any_list(engine: sa.Engine) -> None:
    store(engine, flare())

    with reading(engine) as connection:
        assert coverage(connection) is None


def test_pages_of_the_list_join_without_gap_or_repetition(engine: sa.Engine) -> None:
    minutes = [timedelta(minutes=m) for m in (0, 0, 1, 2, 2, 3)]
    store(engine, *(flare(start=START + m, noaa_ar=11900 + i, rise_minutes=i // 10)
                    for i, m in enumerate(minutes)))  # fmt: skip

    pages, after = [], None
    with reading(engine) as connection:
        while page := list_flares(connection, window=EVER, limit=2, after=after):
            pages += page
            after = page[-1].peak_at, page[-1].flare_id
        whole = list_flares(connection, window=EVER, limit=100)

    assert pages == whole
    assert len(whole) == 6


def test_the_list_filters_by_region_and_strength(engine: sa.Engine) -> None:
    store(engine, flare("X1.0", harpnum=7), flare("C1.0", harpnum=8, start=START + timedelta(1)))

    with reading(engine) as connection:
        of_region = list_flares(connection, window=EVER, region_id=8, limit=10)
        strong = list_flares(connection, window=EVER, min_flux=1e-5, limit=10)

    assert [f.goes_class for f in of_region] == ["C1.0"]
    assert [f.goes_class for f in strong] == ["X1.0"]


@pytest.mark.parametrize("region_id", [None, 7])
def test_the_list_is_served_by_an_index(engine: sa.Engine, region_id: int | None) -> None:
    records = [flare(start=START + timedelta(hours=i), harpnum=i % 50) for i in range(2_000)]
    store(engine, *records)
    statements: list[tuple[str, object]] = []

    def remember(_c: object, _cursor: object, text: str, values: object, *_: object) -> None:
        statements.append((text, values))

    with reading(engine) as connection:
        sa.event.listen(connection, "before_cursor_execute", remember)
        window = Window(START, START + timedelta(days=1))
        list_flares(connection, window=window, region_id=region_id, limit=10)
        sa.event.remove(connection, "before_cursor_execute", remember)
        text, values = statements[-1]
        is_sqlite = engine.dialect.name == "sqlite"
        plan = connection.exec_driver_sql(
            ("EXPLAIN QUERY PLAN " if is_sqlite else "EXPLAIN ") + text, values
        ).all()

    assert "ix_flares_" in str(plan)
    assert "SCAN flares" not in str(plan)
