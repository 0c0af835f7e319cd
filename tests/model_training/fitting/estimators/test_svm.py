from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import pytest
from scipy.special import expit
from sklearn.base import clone
from sklearn.datasets import make_moons
from sklearn.metrics import roc_auc_score
from sklearn.svm import SVC

from model_training.artefact.graph import Graph, run
from model_training.features import Floats
from model_training.fitting.estimators.estimator import fewer_rows, rows_represented
from model_training.fitting.estimators.svm import SvmEstimator, fit_map, thirds
from model_training.journal import Journal, Stop, StoppedError
from solar.errors import InvalidInputError

KERNELS = ["linear", "rbf", "poly", "sigmoid"]


def moons(n: int, *, seed: int) -> tuple[np.ndarray, Floats]:
    rows, outcome = make_moons(n, noise=0.2, random_state=seed)
    return rows.astype(np.float32), outcome.astype(float)


def gradual(n: int, *, seed: int, shift: float = -1.5) -> tuple[np.ndarray, Floats, Floats]:
    """Make rows whose event probability is a logistic function of them."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, 3)).astype(np.float32)
    probability = expit(1.5 * rows[:, 0] - rows[:, 1] + shift)
    return rows, (rng.random(n) < probability).astype(float), probability


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("inverse_penalty", [0.5, 300.0])
def test_the_drawing_computes_the_same(kernel: str, inverse_penalty: float) -> None:
    rows, outcome, _ = gradual(300, seed=1)
    estimator = SvmEstimator(kernel=kernel, inverse_penalty=inverse_penalty, degree=3)
    estimator.fit(rows, outcome, journal=Journal())
    far = np.random.default_rng(2).normal(size=(20, 3)).astype(np.float32)
    asked = np.concatenate([rows, 30 * far, 1000 * far]).astype(np.float32)
    graph = Graph(steps=1, features=3)
    rows_of_graph = graph.node("Squeeze", graph.windows, graph.constant([1]))

    model = graph.finish([estimator.to_onnx(graph, rows_of_graph)])

    expected = estimator.predict_proba(asked)[:, 1:]
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(run(model, asked), expected, atol=1e-5)


@pytest.mark.parametrize("kernel", ["rbf", "poly", "sigmoid"])
def test_the_margin_is_that_of_the_library(kernel: str) -> None:
    rows, outcome, _ = gradual(300, seed=1)
    library = SVC(kernel=kernel, C=2.0, degree=2).fit(rows, outcome)

    estimator = SvmEstimator(kernel=kernel, inverse_penalty=2.0, degree=2)
    estimator.fit(rows, outcome, journal=Journal())

    np.testing.assert_allclose(
        estimator.machine_.margin(rows), library.decision_function(rows), atol=1e-3
    )


def test_a_strong_linear_machine_is_found_among_many_rows() -> None:
    rows, outcome, probability = gradual(4000, seed=1)
    estimator = SvmEstimator(kernel="linear", inverse_penalty=1000)

    forecast = estimator.fit(rows, outcome, journal=Journal()).predict_proba(rows)[:, 1]

    assert np.abs(forecast - probability).mean() < 0.03


def test_a_machine_that_is_not_found_says_what_to_change() -> None:
    rows, outcome = moons(150, seed=1)
    estimator = SvmEstimator(kernel="poly", degree=9, gamma=50.0, inverse_penalty=1000)

    with pytest.raises(InvalidInputError, match="smaller inverse_penalty"):
        estimator.fit(rows, outcome, journal=Journal())


def test_a_curved_border_needs_a_curved_kernel() -> None:
    rows, outcome = moons(500, seed=1)
    unseen, truth = moons(500, seed=2)

    areas = {
        kernel: roc_auc_score(
            truth,
            SvmEstimator(kernel=kernel)
            .fit(rows, outcome, journal=Journal())
            .predict_proba(unseen)[:, 1],
        )
        for kernel in ("linear", "rbf")
    }

    assert areas["rbf"] > 0.985
    assert areas["rbf"] > areas["linear"] + 0.02


@pytest.mark.parametrize("most_rows", [5000, 500])
def test_unseen_rows_flare_as_often_as_forecast(most_rows: int) -> None:
    rows, outcome, _ = gradual(3000, seed=3, shift=-2.5)
    unseen, truth, probability = gradual(20_000, seed=4, shift=-2.5)
    estimator = SvmEstimator(kernel="linear", most_rows=most_rows)

    forecast = estimator.fit(rows, outcome, journal=Journal()).predict_proba(unseen)[:, 1]

    # Some 14 % flare; of the 500 rows of the smaller fit, half do.
    assert forecast.mean() == pytest.approx(truth.mean(), abs=0.015)
    for low, high in ((0.0, 0.1), (0.1, 0.3), (0.3, 0.6), (0.6, 1.0)):
        inside = (forecast >= low) & (forecast < high)
        assert forecast[inside].mean() == pytest.approx(probability[inside].mean(), abs=0.07)


def test_the_mean_forecast_follows_the_weights() -> None:
    rows, outcome, _ = gradual(1000, seed=3)
    weight = 1 + 4 * outcome
    weighted_rate = np.average(outcome, weights=weight)

    estimator = SvmEstimator(kernel="linear").fit(rows, outcome, weight, journal=Journal())

    forecast = estimator.predict_proba(rows)[:, 1]
    assert np.average(forecast, weights=weight) == pytest.approx(weighted_rate, abs=0.02)


def test_a_margin_without_skill_gives_the_event_rate() -> None:
    outcome = np.array([1.0, 0.0, 0.0, 0.0] * 50)
    ones = np.ones(200)

    found = fit_map(-outcome, outcome, stands_for=ones, weight=ones)

    # 50 events and 150 others, each with Platt's pseudo-rows:
    # (50 * 51/52 + 150 * 1/152) / 200 = 0.2501
    assert found.slope == 0
    np.testing.assert_allclose(found.apply(outcome), 0.2501, atol=1e-4)


def test_classes_that_are_apart_have_a_finite_map() -> None:
    outcome = np.array([1.0, 0.0] * 50)
    ones = np.ones(100)

    found = fit_map(2 * outcome - 1, outcome, stands_for=ones, weight=ones)

    # The map meets Platt's targets: 51/52 and 1/52.
    np.testing.assert_allclose(found.apply(np.array([1.0, -1.0])), [51 / 52, 1 / 52], atol=1e-5)


def test_all_events_are_kept_while_they_are_at_most_half_of_the_rows() -> None:
    outcome = np.zeros(1000)
    outcome[::20] = 1  # 50 events

    kept = fewer_rows(outcome, most_rows=200, seed=1)

    assert len(kept) == 200
    assert outcome[kept].sum() == 50
    assert np.all(np.diff(kept) > 0)
    # 950 others are told by 150.
    assert set(rows_represented(outcome, kept)) == {1.0, 950 / 150}


def test_more_events_than_half_of_the_rows_are_told_by_a_part() -> None:
    outcome = np.ones(1000)
    outcome[::4] = 0  # 250 others

    kept = fewer_rows(outcome, most_rows=200, seed=1)

    assert outcome[kept].sum() == 100
    assert set(rows_represented(outcome, kept)) == {7.5, 2.5}


def test_few_rows_are_all_kept() -> None:
    outcome = np.array([1.0, 0.0] * 50)

    kept = fewer_rows(outcome, most_rows=100, seed=1)

    assert kept.tolist() == list(range(100))


def test_thirds_are_consecutive_within_each_class() -> None:
    outcome = np.array([1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1], float)

    # Nine events in threes, four others as two, one and one.
    assert thirds(outcome).tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 1, 2, 2, 2, 2]


def test_events_behind_all_other_rows_can_be_learnt() -> None:
    rows, outcome, _ = gradual(300, seed=1)
    order = np.argsort(outcome, kind="stable")

    forecast = (
        SvmEstimator().fit(rows[order], outcome[order], journal=Journal()).predict_proba(rows)
    )

    assert roc_auc_score(outcome, forecast[:, 1]) > 0.8


def test_too_few_events_are_refused_with_what_to_choose() -> None:
    rows, outcome = np.zeros((50, 2), np.float32), np.zeros(50)
    outcome[[7, 9]] = 1

    with pytest.raises(InvalidInputError, match="2 of 50 have outcome 1: choose another event"):
        SvmEstimator().fit(rows, outcome, journal=Journal())


def test_the_same_seed_gives_the_same_forecasts_and_another_does_not() -> None:
    rows, outcome, _ = gradual(600, seed=5)

    first, second, other = (
        SvmEstimator(most_rows=200, seed=seed)
        .fit(rows, outcome, journal=Journal())
        .predict_proba(rows)
        for seed in (7, 7, 8)
    )

    np.testing.assert_array_equal(first, second)
    assert np.any(first != other)


def test_every_machine_is_told_to_the_journal_and_a_stop_is_heard(tmp_path: Path) -> None:
    rows, outcome, _ = gradual(100, seed=5)
    SvmEstimator().fit(rows, outcome, journal=Journal(tmp_path))
    events = [orjson.loads(line) for line in (tmp_path / "events.jsonl").read_bytes().splitlines()]

    assert [event["step"] for event in events] == [1, 2, 3, 4]
    with pytest.raises(StoppedError):
        SvmEstimator().fit(rows, outcome, journal=Journal(stop=Stop(is_requested=True)))


def test_a_clone_has_the_same_options() -> None:
    estimator = SvmEstimator(kernel="poly", degree=2, gamma=0.3, seed=4)

    assert clone(estimator).get_params() == estimator.get_params()
