from __future__ import annotations

import numpy as np
import pytest
from day_forecasts import arrays, forecasts
from hypothesis import given
from hypothesis import strategies as st

from solar import binned, probability
from solar.bins import EDGES
from solar.contingency import Contingency
from solar.histogram import (
    EMPTY,
    from_cases,
    stack,
    stack_cases,
)
from solar.reliability import reliability

cases = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1).map(arrays)


edges = st.sampled_from(EDGES[:-1].tolist())


def test_a_day_keeps_counts_and_exact_sums() -> None:
    day = from_cases([0.1, 0.1, 0.5], [0, 1, 1])

    assert (day.n, day.events) == (3, 2)
    assert day.sum_p2 == pytest.approx(0.27)
    assert day.sum_po == pytest.approx(0.6)
    assert day.bins["n"].tolist() == [2, 1]
    assert day.bins["sum_p"].tolist() == pytest.approx([0.2, 0.5])


@given(cases, edges)
def test_the_table_at_an_edge_is_that_of_the_cases(pairs, threshold) -> None:
    p, o = pairs

    table = binned.contingency(stack([from_cases(p, o)]).total(), threshold)

    assert table == Contingency.from_forecasts(o, p >= threshold)


@given(cases)
def test_the_brier_score_is_that_of_the_cases(pairs) -> None:
    p, o = pairs

    assert binned.brier(stack([from_cases(p, o)]).total()) == pytest.approx(
        probability.brier(p, o), abs=1e-12
    )


@given(cases)
def test_the_reliability_table_is_that_of_the_cases(pairs) -> None:
    p, o = pairs

    rows = binned.reliability(stack([from_cases(p, o)]))

    for row, expected in zip(rows, reliability(p, o), strict=True):
        assert (row.n, row.events) == (expected.n, expected.events)
        assert row.mean_forecast == pytest.approx(expected.mean_forecast)
        assert (row.low, row.high) == (expected.low, expected.high)


@given(st.lists(st.tuples(edges, st.booleans()), min_size=1).map(arrays))
def test_forecasts_in_whole_bins_lose_nothing(pairs) -> None:
    p, o = pairs
    stacked = stack([from_cases(p, o)])
    total = stacked.total()

    exact = (probability.auc(p, o), probability.average_precision(p, o))

    for ours, expected in zip((binned.auc(total), binned.average_precision(total)), exact,
                              strict=True):  # fmt: skip
        assert float(ours) == pytest.approx(np.nan if expected is None else expected, nan_ok=True)
    assert binned.murphy(stacked).brier == pytest.approx(probability.brier(p, o), abs=1e-12)


@given(st.integers(0, 1000))
def test_binning_moves_the_auc_by_less_than_two_thousandths(seed) -> None:
    p, o, day = forecasts(50, seed=seed)
    stacked = stack_cases(p, o, day=day)

    assert float(binned.auc(stacked.total())) == pytest.approx(probability.auc(p, o), abs=2e-3)
    assert float(binned.average_precision(stacked.total())) == pytest.approx(
        probability.average_precision(p, o), abs=2e-2
    )


def test_days_counted_one_by_one_stack_like_days_counted_together() -> None:
    p, o, day = forecasts(30)
    one_by_one = stack([from_cases(p[day == d], o[day == d]) for d in range(30)])

    together = stack_cases(p, o, day=np.datetime64("2014-02-16") + day)

    assert (one_by_one.rows.n == together.rows.n).all()
    assert (one_by_one.rows.events == together.rows.events).all()
    assert one_by_one.rows.sum_p2 == pytest.approx(together.rows.sum_p2)
    assert one_by_one.sum_p == pytest.approx(together.sum_p)


def test_a_day_without_forecasts_keeps_its_place() -> None:
    stacked = stack([from_cases([0.3], [1]), EMPTY, from_cases([0.4], [0])])

    assert stacked.rows.n.sum(axis=1).tolist() == [1, 0, 1]
    assert stack_cases([0.3, 0.4], [1, 0], day=[16_000, 16_002]).n_days == 3


def test_long_ranges_are_kept_in_rows_of_nine_days() -> None:
    stacked = stack([from_cases([0.3], [1])] * 1001)

    assert (stacked.n_days, stacked.row_days) == (1001, 9)
    assert stacked.rows.n.sum(axis=1).tolist() == [9] * 111 + [2]
    assert stacked.total().n.sum() == 1001


def test_the_roc_curve_has_at_most_a_hundred_points_and_the_same_area() -> None:
    p, o, day = forecasts(400)
    total = stack_cases(p, o, day=day).total()

    points = binned.roc_points(total)

    assert len(points) <= 100
    assert (points[0].pofd, points[0].recall) == (0, 0)
    assert (points[-1].pofd, points[-1].recall) == (1, 1)
    area = np.trapezoid([q.recall for q in points], [q.pofd for q in points])
    assert area == pytest.approx(float(binned.auc(total)), abs=1e-3)


def test_a_point_of_the_roc_curve_is_the_table_at_its_threshold() -> None:
    p, o, day = forecasts(40)

    for point in binned.roc_points(stack_cases(p, o, day=day).total())[1:]:
        table = Contingency.from_forecasts(o, p >= point.threshold)
        assert (point.pofd, point.recall) == pytest.approx((table.pofd, table.recall))
