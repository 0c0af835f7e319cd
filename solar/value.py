"""The value of forecasts to someone who can protect against the event at a cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from solar.bins import threshold_bin
from solar.contingency import defined
from solar.curve import cells_from
from solar.tally import Tally

Floats = NDArray[np.float64]

# All of them edges of probability bins, so that acting from p = cost/loss on is exact.
COST_LOSS: tuple[float, ...] = tuple(
    unit / 10_000
    for unit in (*range(20, 200, 20), *range(200, 1000, 100), *range(1000, 10_000, 500))
)
_COST_LOSS_BINS = np.array([threshold_bin(ratio) for ratio in COST_LOSS])


@dataclass(frozen=True)
class ValuePoint:
    """The relative value to a user of that `cost_loss` ratio; None where undefined.

    `at_threshold` is that of acting from the threshold of the forecast on, `at_cost_loss` that
    of acting from p = cost/loss on, the best rule for probabilities that are reliable.
    """

    cost_loss: float
    at_threshold: float | None
    at_cost_loss: float | None


def relative_value(
    cells: tuple[ArrayLike, ArrayLike, ArrayLike, ArrayLike], cost_loss: ArrayLike
) -> Floats:
    """Compute the saving by a forecast, relative to that by a perfect one.

    V = (min(C, s) - C(a + b)/n - c/n)/(min(C, s) - C s), with C the cost of protection per
    loss, s = (a + c)/n, and the expense without forecasts min(C, s): always or never protect.

    Parameters
    ----------
    cells : hits a, false alarms b, misses c and correct negatives d, each (...)
    cost_loss : (...) between 0 and 1

    Returns
    -------
    (...), at most 1, 0 for what anybody could do; NaN without cases, or when perfect knowledge
    saves nothing. Reference: Richardson 2000, doi 10.1002/qj.49712656313.
    """
    a, b, c, d = (np.asarray(cell, float) for cell in cells)
    ratio = np.asarray(cost_loss, float)
    n = a + b + c + d
    without = np.minimum(ratio * n, a + c)
    saved, possible = without - ratio * (a + b) - c, without - ratio * (a + c)
    undefined = np.full(np.broadcast(saved, possible).shape, np.nan)
    value: Floats = np.divide(saved, possible, out=undefined, where=possible > 1e-12 * n)
    return value


def value_curve(total: Tally, threshold: float) -> tuple[ValuePoint, ...]:
    """Tell the value of one total over the `COST_LOSS` ratios; empty without cases."""
    if not total.n.sum():
        return ()
    ratios = np.array(COST_LOSS)
    fixed = relative_value(cells_from(total, np.array([threshold_bin(threshold)])), ratios)
    fitting = relative_value(cells_from(total, _COST_LOSS_BINS), ratios)
    return tuple(
        ValuePoint(ratio, defined(one), defined(other))
        for ratio, one, other in zip(COST_LOSS, fixed.tolist(), fitting.tolist(), strict=True)
    )
