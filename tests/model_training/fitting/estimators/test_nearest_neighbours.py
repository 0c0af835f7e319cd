from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from drawings import drawn_probability
from scipy.special import expit
from sklearn.base import clone
from sklearn.neighbors import KNeighborsClassifier

from model_training.artefact.graph import Graph, run, to_bytes
from model_training.features import Floats, Inputs
from model_training.fitting.estimators.nearest_neighbours import NearestNeighboursEstimator
from model_training.fitting.model import Cases, PreparedModel, fit
from model_training.fitting.preparation.pipeline import Preparation
from model_training.journal import Journal
from model_training.recipe.estimators import NearestNeighboursConfig, PreparationConfig
from solar.errors import InvalidInputError

METRICS = ["euclidean", "manhattan", "chebyshev", "minkowski", "cosine"]


def cases(n: int, *, seed: int) -> tuple[Inputs, Floats]:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, 3)).astype(np.float32)
    return rows, (rng.random(n) < expit(2 * rows[:, 0] - 1)).astype(float)


def column(*values: float) -> Inputs:
    return np.array(values, np.float32)[:, None]


def fitted(rows: Inputs, outcome: Floats, weight: Floats | None = None, **options: Any) -> Any:
    return NearestNeighboursEstimator(**options).fit(rows, outcome, weight, journal=Journal())


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_forecasts_are_those_of_the_library(metric: str, weights: str) -> None:
    rows, outcome = cases(400, seed=1)
    unseen = np.concatenate([cases(100, seed=2)[0], rows[:20], np.zeros((1, 3), np.float32)])
    library = KNeighborsClassifier(7, metric=metric, weights=weights, p=3, algorithm="brute")
    library.fit(rows.astype(float), outcome)

    forecast = fitted(rows, outcome, neighbours=7, metric=metric, weights=weights, p=3)

    # The cosine of a zero row is 0 with all rows, of which the library chooses seven.
    asked = unseen[:-1] if metric == "cosine" else unseen
    np.testing.assert_allclose(
        forecast.predict_proba(asked), library.predict_proba(asked.astype(float)), atol=1e-6
    )


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_the_drawing_computes_the_same(metric: str, weights: str) -> None:
    rows, outcome = cases(300, seed=1)
    # Twins of either outcome, values of few digits with many ties, and a feature of 1e24.
    rows = np.concatenate([rows, rows[:50], np.round(rows)])
    outcome = np.concatenate([outcome, 1 - outcome[:50], outcome])
    rows[:, 2] *= 1e24
    weight = np.random.default_rng(3).uniform(0.5, 2, len(rows))
    estimator = fitted(rows, outcome, weight, neighbours=5, metric=metric, weights=weights, p=1.7)
    asked = np.concatenate([rows, np.round(3 * rows), 1e3 * rows, np.zeros_like(rows[:1])])

    expected = estimator.predict_proba(asked)[:, 1]

    assert np.ptp(expected) > 0.5
    np.testing.assert_allclose(drawn_probability(estimator, asked), expected, atol=1e-6)


def test_neighbours_are_found_in_the_digits_that_the_graph_computes() -> None:
    # Even numbers, of which every other one is an event. Both neighbours of an odd number are
    # equally near until it is scaled.
    even = np.arange(0, 800, 2)
    training = Cases(even[:, None, None].astype(np.float32), even % 4 / 2, np.ones(400), ("COUNT",))
    preparation = PreparationConfig(scaling="z-score")
    config = NearestNeighboursConfig(
        kind="nearest-neighbours", neighbours=1, preparation=preparation
    )

    model = fit(config, training, seed=1, journal=Journal())

    assert isinstance(model, PreparedModel)
    odd = training.windows[:-1] + 1
    graph = Graph(steps=1, features=1)
    computed = run(graph.finish([model.to_onnx(graph)]), odd[:, 0])[:, 0]
    np.testing.assert_allclose(computed, model.predict(odd), atol=1e-6)
    by_numpy = replace(model, preparation=Preparation(**vars(model.preparation)))
    assert np.abs(computed - by_numpy.predict(odd)).max() > 0.1


def test_votes_are_weighed_by_the_row_and_by_the_distance() -> None:
    rows, outcome = column(0, 1, 3, 9), np.array([1.0, 0.0, 1.0, 0.0])
    weight = np.array([1.0, 4.0, 2.0, 1.0])

    uniform, distance = (
        fitted(rows, outcome, weight, neighbours=3, weights=kind)
        for kind in ("uniform", "distance")
    )

    # From 2 the nearest are 1, 3 and 0: (2 + 1) / (4 + 2 + 1), and 2.5 / 6.5 by distance.
    assert uniform.predict_proba(column(2))[0, 1] == pytest.approx(3 / 7)
    assert distance.predict_proba(column(2))[0, 1] == pytest.approx(2.5 / 6.5)


def test_rows_in_the_very_place_alone_vote_by_distance() -> None:
    rows, outcome = column(0, 0, 0, 1e-3), np.array([1.0, 0.0, 0.0, 1.0])

    forecast = fitted(rows, outcome, neighbours=4, weights="distance").predict_proba(column(0))

    assert forecast[0, 1] == pytest.approx(1 / 3)


def test_no_order_of_equally_near_rows_decides() -> None:
    rows, outcome = column(-1, 1, 1, 5), np.array([1.0, 0.0, 1.0, 0.0])

    forward = fitted(rows, outcome, neighbours=1).predict_proba(column(0))
    backward = fitted(rows[::-1], outcome[::-1], neighbours=1).predict_proba(column(0))

    # All three at distance 1.
    assert forward[0, 1] == backward[0, 1] == pytest.approx(2 / 3)


def test_a_part_of_the_rows_forecasts_the_rate_of_all() -> None:
    rows, outcome = cases(6000, seed=5)
    unseen, truth = cases(4000, seed=6)

    forecast = fitted(rows, outcome, neighbours=50, most_rows=1000).predict_proba(unseen)[:, 1]

    # A third flares; of the 1000 rows kept, half do.
    assert forecast.mean() == pytest.approx(truth.mean(), abs=0.03)


def test_more_neighbours_than_rows_are_refused() -> None:
    rows, outcome = cases(20, seed=1)

    with pytest.raises(InvalidInputError, match=r"25 neighbours .* among 20 .*fewer neighbours"):
        fitted(rows, outcome)


def test_the_same_seed_draws_the_same_bytes_and_another_does_not() -> None:
    rows, outcome = cases(500, seed=7)

    def drawing(seed: int) -> bytes:
        blank = clone(NearestNeighboursEstimator(most_rows=100, seed=seed))
        estimator = blank.fit(rows, outcome, journal=Journal())
        graph = Graph(steps=1, features=3)
        row = graph.node("Squeeze", graph.windows, graph.constant([1]))
        return to_bytes(graph.finish([estimator.to_onnx(graph, row)]))

    assert drawing(1) == drawing(1)
    assert drawing(1) != drawing(2)
