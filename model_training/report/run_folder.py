"""The folder of a run: its event log, checkpoints, evidence, scores and report."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from model_training.artefact.manifest import Manifest
from model_training.data.remarks import remarks as remarks_on
from model_training.journal import Journal
from model_training.judging import evidence
from model_training.judging.evidence import Evidence
from model_training.judging.importance import Importance, importance
from model_training.judging.judgement import Judgement, judge, to_json
from model_training.recipe.recipe import Recipe
from model_training.report import page
from model_training.report.page import Page
from model_training.training import TrainingResult, train
from solar.flares import event
from solar.windows import DAY

EVIDENCE = "evidence.parquet"
REPORT = "report.html"
SCORES = "scores.json"
# Shuffling more cases than these moves no bar of the picture.
_MOST_CASES = 5000


def path(runs: Path, recipe: Recipe) -> Path:
    """Return where the run of a recipe is kept."""
    return runs / f"{recipe.name}-{recipe.version}"


def clear(folder: Path) -> None:
    """Delete an earlier run of the same recipe."""
    shutil.rmtree(folder, ignore_errors=True)


def train_one(
    recipe: Recipe, data: Path, *, out: Path, kept: Path, journal: Journal
) -> tuple[TrainingResult, Path]:
    """Make one run of a recipe; return its result and the folder of its artefact.

    The artefact goes to a folder of its own in `out`; evidence, scores and report to `kept`.

    Raises
    ------
    as `model_training.training.train`
    """
    with journal.of_run(recipe.name):
        trained = train(recipe, data, journal=journal)
        folder = trained.write(out)
        write(trained, kept, log=journal.lines())
    return trained, folder


def write(trained: TrainingResult, folder: Path, *, log: Sequence[bytes] = ()) -> Path:
    """Write evidence, scores and report of a finished run; return the report."""
    return keep(
        folder,
        trained.manifest,
        trained.evidence,
        importances=_importances(trained),
        remarks=remarks_on(trained.parts.train, trained.recipe.features),
        log=log,
    )


def keep(
    folder: Path,
    manifest: Manifest,
    evidences: Sequence[Evidence],
    *,
    importances: dict[str, tuple[Importance, ...]],
    remarks: Sequence[str] = (),
    log: Sequence[bytes] = (),
) -> Path:
    """Write evidence, scores and report, with curves from the log, into a folder; return the
    report.

    The report shows the events of 24 h: calibration before and after is known of no other window.
    """
    folder.mkdir(parents=True, exist_ok=True)
    judgements: list[Judgement] = [judge(one) for one in evidences]
    evidence.write(evidences, folder / EVIDENCE)
    (folder / SCORES).write_bytes(to_json(judgements, importances))
    of_day = [at for at, one in enumerate(evidences) if event(one.event).window == DAY]
    evidences, judgements = [evidences[at] for at in of_day], [judgements[at] for at in of_day]
    page.write(
        Page(manifest, evidences, judgements, importance=importances, remarks=remarks, log=log),
        folder / REPORT,
    )
    return folder / REPORT


def _importances(trained: TrainingResult) -> dict[str, tuple[Importance, ...]]:
    """Measure what every feature is worth to the model of the last fold, on its held-out cases."""
    recipe, model = trained.recipe, trained.out_of_fold.last
    held_out = trained.parts.folds[-1].held_out
    if len(held_out) > _MOST_CASES:
        rng = np.random.default_rng(recipe.seed)
        held_out = held_out.take(np.sort(rng.choice(len(held_out), _MOST_CASES, replace=False)))
    importances = {}
    for column, name in enumerate(model.plan.fitted):
        known = held_out.take(~np.isnan(held_out.truth[name]))
        importances[name] = importance(
            model.models[column].predict,
            known.windows(recipe.features),
            known.truth[name],
            recipe.features,
            seed=recipe.seed,
        )
    return importances
