from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest

from solar.bands import Band, band_of, consistent_bounds
from solar.consistency import consistent
from solar.flares import TARGETS
from tests.solar.test_consistency import random_rows, violations

BAND = Band((0.01, 0.1, 0.5), (0.005, 0.06, 0.3), (0.02, 0.2, 0.6), kind="model", n=60)


def test_between_knots_the_bounds_are_interpolated() -> None:
    """At 0.3, half way from 0.1 to 0.5: (0.06 + 0.3)/2 and (0.2 + 0.6)/2."""
    lower, upper = BAND.bounds([0.3])

    assert lower == pytest.approx(0.18)
    assert upper == pytest.approx(0.4)


def test_the_probability_lies_in_its_band_and_the_band_rises_with_it() -> None:
    p = np.linspace(0, 1, 10_001)

    lower, upper = BAND.bounds(p)

    assert ((lower <= p) & (p <= upper)).all()
    assert (np.diff(lower) >= 0).all()
    assert (np.diff(upper) >= 0).all()


def test_without_a_probability_there_is_no_band() -> None:
    assert np.isnan(BAND.bounds([np.nan])).all()


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"p": (0.1, 0.1, 0.5)}, "p rises"),
        ({"lower": (0.005, 0.3, 0.3)}, "lower <= p"),
        ({"upper": (0.3, 0.2, 0.6)}, "do not fall"),
        ({"upper": (0.02, 0.2)}, "equally long"),
        ({"upper": (0.02, 0.2, float("nan"))}, "at every knot"),
        ({"n": 0}, "at least 1"),
    ],
)
def test_what_is_no_band_is_named(changed: dict[str, tuple[float, ...]], fault: str) -> None:
    (said,) = [one for one in replace(BAND, **changed).faults() if fault in one]

    assert fault in said


def test_the_band_of_a_target_is_read_from_the_manifest_and_absent_without_one() -> None:
    band = {
        name: list(one) if name in ("p", "lower", "upper") else one
        for name, one in asdict(BAND).items()
    }
    manifest = {
        "events": [{"name": "M1.0", "band": None}, {"name": "X1.0"}],
        "targets": [{"name": "M1.0/6h", "band": band}],
    }

    assert band_of(manifest, "M1.0/6h") == BAND
    assert band_of(manifest, "M1.0") is None
    assert band_of(manifest, "X1.0") is None
    assert band_of({"events": []}, "C1.0") is None


def test_bounds_become_consistent_and_hold_the_probability_still() -> None:
    rng = np.random.default_rng(7)
    p = consistent(random_rows(5_000, seed=8), TARGETS)
    lower, upper = p * rng.random(p.shape), p + (1 - p) * rng.random(p.shape)
    lower[:, 3] = upper[:, 3] = np.nan

    low, high = consistent_bounds(lower, upper, TARGETS)

    assert violations(low, TARGETS) == violations(high, TARGETS) == 0
    known = ~np.isnan(lower)
    assert (np.isnan(low) == ~known).all()
    assert (low[known] <= p[known]).all()
    assert (high[known] >= p[known]).all()
