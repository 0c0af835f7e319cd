from __future__ import annotations

import numpy as np
from drawings import drawn_probability
from numpy.testing import assert_allclose

from model_training.fitting.estimators.event_rates import PersistenceEstimator
from model_training.fitting.model import make_estimator
from model_training.journal import Journal
from model_training.recipe.estimators import PersistenceConfig

# After a flare 2 of 3 days flare, after none 1 of 4; of all 8 days with the unknown one 4 do.
COUNTS = np.array([1, 2, 5, 0, 0, 0, 0, np.nan], np.float32)[:, None]
OUTCOME = np.array([1.0, 1, 0, 1, 0, 0, 0, 1])
ASKED = np.array([[1], [30], [0], [np.nan]], np.float32)


def test_the_day_before_decides_the_rate() -> None:
    estimator = PersistenceEstimator().fit(COUNTS, OUTCOME, journal=Journal())

    assert_allclose(estimator.predict_proba(ASKED)[:, 1], [2 / 3, 2 / 3, 1 / 4, 1 / 2])


def test_a_state_without_training_rows_takes_the_rate_of_all() -> None:
    quiet = PersistenceEstimator().fit(COUNTS[3:7], OUTCOME[3:7], journal=Journal())

    assert_allclose(quiet.predict_proba(ASKED)[:, 1], 1 / 4)


def test_rows_count_by_their_weight() -> None:
    # After a flare: 2 / (1 + 1 + 2).
    weight = np.array([1.0, 1, 2, 1, 1, 1, 1, 1])

    estimator = PersistenceEstimator().fit(COUNTS, OUTCOME, weight, journal=Journal())

    assert estimator.rate_after_flare_ == 0.5


def test_the_drawing_agrees() -> None:
    blank = make_estimator(PersistenceConfig(kind="persistence"), seed=1)
    estimator = blank.fit(COUNTS, OUTCOME, journal=Journal())

    drawn = drawn_probability(estimator, ASKED)

    assert_allclose(drawn, estimator.predict_proba(ASKED)[:, 1], atol=1e-7)
