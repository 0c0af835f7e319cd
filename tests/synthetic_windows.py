"""Made-up windows in an .npz file, of which some flare by their level, and recipes for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson

FEATURES = ("USFLUX", "TOTUSJH", "R_VALUE")
UNITS = ("Mx", "G²/m", "log₁₀ Mx")
STEPS = 8
FILE = "windows.npz"
PLAIN: dict[str, Any] = {"kind": "logistic-regression"}
# Small enough for a fraction of a second, and all of one size, so that one option differs.
SMALL: dict[str, dict[str, Any]] = {
    "logistic-regression": PLAIN,
    "gradient-boosting": {"kind": "gradient-boosting", "trees": 10, "rows_per_leaf": 10},
    "random-forest": {"kind": "random-forest", "trees": 5, "rows_per_leaf": 5},
    "svm": {"kind": "svm"},
    "nearest-neighbours": {"kind": "nearest-neighbours", "neighbours": 7},
    "gru": {"kind": "gru", "layers": 1, "hidden": 4, "dropout": 0, "batch": 64, "epochs": 1},
    "node2vec": {"kind": "node2vec", "dimensions": 4, "walks": 2, "walk_length": 6},
    "climatology": {"kind": "climatology"},
    "persistence": {"kind": "persistence"},
    "mcintosh-poisson": {"kind": "mcintosh-poisson"},
}
SMOTE = {"kind": "smote"}
GAN = {"kind": "timegan", "batch": 8, "iterations": 1, "share": 1, "layers": 1, "hidden": 4}


def write_windows(folder: Path, *, cases: int = 240, missing: float = 0.05) -> Path:
    """Write windows of three folds, and return the folder.

    A third of the cases flares; their series are random walks from a higher level, and a share
    of the values is missing. Cases are six hours apart, and 240 of them take 60 days.
    """
    rng = np.random.default_rng(21)
    label = (rng.random(cases) < 1 / 3).astype(float)
    shape = (cases, len(FEATURES), STEPS)
    windows = 0.3 * rng.normal(size=shape).cumsum(axis=2) + rng.normal(size=(cases, 3, 1))
    windows += 1.5 * label[:, None, None]
    windows[rng.random(shape) < missing] = np.nan
    at = np.datetime64("2012-01-01") + 6 * np.arange(cases) * np.timedelta64(1, "h")
    np.savez(
        folder / FILE, windows=windows.astype(np.float32), label=label, at=at,
        fold=np.arange(cases) % 3,
    )  # fmt: skip
    return folder


def recipe_of_windows(estimator: dict[str, Any] = PLAIN, **changes: Any) -> dict[str, Any]:
    """Return a recipe, as it would stand in a file, that holds out fold 0."""
    names = [{"name": name, "unit": unit} for name, unit in zip(FEATURES, UNITS, strict=True)]
    return {
        "name": "windows",
        "version": "0.0.1",
        "description": "a small model of made-up windows",
        "seed": 4,
        "keywords": list(FEATURES),
        "events": ["M1.0"],
        "min_events_train": 5,
        "min_events_validation": 5,
        "calibration": "identity",
        "data": {
            "layout": "windows", "file": FILE, "windows": "windows", "features": names,
            "axes": ["cases", "features", "steps"], "cadence_hours": 0.2, "fold": "fold",
            "time": "at", "labels": {"M1.0": "label"}, "licence": "made up",
        },
        "window": {"steps": STEPS, "cadence_hours": 0.2},
        "split": {"kind": "folds", "test_fold": 0},
        "estimator": estimator,
    } | changes  # fmt: skip


def write_recipe(path: Path, recipe: dict[str, Any]) -> Path:
    """Write a recipe as a TOML file, and return its path."""
    lines = [f"{key} = {_toml(value)}" for key, value in recipe.items()]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f'"{key}" = {_toml(one)}' for key, one in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    return orjson.dumps(value).decode()
