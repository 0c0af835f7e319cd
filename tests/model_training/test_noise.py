"""What cannot be forecast is forecast without skill, however the pipeline is set up.

The three traps are those in which published pipelines report high skill on noise: SMOTE before the
split, overlapping windows of one region on both sides, and labels that have nothing to do with X.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from imblearn.over_sampling import SMOTE
from sklearn.svm import SVC

from model_training.data import leak_audit, loading
from model_training.data.dataset import Dataset
from model_training.data.split import Split, split
from model_training.journal import Journal
from model_training.judging import noise_test
from model_training.recipe.recipe import Recipe
from model_training.training import train
from solar.contingency import Contingency
from solar.errors import InvalidInputError

STEPS, FEATURES = 60, ("A", "B", "C", "D", "E", "F")
STATISTICS = ("mean", "std", "weighted-mean", "first", "max", "min")


def write(folder: Path, windows: np.ndarray, label: np.ndarray, region: np.ndarray) -> None:
    """Save cases six hours apart, with regions in the order of time."""
    at = np.datetime64("2012-01-01") + 6 * np.arange(len(label)) * np.timedelta64(1, "h")
    np.savez(folder / "noise.npz", windows=windows, label=label, region=region, at=at)


def recipe(estimator: dict[str, Any], *, test_group: int, features: int = 6) -> Recipe:
    return Recipe.model_validate(
        {
            "name": "noise",
            "version": "0.0.1",
            "description": "noise",
            "seed": 3,
            "keywords": FEATURES[:features],
            "events": ["M1.0"],
            "min_events_train": 5,
            "min_events_validation": 5,
            "data": {
                "layout": "windows", "file": "noise.npz", "windows": "windows",
                "axes": ["cases", "features", "steps"], "cadence_hours": 0.2,
                "features": [{"name": name, "unit": "none"} for name in FEATURES[:features]],
                "labels": {"M1.0": "label"}, "region": "region", "time": "at",
            },
            "window": {"steps": STEPS, "cadence_hours": 0.2},
            "split": {
                "kind": "blocks", "groups": 4, "test_group": test_group, "block_days": 14,
                "embargo_hours": 36,
            },
            "estimator": estimator,
        }
    )  # fmt: skip


def mean_tss(folder: Path, estimator: dict[str, Any], *, features: int = 6) -> float:
    found = []
    for group in range(4):
        trained = train(recipe(estimator, test_group=group, features=features), folder)
        found.append(trained.manifest.scores["test"]["model"]["M1.0"].scores["tss"].value)
    return float(np.mean([value for value in found if value is not None]))


def parts_of(folder: Path) -> tuple[Recipe, Split, Dataset]:
    one = recipe({"kind": "logistic-regression"}, test_group=0)
    dataset = loading.load(one.data, folder, window=one.window)
    return one, split(dataset, one.split, seed=one.seed), dataset


@pytest.fixture
def random_labels(tmp_path: Path) -> Path:
    rng = np.random.default_rng(11)
    windows = rng.normal(size=(1000, 6, STEPS)).astype(np.float32)
    label = (rng.random(1000) < 0.1).astype(float)
    write(tmp_path, windows, label, np.arange(1000))
    return tmp_path


@pytest.fixture
def overlapping(tmp_path: Path) -> Path:
    """100 regions of 20 windows that slide by 5 of 60 steps; the label belongs to the region."""
    rng = np.random.default_rng(12)
    series = rng.normal(size=(100, 6, STEPS + 5 * 19)).cumsum(axis=2)
    windows = np.stack([series[:, :, 5 * k : 5 * k + STEPS] for k in range(20)], axis=1)
    label = np.repeat(rng.random(100) < 0.4, 20).astype(float)
    write(
        tmp_path, windows.reshape(2000, 6, STEPS).astype(np.float32), label,
        np.repeat(np.arange(100), 20),
    )  # fmt: skip
    return tmp_path


def test_random_labels_are_forecast_without_skill(random_labels: Path) -> None:
    found = mean_tss(random_labels, {"kind": "logistic-regression"})

    # About 70 events in all: chance alone gives a deviation near 0.06.
    assert abs(found) < 0.18


def test_smote_inside_training_gives_noise_no_skill(random_labels: Path) -> None:
    found = mean_tss(
        random_labels,
        {
            "kind": "svm",
            "preparation": {"scaling": "z-score", "statistics": STATISTICS},
            "augmentation": {"kind": "smote", "neighbours": 5},
        },
    )

    assert abs(found) < 0.18


def test_smote_before_the_split_would_have_found_skill_in_the_same_noise(
    random_labels: Path,
) -> None:
    with np.load(random_labels / "noise.npz") as file:
        rows, label = file["windows"].reshape(1000, -1), file["label"]
    rows, label = SMOTE(random_state=0).fit_resample(rows, label)
    order = np.random.default_rng(0).permutation(len(label))
    fit, test = np.split(order, [int(0.8 * len(order))])

    said = SVC().fit(rows[fit], label[fit]).predict(rows[test])

    # The handbook of the trap reports 1.000 with 5 % events.
    tss = Contingency.from_forecasts(label[test] == 1, said == 1).scores()["tss"]
    assert tss is not None
    assert tss > 0.9


def test_overlapping_windows_give_labels_of_regions_no_skill(overlapping: Path) -> None:
    found = mean_tss(overlapping, {"kind": "gradient-boosting", "rows_per_leaf": 5})

    # 100 regions, 40 of them with the label: chance gives a deviation near 0.1.
    assert abs(found) < 0.3


def test_rows_of_overlapping_windows_would_have_found_skill_in_the_same_labels(
    overlapping: Path,
) -> None:
    with np.load(overlapping / "noise.npz") as file:
        rows, label = file["windows"][:, :, ::6].reshape(2000, -1), file["label"]
    order = np.random.default_rng(0).permutation(len(label))
    fit, test = np.split(order, [1600])

    said = SVC(C=100).fit(rows[fit], label[fit]).predict(rows[test])

    tss = Contingency.from_forecasts(label[test] == 1, said == 1).scores()["tss"]
    assert tss is not None
    assert tss > 0.8


def split_by_rows(parts: Split, dataset: Dataset) -> Split:
    is_test = np.random.default_rng(0).random(len(dataset)) < 0.2
    train, test = dataset.take(~is_test), dataset.take(is_test)
    return Split(train, test, parts.folds, None, 0, by_time=True)


def test_the_audit_refuses_a_split_by_rows_of_overlapping_windows(overlapping: Path) -> None:
    one, parts, dataset = parts_of(overlapping)
    shuffled = split_by_rows(parts, dataset)

    found = leak_audit.audit(
        one, shuffled, dataset=dataset, fitted_on=shuffled.train,
        calibrated_on=shuffled.validation,
    )  # fmt: skip

    failed = {check.name for check in found.checks if not check.passed}
    assert "no region is in train and test" in failed
    assert "36 h lie between the windows of train and test" in failed


def test_the_noise_test_finds_skill_in_exchanged_outcomes_where_rows_were_split(
    overlapping: Path,
) -> None:
    _, parts, dataset = parts_of(overlapping)
    trees = recipe({"kind": "gradient-boosting", "rows_per_leaf": 5}, test_group=0)

    trials = noise_test.run(trees, split_by_rows(parts, dataset), journal=Journal())

    assert [trial.passed for trial in trials] == [True, False]
    with pytest.raises(InvalidInputError, match=r"outcomes exchanged.*training and test share"):
        noise_test.gate(trees, trials)
    assert all(trial.passed for trial in noise_test.run(trees, parts, journal=Journal()))


def test_features_that_hold_the_label_are_forecast_perfectly_so_that_the_traps_mean_something(
    tmp_path: Path,
) -> None:
    rng = np.random.default_rng(13)
    label = (rng.random(600) < 0.2).astype(float)
    windows = rng.normal(size=(600, 6, STEPS)) + 6 * label[:, None, None]
    write(tmp_path, windows.astype(np.float32), label, np.arange(600))

    assert mean_tss(tmp_path, {"kind": "logistic-regression"}) > 0.95
