from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solar.rotation import rotated, synodic_rate

DAY = timedelta(days=1)


def test_the_equator_turns_once_in_less_than_27_days_as_seen_from_earth() -> None:
    # 2.894 microradians a second are 14.326 deg a day, less 0.986 for the Earth's own motion:
    # 13.341 deg a day or 26.98 days.
    assert float(synodic_rate(0.0)) == pytest.approx(13.341, abs=0.001)


def test_the_rate_at_thirty_degrees_is_that_of_the_formula() -> None:
    # sin² 30° = 1/4: 14.3263 - 2.1188/4 - 1.8316/16 - 0.9856 = 12.696.
    assert float(synodic_rate(30.0)) == pytest.approx(12.696, abs=0.001)


@given(st.floats(-89, 88), st.floats(0.1, 1))
def test_both_hemispheres_turn_alike_and_the_poles_more_slowly(lat: float, step: float) -> None:
    assert synodic_rate(lat) == pytest.approx(synodic_rate(-lat))
    assert synodic_rate(abs(lat)) >= synodic_rate(min(abs(lat) + step, 90))


def test_an_unknown_latitude_gives_an_unknown_rate() -> None:
    np.testing.assert_array_equal(np.isnan(synodic_rate([0.0, np.nan])), [False, True])


def test_a_region_moves_westward_with_time() -> None:
    assert rotated(-20.0, 0.0, DAY) == pytest.approx(-6.66, abs=0.01)


def test_a_region_that_goes_round_the_far_side_comes_back_in_the_east() -> None:
    # 80 deg and ten days at 13.341 deg: 213.41 deg is 146.59 deg east.
    assert rotated(80.0, 0.0, 10 * DAY) == pytest.approx(-146.59, abs=0.01)
