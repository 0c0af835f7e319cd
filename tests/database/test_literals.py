from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from database.upsert import rows_as_text
from solar.errors import InvalidInputError

VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    st.binary(max_size=40),
    st.sampled_from(["'", '"', "\\", "%", "%s", "'); DROP TABLE users; --", ":name", "\0"]),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(VALUES, min_size=1, max_size=8))
def test_a_server_reads_back_what_was_written(
    mariadb_engine: sa.Engine, values: list[object]
) -> None:
    (text,) = rows_as_text([[value] for value in values], n=1)

    with mariadb_engine.connect() as connection:
        (stored,) = connection.exec_driver_sql(f"SELECT {text.decode()}").all()

    for value, read in zip(values, stored, strict=True):
        assert (read.encode() if isinstance(read, str) and isinstance(value, bytes) else read) == (
            value
        )


def read_back(engine: sa.Engine, rows: list[bytes], kind: str) -> list[object]:
    """Store rows of a place and a value of some type, and read the values in their order."""
    text = b"),(".join(rows).decode()
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE TEMPORARY TABLE kept (place INT, value {kind})")
        connection.exec_driver_sql(f"INSERT INTO kept VALUES ({text})")  # noqa: S608  literals under test
        stored = connection.exec_driver_sql("SELECT value FROM kept ORDER BY place").scalars().all()
        connection.exec_driver_sql("DROP TEMPORARY TABLE kept")
    return list(stored)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(st.floats(allow_infinity=False), min_size=1, max_size=200))
def test_an_array_of_doubles_keeps_every_bit(
    mariadb_engine: sa.Engine, values: list[float]
) -> None:
    rows = rows_as_text([np.arange(len(values)), np.array(values)], n=len(values))

    stored = read_back(mariadb_engine, rows, "DOUBLE")

    assert stored == [None if np.isnan(value) else value for value in values]


# What a DATETIME of MySQL can hold, without a zone.
MOMENTS = st.datetimes(*map(datetime.fromisoformat, ("1000-01-01", "9999-12-31T23:59:59")))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(st.none() | MOMENTS, min_size=1, max_size=50))
def test_an_array_of_times_keeps_every_microsecond(
    mariadb_engine: sa.Engine, values: list[datetime | None]
) -> None:
    times = np.array(values, "datetime64[us]")
    rows = rows_as_text([list(range(len(values))), times], n=len(values))

    assert read_back(mariadb_engine, rows, "DATETIME(6)") == values


def test_columns_that_stand_side_by_side_become_rows() -> None:
    columns = [
        np.array([7, -8], np.int64), np.array([0.5, np.nan]), np.array([1e22, -0.0]), "s",
        [None, b"\x01"], np.array(["full", ""]),
    ]  # fmt: skip

    assert rows_as_text(columns, n=2) == [
        b"7,0.5,1e+22,_utf8mb4 0x73,NULL,_utf8mb4 0x66756c6c",
        b"-8,null,-0.0,_utf8mb4 0x73,0x01,''",
    ]


def test_times_are_written_in_utc_to_the_microsecond() -> None:
    tokyo = timezone(timedelta(hours=9))

    text = rows_as_text([datetime(2014, 3, 1, 9, 0, 0, 250, tokyo), date(2014, 3, 1)], n=1)

    assert text == [b"'2014-03-01 00:00:00.000250','2014-03-01'"]
    assert rows_as_text([datetime(2014, 3, 1, tzinfo=UTC)], n=2) == (
        [b"'2014-03-01 00:00:00.000000'"] * 2
    )


@pytest.mark.parametrize(
    "column",
    [[float("nan")], [float("inf")], np.array([1.0, np.inf]), np.array([-np.inf])],
)
def test_what_sql_cannot_name_is_refused(column: object) -> None:
    with pytest.raises(InvalidInputError, match="missing value is None"):
        rows_as_text([column], n=1)


def test_a_column_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="argument 2 is"):
        rows_as_text([[1, 2], [1]], n=2)
