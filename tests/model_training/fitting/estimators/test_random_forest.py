from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from drawings import drawn_probability
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier

from model_training.artefact.graph import Graph, to_bytes
from model_training.features import Floats, Inputs
from model_training.fitting.estimators import random_forest
from model_training.fitting.estimators.random_forest import RandomForestEstimator
from model_training.journal import Journal, Stop, StoppedError
from solar.errors import InvalidInputError

SMALL: dict[str, Any] = {"trees": 8, "rows_per_leaf": 3}


def cases(seed: int, *, n: int = 600, missing: float = 0.1) -> tuple[Inputs, Floats, Floats]:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, 4))
    outcome = (rng.random(n) < 1 / (1 + np.exp(2 - 2 * rows[:, 0] * rows[:, 1]))).astype(float)
    rows[rng.random(rows.shape) < missing] = np.nan
    return (rows * [1e24, 1, 1e-6, 1e3]).astype(np.float32), outcome, rng.uniform(0.5, 2, n)


def test_the_options_are_those_of_the_library() -> None:
    rows, outcome, weight = cases(1)
    library = RandomForestClassifier(
        8,
        criterion="entropy",
        max_depth=9,
        max_leaf_nodes=40,
        min_samples_split=5,
        min_samples_leaf=2,
        min_weight_fraction_leaf=0.001,
        min_impurity_decrease=1e-4,
        ccp_alpha=1e-4,
        max_features=0.6,
        max_samples=0.7,
        random_state=3,
    )
    library.fit(rows, outcome, sample_weight=weight)

    estimator = RandomForestEstimator(
        trees=8,
        criterion="entropy",
        depth=9,
        leaves=40,
        rows_per_split=5,
        rows_per_leaf=2,
        weight_per_leaf=0.001,
        least_gain=1e-4,
        pruning=1e-4,
        features_per_split="share",
        features_share=0.6,
        rows_per_tree=0.7,
        seed=3,
    )
    estimator.fit(rows, outcome, weight, journal=Journal())

    np.testing.assert_array_equal(estimator.predict_proba(rows), library.predict_proba(rows))


@pytest.mark.parametrize("missing", [0.0, 0.1])
@pytest.mark.parametrize("depth", [64, 1])
def test_the_drawing_agrees_on_every_training_row_and_beyond(missing: float, depth: int) -> None:
    rows, outcome, weight = cases(2, missing=missing)
    estimator = RandomForestEstimator(trees=40, rows_per_leaf=1, depth=depth)
    estimator.fit(rows, outcome, weight, journal=Journal())
    # With inputs missing too that never were in training.
    beyond = np.concatenate([rows, rows * 50, np.full((1, 4), np.nan, np.float32), cases(3)[0]])

    expected = estimator.predict_proba(beyond)[:, 1]

    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(drawn_probability(estimator, beyond), expected, atol=1e-6)


def test_an_input_between_two_neighbouring_numbers_stays_on_its_side() -> None:
    # Midway between them there is no single precision number: the threshold is rounded. Even and
    # odd numbers, because halves are rounded to even ones.
    numbers = np.float32(5) + np.arange(4, dtype=np.float32) * np.spacing(np.float32(5))
    for low, high in pairwise(numbers):
        rows = np.array([[low], [high]] * 30, np.float32)
        outcome = np.array([0.0, 1.0] * 30)
        estimator = RandomForestEstimator(trees=1, bootstrap=False, rows_per_leaf=1)
        estimator.fit(rows, outcome, journal=Journal())

        np.testing.assert_array_equal(drawn_probability(estimator, rows), outcome)


def test_the_mean_forecast_follows_the_weights() -> None:
    rows, outcome, _ = cases(3)
    weight = 1 + 4 * outcome

    estimator = RandomForestEstimator(trees=30).fit(rows, outcome, weight, journal=Journal())

    forecast = estimator.predict_proba(rows)[:, 1]
    rate = np.average(outcome, weights=weight)
    assert np.average(forecast, weights=weight) == pytest.approx(rate, abs=0.04)


def test_a_forest_beyond_the_size_of_a_graph_says_what_to_choose(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows, outcome, _ = cases(1)
    monkeypatch.setattr(random_forest, "MOST_NODES", 100)

    with pytest.raises(InvalidInputError, match=r"2 of 8 trees have \d+ nodes.* 100; choose fewer"):
        RandomForestEstimator(**SMALL).fit(rows, outcome, journal=Journal())


def test_every_tree_is_told_to_the_journal_and_a_stop_is_heard(tmp_path: Path) -> None:
    rows, outcome, _ = cases(1)
    RandomForestEstimator(**SMALL).fit(rows, outcome, journal=Journal(tmp_path))
    events = [orjson.loads(line) for line in (tmp_path / "events.jsonl").read_bytes().splitlines()]

    assert [(event["event"], event["step"]) for event in events] == [
        ("tree", step) for step in range(1, 9)
    ]
    with pytest.raises(StoppedError):
        RandomForestEstimator(**SMALL).fit(
            rows, outcome, journal=Journal(stop=Stop(is_requested=True))
        )


def test_the_same_seed_draws_the_same_bytes_and_another_does_not() -> None:
    rows, outcome, weight = cases(3)

    def drawing(seed: int) -> bytes:
        blank = clone(RandomForestEstimator(**SMALL, seed=seed))
        estimator = blank.fit(rows, outcome, weight, journal=Journal())
        graph = Graph(steps=1, features=4)
        row = graph.node("Squeeze", graph.windows, graph.constant([1]))
        return to_bytes(graph.finish([estimator.to_onnx(graph, row)]))

    assert drawing(1) == drawing(1)
    assert drawing(1) != drawing(2)
