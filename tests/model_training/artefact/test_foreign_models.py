"""A model made elsewhere is judged by what is found of it here, or serves with a reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from handmade_models import HandmadeModel
from small_world import recipe_of
from synthetic_windows import write_recipe
from words import Captured, complaint, said

from model_training import registry
from model_training.artefact import artifact
from model_training.artefact.artifact import EVALUATION, MANIFEST
from model_training.training import TrainingResult
from solar.stages import Stages, read_stages

BEFORE = "2010-12-31T00:00:00Z"
EVENTS = [{"name": "C1.0", "column": 0}, {"name": "M1.0", "column": 1}]


def foreign(models: Path, *, weight: float = 1e-22, bias: float = -1.5, **changes: Any) -> Path:
    """Write a model of the flux alone; with a weight of 0 it says the same of every region."""
    model = HandmadeModel("flux", ("USFLUX",), np.array([[weight]]), bias=bias)
    folder = model.write(models)
    manifest = json.loads((folder / MANIFEST).read_text())
    changed = manifest | {"fitted_until": BEFORE, "events": EVENTS} | changes
    (folder / MANIFEST).write_text(json.dumps(changed))
    return folder


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    plain = recipe_of("blend").model_dump(mode="json", exclude_none=True)
    return write_recipe(tmp_path / "recipe.toml", plain)


def evaluate(capsys: Captured, folder: Path, recipe: Path, world: Path, *more: object) -> str:
    return said(
        capsys, "evaluate", folder, "--recipe", recipe, "--data", world, "--on", "validation", *more
    )


def test_without_evidence_of_ours_it_is_not_promoted(tmp_path: Path, capsys: Captured) -> None:
    foreign(tmp_path)

    told = complaint(capsys, "promote", "flux", "1.0.0", "--out", tmp_path, "--stage", "shadow")

    assert "it was made elsewhere and nothing is known of its skill here" in told
    assert "flarewatch evaluate" in told
    assert read_stages(tmp_path) == Stages()


def test_a_reason_lets_it_serve_and_is_kept_where_the_promotion_is(
    tmp_path: Path, capsys: Captured
) -> None:
    foreign(tmp_path)
    words = ["promote", "flux", "1.0.0", "--out", tmp_path, "--unaudited", "compared by hand"]

    told = said(capsys, *words)

    assert told.splitlines()[1] == "not audited: flux@1.0.0: compared by hand"
    kept = json.loads((tmp_path / "live.json").read_text())
    assert kept["unaudited"] == {"flux@1.0.0": "compared by hand"}


def test_the_reason_goes_when_the_model_is_retired_or_audited(
    tmp_path: Path, capsys: Captured, recipe: Path, world: Path
) -> None:
    folder = foreign(tmp_path)
    registry.promote(tmp_path, "flux@1.0.0", stage="shadow", unaudited="for now")
    evaluate(capsys, folder, recipe, world, "--record")

    audited = registry.promote(tmp_path, "flux@1.0.0", stage="shadow")
    registry.promote(tmp_path, "flux@1.0.0", stage="shadow", unaudited="again")

    assert audited.unaudited == {}
    assert registry.retire(tmp_path, "flux@1.0.0").unaudited == {}


def test_a_model_made_here_is_not_spared_its_audit(
    folder: Path, trained: TrainingResult, capsys: Captured
) -> None:
    told = complaint(
        capsys,
        "promote",
        trained.manifest.name,
        "0.1.0",
        "--out",
        folder.parent,
        "--unaudited",
        "in a hurry",
    )

    assert "made here and has a leak audit; leave out --unaudited" in told


def test_an_evaluation_here_counts_and_is_told_by_check(
    tmp_path: Path, capsys: Captured, recipe: Path, world: Path
) -> None:
    folder = foreign(tmp_path)

    table = evaluate(capsys, folder, recipe, world, "--record")
    promoted = registry.promote(tmp_path, "flux@1.0.0")

    assert "climatology-120d" in table
    assert promoted == Stages(live="flux@1.0.0")
    assert "evaluated here: on the validation cases of blend@0.1.0, leak audit passed" in said(
        capsys, "check", folder
    )


@pytest.mark.parametrize(
    ("until", "check"),
    [
        (None, "the maker says until when data were used"),
        ("2012-06-01T00:00:00Z", "every window of the cases begins after all that the maker"),
    ],
)
def test_a_maker_who_may_have_seen_the_cases_fails_the_audit(
    tmp_path: Path, capsys: Captured, recipe: Path, world: Path, until: str | None, check: str
) -> None:
    folder = foreign(tmp_path, fitted_until=until)
    evaluate(capsys, folder, recipe, world, "--record")

    told = complaint(capsys, "promote", "flux", "1.0.0", "--out", tmp_path)

    assert f"leak audit: {check}" in told


def test_a_worse_model_does_not_take_the_place_of_ours(
    folder: Path, capsys: Captured, recipe: Path, world: Path
) -> None:
    models = folder.parent
    registry.promote(models, "blend@0.1.0")
    worse = foreign(models, bias=3.0, weight=0.0, events=EVENTS)
    evaluate(capsys, worse, recipe, world, "--record")

    told = complaint(capsys, "promote", "flux", "1.0.0", "--out", models)

    assert "X1.0 is not forecast" in told
    assert "C1.0: validation BSS at most" in told


def test_other_cases_than_those_of_the_live_model_do_not_count(
    folder: Path, capsys: Captured, recipe: Path, world: Path
) -> None:
    models = folder.parent
    registry.promote(models, "blend@0.1.0")
    other = foreign(models)
    recipe.write_text(recipe.read_text().replace("made up", "another licence"))
    evaluate(capsys, other, recipe, world, "--record")

    told = complaint(capsys, "promote", "flux", "1.0.0", "--out", models)

    assert "it was scored on other cases than blend@0.1.0" in told


def test_ours_may_replace_a_model_of_which_nothing_is_known(folder: Path) -> None:
    foreign(folder.parent)
    registry.promote(folder.parent, "flux@1.0.0", unaudited="the first one")

    stages = registry.promote(folder.parent, "blend@0.1.0")

    assert stages.live == "blend@0.1.0"
    assert stages.unaudited == {"flux@1.0.0": "the first one"}


def test_an_evaluation_of_another_manifest_is_refused(
    tmp_path: Path, capsys: Captured, recipe: Path, world: Path
) -> None:
    folder = foreign(tmp_path)
    evaluate(capsys, folder, recipe, world, "--record")
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(manifest | {"description": "changed since"}))

    told = complaint(capsys, "promote", "flux", "1.0.0", "--out", tmp_path)

    assert "evaluation.json is of another manifest.json; evaluate the model again" in told
    evaluate(capsys, folder, recipe, world, "--record")
    assert artifact.load(folder).evaluation is not None


def test_without_record_nothing_is_kept(
    tmp_path: Path, capsys: Captured, recipe: Path, world: Path
) -> None:
    folder = foreign(tmp_path)

    evaluate(capsys, folder, recipe, world, "--keep", tmp_path / "kept")

    assert not (folder / EVALUATION).exists()
    report = (tmp_path / "kept" / "report.html").read_text()
    assert "leak audit <b>not known</b>" in report
    assert "made <b>elsewhere</b>" in report


def test_what_does_not_go_together_is_refused(
    folder: Path, tmp_path: Path, capsys: Captured, recipe: Path, world: Path
) -> None:
    other = foreign(tmp_path / "others", window_length=1)
    data = ["--data", world]

    assert "say with --recipe" in complaint(capsys, "evaluate", other, *data)
    assert "leave out --recipe and --record" in complaint(
        capsys, "evaluate", folder, *data, "--recipe", recipe
    )
    assert "--record keeps the scores of a graph on test or validation cases" in complaint(
        capsys, "evaluate", other, *data, "--recipe", recipe, "--on", "rows.parquet", "--record"
    )
    assert "its training cannot be audited" in complaint(capsys, "audit", other, *data)


def test_a_feature_that_the_data_lack_is_named(
    tmp_path: Path, capsys: Captured, recipe: Path, world: Path
) -> None:
    folder = HandmadeModel("odd", ("R_VALUE",), np.array([[1.0]])).write(tmp_path)

    told = complaint(capsys, "evaluate", folder, "--recipe", recipe, "--data", world)

    assert "the data set has no R_VALUE, which odd@1.0.0 looks at" in told


def test_select_chooses_among_models_made_here(folder: Path) -> None:
    foreign(folder.parent)

    assert registry.select(folder.parent) == Stages(live="blend@0.1.0")
