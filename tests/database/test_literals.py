from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from database.literals import rows_as_text
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
    text = rows_as_text([values]).strip("()")

    with mariadb_engine.connect() as connection:
        (found,) = connection.exec_driver_sql(f"SELECT {text}").all()

    for value, read in zip(values, found, strict=True):
        assert (read.encode() if isinstance(read, str) and isinstance(value, bytes) else read) == (
            value
        )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=200))
def test_a_column_of_doubles_keeps_every_bit(
    mariadb_engine: sa.Engine, values: list[float]
) -> None:
    text = rows_as_text(list(enumerate(values)), numbers={1})

    with mariadb_engine.connect() as connection:
        connection.exec_driver_sql("CREATE TEMPORARY TABLE kept (place INT, number DOUBLE)")
        connection.exec_driver_sql(f"INSERT INTO kept VALUES {text}")  # noqa: S608  what is tested
        found = connection.exec_driver_sql("SELECT number FROM kept ORDER BY place").scalars().all()
        connection.exec_driver_sql("DROP TEMPORARY TABLE kept")

    assert list(found) == values


def test_a_missing_number_is_null() -> None:
    assert rows_as_text([(1, None, 0.5), (2, 1e22, None)], numbers={1, 2}) == (
        "(1,NULL,0.5),(2,1e+22,NULL)"
    )


def test_times_are_written_in_utc_to_the_microsecond() -> None:
    tokyo = timezone(timedelta(hours=9))

    text = rows_as_text([(datetime(2014, 3, 1, 9, 0, 0, 250, tokyo), date(2014, 3, 1))])

    assert text == "('2014-03-01 00:00:00.000250','2014-03-01')"
    assert rows_as_text([(datetime(2014, 3, 1, tzinfo=UTC),)]) == "('2014-03-01 00:00:00.000000')"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_sql_cannot_name_is_refused(value: float) -> None:
    with pytest.raises(InvalidInputError, match="missing value is None"):
        rows_as_text([(1, value)], numbers={1})
