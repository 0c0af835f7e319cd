from __future__ import annotations

import numpy as np
import pytest
from day_forecasts import forecasts

from solar.contingency import Contingency
from solar.curves import CURVE_SCORES, precision_recall_points, threshold_curve
from solar.histogram import stack_cases


def test_a_point_of_the_curve_has_the_scores_of_its_threshold() -> None:
    p, o, day = forecasts(40)

    points = threshold_curve(stack_cases(p, o, day=day).total())

    assert 1 < len(points) <= 120
    for point in points:
        scores = Contingency.from_forecasts(o, p >= point.threshold).scores()
        assert point.scores == pytest.approx({name: scores[name] for name in CURVE_SCORES})


def test_the_curve_holds_the_lowest_and_the_highest_forecast() -> None:
    p, o, day = forecasts(400)

    points = threshold_curve(stack_cases(p, o, day=day).total(), most=10)

    assert len(points) == 10
    assert points[0].threshold <= p.min() < points[1].threshold
    assert points[-1].threshold <= p.max()
    assert np.count_nonzero(p >= points[-1].threshold) > 0


def test_precision_and_recall_fall_out_of_the_table_at_each_threshold() -> None:
    p, o, day = forecasts(40)

    points = precision_recall_points(stack_cases(p, o, day=day).total())

    assert [point.recall for point in points] == sorted(point.recall for point in points)
    for point in points:
        table = Contingency.from_forecasts(o, p >= point.threshold)
        assert (point.precision, point.recall) == pytest.approx((table.precision, table.recall))


def test_without_events_there_is_no_precision_recall_curve() -> None:
    total = stack_cases([0.1, 0.4], [0, 0], day=[0, 0]).total()

    assert precision_recall_points(total) == ()
    assert threshold_curve(total)[0].scores["tss"] is None
    assert threshold_curve(stack_cases([], [], day=[]).total()) == ()
