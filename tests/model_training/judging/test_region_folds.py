"""Folds of regions: no forecast of a region comes from a fit that saw the region."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pandas as pd
import pytest

from model_training.__main__ import main
from model_training.artefact import artifact
from model_training.data import loading
from model_training.data.dataset import Dataset
from model_training.journal import Journal
from model_training.judging.evaluation import REFERENCE
from model_training.judging.evidence import Evidence
from model_training.judging.own_cases import OwnCases, load_own_cases
from model_training.judging.region_folds import evidence_of_region_folds
from model_training.recipe.recipe import Recipe
from model_training.training import TrainingResult
from solar.errors import InvalidInputError

LATER = np.datetime64("2013-03-01", "us")


@pytest.fixture(scope="module")
def own(trained: TrainingResult, world: Path, tmp_path_factory: pytest.TempPathFactory) -> OwnCases:
    model = artifact.load(trained.write(tmp_path_factory.mktemp("model")))
    recipe = Recipe.model_validate(model.manifest.recipe)
    return load_own_cases(model, recipe, world, journal=Journal())


@pytest.fixture(scope="module")
def cases(own: OwnCases) -> Dataset:
    whole = loading.load(own.recipe.data, own.folder)
    return whole.take(whole.t_rec >= LATER)


def folded(own: OwnCases, cases: Dataset, *, folds: int = 2, weight: float = 0.5) -> Evidence:
    """Return the evidence of C1.0."""
    found = evidence_of_region_folds(own, cases, folds=folds, weight=weight, journal=Journal())
    return next(one for one in found if one.event == "C1.0")


def with_outcomes(cases: Dataset, region: int, outcome: float) -> Dataset:
    truth = np.where(cases.region_id == region, outcome, cases.truth["C1.0"])
    return replace(cases, truth={**cases.truth, "C1.0": truth})


def test_the_outcomes_of_a_region_change_the_forecasts_of_others_but_not_its_own(
    own: OwnCases, cases: Dataset
) -> None:
    region = int(cases.region_id[-1])

    quiet, flaring = (folded(own, with_outcomes(cases, region, said)) for said in (0.0, 1.0))

    changed = quiet.calibrated != flaring.calibrated
    assert not changed[quiet.region_id == region].any()
    assert changed[quiet.region_id != region].any()
    assert quiet.region_id.tolist() == flaring.region_id.tolist()


def test_every_case_of_known_truth_is_forecast_once_beside_the_baselines(
    own: OwnCases, cases: Dataset
) -> None:
    found = folded(own, cases)

    known = ~np.isnan(cases.truth["C1.0"])
    told = sorted(zip(found.region_id, found.t_rec, strict=True))
    assert told == sorted(zip(cases.region_id[known], cases.t_rec[known], strict=True))
    assert found.n_unknown == np.count_nonzero(~known)
    assert {REFERENCE, "persistence", "climatology-120d"} <= set(found.entrants)


def test_rows_from_when_the_cases_have_begun_are_not_learned_from(
    own: OwnCases, cases: Dataset
) -> None:
    rows = own.dataset
    late = rows.t_rec + np.timedelta64(48, "h") > LATER
    turned = np.where(late, 1 - rows.truth["C1.0"], rows.truth["C1.0"])
    other = replace(own, dataset=replace(rows, truth={**rows.truth, "C1.0": turned}))

    assert folded(other, cases).calibrated.tolist() == folded(own, cases).calibrated.tolist()


def test_more_folds_than_regions_are_refused(own: OwnCases, cases: Dataset) -> None:
    two = cases.take(cases.region_id >= np.unique(cases.region_id)[-2])

    with pytest.raises(InvalidInputError, match="2 regions, too few for 3 folds; lower --folds"):
        folded(own, two, folds=3)


def test_cases_before_which_there_is_no_row_are_refused(own: OwnCases) -> None:
    with pytest.raises(InvalidInputError, match="blend has no row before 2010-01-05"):
        folded(own, own.dataset)


def test_the_command_scores_rows_in_folds_of_their_regions(
    folder: Path, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = pd.read_parquet(world / "rows.parquet")
    rows[rows["t_rec"] >= LATER].to_parquet(tmp_path / "later.parquet")
    for name in ("rows", "flares"):
        (tmp_path / f"{name}.parquet").write_bytes((world / f"{name}.parquet").read_bytes())
    words = ["evaluate", str(folder), "--data", str(tmp_path), "--on", "later.parquet"]

    assert main([*words, "--folds", "2", "--json"]) == 0

    scores = orjson.loads(capsys.readouterr().out)
    assert scores["model"]["C1.0"]["n"] > 0
    assert scores["model"]["C1.0"]["scores"]["bss"]["value"] > 0


@pytest.mark.parametrize("words", [["--on", "rows.parquet", "--folds", "1"], ["--folds", "5"]])
def test_folds_that_cannot_be_made_are_refused(
    folder: Path, world: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(folder), "--data", str(world), *words]) == 1

    assert "--folds" in capsys.readouterr().err
