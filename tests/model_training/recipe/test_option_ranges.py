"""Every option is taken over its range, and refused beyond it with its place in the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from synthetic_windows import GAN, PLAIN, SMALL, SMOTE, recipe_of_windows, write_recipe

from model_training.recipe.recipe import Recipe, read_recipe
from solar.errors import InvalidInputError

# The ends of each range, and a value beyond each: (estimator, option, low, high, below, above).
RANGES: tuple[tuple[dict[str, Any], str, Any, Any, Any, Any], ...] = (
    (PLAIN, "inverse_penalty", 1e-9, 1e6, 0, 1e7),
    (PLAIN, "max_iterations", 1, 100_000, 0, 100_001),
    (SMALL["gradient-boosting"], "learning_rate", 0.001, 1, 0, 1.1),
    (SMALL["gradient-boosting"], "leaves", 2, 256, 1, 257),
    (SMALL["random-forest"], "trees", 1, 1000, 0, 1001),
    (SMALL["random-forest"], "depth", 1, 64, 0, 65),
    (SMALL["random-forest"], "criterion", "gini", "entropy", "mse", ""),
    (SMALL["random-forest"], "rows_per_leaf", 1, 1_000_000, 0, 1_000_001),
    (SMALL["random-forest"], "features_per_split", "sqrt", "share", "auto", ""),
    (SMALL["random-forest"], "features_share", 0.01, 1, 0, 1.1),
    (SMALL["random-forest"], "rows_per_tree", 0.01, 1, 0, 1.1),
    (SMALL["nearest-neighbours"], "neighbours", 1, 1000, 0, 1001),
    (SMALL["nearest-neighbours"], "weights", "uniform", "distance", "callable", ""),
    (SMALL["nearest-neighbours"], "metric", "euclidean", "cosine", "haversine", ""),
    (SMALL["nearest-neighbours"], "p", 1, 8, 0.5, 9),
    (SMALL["nearest-neighbours"], "most_rows", 100, 20_000, 99, 20_001),
    (SMALL["svm"], "inverse_penalty", 0.01, 1000, 0, 1001),
    (SMALL["svm"], "kernel", "linear", "sigmoid", "cosine", ""),
    (SMALL["svm"], "degree", 1, 10, 0, 11),
    (SMALL["gru"], "layers", 1, 20, 0, 21),
    (SMALL["gru"], "hidden", 1, 512, 0, 513),
    (SMALL["gru"], "dropout", 0, 0.99, -0.01, 1),
    (SMALL["gru"], "learning_rate", 0.001, 0.99, 0, 1),
    (SMALL["gru"], "batch", 1, 4096, 0, 4097),
    (SMALL["gru"], "epochs", 1, 1000, 0, 1001),
    (SMALL["gru"], "optimizer", "adam", "sgd", "rmsprop", ""),
    (SMALL["node2vec"], "threshold", 0, 1, -0.05, 1.05),
    (SMALL["node2vec"], "max_neighbours", 1, 100, 0, 101),
    (SMALL["node2vec"], "dimensions", 1, 512, 0, 513),
    (SMALL["node2vec"], "walk_length", 2, 200, 1, 201),
    (SMALL["node2vec"], "walks", 1, 500, 0, 501),
    (SMALL["node2vec"], "walker", "numpy", "node2vec", "deepwalk", ""),
    (SMALL["node2vec"], "window", 1, 50, 0, 51),
    (SMALL["node2vec"], "batch_words", 1, 100_000, 0, 100_001),
    (SMALL["node2vec"], "max_iterations", 10, 50, 0, -1),
    (PLAIN | {"augmentation": SMOTE}, "augmentation.neighbours", 2, 20, 1, 21),
    (PLAIN | {"augmentation": GAN}, "augmentation.batch", 32, 128, 3, 513),
    (PLAIN | {"augmentation": GAN}, "augmentation.iterations", 1000, 8000, 0, 50_001),
    (PLAIN | {"augmentation": GAN}, "augmentation.layers", 1, 6, 0, 7),
    (PLAIN | {"preparation": {}}, "preparation.missing", "drop", "mean", "median", ""),
    (PLAIN | {"preparation": {}}, "preparation.scaling", "none", "min-max", "log", ""),
)


def changed(estimator: dict[str, Any], option: str, value: Any) -> dict[str, Any]:
    *path, last = option.split(".")
    return estimator | (
        {path[0]: estimator[path[0]] | {last: value}} if path else {last: value}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("estimator", "option", "low", "high", "below", "above"), RANGES,
    ids=lambda it: it if isinstance(it, str) and it else "",
)  # fmt: skip
def test_an_option_is_taken_at_the_ends_of_its_range_and_refused_beyond_them(
    estimator: dict[str, Any],
    option: str,
    low: Any,
    high: Any,
    below: Any,
    above: Any,
    tmp_path: Path,
) -> None:
    named = rf"\S*\.{option.rpartition('.')[2]}"
    for value in (low, high):
        Recipe.model_validate(recipe_of_windows(changed(estimator, option, value)))
    for value in (below, above):
        recipe = recipe_of_windows(changed(estimator, option, value))
        with pytest.raises(InvalidInputError, match=rf"recipe\.toml: estimator\.{named}: "):
            read_recipe(write_recipe(tmp_path / "recipe.toml", recipe))


@pytest.mark.parametrize("kind", ["logistic-regression", "node2vec"])
@pytest.mark.parametrize(
    ("penalty", "solver"), [("l1", "lbfgs"), ("l1", "sag"), ("none", "liblinear")]
)
def test_a_solver_that_does_not_know_the_penalty_is_refused_with_those_that_do(
    kind: str, penalty: str, solver: str, tmp_path: Path
) -> None:
    recipe = recipe_of_windows(SMALL[kind] | {"penalty": penalty, "solver": solver})

    with pytest.raises(InvalidInputError, match=f"penalty {penalty} needs one of the solvers"):
        read_recipe(write_recipe(tmp_path / "recipe.toml", recipe))


def test_a_forest_of_all_rows_that_draws_fewer_is_refused(tmp_path: Path) -> None:
    options = {"bootstrap": False, "rows_per_tree": 0.5}
    recipe = recipe_of_windows(SMALL["random-forest"] | options)

    with pytest.raises(InvalidInputError, match="rows_per_tree below 1 needs bootstrap = true"):
        read_recipe(write_recipe(tmp_path / "recipe.toml", recipe))


@pytest.mark.parametrize("kind", SMALL)
def test_an_option_that_an_estimator_does_not_have_is_refused_by_name(
    kind: str, tmp_path: Path
) -> None:
    recipe = recipe_of_windows(SMALL[kind] | {"momentum": 0.9})

    with pytest.raises(InvalidInputError, match=rf"estimator\.{kind}\.momentum: Extra inputs"):
        read_recipe(write_recipe(tmp_path / "recipe.toml", recipe))
