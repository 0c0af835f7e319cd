from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from database.engine import reading, transact
from database.round_trips import forget_read_ahead, locking, read, read_ahead
from database.schema.tables import harp_noaa, regions
from database.upsert import upsert
from solar.errors import FlarewatchError

AT = datetime(2014, 3, 1, 12, 30, 15, 250_001, tzinfo=UTC)
COLUMNS = ("region_id", "series", "first_t_rec", "last_t_rec", "last_lon_fwt")
Region = tuple[int, str | None, datetime, datetime, float | None]
QUERY = "SELECT region_id, series FROM regions ORDER BY region_id"


def region(number: int, series: str | None = "a") -> Region:
    return (number, series, AT, AT, 5.0)


def add(connection: sa.Connection, *rows: Region) -> None:
    for row in rows:
        upsert(connection, regions, columns=COLUMNS, rows=[row])


def stored(engine: sa.Engine) -> list[tuple[object, ...]]:
    with reading(engine) as connection:
        return [tuple(row) for row in read(connection, QUERY)]


def test_every_way_to_read_finds_what_the_transaction_has_written(engine: sa.Engine) -> None:
    name = "it's; a 'series' % %s"

    def work(connection: sa.Connection) -> None:
        add(connection, region(1), region(2, name))
        assert [tuple(row) for row in read(connection, QUERY)] == [(1, "a"), (2, name)]
        add(connection, region(3))
        assert connection.scalar(sa.select(sa.func.count()).select_from(regions)) == 3
        upsert(connection, harp_noaa, columns=("harpnum", "noaa_ar"), rows=[(1, 11067)])
        read_ahead(connection, [QUERY, "SELECT noaa_ar FROM harp_noaa"])
        assert [tuple(row) for row in read(connection, "SELECT noaa_ar FROM harp_noaa")] == [
            (11067,)
        ]

    transact(engine, work)
    assert stored(engine) == [(1, "a"), (2, name), (3, "a")]


def test_what_was_read_ahead_is_answered_once_and_until_it_is_forgotten(engine: sa.Engine) -> None:
    transact(engine, lambda connection: add(connection, region(1)))
    query = "SELECT region_id FROM regions WHERE region_id IN (1, 2){}"

    def work(connection: sa.Connection) -> None:
        locked = query.format(locking(connection))
        read_ahead(connection, [locked])
        assert [tuple(row) for row in read(connection, locked)] == [(1,)]
        add(connection, region(2))
        assert [tuple(row) for row in read(connection, locked)] == [(1,), (2,)]
        read_ahead(connection, [QUERY])
        add(connection, region(3))
        forget_read_ahead(connection)
        assert len(read(connection, QUERY)) == 3

    transact(engine, work)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_refused_row_among_those_written_together_leaves_none(
    engine: sa.Engine, place: int
) -> None:
    rows = [region(1), region(2)]
    rows.insert(place, region(3, None))

    with pytest.raises(FlarewatchError, match="series"):
        transact(engine, lambda connection: add(connection, *rows))
    assert stored(engine) == []
    transact(engine, lambda connection: add(connection, region(1)))
    assert stored(engine) == [(1, "a")]


def test_a_transaction_that_fails_leaves_nothing_that_waits(engine: sa.Engine) -> None:
    def work(connection: sa.Connection) -> None:
        add(connection, region(1))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        transact(engine, work)
    transact(engine, lambda connection: add(connection, region(2)))
    assert stored(engine) == [(2, "a")]
