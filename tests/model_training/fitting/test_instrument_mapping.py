from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model_training.data import loading
from model_training.data.dataset import TRAINING_ONLY
from model_training.data.split import split
from model_training.fitting.training_cases import map_instrument
from model_training.recipe.data import M24Config
from model_training.recipe.split import FoldsConfig

POOLED = M24Config(
    layout="m24", folder="training/m24_96min", pooled="smarp", pooled_weight=0.25
)  # fmt: skip


def test_pooled_cases_take_the_mean_and_deviation_of_the_own_ones() -> None:
    rng = np.random.default_rng(0)
    own = np.exp(rng.normal(50, 1.0, (400, 1, 1)))
    pooled = np.exp(rng.normal(46, 0.5, (300, 1, 1)))
    windows = np.concatenate([own, pooled]).astype(np.float32)
    is_target = np.arange(700) < 400

    moved = map_instrument(windows, is_target, np.array([True]))

    logs = np.arcsinh(moved.astype(float)[:, 0, 0] / np.quantile(own, 0.1))
    assert logs[~is_target].mean() == pytest.approx(logs[is_target].mean(), abs=1e-3)
    assert logs[~is_target].std() == pytest.approx(logs[is_target].std(), abs=1e-3)
    assert np.array_equal(moved[is_target], windows[is_target])


def test_nothing_and_missing_stay_what_they_are() -> None:
    windows = np.array([[[4.0]], [[8.0]], [[0.0]], [[np.nan]], [[2.0]], [[3.0]]], np.float32)
    is_target = np.array([True, True, False, False, False, False])

    moved = map_instrument(windows, is_target, np.array([True]))

    assert moved[2, 0, 0] == 0
    assert np.isnan(moved[3, 0, 0])
    assert moved[4, 0, 0] < moved[5, 0, 0]


def test_what_the_instrument_does_not_measure_is_not_moved() -> None:
    windows = np.arange(8, dtype=np.float32).reshape(4, 1, 2)

    moved = map_instrument(windows, np.array([True, True, False, False]), np.array([True, False]))

    assert np.array_equal(moved[..., 1], windows[..., 1])


def test_cases_of_another_instrument_are_trained_on_and_never_judged(shared_data: Path) -> None:
    dataset = loading.load(POOLED, shared_data)

    parts = split(dataset, FoldsConfig(kind="folds", test_fold=0))

    assert set(np.unique(dataset.fold).tolist()) == {TRAINING_ONLY, 0, 1, 2, 3}
    assert parts.test.is_scored.all()
    assert parts.validation.is_scored.all()
    for part in (parts.train, *(fold.train for fold in parts.folds)):
        assert np.count_nonzero(~part.is_scored) == np.count_nonzero(~dataset.is_scored)
    assert dataset.weight is not None
    assert np.unique(dataset.weight[~dataset.is_scored]).tolist() == [0.25]


def test_regions_of_the_two_instruments_share_no_number(shared_data: Path) -> None:
    dataset = loading.load(POOLED, shared_data)

    assert dataset.region_id[dataset.is_scored].min() > 0
    assert dataset.region_id[~dataset.is_scored].max() < 0


def test_every_file_of_both_instruments_is_named(shared_data: Path) -> None:
    files = loading.files_of(POOLED, shared_data)

    assert "training/m24_96min/sharp_0.parquet" in files
    assert "training/m24_96min/smarp_4.parquet" in files


def test_a_constant_of_the_other_instrument_takes_the_own_mean() -> None:
    windows = np.array([2.0, 2.0, 9.0, 9.0], np.float32)[:, None, None]

    moved = map_instrument(windows, np.array([True, True, False, False]), np.array([True]))

    assert moved.ravel() == pytest.approx([2, 2, 2, 2])


@pytest.mark.parametrize("own", [np.nan, 0.0])
def test_without_own_values_there_is_no_scale_to_move_to(own: float) -> None:
    windows = np.array([own, np.nan, 5.0, 0.0], np.float32)[:, None, None]

    moved = map_instrument(windows, np.array([True, True, False, False]), np.array([True]))

    assert np.isnan(moved[2, 0, 0])
    assert moved[3, 0, 0] == 0
