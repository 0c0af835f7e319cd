from __future__ import annotations

import numpy as np
import pytest
from drawings import drawn_probability
from numpy.testing import assert_allclose

from model_training.fitting.estimators.event_rates import McIntoshPoissonEstimator
from model_training.fitting.model import make_estimator
from model_training.journal import Journal
from model_training.recipe.estimators import McIntoshPoissonConfig

# Class 3 has 1 event in 4 days, class 7 has 3 in 4, and a day of unknown class has none.
CODES = np.array([3, 3, 3, 3, 7, 7, 7, 7, np.nan], np.float32)[:, None]
OUTCOME = np.array([1.0, 0, 0, 0, 1, 1, 1, 0, 0])
ASKED = np.array([[3], [7], [5], [np.nan]], np.float32)


def test_a_class_has_the_share_of_its_days_and_others_that_of_all() -> None:
    estimator = McIntoshPoissonEstimator(prior_days=0).fit(CODES, OUTCOME, journal=Journal())

    assert_allclose(estimator.predict_proba(ASKED)[:, 1], [1 / 4, 3 / 4, 4 / 9, 4 / 9])


def test_rates_are_those_of_a_poisson_process() -> None:
    # p = 1 - exp(-rate): 1/4 needs ln(4/3) = 0.288 events a day, 3/4 needs ln 4 = 1.386.
    estimator = McIntoshPoissonEstimator(prior_days=0).fit(CODES, OUTCOME, journal=Journal())

    assert_allclose(estimator.rates_, [np.log(4 / 3), np.log(4)])


def test_prior_days_pull_towards_the_rate_of_all() -> None:
    # (1 + 9 x 4/9) / (4 + 9) = 5/13 and (3 + 4) / 13 = 7/13.
    estimator = McIntoshPoissonEstimator(prior_days=9).fit(CODES, OUTCOME, journal=Journal())

    assert_allclose(estimator.predict_proba(ASKED)[:2, 1], [5 / 13, 7 / 13])


def test_days_count_by_their_weight() -> None:
    # Class 3: (3 x 1) / (3 + 1 + 1 + 1) = 1/2. The one day of class 7 with weight has an event.
    weight = np.array([3.0, 1, 1, 1, 1, 0, 0, 0, 1])
    estimator = McIntoshPoissonEstimator(prior_days=0)

    estimator.fit(CODES, OUTCOME, weight, journal=Journal())

    assert_allclose(estimator.predict_proba(ASKED)[:2, 1], [1 / 2, 1], atol=1e-8)


@pytest.mark.parametrize("prior_days", [0.0, 10.0])
def test_the_drawing_agrees(prior_days: float) -> None:
    estimator = McIntoshPoissonEstimator(prior_days=prior_days)
    estimator.fit(CODES, OUTCOME, journal=Journal())

    drawn = drawn_probability(estimator, ASKED)

    assert_allclose(drawn, estimator.predict_proba(ASKED)[:, 1], atol=1e-7)


def test_the_choice_decides_the_options() -> None:
    estimator = make_estimator(McIntoshPoissonConfig(kind="mcintosh-poisson", prior_days=3), seed=1)

    assert isinstance(estimator, McIntoshPoissonEstimator)
    assert estimator.get_params() == {"prior_days": 3}
