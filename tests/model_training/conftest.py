from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_world import recipe_of, write_world

import model_training
from model_training.artefact.manifest import Manifest
from model_training.judging.evidence import Evidence
from model_training.recipe.recipe import Recipe
from model_training.training import TrainingResult, train

Make = Callable[..., Evidence]


def evidence_of(n: int = 240, *, rate: float = 0.3, seed: int = 3, **changes: Any) -> Evidence:
    """Make four regions forecast once a day by someone who sees a part of what decides."""
    rng = np.random.default_rng(seed)
    seen = rng.normal(size=n)
    outcome = (0.7 * seen + 0.7 * rng.normal(size=n) > np.sqrt(2) * (0.5 - rate)).astype(float)
    said = 1 / (1 + np.exp(-1.5 * seen))
    values: dict[str, Any] = {
        "part": "test",
        "event": "M1.0",
        "region_id": 100 + np.arange(n) % 4,
        "t_rec": np.datetime64("2014-01-01T12:00", "us")
        + (np.arange(n) // 4) * np.timedelta64(1, "D"),
        "outcome": outcome,
        "raw": said**2,
        "calibrated": said,
        "entrants": {
            "climatology-365d": np.full(n, rate),
            "persistence": rng.integers(0, 2, n).astype(float),
        },
        "threshold": 0.5,
        "n_unknown": 7,
    }
    return Evidence(**(values | changes))


@pytest.fixture(scope="session")
def make_recipe() -> Callable[[str], Recipe]:
    return recipe_of


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    write_world(folder)
    return folder


@pytest.fixture(scope="session")
def trained(world: Path) -> TrainingResult:
    return train(recipe_of("blend"), world)


@pytest.fixture
def folder(trained: TrainingResult, tmp_path: Path) -> Path:
    return trained.write(tmp_path)


@pytest.fixture(scope="session")
def make_evidence() -> Make:
    return evidence_of


@pytest.fixture(scope="session")
def manifest() -> Manifest:
    folder = Path(model_training.__file__).parent / "artifacts"
    found = sorted(folder.glob("*/manifest.json"))[0]
    return Manifest.model_validate_json(found.read_bytes())
