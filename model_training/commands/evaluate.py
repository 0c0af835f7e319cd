"""The commands ``evaluate`` and ``audit``: what an artefact is worth, and whether it leaks."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import orjson
from pydantic import ValidationError

from model_training import artifact
from model_training.choices.data import SharpChoice
from model_training.choices.window import WindowChoice
from model_training.commands.arguments import add_data
from model_training.datasets import loading
from model_training.datasets.dataset import Dataset
from model_training.disk_map import disk_days
from model_training.evaluation import as_served, evidence_of_test, evidence_of_validation
from model_training.evidence import Evidence
from model_training.forecaster import make_plan
from model_training.journal import Journal
from model_training.manifest import Check, Evaluation, EventScores, LeakAudit, Manifest
from model_training.pool import Pool, forecast_folds
from model_training.recipe import Recipe, read_recipe
from model_training.report.table import table
from model_training.results import disk
from model_training.run_folder import keep
from model_training.score_book import book
from model_training.splits import leakage
from model_training.splits.parts import Split
from model_training.splits.splitting import split
from solar.errors import InvalidInputError
from solar.flares import EVENTS

AGENCIES = "moswoc_swpc_forecasts_ccby_mit"


def add_evaluate(parser: argparse.ArgumentParser) -> None:
    """Declare ``evaluate``."""
    parser.description = "Score an artefact on its own test or validation rows, or on other rows."
    parser.add_argument("artefact", type=Path, metavar="ARTEFACT", help="folder of the artefact")
    add_data(parser)
    parser.add_argument("--on", default="test", metavar="PART|FILE",
                        help="test, validation, or rows in the data folder such as"
                             " sharp/hourly_2014.parquet (default: test)")  # fmt: skip
    parser.add_argument("--label", type=_label, action="append", default=[],
                        metavar="EVENT=COLUMN",
                        help="with --on FILE: take the truth of an event from a column of the"
                             " rows instead of the flare list; may be repeated")  # fmt: skip
    parser.add_argument("--disk", metavar="EVENT",
                        help="with --on FILE: put the regions at 00 UT together and compare with"
                             " the forecasts that SWPC and the Met Office issued")  # fmt: skip
    parser.add_argument("--keep", type=Path, metavar="DIR",
                        help="keep evidence, scores and report in this folder")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="write JSON instead of a table")
    parser.add_argument("--recipe", type=Path, metavar="RECIPE.toml",
                        help="for a model made elsewhere: whose data and split it is scored"
                             " with")  # fmt: skip
    parser.add_argument("--record", action="store_true",
                        help="for a model made elsewhere: keep scores and leak audit beside it,"
                             " for `promote` to judge by")  # fmt: skip
    parser.set_defaults(run=_evaluate)


def add_audit(parser: argparse.ArgumentParser) -> None:
    """Declare ``audit``."""
    parser.description = (
        "Split the data of a recipe or artefact again and check that nothing scored was seen."
    )
    parser.add_argument("what", type=Path, metavar="RECIPE.toml|ARTEFACT")
    add_data(parser)
    parser.set_defaults(run=_audit)


def _label(text: str) -> tuple[str, str]:
    name, sign, column = text.partition("=")
    if not sign or name not in {event.name for event in EVENTS}:
        raise argparse.ArgumentTypeError(f"{text!r} is not written like M1.0=y24_M")
    return name, column


def _evaluate(options: argparse.Namespace) -> None:
    model = artifact.load(options.artefact, with_evaluation=False)
    _refuse_what_does_not_go_together(model, options)
    recipe = _recipe(model, options)
    own = loading.load(recipe.data, options.data, window=recipe.window)
    _refuse_other_cases(model, own)
    parts = split(own, recipe.split, seed=recipe.seed)
    found = _evidence(model, recipe, own, parts, options)
    if options.keep is not None:
        report = keep(options.keep, model.manifest, found, importances={})
        sys.stderr.write(f"evidence, scores and report in {report.parent}\n")
    (scores,) = book(found).values()
    if options.record:
        cases = parts.test if options.on == "test" else parts.validation
        audit = leakage.audit_elsewhere(model.manifest.fitted_until, cases, everything=own)
        _record(options, recipe, audit, scores)
    if options.json:
        plain = {
            entrant: {event: one.model_dump() for event, one in events.items()}
            for entrant, events in scores.items()
        }
        sys.stdout.write(orjson.dumps(plain, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        sys.stdout.write(table(scores))


def _refuse_what_does_not_go_together(
    model: artifact.Artifact, options: argparse.Namespace
) -> None:
    is_part, manifest = options.on in ("test", "validation"), model.manifest
    if is_part and (options.label or options.disk):
        raise InvalidInputError(
            f"--label and --disk go with --on FILE; {options.on} has the truth of its own data"
        )
    if manifest.made_by == "flarewatch" and (options.recipe or options.record):
        raise InvalidInputError(
            f"{model.model_id} was made here and holds its recipe and its scores; leave out"
            " --recipe and --record"
        )
    if options.record and (not is_part or manifest.remote is not None):
        raise InvalidInputError(
            "--record keeps the scores of a graph on test or validation cases; a remote model may"
            " answer otherwise tomorrow, and of other cases no leak audit is known"
        )


def _recipe(model: artifact.Artifact, options: argparse.Namespace) -> Recipe:
    """Return the recipe that made a model or, for one made elsewhere, that it is scored with."""
    manifest = model.manifest
    if manifest.made_by == "flarewatch":
        return _own_recipe(manifest)
    if options.recipe is None:
        raise InvalidInputError(
            f"{model.model_id} was made elsewhere; say with --recipe RECIPE.toml with whose data"
            " and split it is scored"
        )
    window = WindowChoice(
        steps=manifest.window_length,
        cadence_hours=manifest.cadence_seconds / 3600,
        tolerance_hours=manifest.tolerance_seconds / 3600,
    )
    return read_recipe(options.recipe).model_copy(update={"window": window})


def _own_recipe(manifest: Manifest) -> Recipe:
    if manifest.made_by == "elsewhere":
        raise InvalidInputError(
            f"{manifest.model_id} was made elsewhere, so that its training cannot be audited; run"
            " `flarewatch evaluate FOLDER --recipe RECIPE.toml --record`"
        )
    try:
        return Recipe.model_validate(manifest.recipe)
    except ValidationError as error:
        raise InvalidInputError(
            f"{manifest.model_id} holds no usable recipe ({error.errors()[0]['msg']}); train it"
            " again"
        ) from error


def _refuse_other_cases(model: artifact.Artifact, own: Dataset) -> None:
    lacking = [name for name in model.feature_names if name not in own.names]
    if lacking:
        raise InvalidInputError(
            f"the data set has no {', '.join(lacking)}, which {model.model_id} looks at; choose"
            " another recipe"
        )
    if own.window_length != model.manifest.window_length:
        raise InvalidInputError(
            f"the data set has windows of {own.window_length} steps, {model.model_id} looks at"
            f" {model.manifest.window_length}; choose another recipe"
        )


def _record(
    options: argparse.Namespace,
    recipe: Recipe,
    audit: LeakAudit,
    scores: dict[str, dict[str, EventScores]],
) -> None:
    """Keep what was found beside the artefact, tied to its manifest."""
    plain = recipe.model_dump(mode="json")
    found = Evaluation(
        manifest=artifact.sha256_of(options.artefact),
        recipe=f"{recipe.name}@{recipe.version}", data=plain["data"], split=plain["split"],
        part=options.on, leak_audit=audit, scores=scores,
    )  # fmt: skip
    path = options.artefact / artifact.EVALUATION
    path.write_text(found.model_dump_json(indent=2) + "\n", "utf-8")
    for check in audit.checks:
        sys.stderr.write(f"{_mark(check)}  {check.name} ({check.detail})\n")
    sys.stderr.write(f"scores and leak audit in {path}\n")


def _evidence(
    model: artifact.Artifact,
    recipe: Recipe,
    own: Dataset,
    parts: Split,
    options: argparse.Namespace,
) -> tuple[Evidence, ...]:
    if options.on not in ("test", "validation"):
        cases = _cases_elsewhere(model, recipe, parts, options)
        if options.disk is None:
            return evidence_of_test(model, cases, past=own)
        return (_evidence_of_disk(model, recipe, cases, options),)
    if options.on == "test":
        return evidence_of_test(model, parts.test, past=own)
    if model.manifest.made_by == "elsewhere":
        return evidence_of_test(model, parts.validation, past=own, part="validation")
    return evidence_of_validation(model, _pool(recipe, parts, options.data), past=own)


def _pool(recipe: Recipe, parts: Split, folder: Path) -> Pool:
    return forecast_folds(
        recipe, parts, plan=make_plan(recipe, parts),
        flares=loading.flares_of(recipe.data, folder), journal=Journal(),
    )  # fmt: skip


def _cases_elsewhere(
    model: artifact.Artifact, recipe: Recipe, parts: Split, options: argparse.Namespace
) -> Dataset:
    """Load other rows, and leave out the regions that a model made here was fitted on."""
    if not isinstance(recipe.data, SharpChoice):
        raise InvalidInputError(
            f"{recipe.name} was not trained on SHARP records; --on FILE cannot be scored with it"
        )
    other = SharpChoice(rows=options.on, flares=recipe.data.flares, harps=recipe.data.harps)
    labels = dict(options.label)
    cases = loading.load(other, options.data, window=recipe.window, labels=labels)
    if model.manifest.made_by == "elsewhere":
        sys.stderr.write("it is not known which regions the model was fitted on; all are scored\n")
        return cases
    seen = np.isin(cases.region_id, parts.train.region_id)
    if seen.any():
        sys.stderr.write(f"{seen.sum()} cases of regions seen in training are left out\n")
    return cases.take(~seen)


def _evidence_of_disk(
    model: artifact.Artifact, recipe: Recipe, cases: Dataset, options: argparse.Namespace
) -> Evidence:
    event, flares = options.disk, loading.flares_of(recipe.data, options.data)
    maps = model.manifest.disk or {}
    found = maps.get(event)
    if found is None or flares is None:
        raise InvalidInputError(
            f"{recipe.name} cannot forecast {event} on the full disk: it has maps for"
            f" {', '.join(maps) or 'no event'}; train it again on records near"
            " 00 UT, with a flare list and a split by time"
        )
    place = [one.name for one in model.manifest.events].index(event)
    regions = model.score_inputs(as_served(model, cases)).calibrated[:, place]
    return disk.evidence_of_disk(
        found, event, disk_days(cases, regions), flares=flares,
        agencies=disk.read_agencies(options.data / AGENCIES, event),
    )  # fmt: skip


def _audit(options: argparse.Namespace) -> None:
    if options.what.is_dir():
        recipe = _own_recipe(artifact.read_manifest(options.what))
    else:
        recipe = read_recipe(options.what)
    for one in recipe.repeats():
        everything = loading.load(one.data, options.data, window=one.window)
        parts = split(everything, one.split, seed=one.seed)
        found = leakage.audit(
            one, parts, everything=everything, fitted_on=parts.train,
            calibrated_on=parts.validation,
        )  # fmt: skip
        for check in found.checks:
            sys.stdout.write(f"{_mark(check)}  {check.name} ({check.detail})\n")
        leakage.gate(one, found)


def _mark(check: Check) -> str:
    return "passed" if check.passed else "FAILED"
