from __future__ import annotations

import numpy as np
import pytest
from day_forecasts import forecasts

from solar.contingency import Contingency
from solar.curves import COST_LOSS, relative_value, value_curve
from solar.histogram import EDGES, stack_cases

# Finley's tornado forecasts of 1884: hits, false alarms, misses, correct negatives.
FINLEY = (28, 72, 23, 2680)


@pytest.mark.parametrize(
    ("cost_loss", "expected"),
    [
        # Never protecting costs 51, the forecasts 0.1 * 100 + 23, perfect ones 0.1 * 51.
        (0.1, (51 - 33) / (51 - 5.1)),
        # Always protecting costs 28.03, the forecasts 0.01 * 100 + 23, perfect ones 0.51.
        (0.01, (28.03 - 24) / (28.03 - 0.51)),
        # Nobody would act on these: 0.5 * 100 + 23 is more than the 51 of doing nothing.
        (0.5, (51 - 73) / (51 - 25.5)),
    ],
)
def test_the_value_of_finleys_forecasts_is_what_they_save(cost_loss, expected) -> None:
    assert float(relative_value(FINLEY, cost_loss)) == pytest.approx(expected)


def test_the_greatest_value_is_the_tss_and_lies_at_the_base_rate() -> None:
    # Richardson 2000, equation 10.
    ratios = np.linspace(0.001, 0.999, 2000)

    at_base_rate = float(relative_value(FINLEY, 51 / 2803))

    assert at_base_rate == pytest.approx(Contingency(*FINLEY).tss)
    assert at_base_rate >= np.max(relative_value(FINLEY, ratios))


@pytest.mark.parametrize("cells", [(0, 0, 0, 0), (0, 3, 0, 7), (4, 0, 6, 0)])
def test_the_value_is_undefined_when_perfect_knowledge_saves_nothing(cells) -> None:
    assert np.isnan(relative_value(cells, 0.2))


def test_every_ratio_of_the_curve_is_an_edge_so_that_acting_on_it_is_exact() -> None:
    assert set(COST_LOSS) <= set(EDGES)


def test_a_curve_has_the_value_of_the_fixed_and_of_the_fitting_threshold() -> None:
    p, o, day = forecasts(60)

    points = value_curve(stack_cases(p, o, day=day).total(), 0.1)

    for point in points:
        for threshold, found in ((0.1, point.at_threshold), (point.cost_loss, point.at_cost_loss)):
            table = Contingency.from_forecasts(o, p >= threshold)
            expected = relative_value(tuple(vars(table).values()), point.cost_loss)
            assert found == pytest.approx(float(expected))


def test_a_range_without_cases_or_without_events_has_no_value() -> None:
    quiet = value_curve(stack_cases([0.1, 0.3], [0, 0], day=[0, 0]).total(), 0.2)

    assert value_curve(stack_cases([], [], day=[]).total(), 0.2) == ()
    assert {point.at_threshold for point in quiet} == {None}
