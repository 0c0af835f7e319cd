from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
import sqlalchemy as sa
from exploration_rows import WHOLE, made_rows, store_everything

from database.engine import reading
from database.exploration.records import Sort, batches, bounded, count, page
from database.exploration.selection import Limit, Selection
from database.exploration.statistics import distribution, statistics
from solar.errors import InvalidInputError


@pytest.fixture
def frame(engine: sa.Engine) -> pd.DataFrame:
    store_everything(engine)
    return pd.DataFrame(made_rows())


def total(engine: sa.Engine, selection: Selection) -> int:
    with reading(engine) as connection:
        return count(connection, selection)


def test_limits_hold_their_lower_end_and_all_at_once(
    engine: sa.Engine, frame: pd.DataFrame
) -> None:
    # Two of the rows have exactly 0.1 and 0.15, which makes the ends count.
    limits = (Limit("c1", 0.1, 0.15), Limit("usflux", 1e21, None))

    expected = frame[(frame.c1 >= 0.1) & (frame.c1 < 0.15) & (frame.usflux >= 1e21)]
    assert total(engine, replace(WHOLE, limits=limits)) == len(expected)
    assert total(engine, replace(WHOLE, limits=limits[:1])) > 0


def test_an_absent_value_is_outside_every_limit(engine: sa.Engine, frame: pd.DataFrame) -> None:
    below = replace(WHOLE, limits=(Limit("r_value", None, 1e9),))

    assert total(engine, below) == frame.r_value.notna().sum()


def test_figures_table_and_file_agree_on_what_is_filtered(
    engine: sa.Engine, frame: pd.DataFrame
) -> None:
    selection = replace(WHOLE, limits=(Limit("totusjh", 500, 2000), Limit("m1", 0.01, None)))
    expected = frame[(frame.totusjh >= 500) & (frame.totusjh < 2000) & (frame.m1 >= 0.01)]

    with reading(engine) as connection:
        rows = page(connection, selection, sort=Sort("usflux"), start=0, limit=500)
        drawn = distribution(connection, selection)
        by_column = {row.keyword.column: row for row in statistics(connection, selection)}
    written = [row for batch in batches(engine, selection) for row in batch]

    assert len(rows) == len(written) == drawn.n == len(expected) > 0
    assert by_column["totusjh"].mean == pytest.approx(expected.totusjh.mean(), rel=1e-12)


@pytest.mark.parametrize("text", ["full", "none", "70 deg", "BEYOND", "jenseits 70°"])
def test_a_rung_is_named_or_a_part_of_the_reason(
    engine: sa.Engine, frame: pd.DataFrame, text: str
) -> None:
    is_withheld = frame.c1.isna()
    # Every row without a forecast has rung "none" and the reason "beyond 70 deg".
    expected = {"full": ~is_withheld, "jenseits 70°": is_withheld & False}.get(text, is_withheld)

    assert total(engine, replace(WHOLE, rung=text)) == expected.sum()


def test_a_percent_sign_in_a_reason_is_no_wildcard(engine: sa.Engine, frame: pd.DataFrame) -> None:
    assert total(engine, replace(WHOLE, rung="be%deg")) == 0


def test_a_view_is_bounded_before_values_are_looked_at(
    engine: sa.Engine, frame: pd.DataFrame
) -> None:
    with reading(engine) as connection:
        filtered = replace(WHOLE, limits=(Limit("usflux", 1e21, None),))

        assert bounded(connection, filtered) == filtered


@pytest.mark.parametrize("column", ["password", "t_rec", "noaa_ars"])
def test_a_column_without_numbers_has_no_limits(column: str) -> None:
    with pytest.raises(InvalidInputError, match="no column of numbers"):
        Limit(column, 0, 1)


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (2.0, 1.0)])
def test_a_range_that_holds_nothing_is_refused(low: float, high: float) -> None:
    with pytest.raises(InvalidInputError, match="lower limit below the upper"):
        Limit("m1", low, high)
