from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import pytest
from numpy.typing import NDArray

from model_training.analysis.synthetic_quality import (
    Cases,
    Quality,
    assess,
    discriminative_score,
    nearness,
    predictive_error,
)
from model_training.journal import Journal, Stop, StoppedError
from solar.errors import InvalidInputError

Windows = NDArray[np.float32]


def walks(n: int, *, seed: int, drift: float = 0.3) -> Windows:
    rng = np.random.default_rng(seed)
    steps = rng.normal(size=(n, 6, 2)) * 0.3 + drift
    return np.cumsum(steps, axis=1).astype(np.float32)


def cases(n: int, *, seed: int) -> Cases:
    windows = np.concatenate([walks(n, seed=seed), walks(3 * n, seed=seed + 50, drift=-0.1)])
    return Cases(windows, np.repeat([1.0, 0.0], [n, 3 * n]))


def assessed(synthetic: Windows, journal: Journal | None = None) -> Quality:
    return assess(
        synthetic, training=cases(60, seed=1), held_out=cases(60, seed=2), seed=0,
        journal=journal or Journal(), iterations=60,
    )  # fmt: skip


def test_windows_of_another_kind_are_told_apart_and_windows_of_the_same_kind_are_not() -> None:
    real = walks(150, seed=1)

    same, other = (
        discriminative_score(real, synthetic, seed=0, journal=Journal(), iterations=50)
        for synthetic in (walks(150, seed=2), walks(150, seed=2, drift=-0.3))
    )

    assert same == pytest.approx(0, abs=0.12)
    assert other == pytest.approx(0.5, abs=0.05)


def test_what_evolves_otherwise_teaches_less_about_the_next_step() -> None:
    real = walks(100, seed=3)

    own, other = (
        predictive_error(windows, real=real, seed=0, journal=Journal(), iterations=150)
        for windows in (walks(100, seed=1), -walks(100, seed=1))
    )

    assert own is not None
    assert other is not None
    assert own < 0.7 * other


def test_a_generator_that_copies_is_caught() -> None:
    training, held_out = walks(100, seed=1), walks(100, seed=2)

    copies = nearness(training + np.float32(1e-3), training=training, held_out=held_out)
    honest = nearness(walks(100, seed=3), training=training, held_out=held_out)

    assert copies is not None
    assert honest is not None
    assert copies.share_of_copies == 1.0
    assert copies.median == pytest.approx(1e-3, rel=1e-3)
    assert honest.share_of_copies <= 0.05
    assert honest.median == pytest.approx(honest.median_of_real, rel=0.2)


def test_half_copies_are_half_of_the_share() -> None:
    training, held_out = walks(100, seed=1), walks(100, seed=2)
    mixed = np.concatenate([training[:50], walks(50, seed=3) + 20])

    found = nearness(mixed, training=training, held_out=held_out)

    assert found is not None
    assert found.share_of_copies == 0.5


def test_the_distance_is_the_root_mean_square_of_the_differences() -> None:
    training = np.zeros((1, 2, 2), np.float32)
    window = np.array([[[3.0, 1.0], [1.0, 1.0]]], np.float32)

    found = nearness(window, training=training, held_out=window)

    # sqrt((9 + 1 + 1 + 1) / 4)
    assert found is not None
    assert found.median == pytest.approx(np.sqrt(3))


def test_events_like_the_real_ones_are_as_useful_as_the_real_ones() -> None:
    quality = assessed(walks(180, seed=4))

    trained, real = quality.trained_on_synthetic, quality.trained_on_real
    assert trained is not None
    assert real is not None
    assert real.tss is not None
    assert real.tss > 0.7
    assert trained.tss == pytest.approx(real.tss, abs=0.06)
    assert trained.bss == pytest.approx(real.bss, abs=0.06)


def test_events_like_the_non_events_are_of_no_use() -> None:
    quality = assessed(walks(180, seed=4, drift=-0.1))

    trained = quality.trained_on_synthetic
    assert trained is not None
    assert trained.bss is not None
    assert trained.bss < 0.1


def test_the_report_says_everything_in_json_and_the_same_every_time(tmp_path: Path) -> None:
    synthetic = walks(90, seed=4)

    first, again = assessed(synthetic, Journal(tmp_path)), assessed(synthetic)

    assert first == again
    report = orjson.loads(orjson.dumps(first.to_dict()))
    assert (report["n_synthetic"], report["n_events"], report["n_held_out_events"]) == (90, 60, 60)
    assert 0 <= report["discriminative_score"] <= 0.5
    assert report["predictive_error"] > 0
    assert report["nearness"]["share_of_copies"] <= 0.1
    assert [len(report["picture"][kind]) for kind in ("real", "synthetic")] == [60, 90]


def test_without_synthetic_or_held_out_events_nothing_is_said_of_them() -> None:
    training, nothing = cases(20, seed=1), Cases(walks(30, seed=2), np.zeros(30))

    quality = assess(
        walks(0, seed=3), training=training, held_out=nothing, seed=0, journal=Journal()
    )

    assert quality.discriminative_score is None
    assert quality.predictive_error is None
    assert quality.trained_on_synthetic is None
    assert quality.nearness is None
    assert quality.trained_on_real is not None
    assert quality.trained_on_real.tss is None
    assert quality.trained_on_real.bss is None


def test_a_judge_looks_at_the_stop() -> None:
    stop = Stop()
    stop.request()

    with pytest.raises(StoppedError):
        assessed(walks(20, seed=4), Journal(stop=stop))


def test_missing_values_are_refused() -> None:
    synthetic = walks(20, seed=4)
    synthetic[0, 0, 0] = np.nan

    with pytest.raises(InvalidInputError, match="1 of 20"):
        assessed(synthetic)
