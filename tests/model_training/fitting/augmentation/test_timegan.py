from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import numpy as np
import orjson
import pytest
import torch
from numpy.typing import NDArray

from model_training.fitting.augmentation import timegan_training
from model_training.fitting.augmentation.timegan import generate
from model_training.fitting.augmentation.timegan_networks import TimeGan
from model_training.fitting.augmentation.timegan_training import Training
from model_training.journal import EVENTS, Journal, Stop, StoppedError, stopping_on_signals
from model_training.recipe.estimators import TimeGanConfig
from solar.errors import InvalidInputError

Windows = NDArray[np.float32]


def sines(n: int, *, seed: int = 0) -> Windows:
    rng = np.random.default_rng(seed)
    pace, phase = rng.uniform(0.3, 0.6, (n, 1, 2)), rng.uniform(-np.pi, np.pi, (n, 1, 2))
    steps = np.arange(10)[None, :, None]
    return (5 + 3 * np.sin(pace * steps + phase)).astype(np.float32)


def config(iterations: int, *, hidden: int = 6, learning_rate: float = 1e-3) -> TimeGanConfig:
    return TimeGanConfig(
        kind="timegan", batch=16, iterations=iterations, layers=1, hidden=hidden,
        learning_rate=learning_rate,
    )  # fmt: skip


def made(windows: Windows, iterations: int, journal: Journal, *, seed: int = 1) -> Windows:
    return generate(windows, count=20, config=config(iterations), seed=seed, journal=journal)


def test_as_many_windows_as_asked_for_are_made_within_the_range_of_the_real_ones() -> None:
    real = sines(30)

    synthetic = made(real, 2, Journal())

    assert synthetic.shape == (20, 10, 2)
    assert synthetic.dtype == np.float32
    assert synthetic.min() >= real.min() - 1e-5
    assert synthetic.max() <= real.max() + 1e-5


def test_the_same_seed_makes_the_same_windows_and_another_does_not() -> None:
    real = sines(30)

    first, again, other = (made(real, 3, Journal(), seed=seed) for seed in (1, 1, 2))

    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


def test_training_leaves_the_global_source_of_random_numbers_alone() -> None:
    before = torch.get_rng_state()

    made(sines(30), 2, Journal())

    assert torch.equal(torch.get_rng_state(), before)


def test_training_brings_the_spread_of_every_step_to_that_of_real_windows() -> None:
    real = sines(100)

    def apart(iterations: int) -> float:
        options = config(iterations, hidden=10, learning_rate=5e-3)
        synthetic = generate(real, count=100, config=options, seed=1, journal=Journal())
        return float(np.abs(synthetic.std(axis=0) - real.std(axis=0)).mean())

    assert apart(60) < 0.2 * apart(1)


def test_a_feature_that_never_changes_is_made_as_it_is() -> None:
    real = sines(30)
    real[:, :, 1] = 7.0

    synthetic = made(real, 2, Journal())

    assert (synthetic[:, :, 1] == 7.0).all()


# In the first phase, between two phases, and in the last of three phases of 4 iterations.
@pytest.mark.parametrize("iterations_done", [2, 4, 11])
def test_a_training_that_is_resumed_ends_like_one_that_was_never_stopped(
    tmp_path: Path, iterations_done: int
) -> None:
    real = sines(30)
    # From 0 to 1 already, so that the scaling inside changes nothing.
    real = (real - real.min(axis=(0, 1))) / np.ptp(real, axis=(0, 1))
    stopped = Training(torch.from_numpy(real), config=config(4), seed=1)
    for _ in range(iterations_done):
        stopped.step()
    timegan_training.save(stopped, Journal(tmp_path).within("timegan"))

    resumed = made(real, 4, Journal(tmp_path, resumes=True))

    assert resumed.tobytes() == made(real, 4, Journal()).tobytes()
    told = [orjson.loads(line) for line in (tmp_path / EVENTS).read_bytes().splitlines()]
    assert sum(event["event"] == "iteration" for event in told) == 12 - iterations_done


def test_a_signal_in_the_middle_stops_the_training_with_a_checkpoint(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM))

    with stopping_on_signals(journal.stop):
        timer.start()
        with pytest.raises(StoppedError, match="run it again with --resume"):
            made(sines(30), 50_000, journal)

    (path,) = (tmp_path / "checkpoints").iterdir()
    told = [orjson.loads(line) for line in (tmp_path / EVENTS).read_bytes().splitlines()]
    assert [event["event"] for event in told[-2:]] == ["checkpoint", "stopped"]
    assert torch.load(path, weights_only=True)["done"] == told[-2]["step"]


def test_a_stop_before_the_first_iteration_keeps_a_checkpoint_too(tmp_path: Path) -> None:
    stop = Stop()
    stop.request()

    with pytest.raises(StoppedError, match="after 0 of 4 iterations of its embedding phase"):
        made(sines(30), 4, Journal(tmp_path, stop=stop))

    (path,) = (tmp_path / "checkpoints").iterdir()
    state = torch.load(path, weights_only=True)
    assert (state["phase"], state["done"]) == (0, 0)


def test_a_finished_training_that_is_resumed_is_not_done_again(tmp_path: Path) -> None:
    real = sines(30)
    first = made(real, 3, Journal(tmp_path))
    lines = len((tmp_path / EVENTS).read_bytes().splitlines())

    again = made(real, 3, Journal(tmp_path, resumes=True))

    assert again.tobytes() == first.tobytes()
    events = [orjson.loads(line) for line in (tmp_path / EVENTS).read_bytes().splitlines()]
    assert [event["event"] for event in events[lines:]] == ["resumed", "checkpoint"]


def test_a_checkpoint_of_other_windows_is_left_alone(tmp_path: Path) -> None:
    made(sines(30), 3, Journal(tmp_path))

    other = made(sines(30, seed=9), 3, Journal(tmp_path, resumes=True))

    assert other.tobytes() == made(sines(30, seed=9), 3, Journal()).tobytes()


def test_every_iteration_of_the_three_phases_is_told_with_its_losses(tmp_path: Path) -> None:
    made(sines(30), 2, Journal(tmp_path, ("fold 0",)))

    events = [orjson.loads(line) for line in (tmp_path / EVENTS).read_bytes().splitlines()]
    told = [event for event in events if event["event"] == "iteration"]
    assert [event["place"] for event in told] == [
        f"fold 0/timegan/{phase}" for phase in ("embedding", "supervised", "joint") for _ in "ab"
    ]
    assert told[-1].keys() >= {"generator_loss", "embedding_loss", "discriminator_loss"}
    assert told[-1]["eta_seconds"] == 0


def test_the_discriminator_looks_both_ways_and_the_generator_only_back() -> None:
    networks = TimeGan(2, config(1))
    early, late = torch.zeros(1, 5, 2), torch.zeros(1, 5, 2)
    late[0, -1] = 1.0

    latents = [networks.generate(noise) for noise in (early, late)]
    judged = [networks.discriminate(latent) for latent in latents]

    assert torch.equal(latents[0][:, :-1], latents[1][:, :-1])
    assert not torch.equal(judged[0][:, 0], judged[1][:, 0])


def test_windows_of_one_step_are_refused_with_the_advice_to_use_smote() -> None:
    with pytest.raises(InvalidInputError, match="choose SMOTE"):
        made(np.zeros((30, 1, 2), np.float32), 2, Journal())


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_windows_are_refused(n: int) -> None:
    with pytest.raises(InvalidInputError, match=f"cannot learn from {n} events"):
        made(sines(n), 2, Journal())


def test_windows_with_missing_values_are_refused() -> None:
    real = sines(30)
    real[3, 4, 1] = np.nan

    with pytest.raises(InvalidInputError, match="1 of 30 training rows have missing values"):
        made(real, 2, Journal())
