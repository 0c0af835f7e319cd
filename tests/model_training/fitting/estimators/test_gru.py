from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import torch
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

from model_training.artefact.graph import Graph, run
from model_training.features import Floats
from model_training.fitting.estimators.gru import GruEstimator
from model_training.fitting.estimators.gru_network import GruNetwork
from model_training.journal import FoldSkill, Journal, Stop, StoppedError
from solar.errors import InvalidInputError

SMALL: dict[str, Any] = {"layers": 2, "hidden": 8, "dropout": 0.2, "epochs": 4, "batch": 32}


def ramps(n: int = 600, *, steps: int = 6, seed: int = 1) -> tuple[np.ndarray, Floats]:
    """Make windows that rise or fall to the same last value; the rising ones flare."""
    rng = np.random.default_rng(seed)
    rises = rng.random(n) < 0.5
    slope = np.where(rises, 1.0, -1.0)[:, None] * np.linspace(-1, 0, steps)
    windows = np.stack([slope, np.zeros_like(slope)], axis=2)
    noise = rng.normal(0, 0.3, windows.shape)
    noise[:, -1] = rng.normal(0, 1, noise[:, -1].shape)
    return (windows + noise).astype(np.float32), rises.astype(float)


def weights_of(estimator: GruEstimator) -> bytes:
    state = estimator.network_.state_dict()
    return b"".join(value.numpy().tobytes() for value in state.values())


def events_in(folder: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in (folder / "events.jsonl").read_bytes().splitlines()]


class StopAfter(Stop):
    """A stop that is asked for when it has been looked at a number of times."""

    def __init__(self, looks: int) -> None:
        self._looks = looks

    @property
    def is_requested(self) -> bool:
        self._looks -= 1
        return self._looks < 0


def test_the_order_of_the_steps_tells_what_the_last_value_does_not() -> None:
    windows, outcome = ramps()
    unseen, truth = ramps(seed=2)

    estimator = GruEstimator(**SMALL | {"epochs": 5, "learning_rate": 0.03})
    estimator.fit(windows, outcome, journal=Journal())

    assert roc_auc_score(truth, estimator.predict_proba(unseen)[:, 1]) > 0.9
    assert abs(roc_auc_score(truth, unseen[:, -1, 0]) - 0.5) < 0.05


def test_probabilities_of_both_classes_add_up_to_one() -> None:
    windows, outcome = ramps(100)

    probability = (
        GruEstimator(**SMALL).fit(windows, outcome, journal=Journal()).predict_proba(windows)
    )

    assert probability.dtype == np.float64
    assert probability.shape == (100, 2)
    np.testing.assert_allclose(probability.sum(axis=1), 1)


def test_no_rows_have_no_probabilities() -> None:
    windows, outcome = ramps(100)
    estimator = GruEstimator(**SMALL).fit(windows, outcome, journal=Journal())

    assert estimator.predict_proba(windows[:0]).shape == (0, 2)


def test_the_learning_curve_falls() -> None:
    windows, outcome = ramps()

    estimator = GruEstimator(**SMALL | {"learning_rate": 0.01}).fit(
        windows, outcome, journal=Journal()
    )

    losses = [line["loss"] for line in estimator.history_]
    assert [line["epoch"] for line in estimator.history_] == [1, 2, 3, 4]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_either_optimizer_lowers_the_loss(optimizer: str) -> None:
    windows, outcome = ramps()
    options = SMALL | {"learning_rate": 0.05, "optimizer": optimizer}

    estimator = GruEstimator(**options).fit(windows, outcome, journal=Journal())

    assert estimator.history_[-1]["loss"] < estimator.history_[0]["loss"]


def test_weight_decay_shrinks_the_weights() -> None:
    windows, outcome = ramps(200)

    free, held = (
        GruEstimator(**SMALL | {"weight_decay": decay}).fit(windows, outcome, journal=Journal())
        for decay in (0.0, 1.0)
    )

    assert held.network_.head.weight.norm() < free.network_.head.weight.norm()


def test_heavier_events_raise_the_forecast() -> None:
    windows, outcome = ramps(200)
    options = SMALL | {"epochs": 10}

    plain = GruEstimator(**options).fit(windows, outcome, journal=Journal())
    heavy = GruEstimator(**options).fit(windows, outcome, 1 + 9 * outcome, journal=Journal())

    assert heavy.predict_proba(windows)[:, 1].mean() > plain.predict_proba(windows)[:, 1].mean()


def test_only_the_ratio_of_the_weights_matters() -> None:
    windows, outcome = ramps(100)

    fits = [
        GruEstimator(**SMALL).fit(windows, outcome, scale * (1 + outcome), journal=Journal())
        for scale in (1.0, 4.0)
    ]

    assert weights_of(fits[0]) == weights_of(fits[1])


def test_it_stops_early_and_keeps_the_best_epoch() -> None:
    windows, _ = ramps(200)
    noise = (np.random.default_rng(3).random(200) < 0.5).astype(float)
    options = SMALL | {"epochs": 200, "patience": 3, "learning_rate": 0.02, "hidden": 16}

    estimator = GruEstimator(**options).fit(windows, noise, journal=Journal())

    held_out = [line["held_out_loss"] for line in estimator.history_]
    best = int(np.argmin(held_out))
    # 15 % of 200 rows are the last 30.
    event = estimator.predict_proba(windows[170:])[:, 1]
    truth = noise[170:]
    kept = -np.mean(truth * np.log(event) + (1 - truth) * np.log(1 - event))
    assert len(held_out) == best + 1 + 3 < 200
    assert kept == pytest.approx(held_out[best], abs=1e-5)


def test_the_same_seed_gives_the_same_weights_and_another_does_not() -> None:
    windows, outcome = ramps(100)

    first, second, other = (
        GruEstimator(**SMALL, seed=seed).fit(windows, outcome, journal=Journal())
        for seed in (7, 7, 8)
    )

    assert weights_of(first) == weights_of(second)
    assert weights_of(first) != weights_of(other)


def test_the_random_state_and_the_threads_of_the_process_stay_as_they_were() -> None:
    windows, outcome = ramps(100)
    before = (torch.get_rng_state(), torch.get_num_threads())

    GruEstimator(**SMALL).fit(windows, outcome, journal=Journal()).predict_proba(windows)

    assert torch.equal(torch.get_rng_state(), before[0])
    assert torch.get_num_threads() == before[1]


# 100 rows in batches of 32 are 4 batches an epoch: a stop within, at the end of and after one.
@pytest.mark.parametrize("batches", [0, 1, 3, 6])
@pytest.mark.parametrize("patience", [0, 2])
def test_a_resumed_fit_ends_with_the_weights_of_an_uninterrupted_one(
    tmp_path: Path, batches: int, patience: int
) -> None:
    windows, outcome = ramps(100)
    options = SMALL | {"patience": patience}
    uninterrupted = GruEstimator(**options).fit(windows, outcome, journal=Journal())
    stopped = Journal(tmp_path, stop=StopAfter(batches))
    with pytest.raises(StoppedError, match="--resume"):
        GruEstimator(**options).fit(windows, outcome, journal=stopped)

    resumed = GruEstimator(**options).fit(windows, outcome, journal=Journal(tmp_path, resumes=True))

    assert weights_of(resumed) == weights_of(uninterrupted)
    assert resumed.history_ == uninterrupted.history_


def test_a_finished_fit_is_taken_from_its_checkpoint_at_once(tmp_path: Path) -> None:
    windows, outcome = ramps(100)
    options = SMALL | {"patience": 1}
    first = GruEstimator(**options).fit(windows, outcome, journal=Journal(tmp_path))

    # A stop at the first batch would show that it trains.
    journal = Journal(tmp_path, resumes=True, stop=StopAfter(0))
    again = GruEstimator(**options).fit(windows, outcome, journal=journal)

    assert weights_of(again) == weights_of(first)
    assert again.history_ == first.history_


def test_a_checkpoint_of_other_rows_or_options_is_refused(tmp_path: Path) -> None:
    windows, outcome = ramps(100)
    GruEstimator(**SMALL).fit(windows, outcome, journal=Journal(tmp_path))
    journal = Journal(tmp_path, resumes=True)

    with pytest.raises(InvalidInputError, match="without --resume"):
        GruEstimator(**SMALL).fit(windows, 1 - outcome, journal=journal)
    with pytest.raises(InvalidInputError, match="without --resume"):
        GruEstimator(**SMALL | {"epochs": 9}).fit(windows, outcome, journal=journal)


def test_every_epoch_is_told_to_the_journal(tmp_path: Path) -> None:
    windows, outcome = ramps(100)

    GruEstimator(**SMALL | {"patience": 4}).fit(windows, outcome, journal=Journal(tmp_path))

    events = events_in(tmp_path)
    assert [event["step"] for event in events] == [1, 2, 3, 4]
    assert all({"loss", "held_out_loss", "eta_seconds"} <= event.keys() for event in events)


@pytest.mark.parametrize("patience", [0, 2])
def test_telling_the_skill_on_held_out_cases_changes_no_weight(
    patience: int, tmp_path: Path
) -> None:
    windows, outcome = ramps(100)
    unseen, truth = ramps(20, seed=2)
    options = SMALL | {"patience": patience, "dropout": 0.5}

    alone = GruEstimator(**options).fit(windows, outcome, journal=Journal(tmp_path / "alone"))
    told = GruEstimator(**options).fit(
        windows,
        outcome,
        journal=Journal(tmp_path, fold_skill=FoldSkill(lambda: unseen, truth)),
    )

    assert weights_of(told) == weights_of(alone)
    assert told.history_ == alone.history_
    skills = [event["bss"] for event in events_in(tmp_path)]
    brier = np.mean((told.predict_proba(unseen)[:, 1] - truth) ** 2)
    expected = 1 - brier / (truth.mean() * (1 - truth.mean()))
    assert skills[
        int(np.argmin([line["held_out_loss"] for line in told.history_])) if patience else -1
    ] == pytest.approx(expected)


def test_the_skill_on_many_held_out_cases_is_told_seldom_and_at_the_end(tmp_path: Path) -> None:
    windows, outcome = ramps(100)
    unseen, truth = ramps(60, seed=2)
    journal = Journal(tmp_path, fold_skill=FoldSkill(lambda: unseen, truth))

    GruEstimator(**SMALL | {"epochs": 5}).fit(windows, outcome, journal=journal)

    # 30 cases would take a tenth of the time of 100 rows.
    assert [event["step"] for event in events_in(tmp_path) if "bss" in event] == [2, 4, 5]


def test_held_out_cases_of_one_outcome_have_no_skill(tmp_path: Path) -> None:
    windows, outcome = ramps(100)
    journal = Journal(tmp_path, fold_skill=FoldSkill(lambda: windows[:9], np.zeros(9)))

    GruEstimator(**SMALL).fit(windows, outcome, journal=journal)

    assert [event["bss"] for event in events_in(tmp_path)] == [None] * 4


def test_a_fit_whose_loss_is_no_number_says_what_to_change() -> None:
    windows, outcome = ramps(100)
    windows[0, 0, 0] = np.inf

    with pytest.raises(InvalidInputError, match="lower learning_rate"):
        GruEstimator(**SMALL).fit(windows, outcome, journal=Journal())


@pytest.mark.parametrize(
    ("steps", "features", "layers", "hidden"),
    [(1, 3, 1, 5), (2, 1, 2, 1), (7, 5, 3, 9), (60, 24, 2, 33)],
)
def test_the_drawing_computes_the_same(steps: int, features: int, layers: int, hidden: int) -> None:
    rng = np.random.default_rng(5)
    windows = rng.normal(0, 2, (50, steps, features)).astype(np.float32)
    estimator = GruEstimator(layers=layers, hidden=hidden, epochs=2, learning_rate=0.1)
    estimator.fit(windows, (windows[:, -1, 0] > 0).astype(float), journal=Journal())
    graph = Graph(steps=steps, features=features)

    model = graph.finish([estimator.to_onnx(graph, graph.windows)])

    computed = run(model, windows[:, 0] if steps == 1 else windows)
    expected = estimator.predict_proba(windows)[:, 1:]
    assert np.ptp(expected) > 1e-3
    np.testing.assert_allclose(computed, expected, atol=1e-5)


def test_dropout_acts_after_every_layer_in_training_alone() -> None:
    network = GruNetwork(3, layers=2, hidden=50, dropout=0.5)
    windows = torch.ones(1, 4, 3)

    trained = {float(network.train()(windows).detach()) for _ in range(5)}
    served = {float(network.eval()(windows).detach()) for _ in range(5)}

    assert len(trained) == 5
    assert len(served) == 1


def test_a_clone_has_the_same_options() -> None:
    estimator = GruEstimator(**SMALL, optimizer="sgd", seed=4)

    assert clone(estimator).get_params() == estimator.get_params()
