from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import pytest
from drawings import drawn_probability
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from model_training.features import Floats
from model_training.fitting.estimators.logistic_regression import (
    LogisticRegressionEstimator,
)
from model_training.fitting.model import make_estimator
from model_training.fitting.preparation.pipeline import fit_preparation
from model_training.journal import EVENTS, Journal
from model_training.recipe.estimators import (
    LogisticRegressionConfig,
    Penalty,
    PreparationConfig,
    Solver,
)

SOLVERS: tuple[tuple[Penalty, Solver], ...] = (
    ("l2", "lbfgs"), ("l2", "liblinear"), ("l2", "sag"), ("l2", "saga"),
    ("l1", "liblinear"), ("l1", "saga"), ("none", "lbfgs"), ("none", "sag"), ("none", "saga"),
)  # fmt: skip


def cases(seed: int, *, n: int = 400) -> tuple[NDArray[np.float32], Floats, Floats]:
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(n, 3)).astype(np.float32)
    outcome = (rng.random(n) < 1 / (1 + np.exp(1 - 2 * inputs[:, 0]))).astype(float)
    return inputs, outcome, rng.uniform(0.5, 2, n)


def before(
    inputs: NDArray[np.float32], outcome: Floats, weight: Floats, new: NDArray[np.float32]
) -> Floats:
    """What version 1.0.0 of the regression answered: one design of logarithms and flags."""
    known = inputs.astype(float)
    scale = np.nanquantile(np.abs(np.where(known == 0, np.nan, known)), 0.1, axis=0)
    median = np.nanmedian(known, axis=0)
    logged = np.arcsinh(np.where(np.isnan(known), median, known) / scale)
    mean, deviation = logged.mean(axis=0), logged.std(axis=0)

    def design(rows: NDArray[np.float32]) -> Floats:
        missing = np.isnan(rows)
        values = np.arcsinh(np.where(missing, median, rows) / scale)
        return np.hstack([(values - mean) / deviation, missing.astype(float)])

    model = LogisticRegression(C=1.0, max_iter=5000, tol=1e-8)
    model.fit(design(inputs), outcome, sample_weight=weight)
    probability: Floats = model.predict_proba(design(new))[:, 1]
    return probability


def test_the_default_is_the_regression_of_version_1() -> None:
    rng = np.random.default_rng(1)
    size = np.array([1e22, 1, 1e-5, 1e3])
    rows = (rng.normal(size=(3000, 4)) * np.exp(2 * rng.normal(size=(3000, 4)))).astype(float)
    outcome = (rng.random(3000) < 1 / (1 + np.exp(2 - rows[:, 0] - rows[:, 1]))).astype(float)
    rows[rng.random(rows.shape) < 0.1] = np.nan
    rows[rng.random(rows.shape) < 0.1] = 0
    windows = (rows * size).astype(np.float32)[:, None]
    weight = rng.uniform(0.5, 2, 3000)

    preparation = fit_preparation(
        PreparationConfig(), windows, reads_windows=False, takes_missing=False
    )
    estimator = LogisticRegressionEstimator()
    inputs = preparation.apply(windows)
    estimator.fit(inputs, outcome, weight, journal=Journal())

    expected = before(windows[:, 0], outcome, weight, windows[:, 0])
    assert_allclose(estimator.predict_proba(inputs)[:, 1], expected, atol=1e-6)


def test_without_a_penalty_one_flag_reproduces_the_rates_of_its_two_groups() -> None:
    # 1 event of 4 where the flag is 0, 3 of 4 where it is 1: log odds -ln 3 and +ln 3.
    inputs = np.repeat([[0], [1]], 4, axis=0).astype(np.float32)
    outcome = np.array([1.0, 0, 0, 0, 1, 1, 1, 0])
    estimator = LogisticRegressionEstimator(penalty="none")

    estimator.fit(inputs, outcome, journal=Journal())

    assert_allclose(estimator.intercept_, -np.log(3), atol=1e-5)
    assert_allclose(estimator.weights_, [2 * np.log(3)], atol=1e-5)
    assert_allclose(
        estimator.predict_proba(inputs[[0, 4]]), [[0.75, 0.25], [0.25, 0.75]], atol=1e-5
    )


@pytest.mark.parametrize(("penalty", "solver"), SOLVERS)
def test_every_solver_reaches_the_same_optimum_as_any_other_of_its_penalty(
    penalty: Penalty, solver: Solver
) -> None:
    inputs, outcome, weight = cases(2)
    reference = {"l2": "lbfgs", "l1": "saga", "none": "lbfgs"}[penalty]

    fitted = [
        LogisticRegressionEstimator(penalty=penalty, solver=name, seed=3).fit(
            inputs, outcome, weight, journal=Journal()
        )
        for name in (solver, reference)
    ]

    # liblinear shrinks the intercept too, which moves it by a few parts in a thousand here.
    first, second = (estimator.predict_proba(inputs) for estimator in fitted)
    assert_allclose(first, second, atol=5e-3)
    assert_allclose(drawn_probability(fitted[0], inputs), first[:, 1], atol=1e-6)


def test_a_strong_l1_penalty_drops_weights() -> None:
    inputs, outcome, _ = cases(4)
    estimator = LogisticRegressionEstimator(penalty="l1", solver="saga", inverse_penalty=0.02)

    estimator.fit(inputs, outcome, journal=Journal())

    assert estimator.weights_[0] > 0
    assert_array_equal(estimator.weights_[1:], 0)


@pytest.mark.parametrize("solver", ["lbfgs", "sag"])
def test_the_same_seed_gives_the_same_weights(solver: Solver) -> None:
    inputs, outcome, weight = cases(5)
    estimator = LogisticRegressionEstimator(solver=solver, seed=7)

    first = estimator.fit(inputs, outcome, weight, journal=Journal())
    second = clone(estimator).fit(inputs, outcome, weight, journal=Journal())

    assert_array_equal(first.weights_, second.weights_)


def test_scores_far_from_0_are_certain_and_no_warning() -> None:
    inputs, outcome, weight = cases(6)
    estimator = LogisticRegressionEstimator().fit(inputs, outcome, weight, journal=Journal())
    far = np.array([[-1e6, 0, 0], [1e6, 0, 0]], np.float32)

    assert_allclose(estimator.predict_proba(far), [[1, 0], [0, 1]])
    assert_allclose(drawn_probability(estimator, far), [0, 1])
    assert_array_equal(estimator.predict(far), [0, 1])


def test_a_solver_that_runs_out_of_iterations_tells_so_in_the_journal(tmp_path: Path) -> None:
    inputs, outcome, weight = cases(8)
    estimator = LogisticRegressionEstimator(max_iterations=2)

    estimator.fit(inputs, outcome, weight, journal=Journal(tmp_path))

    told = orjson.loads((tmp_path / EVENTS).read_bytes())
    assert (told["event"], told["iterations"], told["at_most"]) == ("regression", 2, 2)


def test_the_choice_decides_the_options() -> None:
    config = LogisticRegressionConfig(
        kind="logistic-regression", penalty="l1", solver="saga", inverse_penalty=0.5
    )

    estimator = make_estimator(config, seed=9)

    assert isinstance(estimator, LogisticRegressionEstimator)
    assert estimator.get_params() == {
        "penalty": "l1", "solver": "saga", "inverse_penalty": 0.5, "max_iterations": 5000,
        "seed": 9,
    }  # fmt: skip
