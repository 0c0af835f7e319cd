"""Hazards of the first flare: what enters, what is learned, and what windows follow."""

from __future__ import annotations

import numpy as np
import pytest
from drawings import drawn_probability
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from model_training.artefact import graph as graphs
from model_training.artefact.graph import Graph
from model_training.data.dataset import Dataset
from model_training.data.hazard_bins import (
    BIN_EDGES_HOURS,
    DAY,
    LATER_DAYS,
    N_HAZARDS,
    OTHER_WINDOWS,
    WINDOW_BINS,
    WINDOW_COLUMNS,
    any_within,
    ladder_of,
    outcome_within,
    outcomes_by_bin,
)
from model_training.features import Floats
from model_training.fitting.estimators.hazard import HazardEstimator, at_risk, log_time
from model_training.fitting.forecaster import Forecaster, Plan
from model_training.fitting.model import PreparedModel
from model_training.fitting.preparation.pipeline import Preparation
from model_training.fitting.preparation.statistics import WindowStatistics
from model_training.journal import Journal
from model_training.recipe.recipe import Recipe
from solar.errors import InvalidInputError
from solar.flares import EVENTS
from solar.time import Window, to_datetime
from solar.truth import Truth

UNKNOWN = np.nan
START = np.datetime64("2014-03-10T00:00:00", "us")


def fitted(X: Floats, y: Floats, **options: float) -> HazardEstimator:
    return HazardEstimator(**options).fit(X.astype(np.float32), y, journal=Journal())


def population(seed: int, *, n: int) -> tuple[Floats, Floats, Floats]:
    """Draw first flares from known hazards of one input: inputs, outcomes by bin, hazards."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 1))
    score = np.array([-3.0, -3.2, -2.8, -2.5, -2.7]) + 1.2 * x - 0.3 * x * log_time()
    hazard = 1 / (1 + np.exp(-score))
    return x, (rng.random(hazard.shape) < hazard).astype(float)[:, None], hazard


def test_two_bins_without_inputs_are_the_rates_of_the_rows_at_risk() -> None:
    # 2 of 8 rows flare in the first bin; of the 6 that did not, 3 flare in the second:
    # h = 1/4 and 1/2, and P(both) = 1 - 3/4 x 1/2 = 5/8. No row tells of the other bins.
    y = np.full((8, 1, 5), UNKNOWN)
    y[:, 0, 0] = [1, 1, 0, 0, 0, 0, 0, 0]
    y[:, 0, 1] = [1, 0, 1, 1, 1, 0, 0, 0]

    hazard = fitted(np.zeros((8, 1)), y).hazards(np.zeros((1, 1), np.float32))

    assert_allclose(hazard[0, :2], [1 / 4, 1 / 2], atol=1e-6)
    assert_allclose(any_within(hazard, slice(0, 2)), [5 / 8], atol=1e-6)


def test_a_row_leaves_the_risk_set_after_its_event_and_at_what_is_unknown() -> None:
    outcome = np.array([[0, 1, 0, 1, 0], [0, UNKNOWN, 0, 0, 0], [0, 0, 0, 0, UNKNOWN], [0] * 5])

    assert at_risk(outcome).tolist() == [
        [True, True, False, False, False],
        [True, False, False, False, False],
        [True, True, True, True, False],
        [True] * 5,
    ]


def test_what_follows_an_event_has_no_effect_on_the_fit() -> None:
    x, y, _ = population(1, n=500)
    after = np.where(at_risk(y), y, UNKNOWN)

    hazards, others = (fitted(x, outcome).hazards(x) for outcome in (y, after))

    assert_allclose(hazards[:, :N_HAZARDS], others[:, :N_HAZARDS], rtol=1e-9)


def test_a_later_day_counts_whatever_flared_before() -> None:
    # Half of the rows flare in every bin, the others in none: given a first flare on no earlier
    # day there is nothing to learn of day 2, and yet half of the rows flare then.
    x = np.repeat([[1.0], [-1.0]], 200, axis=0)
    y = np.repeat((x > 0).astype(float)[:, None], 5, axis=2)

    told = fitted(x, y, inverse_penalty=1e6).hazards(np.array([[1.0], [-1.0]], np.float32))

    day, *later = (any_within(told, WINDOW_COLUMNS[name]) for name in ("24h", *LATER_DAYS))
    for chance in later:
        assert_allclose(chance, [1, 0], atol=1e-3)
    assert_allclose(day, [1, 0], atol=1e-3)


def test_rows_of_another_source_teach_slopes_and_leave_the_rate_of_the_main_rows() -> None:
    x, y, hazard = population(8, n=6000)
    # The other source holds each event and one quiet row in ten.
    kept = y[:, 0, 0].astype(bool) | (np.random.default_rng(9).random(len(y)) < 0.1)
    both, outcome = np.concatenate([x, x[kept]]), np.concatenate([y, y[kept]])
    is_added = np.repeat([False, True], [len(x), kept.sum()])

    mixed, apart = (
        HazardEstimator()
        .fit(both.astype(np.float32), outcome, journal=Journal(), is_added=told)
        .hazards(x.astype(np.float32))[:, 0]
        for told in (None, is_added)
    )

    assert apart.mean() == pytest.approx(hazard[:, 0].mean(), rel=0.1)
    assert mixed.mean() > 1.3 * apart.mean()


def test_known_hazards_are_recovered_within_their_standard_errors() -> None:
    x, y, _ = population(2, n=8000)
    estimator = fitted(x, y, inverse_penalty=1e6)

    # Of the information matrix of the true model, computed apart for one design of all rows.
    row, _, place = np.nonzero(at_risk(y[..., :N_HAZARDS]))
    lag = x[row] * log_time()[place, None]
    design = np.hstack([np.eye(4)[place], x[row], lag])
    truth = np.array([-3.0, -3.2, -2.8, -2.5, 1.2, -0.3])
    p = 1 / (1 + np.exp(-design @ truth))
    errors = np.sqrt(np.diag(np.linalg.inv((design * (p * (1 - p))[:, None]).T @ design)))
    first = estimator.first_
    found = [*first.intercepts, *first.weights, *first.weights_in_time]

    assert np.abs((found - truth) / errors).max() < 3


def test_a_rare_event_takes_the_weights_that_it_shares_with_the_frequent_one() -> None:
    x, y, _ = population(3, n=4000)
    rare = y * (np.random.default_rng(4).random(len(y)) < 0.02)[:, None, None]
    both = np.concatenate([y, rare], axis=1)

    alone, shared = fitted(x, rare), fitted(x, both, place=1)

    assert abs(shared.first_.weights[0] - 1.2) < abs(alone.first_.weights[0] - 1.2)
    # As a step is not shrunk, as many rare events are expected as came.
    first = rare[:, 0, :N_HAZARDS]
    counted = at_risk(first)
    expected = shared.hazards(x)[:, :N_HAZARDS][counted].sum()
    assert expected == pytest.approx(first[counted].sum(), rel=1e-3)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_no_longer_window_and_no_more_frequent_event_is_less_likely(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(150, 2))
    flux = rng.exponential(0.1, size=(150, 1, 5)) * np.exp(x[:, :1, None])
    y = (flux > np.array([0.1, 0.3, 0.5])[:, None]).astype(float)
    inputs = (100 * rng.normal(size=(50, 2))).astype(np.float32)

    hazards = np.stack([fitted(x, y, place=place).hazards(inputs) for place in range(3)])
    windows = {name: any_within(hazards, columns) for name, columns in WINDOW_COLUMNS.items()}

    assert (np.diff(hazards, axis=0) <= 0).all()
    for shorter, longer in (("6h", "12h"), ("12h", "24h"), ("24h", "48h")):
        assert (windows[shorter] <= windows[longer] + 1e-12).all()
    for chance in windows.values():
        assert (np.diff(chance, axis=0) <= 1e-12).all()


def test_the_graph_has_the_day_first_and_then_every_other_window() -> None:
    x, y, _ = population(5, n=600)
    rare = y * (np.random.default_rng(6).random(len(y)) < 0.3)[:, None, None]
    models = tuple(
        PreparedModel(
            None,
            Preparation((WindowStatistics(("last",), 1),), reads_windows=False),
            fitted(x, outcome),
            None,
            0,
        )
        for outcome in (y, rare)
    )
    forecaster = Forecaster(Plan(("C1.0", "M1.0"), {}), models, {}, fitted_on=no_cases())
    inputs = x.astype(np.float32)

    answer = graphs.run(forecaster.to_onnx(steps=1, features=1), inputs)

    windows = inputs[:, None]
    hazards = forecaster.hazards(windows)
    assert_allclose(answer[:, :2], any_within(hazards, DAY), atol=1e-5)
    assert forecaster.targets[:3] == ("C1.0/6h", "M1.0/6h", "C1.0/12h")
    assert answer.shape == (600, 2 + 2 * len(OTHER_WINDOWS))
    for place, name in enumerate(OTHER_WINDOWS):
        columns = slice(2 + 2 * place, 4 + 2 * place)
        assert_allclose(answer[:, columns], any_within(hazards, WINDOW_COLUMNS[name]), atol=1e-5)
    assert_allclose(answer[:, 2:], forecaster.predict_windows(windows), atol=1e-5)


def no_cases() -> Dataset:
    nothing = np.zeros(0)
    return Dataset({}, nothing[:, None], nothing, nothing, {}, {})


def test_the_graph_of_one_event_is_its_chance_in_the_day() -> None:
    x, y, _ = population(7, n=400)
    estimator = fitted(x, y)
    far = np.array([[-1e6], [1e6]], np.float32)

    inputs = np.concatenate([x.astype(np.float32), far])

    expected = estimator.predict_proba(inputs)[:, 1]
    assert_allclose(drawn_probability(estimator, inputs), expected, atol=1e-5)
    graph = Graph(steps=1, features=1)
    row = graph.node("Squeeze", graph.windows, graph.constant([1]))
    hazards = graphs.run(graph.finish([estimator.hazards_to_onnx(graph, row)], 6), inputs)
    assert_allclose(hazards, estimator.hazards(inputs), atol=1e-6)


def test_rows_of_one_outcome_are_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"one outcome; change \[split\]"):
        fitted(np.zeros((4, 1)), np.zeros((4, 1, 5)))


def test_flares_fall_into_half_open_bins_and_those_of_nobody_make_a_bin_unknown() -> None:
    hours = np.array([0, 6, 30, 50, 200])
    flux = np.array([2e-6, 4e-5, 2e-6, 2e-5, 1e-7])
    truth = Truth(
        START + (hours * 3600e6).astype("timedelta64[us]"),
        flux,
        np.array([7, 7, 0, 7, 9]),
        [Window(to_datetime(START), to_datetime(START + np.timedelta64(200, "h")))],
    )

    found = outcomes_by_bin(np.array([7, 8]), np.array([START, START]), truth)

    assert_array_equal(found["C1.0"][0], [1, 1, 0, UNKNOWN, 1])
    assert_array_equal(found["C1.0"][1], [0, 0, 0, UNKNOWN, 0])
    assert_array_equal(found["M1.0"][0], [0, 1, 0, 0, 1])
    assert_array_equal(found["M3.0"][0], [0, 1, 0, 0, 0])
    assert not found["M5.0"].any()
    assert_array_equal(outcome_within(found["C1.0"], "12h"), [1, 0])
    assert_array_equal(outcome_within(found["C1.0"], "48h"), [UNKNOWN, UNKNOWN])
    assert_array_equal(outcome_within(found["C1.0"], "d3"), [1, 0])


def test_the_windows_are_made_of_whole_bins() -> None:
    limits = {
        name: (BIN_EDGES_HOURS[bins.start], BIN_EDGES_HOURS[bins.stop])
        for name, bins in WINDOW_BINS.items()
    }

    assert limits == {
        "6h": (0, 6),
        "12h": (0, 12),
        "24h": (0, 24),
        "48h": (0, 48),
        "d2": (24, 48),
        "d3": (48, 72),
    }


def test_the_rare_events_are_fitted_with_the_frequent_one() -> None:
    assert [ladder_of(event.name) for event in EVENTS] == [
        ("C1.0",),
        ("M1.0",),
        ("M1.0", "M3.0", "M5.0", "X1.0"),
        ("M1.0", "M3.0", "M5.0", "X1.0"),
    ]


def recipe_of(embargo_hours: float, **options: object) -> Recipe:
    split = {
        "kind": "chronological",
        "validate_from": "2013-06-01",
        "test_from": "2014-01-01",
        "embargo_hours": embargo_hours,
    }
    return Recipe.model_validate(
        {
            "name": "hazard",
            "version": "0.0.1",
            "description": "hazards",
            "seed": 1,
            "keywords": ["USFLUX"],
            "data": {"layout": "sharp", "rows": "rows.parquet"},
            "split": split,
            "estimator": {"kind": "hazard", **options},
        }
    )


def test_the_embargo_must_cover_the_72_hours_that_are_learned_from() -> None:
    assert recipe_of(72).horizon_hours == 72
    with pytest.raises(ValueError, match="embargo_hours must be at least 72"):
        recipe_of(71)


def test_balanced_classes_are_refused() -> None:
    with pytest.raises(ValueError, match="no class_weight and no augmentation"):
        recipe_of(72, class_weight="balanced")
