from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from exploration_rows import FILLED, WHOLE, made_rows, store_everything

from database.engine import reading
from database.exploration.selection import Limit
from database.exploration.statistics import (
    BIN_EDGES,
    distribution,
    distribution_ignoring_own_limits,
    statistics,
)
from solar.flares import EVENTS
from solar.sharp import KEYWORDS


@pytest.fixture
def frame(engine: sa.Engine) -> pd.DataFrame:
    store_everything(engine)
    return pd.DataFrame(made_rows())


def test_statistics_equal_those_of_pandas(engine: sa.Engine, frame: pd.DataFrame) -> None:
    with reading(engine) as connection:
        result = {row.keyword.column: row for row in statistics(connection, WHOLE)}

    for name in FILLED:
        assert result[name].n == frame[name].count()
        assert result[name].minimum == frame[name].min()
        assert result[name].maximum == frame[name].max()
        assert result[name].mean == pytest.approx(frame[name].mean(), rel=1e-12)


def test_a_keyword_without_a_value_has_no_statistics(
    engine: sa.Engine, frame: pd.DataFrame
) -> None:
    with reading(engine) as connection:
        result = [row for row in statistics(connection, WHOLE) if row.keyword.column not in FILLED]

    assert len(result) == len(KEYWORDS) - len(FILLED)
    assert {(row.n, row.minimum, row.maximum, row.mean) for row in result} == {
        (0, None, None, None)
    }


def test_the_distribution_equals_numpys_histogram(engine: sa.Engine, frame: pd.DataFrame) -> None:
    with reading(engine) as connection:
        result = distribution(connection, WHOLE)

    assert result.n == len(frame)
    assert result.without_forecast == frame.c1.isna().sum()
    for each in EVENTS:
        expected, _ = np.histogram(frame[each.column].dropna(), bins=np.array(BIN_EDGES))
        assert result.counts[each.name] == expected.tolist()


def test_the_greatest_probability_is_that_of_numpy(engine: sa.Engine, frame: pd.DataFrame) -> None:
    with reading(engine) as connection:
        result = distribution(connection, WHOLE)

    assert result.peaks == {each.name: frame[each.column].max() for each in EVENTS}


def test_a_limited_event_keeps_its_other_bars(engine: sa.Engine, frame: pd.DataFrame) -> None:
    limited = replace(WHOLE, limits=(Limit("c1", 0.1, 0.15), Limit("usflux", 5e21, None)))

    with reading(engine) as connection:
        result = distribution_ignoring_own_limits(connection, limited)

    strong = frame[frame.usflux >= 5e21]
    bar = strong[(strong.c1 >= 0.1) & (strong.c1 < 0.15)]
    assert result.n == len(bar) > 0
    assert sum(result.counts["C1.0"]) == strong.c1.count()
    assert sum(result.counts["M1.0"]) == len(bar)
