"""The commands ``evaluate`` and ``audit``: what an artefact is worth, and whether it leaks."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

import orjson

from model_training import artifact, leakage
from model_training.choices.data import SharpChoice
from model_training.commands.arguments import add_data
from model_training.datasets import loading
from model_training.datasets.dataset import Dataset
from model_training.evaluation import evidence_of_test, evidence_of_validation
from model_training.evidence import Evidence
from model_training.forecaster import make_plan
from model_training.journal import Journal
from model_training.pool import forecast_folds
from model_training.recipe import Recipe, read_recipe
from model_training.report.table import table
from model_training.score_book import book
from model_training.splits import split
from solar.errors import InvalidInputError
from solar.flares import EVENTS


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
    parser.add_argument("--json", action="store_true", help="write JSON instead of a table")
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
    model = artifact.load(options.artefact)
    found = book(_evidence(model, options.data, on=options.on, labels=dict(options.label)))
    (scores,) = found.values()
    if options.json:
        plain = {
            entrant: {event: one.model_dump() for event, one in events.items()}
            for entrant, events in scores.items()
        }
        sys.stdout.write(orjson.dumps(plain, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        sys.stdout.write(table(scores))


def _evidence(
    model: artifact.Artifact, folder: Path, *, on: str, labels: Mapping[str, str]
) -> tuple[Evidence, ...]:
    recipe = Recipe.model_validate(model.manifest.recipe)
    own = loading.load(recipe.data, folder, window=recipe.window)
    if on not in ("test", "validation"):
        return _evidence_elsewhere(model, folder, recipe, own, on=on, labels=labels)
    if labels:
        raise InvalidInputError(f"--label goes with --on FILE; {on} has the truth of its own data")
    parts = split(own, recipe.split, seed=recipe.seed)
    if on == "test":
        return evidence_of_test(model, parts.test, past=own)
    pool = forecast_folds(
        recipe, parts, plan=make_plan(recipe, parts),
        flares=loading.flares_of(recipe.data, folder), journal=Journal(),
    )  # fmt: skip
    return evidence_of_validation(model, pool, past=own)


def _evidence_elsewhere(
    model: artifact.Artifact,
    folder: Path,
    recipe: Recipe,
    own: Dataset,
    *,
    on: str,
    labels: Mapping[str, str],
) -> tuple[Evidence, ...]:
    if not isinstance(recipe.data, SharpChoice):
        raise InvalidInputError(
            f"{recipe.name} was not trained on SHARP records; --on FILE cannot be scored with it"
        )
    other = SharpChoice(layout="sharp", rows=on, flares=recipe.data.flares, licence="")
    cases = loading.load(other, folder, window=recipe.window, labels=labels)
    return evidence_of_test(model, cases, past=own)


def _audit(options: argparse.Namespace) -> None:
    if options.what.is_dir():
        recipe = Recipe.model_validate(artifact.read_manifest(options.what).recipe)
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
            mark = "passed" if check.passed else "FAILED"
            sys.stdout.write(f"{mark}  {check.name} ({check.detail})\n")
        leakage.gate(one, found)
