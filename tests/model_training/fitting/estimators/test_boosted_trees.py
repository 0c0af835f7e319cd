from __future__ import annotations

import lightgbm
import numpy as np
from drawings import drawn_probability
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from sklearn.base import clone

from model_training.artefact.graph import Graph, to_bytes
from model_training.features import Floats
from model_training.fitting.estimators.boosted_trees import BoostedTreesEstimator
from model_training.fitting.model import make_estimator
from model_training.fitting.preparation.pipeline import fit_preparation
from model_training.journal import Journal
from model_training.recipe.estimators import GradientBoostingConfig


def cases(seed: int, *, n: int = 2000) -> tuple[NDArray[np.float32], Floats, Floats]:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, 4))
    outcome = (rng.random(n) < 1 / (1 + np.exp(2 - 2 * rows[:, 0] * rows[:, 1]))).astype(float)
    rows[rng.random(rows.shape) < 0.1] = np.nan
    return (rows * [1e24, 1, 1e-6, 1e3]).astype(np.float32), outcome, rng.uniform(0.5, 2, n)


def test_the_default_is_the_gradient_boosting_of_version_1() -> None:
    inputs, outcome, weight = cases(1)
    config = GradientBoostingConfig(kind="gradient-boosting")
    model = lightgbm.LGBMClassifier(
        n_estimators=150, learning_rate=0.04, num_leaves=8, min_child_samples=40, reg_lambda=10.0,
        colsample_bytree=0.5, random_state=5, n_jobs=1, deterministic=True, force_row_wise=True,
        verbose=-1,
    )  # fmt: skip
    coarse = (inputs.view(np.uint32) & np.uint32(0xFFFFFF00)).view(np.float32)
    model.fit(coarse.astype(float), outcome, sample_weight=weight)

    preparation = fit_preparation(
        config.preparation, inputs[:, None], reads_windows=False, takes_missing=True
    )
    prepared = preparation.apply(inputs[:, None])
    estimator = make_estimator(config, seed=5).fit(prepared, outcome, weight, journal=Journal())

    expected = model.booster_.predict(inputs.astype(float))
    assert_array_equal(estimator.predict_proba(prepared)[:, 1], expected)


def test_the_drawing_agrees_on_every_training_row_and_beyond() -> None:
    inputs, outcome, weight = cases(2)
    estimator = BoostedTreesEstimator().fit(inputs, outcome, weight, journal=Journal())
    beyond = np.concatenate([inputs, inputs * 50, np.full((1, 4), np.nan, np.float32)])

    drawn = drawn_probability(estimator, beyond)

    assert_allclose(drawn, estimator.predict_proba(beyond)[:, 1], atol=1e-6)


def test_the_same_seed_draws_the_same_bytes_and_another_does_not() -> None:
    inputs, outcome, weight = cases(3, n=500)

    def drawing(seed: int) -> bytes:
        blank = clone(BoostedTreesEstimator(trees=5, seed=seed))
        estimator = blank.fit(inputs, outcome, weight, journal=Journal())
        graph = Graph(steps=1, features=4)
        row = graph.node("Squeeze", graph.windows, graph.constant([1]))
        return to_bytes(graph.finish([estimator.to_onnx(graph, row)]))

    assert drawing(1) == drawing(1)
    assert drawing(1) != drawing(2)


def test_a_view_of_other_memory_is_read_like_a_copy() -> None:
    inputs, outcome, _ = cases(4, n=500)
    view = np.asfortranarray(inputs)

    first, second = (
        BoostedTreesEstimator(trees=5).fit(rows, outcome, journal=Journal()).predict_proba(inputs)
        for rows in (inputs, view)
    )

    assert_array_equal(first, second)


def test_a_rising_feature_never_lowers_the_forecast() -> None:
    rng = np.random.default_rng(4)
    inputs = rng.normal(size=(600, 2)).astype(np.float32)
    # The outcome falls with the first feature, which the trees may not use like that.
    outcome = (rng.random(600) < 1 / (1 + np.exp(2 * inputs[:, 0]))).astype(float)
    free, bound = (
        BoostedTreesEstimator(
            trees=30, rows_per_leaf=10, rising=rising, inputs=("FLUX last", "FLUX slope")
        ).fit(inputs, outcome, journal=Journal())
        for rising in ((), ("FLUX",))
    )
    ladder = np.stack([np.linspace(-2, 2, 50), np.zeros(50)], axis=1).astype(np.float32)

    assert np.diff(free.predict_proba(ladder)[:, 1]).min() < -0.01
    assert np.diff(bound.predict_proba(ladder)[:, 1]).min() >= 0
