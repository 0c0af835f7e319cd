from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
import sqlalchemy as sa

from database.engine import reading, transact
from database.schema.rollup_tables import verification_dekads
from database.schema.tables import harp_noaa, regions, senders
from database.upsert import ROWS_PER_STATEMENT, upsert, upsert_columns
from solar.errors import InvalidInputError

AT = datetime(2014, 3, 1, 12, 30, 15, 250_001, tzinfo=UTC)
COLUMNS = ("region_id", "series", "first_t_rec", "last_t_rec", "last_lon_fwt")


def write(engine: sa.Engine, *rows: tuple[object, ...], keep: tuple[str, ...] = ()) -> None:
    transact(engine, lambda c: upsert(c, regions, columns=COLUMNS, rows=rows, keep=keep))


def stored(engine: sa.Engine) -> list[tuple[object, ...]]:
    query = sa.select(*(regions.c[name] for name in COLUMNS)).order_by(regions.c.region_id)
    with reading(engine) as connection:
        return [tuple(row) for row in connection.execute(query)]


def test_rows_come_back_as_they_were_written(engine: sa.Engine) -> None:
    rows = [(-11990, "simulated", AT, AT, None), (377, "hmi.sharp_cea_720s", AT, AT, 0.1 + 0.2)]

    write(engine, *rows)

    assert stored(engine) == rows


def test_a_row_with_a_known_key_replaces_the_old(engine: sa.Engine) -> None:
    write(engine, (1, "a", AT, AT, 5.0))
    write(engine, (1, "b", AT, AT, None))

    assert stored(engine) == [(1, "b", AT, AT, None)]


def test_kept_columns_survive_a_replacement(engine: sa.Engine) -> None:
    later = AT + timedelta(hours=1)
    write(engine, (1, "a", AT, AT, 5.0), keep=("first_t_rec",))
    write(engine, (1, "b", later, later, 6.0), keep=("first_t_rec",))

    assert stored(engine) == [(1, "b", AT, later, 6.0)]


def test_a_table_of_keys_alone_takes_the_same_row_twice(engine: sa.Engine) -> None:
    for _ in range(2):
        transact(
            engine,
            lambda c: upsert(c, harp_noaa, columns=("harpnum", "noaa_ar"), rows=[(1, 11067)]),
        )

    with reading(engine) as connection:
        assert connection.execute(sa.select(harp_noaa)).all() == [(1, 11067)]


def test_more_rows_than_a_statement_holds_are_all_written(engine: sa.Engine) -> None:
    rows = [(i, "x", AT, AT, None) for i in range(2 * ROWS_PER_STATEMENT + 1)]

    write(engine, *rows)

    assert stored(engine) == rows


def test_times_of_another_zone_are_stored_in_utc(engine: sa.Engine) -> None:
    elsewhere = AT.astimezone(timezone(timedelta(hours=9)))

    write(engine, (1, "x", elsewhere, elsewhere, None))

    assert stored(engine) == [(1, "x", AT, AT, None)]


def test_a_naive_time_is_refused_in_a_query(engine_sqlite: sa.Engine) -> None:
    naive = AT.replace(tzinfo=None)

    with (
        reading(engine_sqlite) as connection,
        pytest.raises((InvalidInputError, sa.exc.StatementError), match="time zone"),
    ):
        connection.execute(sa.select(regions).where(regions.c.first_t_rec == naive))


def test_writing_no_rows_is_no_statement(engine: sa.Engine) -> None:
    write(engine)

    assert stored(engine) == []


def test_identifiers_that_differ_in_case_are_different(engine: sa.Engine) -> None:
    names = ("sender_id", "first_seen_at", "last_seen_at", "accepted", "duplicates", "revised",
             "rejected")  # fmt: skip
    rows = [(name, AT, AT, 0, 0, 0, 0) for name in ("S1", "s1")]

    transact(engine, lambda c: upsert(c, senders, columns=names, rows=rows))

    with reading(engine) as connection:
        sender_ids = connection.execute(sa.select(senders.c.sender_id)).scalars().all()
    assert sorted(sender_ids) == ["S1", "s1"]


@pytest.mark.parametrize("value", [5e-324, 1.7976931348623157e308, -0.1, 1 / 3])
def test_doubles_keep_every_bit(engine: sa.Engine, value: float) -> None:
    write(engine, (1, "x", AT, AT, value))

    assert stored(engine)[0][4] == value


def test_columns_arrive_like_rows(engine: sa.Engine) -> None:
    times = np.array(["2014-03-01T12:30:15.250001", "2014-03-02"], "datetime64[us]")
    columns = {
        "region_id": np.array([7, -8]), "series": "simulated", "first_t_rec": times,
        "last_t_rec": AT, "last_lon_fwt": np.array([0.1 + 0.2, np.nan]),
    }  # fmt: skip

    transact(engine, lambda c: upsert_columns(c, regions, columns=columns))

    assert stored(engine) == [
        (-8, "simulated", datetime(2014, 3, 2, tzinfo=UTC), AT, None),
        (7, "simulated", AT, AT, 0.1 + 0.2),
    ]


def test_columns_without_rows_are_no_statement(engine: sa.Engine) -> None:
    columns = dict.fromkeys(COLUMNS, np.empty(0)) | {"series": "simulated"}

    transact(engine, lambda c: upsert_columns(c, regions, columns=columns))

    assert stored(engine) == []


def test_rows_too_large_for_one_packet_go_in_several(mariadb_engine: sa.Engine) -> None:
    # 12 MB in hexadecimal are 24 MB, and the server takes 16 MB at once.
    columns = [column.name for column in verification_dekads.columns]
    rows = [("m@1", "c1", "region", "all", f"2014-03-{day:02}", b"", bytes(3_000_000))
            for day in range(1, 5)]  # fmt: skip
    transact(mariadb_engine, lambda c: c.execute(verification_dekads.delete()))

    transact(mariadb_engine, lambda c: upsert(c, verification_dekads, columns=columns, rows=rows))

    with reading(mariadb_engine) as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(verification_dekads)) == 4
