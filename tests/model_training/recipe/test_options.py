"""Every option changes the model that serves, whose graph agrees with what was fitted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from synthetic_windows import GAN, PLAIN, SMALL, SMOTE, recipe_of_windows, write_windows

from model_training.recipe.recipe import Recipe
from model_training.training import PARITY_LIMIT, TrainingResult, train

# Both ends of what FlaPLeT lets its users choose, from its forms and its validators.
REACHING: tuple[tuple[str, dict[str, Any]], ...] = (
    ("logistic-regression", {"penalty": "l2", "solver": "sag"}),
    ("logistic-regression", {"penalty": "l2", "solver": "saga"}),
    ("logistic-regression", {"penalty": "l2", "solver": "liblinear"}),
    ("logistic-regression", {"penalty": "l1", "solver": "liblinear"}),
    ("logistic-regression", {"penalty": "l1", "solver": "saga"}),
    ("logistic-regression", {"penalty": "none", "solver": "lbfgs"}),
    ("logistic-regression", {"penalty": "none", "solver": "sag"}),
    ("logistic-regression", {"penalty": "none", "solver": "saga"}),
    ("logistic-regression", {"max_iterations": 1}),
    ("logistic-regression", {"inverse_penalty": 0.01}),
    ("logistic-regression", {"inverse_penalty": 10}),
    ("logistic-regression", {"class_weight": "balanced"}),
    ("logistic-regression", {"preparation": {"missing": "mean"}}),
    ("logistic-regression", {"preparation": {"missing": "drop"}}),
    ("logistic-regression", {"preparation": {"scaling": "z-score"}}),
    ("logistic-regression", {"preparation": {"scaling": "min-max"}}),
    ("logistic-regression", {"preparation": {"scaling": "none"}}),
    ("logistic-regression", {"augmentation": SMOTE | {"neighbours": 2}}),
    ("logistic-regression", {"augmentation": SMOTE | {"neighbours": 20}}),
    ("logistic-regression", {"augmentation": {"kind": "undersample", "share": 1}}),
    ("logistic-regression", {"augmentation": GAN | {"share": 1}}),
    ("gradient-boosting", {"trees": 1}),
    ("gradient-boosting", {"learning_rate": 1}),
    ("gradient-boosting", {"leaves": 2}),
    ("gradient-boosting", {"rows_per_leaf": 1}),
    ("gradient-boosting", {"l2": 0}),
    ("gradient-boosting", {"features_per_tree": 1}),
    ("gradient-boosting", {"rows_per_tree": 0.5}),
    ("gradient-boosting", {"rising": ["USFLUX"]}),
    ("random-forest", {"trees": 1}),
    ("random-forest", {"criterion": "entropy"}),
    ("random-forest", {"depth": 2}),
    ("random-forest", {"leaves": 4}),
    ("random-forest", {"rows_per_split": 40}),
    ("random-forest", {"rows_per_leaf": 1}),
    ("random-forest", {"weight_per_leaf": 0.2}),
    ("random-forest", {"least_gain": 0.05}),
    ("random-forest", {"pruning": 0.02}),
    (
        "random-forest",
        {"features_per_split": "log2", "preparation": {"statistics": ["last", "min", "std"]}},
    ),
    ("random-forest", {"features_per_split": "share"}),
    ("random-forest", {"features_per_split": "share", "features_share": 0.7}),
    ("random-forest", {"bootstrap": False}),
    ("random-forest", {"rows_per_tree": 0.5}),
    ("nearest-neighbours", {"neighbours": 1}),
    ("nearest-neighbours", {"weights": "distance"}),
    ("nearest-neighbours", {"metric": "manhattan"}),
    ("nearest-neighbours", {"metric": "chebyshev"}),
    ("nearest-neighbours", {"metric": "cosine"}),
    ("nearest-neighbours", {"metric": "minkowski", "p": 3}),
    ("nearest-neighbours", {"most_rows": 100}),
    ("svm", {"kernel": "linear"}),
    ("svm", {"kernel": "poly"}),
    ("svm", {"kernel": "sigmoid"}),
    ("svm", {"inverse_penalty": 0.01}),
    ("svm", {"inverse_penalty": 10}),
    ("svm", {"gamma": 0.01}),
    ("svm", {"kernel": "poly", "degree": 2}),
    ("svm", {"most_rows": 100}),
    ("gru", {"layers": 6}),
    ("gru", {"layers": 20}),
    ("gru", {"hidden": 8}),
    ("gru", {"hidden": 128}),
    ("gru", {"dropout": 0.5}),
    ("gru", {"dropout": 0.05}),
    ("gru", {"learning_rate": 0.1}),
    ("gru", {"learning_rate": 0.01}),
    ("gru", {"optimizer": "sgd"}),
    ("gru", {"weight_decay": 0.1}),
    ("gru", {"batch": 16}),
    ("gru", {"batch": 32}),
    ("gru", {"epochs": 12}),
    ("gru", {"epochs": 20}),
    ("gru", {"patience": 1, "epochs": 4}),
    ("node2vec", {"threshold": 0.0}),
    ("node2vec", {"threshold": 0.8}),
    ("node2vec", {"max_neighbours": 5}),
    ("node2vec", {"max_neighbours": 20}),
    ("node2vec", {"dimensions": 8}),
    ("node2vec", {"dimensions": 64}),
    ("node2vec", {"walk_length": 5}),
    ("node2vec", {"walk_length": 20}),
    ("node2vec", {"walks": 20}),
    ("node2vec", {"walker": "node2vec"}),
    ("node2vec", {"window": 20, "walk_length": 20}),
    ("node2vec", {"batch_words": 16}),
    ("node2vec", {"batch_words": 128}),
    ("node2vec", {"p": 4.0}),
    ("node2vec", {"q": 4.0}),
    ("node2vec", {"most_rows": 60}),
    ("node2vec", {"penalty": "l1", "solver": "liblinear"}),
    ("node2vec", {"penalty": "none", "solver": "saga"}),
    ("node2vec", {"max_iterations": 1}),
    ("node2vec", {"inverse_penalty": 0.01}),
)

MISSING = ("learned", "drop", "mean", "linear", "last")
SCALING = ("none", "z-score", "min-max", "robust", "signed-log")
# Every way of either kind with every estimator, and with the quickest one all of them together.
PAIRS = [
    *[(kind, way, scaling) for kind in ("logistic-regression",) for way in MISSING
      for scaling in SCALING],
    *[(kind, way, scaling) for kind in (
          "gradient-boosting", "random-forest", "svm", "nearest-neighbours", "gru", "node2vec")
      for way, scaling in zip(MISSING, SCALING, strict=True)],
    *[(kind, way, "none") for kind in ("climatology",) for way in MISSING],
    # Numbers of classes have no mean, and the first input of persistence is a count.
    *[(kind, way, "none") for kind in ("persistence", "mcintosh-poisson")
      for way in ("learned", "drop", "last")],
]  # fmt: skip


@pytest.fixture(scope="module")
def windows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_windows(tmp_path_factory.mktemp("windows"))


@pytest.fixture(scope="module")
def plain_graphs(windows: Path) -> dict[str, bytes]:
    """The graph of each estimator before any option is changed."""
    kinds = (
        "logistic-regression",
        "gradient-boosting",
        "random-forest",
        "svm",
        "nearest-neighbours",
        "gru",
        "node2vec",
    )
    return {kind: run(windows, SMALL[kind]).graph for kind in kinds}


def run(windows: Path, estimator: Mapping[str, Any], **changes: Any) -> TrainingResult:
    return train(Recipe.model_validate(recipe_of_windows(dict(estimator), **changes)), windows)


def told(value: Mapping[str, Any]) -> str:
    return ",".join(f"{key}={told(one) if isinstance(one, dict) else one}"
                    for key, one in value.items())  # fmt: skip


@pytest.mark.parametrize(("kind", "options"), REACHING, ids=lambda it: it if isinstance(it, str)
                         else told(it))  # fmt: skip
def test_an_option_reaches_the_model_that_serves(
    kind: str, options: dict[str, Any], windows: Path, plain_graphs: dict[str, bytes]
) -> None:
    trained = run(windows, SMALL[kind] | options)

    assert trained.manifest.parity <= PARITY_LIMIT
    assert trained.graph != plain_graphs[kind]


@pytest.mark.parametrize("option", ["batch", "iterations", "layers", "hidden", "learning_rate"])
def test_an_option_of_timegan_reaches_the_model_that_serves(option: str, windows: Path) -> None:
    other = {"batch": 32, "iterations": 2, "layers": 6, "hidden": 24, "learning_rate": 0.05}
    usual = run(windows, PLAIN | {"augmentation": GAN})

    trained = run(windows, PLAIN | {"augmentation": GAN | {option: other[option]}})

    assert trained.manifest.parity <= PARITY_LIMIT
    assert trained.graph != usual.graph


@pytest.mark.parametrize(
    ("percent", "validate_from", "test_from"),
    [(50, "2012-01-21", "2012-01-31"), (80, "2012-02-08", "2012-02-18"),
     (90, "2012-02-14", "2012-02-24")],
)  # fmt: skip
def test_the_share_of_training_rows_reaches_the_model_that_serves(
    percent: int, validate_from: str, test_from: str, windows: Path, plain_graphs: dict[str, bytes]
) -> None:
    parts = {
        "kind": "chronological", "validate_from": validate_from, "test_from": test_from,
        "embargo_hours": 26,
    }  # fmt: skip

    trained = run(windows, PLAIN, split=parts)

    # The cases come every 6 hours of 60 days from 1 January.
    assert trained.manifest.split.test.rows == 240 * (100 - percent) // 100
    assert trained.graph != plain_graphs["logistic-regression"]


@pytest.mark.parametrize(("kind", "missing", "scaling"), PAIRS)
def test_every_preparation_serves_every_estimator(
    kind: str, missing: str, scaling: str, windows: Path
) -> None:
    preparation = {"missing": missing, "scaling": scaling}
    estimator = SMALL[kind] | {"preparation": preparation}

    manifest = run(windows, estimator).manifest

    assert manifest.parity <= PARITY_LIMIT
    assert manifest.leak_audit.passed
