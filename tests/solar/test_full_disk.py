from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solar.probability import calibrated_disk

chances = st.floats(0, 1)


def test_the_calibrated_disk_adds_log_odds_and_activity() -> None:
    # Odds of 4 and 1 + 0.5: sigmoid(0.5 ln 4 + 2 ln 1.5 - ln 2) has the odds 2 x 2.25 / 2.
    found = calibrated_disk([0.8], [0.5], [0.5, 2.0], -np.log(2))

    assert found == pytest.approx([2.25 / 3.25])


def test_weight_one_and_a_quiet_sun_give_the_product_back() -> None:
    assert calibrated_disk([0.1, 0.9], [0, 0], [1, 5], 0) == pytest.approx([0.1, 0.9])


def test_one_number_gives_one_number() -> None:
    assert float(calibrated_disk(0.5, 0.0, (1.0, 1.0), 0.0)) == pytest.approx(0.5)


def test_a_disk_without_a_forecast_or_known_activity_has_none() -> None:
    found = calibrated_disk([np.nan, 0.5, 0.5], [0.0, np.nan, 0.0], [1.0, 1.0], 0.0)

    assert np.isnan(found).tolist() == [True, True, False]


@given(chances, chances, st.floats(0, 20), st.floats(0, 3))
def test_riskier_regions_never_make_a_safer_disk(
    one: float, other: float, flares_per_day: float, weight: float
) -> None:
    low, high = calibrated_disk(sorted([one, other]), [flares_per_day] * 2, [weight, 1.0], -0.5)

    assert 0 < low <= high < 1
