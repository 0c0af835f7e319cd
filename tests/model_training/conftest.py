from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from small_world import recipe_of, write_world

from model_training.recipe import Recipe
from model_training.training import Trained, train


@pytest.fixture(scope="session")
def make_recipe() -> Callable[[str], Recipe]:
    return recipe_of


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    write_world(folder)
    return folder


@pytest.fixture(scope="session")
def trained(world: Path) -> Trained:
    return train(recipe_of("blend"), world)


@pytest.fixture
def folder(trained: Trained, tmp_path: Path) -> Path:
    return trained.write(tmp_path)
