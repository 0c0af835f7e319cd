from __future__ import annotations

import numpy as np
from drawings import drawn_probability
from numpy.testing import assert_allclose

from model_training.fitting.estimators.event_rates import ClimatologyEstimator
from model_training.fitting.model import make_estimator
from model_training.journal import Journal
from model_training.recipe.estimators import ClimatologyConfig

INPUTS = np.array([[1, np.nan], [np.nan, 2], [3, 4]], np.float32)


def test_every_row_gets_the_event_rate_whatever_its_inputs() -> None:
    estimator = ClimatologyEstimator()

    estimator.fit(INPUTS, np.array([1.0, 0, 0]), journal=Journal())

    assert_allclose(estimator.predict_proba(INPUTS), [[2 / 3, 1 / 3]] * 3)


def test_rows_count_by_their_weight() -> None:
    # 2 / (2 + 1 + 1)
    estimator = ClimatologyEstimator()

    estimator.fit(INPUTS, np.array([1.0, 0, 0]), np.array([2.0, 1, 1]), journal=Journal())

    assert estimator.rate_ == 0.5


def test_the_drawing_agrees_on_any_number_of_rows() -> None:
    blank = make_estimator(ClimatologyConfig(kind="climatology"), seed=1)
    estimator = blank.fit(INPUTS, np.array([1.0, 0, 0]), journal=Journal())

    for rows in (INPUTS, INPUTS[:1]):
        assert_allclose(drawn_probability(estimator, rows), np.full(len(rows), 1 / 3), atol=1e-7)
