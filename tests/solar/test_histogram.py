from __future__ import annotations

import numpy as np
import pytest
from day_forecasts import arrays, forecasts
from exact_scores import auc, average_precision
from hypothesis import given
from hypothesis import strategies as st

from solar import binned, probability
from solar.contingency import Contingency
from solar.histogram import EDGES, stack_cases
from solar.reliability import reliability

cases = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1).map(arrays)


edges = st.sampled_from(EDGES[:-1].tolist())


def one_day(p, o):
    return stack_cases(p, o, day=np.zeros(len(p), int))


def test_days_keep_counts_and_exact_sums() -> None:
    stacked = stack_cases([0.1, 0.1, 0.5, 0.5], [0, 1, 1, 0], day=[7, 7, 7, 8])

    assert stacked.rows.n.tolist() == [[2, 1], [0, 1]]
    assert stacked.rows.events.tolist() == [[1, 1], [0, 0]]
    assert stacked.rows.sum_p2 == pytest.approx([0.27, 0.25])
    assert stacked.rows.sum_po == pytest.approx([0.6, 0])
    assert stacked.sum_p == pytest.approx([0.2, 1.0])


def test_a_tie_counts_half_in_the_auc() -> None:
    # Pairs (event, non-event): 0.8>0.3, 0.8>0.1, 0.3=0.3, 0.3>0.1 -> 3.5 of 4.
    total = one_day([0.8, 0.3, 0.3, 0.1], [1, 1, 0, 0]).total()

    assert float(binned.auc(total)) == pytest.approx(0.875)
    assert auc([0.8, 0.3, 0.3, 0.1], [1, 1, 0, 0]) == pytest.approx(0.875)


def test_average_precision_of_a_hand_worked_ranking() -> None:
    # Events at ranks 1 and 3 of 4: precision 1 and 2/3, each half of the recall.
    total = one_day([0.9, 0.7, 0.5, 0.2], [1, 0, 1, 0]).total()

    assert float(binned.average_precision(total)) == pytest.approx(5 / 6)
    assert average_precision([0.9, 0.7, 0.5, 0.2], [1, 0, 1, 0]) == pytest.approx(5 / 6)


@given(cases, edges)
def test_the_table_at_an_edge_is_that_of_the_cases(pairs, threshold) -> None:
    p, o = pairs

    table = binned.contingency(one_day(p, o).total(), threshold)

    assert table == Contingency.from_forecasts(o, p >= threshold)


@given(cases)
def test_the_brier_score_is_that_of_the_cases(pairs) -> None:
    p, o = pairs

    assert binned.brier(one_day(p, o).total()) == pytest.approx(probability.brier(p, o), abs=1e-12)


@given(cases)
def test_the_reliability_table_is_that_of_the_cases(pairs) -> None:
    p, o = pairs

    rows = binned.reliability(one_day(p, o))

    for row, expected in zip(rows, reliability(p, o), strict=True):
        assert (row.n, row.events) == (expected.n, expected.events)
        assert row.mean_forecast == pytest.approx(expected.mean_forecast)
        assert (row.low, row.high) == (expected.low, expected.high)


@given(st.lists(st.tuples(edges, st.booleans()), min_size=1).map(arrays))
def test_forecasts_in_whole_bins_lose_nothing(pairs) -> None:
    p, o = pairs
    stacked = one_day(p, o)
    total = stacked.total()

    exact = (auc(p, o), average_precision(p, o))

    for ours, expected in zip((binned.auc(total), binned.average_precision(total)), exact,
                              strict=True):  # fmt: skip
        assert float(ours) == pytest.approx(np.nan if expected is None else expected, nan_ok=True)
    assert binned.murphy(stacked).brier == pytest.approx(probability.brier(p, o), abs=1e-12)


@given(cases)
def test_binning_moves_the_auc_by_at_most_the_pairs_that_share_a_bin(pairs) -> None:
    p, o = pairs
    total = one_day(p, o).total()
    exact = auc(p, o)
    if exact is None:
        return
    events, quiet = total.events / total.events.sum(), total.n - total.events

    most = 0.5 * float(events @ (quiet / quiet.sum()))

    assert abs(float(binned.auc(total)) - exact) <= most + 1e-12


@pytest.mark.parametrize(("low", "high"), [(1e-7, 0.01), (1e-6, 0.01), (1e-5, 0.01), (1e-4, 0.1)])
@pytest.mark.parametrize("seed", range(3))
def test_many_forecasts_next_to_zero_keep_their_order_in_the_auc(low, high, seed) -> None:
    # Spread evenly in the logarithm, as of an X-class event; with events as often as forecast.
    rng = np.random.default_rng(seed)
    p = np.exp(rng.uniform(np.log(low), np.log(high), 100_000))
    o = (rng.random(p.size) < p).astype(float)

    assert float(binned.auc(one_day(p, o).total())) == pytest.approx(auc(p, o), abs=2e-3)


@given(st.integers(0, 1000))
def test_binning_moves_the_auc_by_less_than_two_thousandths(seed) -> None:
    p, o, day = forecasts(50, seed=seed)
    stacked = stack_cases(p, o, day=day)

    assert float(binned.auc(stacked.total())) == pytest.approx(auc(p, o), abs=2e-3)
    assert float(binned.average_precision(stacked.total())) == pytest.approx(
        average_precision(p, o), abs=2e-2
    )


def test_a_day_without_forecasts_keeps_its_place() -> None:
    stacked = stack_cases([0.3, 0.4], [1, 0], day=[16_000, 16_002])

    assert stacked.rows.n.sum(axis=1).tolist() == [1, 0, 1]
    assert stacked.n_days == 3


def test_long_ranges_are_kept_in_rows_of_nine_days() -> None:
    stacked = stack_cases(np.full(1001, 0.3), np.ones(1001), day=np.arange(1001))

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
