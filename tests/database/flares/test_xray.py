from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from database.engine import reading, transact
from database.flares.xray import XrayReport, flux_line, highest_of, store_flux
from solar.flare_detection import MINUTE, XrayMinute
from solar.time import Window

START = datetime(2022, 3, 30, 17, 0, tzinfo=UTC)
HOUR = Window(START, START + timedelta(hours=1))


def minutes(values: Sequence[float | None], *, start: datetime = START) -> list[XrayMinute]:
    return [XrayMinute(start + i * MINUTE, value, "G16") for i, value in enumerate(values)]


def store(engine: sa.Engine, rows: list[XrayMinute]) -> XrayReport:
    return transact(engine, lambda c: store_flux(c, rows))


def test_minutes_are_stored_once_and_revised_by_storing_them_again(engine: sa.Engine) -> None:
    first = store(engine, minutes([1e-6, None]))
    second = store(engine, minutes([1e-6, None]))
    third = store(engine, minutes([2e-6, 3e-6]))

    assert first == XrayReport(added=2, revised=0, unchanged=0)
    assert second == XrayReport(added=0, revised=0, unchanged=2)
    assert third == XrayReport(added=0, revised=2, unchanged=0)


def test_of_a_minute_given_twice_the_last_value_counts(engine_sqlite: sa.Engine) -> None:
    store(engine_sqlite, [*minutes([1e-6]), *minutes([5e-6])])

    with reading(engine_sqlite) as connection:
        line = flux_line(connection, HOUR)

    assert line is not None
    assert line.flux[0] == 5e-6


def test_a_line_has_a_point_a_minute_and_a_hole_where_nothing_was_measured(
    engine: sa.Engine,
) -> None:
    store(engine, minutes([1e-6, 2e-6, None, 4e-6]))

    with reading(engine) as connection:
        line = flux_line(connection, HOUR)

    assert line is not None
    assert (line.start_at, line.step, line.satellites) == (START, MINUTE, ("G16",))
    np.testing.assert_array_equal(line.flux[:5], [1e-6, 2e-6, np.nan, 4e-6, np.nan])
    assert len(line.flux) == 60


def test_a_thinned_line_keeps_the_peak_and_the_gap(engine_sqlite: sa.Engine) -> None:
    # The X1.3 of 30 March 2022 peaked at 17:37; here a peak of one minute, then a gap.
    values: list[float | None] = [1e-6] * 60
    values[37] = 1.3e-4
    values[40:50] = [None] * 10
    store(engine_sqlite, minutes(values))

    with reading(engine_sqlite) as connection:
        line = flux_line(connection, HOUR, most=12)

    assert line is not None
    assert line.step == 5 * MINUTE
    assert line.flux[7] == 1.3e-4
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(line.flux)), [8, 9])


def test_without_a_minute_in_the_window_there_is_no_line(engine: sa.Engine) -> None:
    store(engine, minutes([1e-6], start=HOUR.end_at))

    with reading(engine) as connection:
        assert flux_line(connection, HOUR) is None


@given(st.lists(st.floats(1e-9, 1e-3), min_size=1, max_size=300), st.integers(1, 30))
def test_thinning_never_loses_the_highest_value(values: list[float], step: int) -> None:
    since = np.arange(len(values)) * np.timedelta64(1, "m")

    line = highest_of(since, np.array(values), step=step * MINUTE, n=-(-len(values) // step))

    assert np.nanmax(line) == max(values)
    assert not np.isnan(line).any()
