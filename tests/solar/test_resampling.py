from __future__ import annotations

import numpy as np
import pytest
from day_forecasts import forecasts
from exact_scores import auc, average_precision
from hypothesis import given
from hypothesis import strategies as st

from solar import probability
from solar.binned import resampled_scores
from solar.bootstrap import Draws, block_weights, draw, seeded_draw
from solar.contingency import Contingency
from solar.histogram import EDGES, bin_of, stack_cases


@pytest.mark.parametrize("threshold", [0.0, 0.1, 0.9, 0.995])
@given(seed=st.integers(0, 200), rare=st.booleans())
def test_a_draw_scores_as_its_repeated_cases_do(threshold: float, seed: int, rare: bool) -> None:
    p, o, day = forecasts(30, seed=seed)
    # Edges of bins lose nothing; few events leave long runs of bins without any.
    p, o = EDGES[bin_of(p)], o * (np.arange(p.size) % 40 == 0) if rare else o
    weights = block_weights(30, block_days=9, resamples=3, rng=np.random.default_rng(seed))
    stacked = stack_cases(p, o, day=day)

    drawn = resampled_scores(stacked, threshold=threshold, draws=Draws(weights, 9, 3))

    for i, taken in enumerate(weights):
        case = np.repeat(np.arange(p.size), taken[day])
        q, e = p[case], o[case]
        expected = Contingency.from_forecasts(e, q >= threshold).scores() | {
            "brier": probability.brier(q, e),
            "bss": probability.brier_skill(q, e, reference=e.mean()),
            "auc": auc(q, e),
            "average_precision": average_precision(q, e),
        }
        found = {name: float(values[i]) for name, values in drawn.items()}
        wanted = {name: np.nan if v is None else v for name, v in expected.items()}
        assert found == pytest.approx(wanted, rel=1e-5, abs=1e-6, nan_ok=True)


def test_a_seeded_draw_is_the_same_draw_every_time_and_cannot_be_changed() -> None:
    first, second = (seeded_draw(40, row_days=1, resamples=5, seed=3) for _ in range(2))
    fresh = draw(40, row_days=1, rng=np.random.default_rng(3), resamples=5)

    assert np.array_equal(first.weights, second.weights)
    assert np.array_equal(first.weights, fresh.weights)
    with pytest.raises(ValueError, match="read-only"):
        first.weights[0, 0] = 9
