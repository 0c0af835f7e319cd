from __future__ import annotations

import numpy as np
import pytest

from model_training.artefact import calibration
from model_training.artefact.calibration import KINDS, Calibration, Kind
from model_training.fitting import decisions
from solar.histogram import EDGES

RNG = np.random.default_rng(3)
TRUE = RNG.beta(1, 6, 4000)
OUTCOME = (RNG.random(4000) < TRUE).astype(float)
# An over-confident forecaster: the logit is doubled.
RAW = 1 / (1 + ((1 - TRUE) / TRUE) ** 2)
BLOCKS = np.arange(4000) // 400


def test_platt_halves_a_doubled_logit() -> None:
    slope, intercept = calibration.fit("platt", RAW, outcome=OUTCOME).parameters

    assert slope == pytest.approx(0.5, abs=0.05)
    assert intercept == pytest.approx(0, abs=0.15)


def test_a_platt_map_is_the_sigmoid_of_its_parameters() -> None:
    found = Calibration(kind="platt", parameters=(2.0, 0.0)).apply(np.array([0.5, 0.75]))

    # logit 0.75 = ln 3; sigmoid(2 ln 3) = 9/10
    assert found == pytest.approx([0.5, 0.9])


def test_isotonic_pools_what_is_out_of_order() -> None:
    found = calibration.fit(
        "isotonic", np.array([0.1, 0.2, 0.6]), outcome=np.array([1.0, 0.0, 1.0])
    )

    assert found.raw == pytest.approx((0.15, 0.6))
    assert found.calibrated == pytest.approx((0.5, 1.0))


@pytest.mark.parametrize("outcome", [[0, 0, 0, 1], [1, 0, 0, 0]])
def test_isotonic_gives_equal_forecasts_the_rate_of_their_rows(outcome: list[float]) -> None:
    forecast = np.full(4, 0.1)

    found = calibration.fit("isotonic", forecast, outcome=np.array(outcome))

    # One event in four rows, in whatever order they come.
    assert found.apply(forecast) == pytest.approx(0.25)


@pytest.mark.parametrize("kind", ["platt", "beta"])
def test_forecasts_that_fall_with_the_outcome_become_the_base_rate(kind: Kind) -> None:
    found = calibration.fit(kind, 1 - RAW, outcome=OUTCOME)

    assert found.apply(np.array([0.01, 0.5, 0.99])) == pytest.approx(OUTCOME.mean(), abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_every_map_is_monotone_and_passes_nan_on(kind: Kind) -> None:
    fitted = calibration.fit(kind, RAW, outcome=OUTCOME)

    found = fitted.apply(np.append(np.linspace(0, 1, 101), np.nan))

    assert np.isnan(found[-1])
    assert (np.diff(found[:-1]) >= 0).all()
    assert ((found[:-1] >= 0) & (found[:-1] <= 1)).all()


def test_the_choice_repairs_an_over_confident_forecaster() -> None:
    chosen = calibration.choose(RAW, OUTCOME, blocks=BLOCKS)

    assert chosen.kind != "identity"
    assert np.mean((chosen.apply(RAW) - OUTCOME) ** 2) < np.mean((RAW - OUTCOME) ** 2)


def test_a_cross_fitted_block_does_not_depend_on_its_own_outcomes() -> None:
    changed = OUTCOME.copy()
    changed[BLOCKS == 4] = 1 - changed[BLOCKS == 4]

    one = calibration.cross_fitted("platt", RAW, outcome=OUTCOME, blocks=BLOCKS)
    other = calibration.cross_fitted("platt", RAW, outcome=changed, blocks=BLOCKS)

    assert np.array_equal(one[BLOCKS == 4], other[BLOCKS == 4])
    assert not np.array_equal(one[BLOCKS == 5], other[BLOCKS == 5])


def test_a_map_survives_json() -> None:
    fitted = calibration.fit("isotonic", RAW, outcome=OUTCOME)

    assert Calibration.model_validate_json(fitted.model_dump_json()) == fitted


def test_the_threshold_parts_events_from_the_rest_at_an_edge_of_the_bins() -> None:
    found = decisions.choose_threshold(
        np.array([0.01, 0.05, 0.30, 0.60]), np.array([0.0, 0.0, 1.0, 1.0]), score="tss"
    )

    # Every edge above 0.05 and up to 0.30 is perfect; the middle one is taken.
    assert found in EDGES
    assert 0.05 < found <= 0.30


def test_a_case_without_a_forecast_does_not_move_the_threshold() -> None:
    probability = np.array([0.01, 0.05, 0.30, 0.60, np.nan, np.nan])
    outcome = np.array([0.0, 0.0, 1.0, 1.0, 1.0, 0.0])

    with_gaps, without = (
        decisions.choose_threshold(probability[:n], outcome[:n], score="tss", span=0.05)
        for n in (6, 4)
    )

    assert with_gaps == without


def test_tss_and_hss2_weigh_false_alarms_differently() -> None:
    probability = np.repeat([0.1, 0.4], [95, 5])
    outcome = np.zeros(100)
    outcome[[0, 95, 96]] = 1
    many = np.concatenate([probability, np.full(20, 0.2)])
    truth = np.concatenate([outcome, np.repeat([1.0, 0.0], [2, 18])])

    assert decisions.choose_threshold(many, truth, score="tss") < decisions.choose_threshold(
        many, truth, score="hss2"
    )


def test_a_span_passes_over_a_lucky_peak() -> None:
    # 1000 cases on an even ladder of probability; half of those above 0.6 are events, and one
    # lucky event at 0.05 lifts no neighbour.
    probability = np.linspace(0.001, 0.999, 1000)
    outcome = ((np.arange(1000) % 2 == 0) & (probability > 0.6)).astype(float)
    outcome[50] = 1.0

    found = decisions.choose_threshold(probability, outcome, score="tss", span=0.05)

    assert found == pytest.approx(0.6, abs=0.05)


def test_a_wide_and_level_top_is_met_in_its_middle() -> None:
    # No case lies between 0.2 and 0.8, where every threshold parts the two classes.
    probability = np.concatenate([np.linspace(0.01, 0.2, 500), np.linspace(0.8, 0.99, 500)])

    found = decisions.choose_threshold(
        probability, (probability > 0.5).astype(float), score="tss", span=0.02
    )

    assert 0.2 <= found <= 0.8
