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
    st.floats(allow_nan=False, allow_infinity=False),
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


def test_times_are_written_in_utc_to_the_microsecond() -> None:
    tokyo = timezone(timedelta(hours=9))

    text = rows_as_text([(datetime(2014, 3, 1, 9, 0, 0, 250, tokyo), date(2014, 3, 1))])

    assert text == "('2014-03-01 00:00:00.000250','2014-03-01')"
    assert rows_as_text([(datetime(2014, 3, 1, tzinfo=UTC),)]) == "('2014-03-01 00:00:00.000000')"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_sql_cannot_name_is_refused(value: float) -> None:
    with pytest.raises(InvalidInputError, match="missing value is None"):
        rows_as_text([(1, value)])
