from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from model_training.features import FlareHistory
from model_training.fitting.forecaster import rarer, size_ratio
from solar.errors import InvalidInputError

UNTIL = datetime(2014, 1, 1, tzinfo=UTC)


def flares(*rows: tuple[str, float]) -> FlareHistory:
    return FlareHistory(
        np.array([at for at, _ in rows], "datetime64[us]"),
        np.array([flux for _, flux in rows], float),
        np.zeros(len(rows), np.int64),
    )


LIST = flares(
    ("2013-01-01", 1e-6), ("2013-02-01", 1e-5), ("2013-03-01", 2e-5), ("2013-04-01", 9e-5),
    ("2013-05-01", 3e-4), ("2014-01-01", 5e-4),
)  # fmt: skip


def test_the_ratio_counts_flares_before_the_end_of_training_only() -> None:
    found = size_ratio("X1.0", LIST, of="M1.0", until=UNTIL)

    # M1.0, M2.0, M9.0 and X3.0, of which one is an X; the X5.0 peaks too late.
    assert (found.flares, found.reference_flares, found.ratio) == (1, 4, 0.25)
    assert found.until == "2014-01-01T00:00:00Z"


def test_no_flare_of_the_reference_class_is_an_error() -> None:
    with pytest.raises(InvalidInputError, match=r"no M1\.0\+ flare peaks before 2014-01-01"):
        size_ratio("X1.0", flares(("2013-01-01", 1e-6)), of="M1.0", until=UNTIL)


def test_the_chance_of_a_rarer_flare_by_hand() -> None:
    # 1 - 0.25^(1/2) = 0.5, 1 - 0.25^1 = 0.75, 1 - 0.25^0 = 0.
    assert rarer(np.array([0.75]), np.array([0.5, 1.0, 0.0])) == pytest.approx(
        np.array([[0.5, 0.75, 0.0]])
    )


def test_a_small_chance_is_multiplied_by_the_ratio() -> None:
    # 1 - (1 - p)^r = r p + O(p^2).
    assert rarer(np.array([1e-4]), np.array([0.07]))[0, 0] == pytest.approx(7e-6, rel=1e-4)


def test_beyond_the_limit_certainty_gives_no_certainty() -> None:
    # 1 - 0.001^(1/3) = 0.9.
    found = rarer(np.array([0.999, 1.0]), np.array([1 / 3]))

    assert found[:, 0] == pytest.approx([0.9, 0.9])
