"""Every estimator, from a recipe on a slice of the real data to an artefact that serves alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from model_training.artefact import artifact
from model_training.data import loading
from model_training.data.split import split
from model_training.fitting import forecaster
from model_training.journal import Journal
from model_training.recipe.recipe import Recipe
from model_training.training import PARITY_LIMIT, TrainingResult, train

DAYS = {
    "keywords": ["USFLUX", "TOTUSJH", "R_VALUE", "SHRGT45"],
    "history": ["FLARES_M_24H", "FLARES_C_24H"],
    "data": {"layout": "sharp", "rows": "days.parquet", "flares": "flares.parquet"},
    "split": {
        "kind": "chronological", "validate_from": "2013-06-01", "test_from": "2014-01-01",
    },
}  # fmt: skip
SAMPLES = {
    "keywords": ["LOS_AREA", "LOS_USFLUX", "LOS_MEANGBZ", "LOS_R_VALUE"],
    "history": ["FLARE_INDEX_24H_LISTED"],
    "data": {"layout": "m24", "folder": "samples"},
    "window": {"steps": 6, "cadence_hours": 1.6, "stride": 5},
    "split": {"kind": "folds", "test_fold": 0},
    "max_missing_share": 1.0,
}
GROUPS = {
    "keywords": ["MCINTOSH"],
    "data": {"layout": "mcintosh", "rows": "groups.csv"},
    "split": {
        "kind": "chronological", "validate_from": "2001-04-01", "test_from": "2001-08-01",
    },
}  # fmt: skip
REGRESSION = {"kind": "logistic-regression", "preparation": {"statistics": ["last", "slope"]}}
TREES = {"kind": "gradient-boosting", "trees": 20, "leaves": 4}
GRU = {"kind": "gru", "layers": 1, "hidden": 8, "epochs": 2, "preparation": {"missing": "mean"}}
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "logistic-regression": (DAYS, {"kind": "logistic-regression", "inverse_penalty": 0.5}),
    "gradient-boosting": (DAYS, TREES),
    "random-forest": (
        DAYS, {"kind": "random-forest", "trees": 20, "rows_per_leaf": 10}),
    "nearest-neighbours": (
        SAMPLES,
        {"kind": "nearest-neighbours", "neighbours": 15, "weights": "distance",
         "most_rows": 500, "preparation": {"statistics": ["last", "mean", "slope"]}},
    ),
    "svm": (DAYS, {"kind": "svm", "most_rows": 600}),
    "hazard": (
        DAYS | {"split": DAYS["split"] | {"embargo_hours": 72}}, {"kind": "hazard"}),
    "gru": (SAMPLES, GRU),
    "node2vec": (
        SAMPLES,
        {"kind": "node2vec", "dimensions": 8, "walks": 5, "most_rows": 500,
         "preparation": {"missing": "mean"}},
    ),
    "mcintosh-poisson": (GROUPS, {"kind": "mcintosh-poisson"}),
    "climatology": (DAYS, {"kind": "climatology"}),
    "persistence": (DAYS, {"kind": "persistence", "inputs": ["FLARES_M_24H"]}),
    "blend": (SAMPLES, {"kind": "blend", "members": [REGRESSION, GRU], "weights": [2, 1]}),
}  # fmt: skip


@dataclass(frozen=True)
class Made:
    """A finished training, and the data that it was made from."""

    trained: TrainingResult
    data: Path


@pytest.fixture(scope="module")
def slices(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a part of three real sets."""
    folder = tmp_path_factory.mktemp("slices")
    days = pd.read_parquet(shared_data / "training" / "daily_2010_2019.parquet")
    days[days["t_rec"].between("2012-01-01", "2014-06-30")].to_parquet(folder / "days.parquet")
    flares = pd.read_parquet(shared_data / "flares" / "goes_flares.parquet")
    since, until = (pd.Timestamp(day, tz=flares["peak_time"].dt.tz) for day in ("2011", "2015"))
    flares[flares["peak_time"].between(since, until)].to_parquet(folder / "flares.parquet")
    groups = pd.read_csv(shared_data / "training" / "mcintosh_ar_days.csv.gz")
    in_2001 = groups["AR issue_date"].str[:7].between("2000-07", "2001-12")
    groups[in_2001].to_csv(folder / "groups.csv", index=False)
    (folder / "samples").mkdir()
    for fold in range(3):
        name = f"sharp_{fold}.parquet"
        samples = pd.read_parquet(shared_data / "training" / "m24_96min" / name)
        samples[samples["arpnum"] % 2 == 1].to_parquet(folder / "samples" / name)
    return folder


@pytest.fixture(scope="module", params=CASES)
def made(request: pytest.FixtureRequest, slices: Path) -> Made:
    data, estimator = CASES[request.param]
    recipe = Recipe.model_validate(
        {
            "name": request.param, "version": "0.0.1", "description": "a slice of real data",
            "seed": 7, "events": ["M1.0"], "min_events_validation": 5,
            "estimator": estimator, **data,
        }
    )  # fmt: skip
    return Made(train(recipe, slices), slices)


def test_the_graph_agrees_with_the_framework_to_the_stated_limit(made: Made) -> None:
    assert 0 <= made.trained.manifest.parity <= PARITY_LIMIT


def test_nothing_scored_was_seen(made: Made) -> None:
    assert made.trained.manifest.leak_audit.passed


def test_validation_and_test_both_leave_evidence_with_events(made: Made) -> None:
    assert [one.part for one in made.trained.evidence] == ["validation", "test"]
    assert all(0 < one.outcome.sum() < len(one) for one in made.trained.evidence)


def test_every_forecast_is_a_probability(made: Made) -> None:
    for one in made.trained.evidence:
        for column in (one.raw, one.calibrated, *one.entrants.values()):
            assert ((column >= 0) & (column <= 1) | np.isnan(column)).all()


def test_the_artefact_alone_repeats_the_forecasts_of_the_run(made: Made, tmp_path: Path) -> None:
    recipe = made.trained.recipe
    test = made.trained.parts.test
    known = ~np.isnan(test.truth["M1.0"])

    alone = artifact.load(made.trained.write(tmp_path))
    inputs = test.windows(recipe.features)[known]
    scores = alone.score_inputs(inputs if alone.manifest.window_length > 1 else inputs[:, -1])

    evidence = made.trained.evidence[-1]
    assert np.array_equal(scores.raw[:, 0], evidence.raw, equal_nan=True)
    assert np.array_equal(scores.calibrated[:, 0], evidence.calibrated, equal_nan=True)


def test_the_artefact_alone_forecasts_what_the_framework_does(made: Made, tmp_path: Path) -> None:
    recipe = made.trained.recipe
    dataset = loading.load(recipe.data, made.data, window=recipe.window)
    parts = split(dataset, recipe.split, seed=recipe.seed)
    fitted = forecaster.fit(
        recipe, parts.train, plan=forecaster.make_plan(recipe, parts),
        flares=loading.flares_of(recipe.data, made.data), until=parts.until, journal=Journal(),
    )  # fmt: skip

    alone = artifact.load(made.trained.write(tmp_path))
    inputs = parts.test.windows(recipe.features)
    scores = alone.score_inputs(inputs if alone.manifest.window_length > 1 else inputs[:, -1])

    forecast = ~np.isnan(scores.raw[:, 0])
    assert forecast.mean() > 0.9
    assert scores.raw[forecast] == pytest.approx(fitted.predict(inputs[forecast]), abs=1e-5)
