from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from model_training.artefact.graph import Graph, run
from model_training.fitting.augmentation.resampling import PriorShift, share_kept, undersample
from model_training.recipe.estimators import UndersampleConfig
from solar.errors import InvalidInputError


def test_one_in_two_among_a_tenth_of_the_non_events_is_one_in_eleven_among_all() -> None:
    # 10 events beside 10 kept non-events are 10 events beside 100 before: 10 / 110.
    shift = PriorShift.of_undersampling(0.1)

    assert shift.apply(np.array([0.5]))[0] == pytest.approx(1 / 11)


def test_the_formula_with_both_priors_is_the_same() -> None:
    # Event rate 0.02 of all rows and 0.25 of the sampled ones; p' of the textbook formula
    # p r/s / (p r/s + (1 - p)(1 - r)/(1 - s)) at p = 0.6 is
    # 0.6 * 0.08 / (0.6 * 0.08 + 0.4 * 0.98 / 0.75) = 0.048 / (0.048 + 0.522667) = 0.084112.
    shift = PriorShift((0.02 / 0.25) / (0.98 / 0.75))

    assert shift.apply(np.array([0.6]))[0] == pytest.approx(0.084112, abs=1e-6)


def test_an_event_that_weighed_four_times_had_four_times_the_odds() -> None:
    # Odds 4 with the weight, 1 without.
    shift = PriorShift.of_class_weight(2.0, other_weight=0.5)

    assert shift.apply(np.array([0.8]))[0] == pytest.approx(0.5)


def test_certainty_and_missing_forecasts_stay() -> None:
    corrected = PriorShift(0.03).apply(np.array([0.0, 1.0, np.nan]))

    assert np.array_equal(corrected, [0.0, 1.0, np.nan], equal_nan=True)


@given(
    odds_factor=st.floats(1e-3, 1e3),
    probability=st.lists(st.floats(0, 1), min_size=2, max_size=20),
)
def test_the_order_of_forecasts_is_kept_and_the_way_back_leads_back(
    odds_factor: float, probability: list[float]
) -> None:
    given_ = np.sort(probability)

    corrected = PriorShift(odds_factor).apply(given_)

    assert (np.diff(corrected) >= -1e-15).all()
    assert np.allclose(PriorShift(1 / odds_factor).apply(corrected), given_, atol=1e-9)


@settings(max_examples=10)
@given(seed=st.integers(0, 1000), rate=st.floats(0.03, 0.3))
def test_balanced_weights_corrected_have_a_mean_forecast_near_the_base_rate(
    seed: int, rate: float
) -> None:
    rng = np.random.default_rng(seed)
    outcome = (rng.random(4000) < rate).astype(float)
    inputs = rng.normal(size=(4000, 3)) + outcome[:, None]
    ratio = np.sum(outcome == 0) / np.sum(outcome == 1)

    learner = LogisticRegression(class_weight="balanced").fit(inputs, outcome)
    raw = learner.predict_proba(inputs)[:, 1]
    corrected = PriorShift.of_class_weight(ratio).apply(raw)

    assert raw.mean() > 1.3 * outcome.mean()
    assert corrected.mean() == pytest.approx(outcome.mean(), rel=0.1)


def test_undersampled_rows_corrected_have_a_mean_forecast_near_the_base_rate() -> None:
    rng = np.random.default_rng(1)
    outcome = (rng.random(20_000) < 0.05).astype(float)
    inputs = rng.normal(size=(20_000, 3)) + outcome[:, None]
    kept = undersample(outcome, config=UndersampleConfig(kind="undersample", share=1.0), seed=0)

    learner = LogisticRegression().fit(inputs[kept], outcome[kept])
    raw = learner.predict_proba(inputs)[:, 1]
    corrected = PriorShift.of_undersampling(share_kept(outcome, kept)).apply(raw)

    assert corrected.mean() == pytest.approx(outcome.mean(), rel=0.1)


@pytest.mark.parametrize("odds_factor", [0.01, 0.2, 1.0, 30.0])
def test_the_drawing_computes_the_same(odds_factor: float) -> None:
    probability = np.linspace(0, 1, 101, dtype=np.float32)[:, None]
    shift, graph = PriorShift(odds_factor), Graph(steps=1, features=1)

    tensor = shift.to_onnx(graph, graph.node("Squeeze", graph.windows, graph.constant([1])))

    drawn = run(graph.finish([tensor]), probability)
    assert np.abs(drawn - shift.apply(probability.astype(float))).max() <= 1e-5


@pytest.mark.parametrize("odds_factor", [0.0, -1.0, np.inf, np.nan])
def test_a_factor_that_is_no_factor_is_refused(odds_factor: float) -> None:
    with pytest.raises(InvalidInputError, match="odds cannot be multiplied"):
        PriorShift(odds_factor)


def test_an_event_without_weight_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="give a share or a ratio of weights above 0"):
        PriorShift.of_class_weight(0.0)
