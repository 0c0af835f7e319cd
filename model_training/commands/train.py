"""The command ``train``: from a recipe to an artefact, with its report."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from model_training import run_folder
from model_training.artifact import sha256_of
from model_training.commands.arguments import add_data, add_out, add_recipe, add_resume, add_runs
from model_training.journal import Journal, Stop, StoppedError, stopping_on_signals
from model_training.recipe import Recipe, read_recipe
from model_training.report.table import table
from model_training.results.repeats import mean_table
from model_training.training import train
from solar.errors import FlarewatchError, InvalidInputError


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the command."""
    parser.description = (
        "Fit, calibrate, audit and score the model of a recipe, then write the artefact and a"
        " report. A recipe with [repeat] makes one run for each of its values."
    )
    add_recipe(parser)
    add_data(parser)
    add_out(parser)
    add_runs(parser)
    add_resume(parser)
    parser.set_defaults(run=_train)


def _train(options: argparse.Namespace) -> None:
    recipe = read_recipe(options.recipe)
    stop = Stop()
    with stopping_on_signals(stop):
        for one in recipe.repeats():
            # The artefacts of repeated runs are evidence, not models to serve.
            out = _made(options.out if recipe.repeat is None else options.runs)
            with _journal(one, options, stop) as journal:
                _train_one(one, options.data, out=out, journal=journal)
    if recipe.repeat is not None:
        sys.stdout.write(mean_table(recipe, options.runs))


def _made(folder: Path) -> Path:
    """Make the folder of the artefact before hours are spent on what shall lie in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInputError(
            f"{folder} cannot be made: {error.strerror}; choose another folder"
        ) from error
    return folder


@contextmanager
def _journal(recipe: Recipe, options: argparse.Namespace, stop: Stop) -> Iterator[Journal]:
    folder = run_folder.path(options.runs, recipe)
    if not options.resume:
        run_folder.clear(folder)
    journal = Journal(folder, shows_bars=sys.stderr.isatty(), resumes=options.resume, stop=stop)
    journal.tell("begin", recipe=recipe.name)
    try:
        yield journal
    except StoppedError:
        raise
    except FlarewatchError as error:
        # Who follows the log must not take a run that failed for one that goes on.
        journal.tell("failed", reason=str(error))
        raise
    journal.tell("end", recipe=recipe.name)


def _train_one(recipe: Recipe, data: Path, *, out: Path, journal: Journal) -> None:
    trained = train(recipe, data, journal=journal)
    folder = trained.write(out)
    report = run_folder.write(trained, journal)
    for part, scores in (trained.manifest.scores or {}).items():
        sys.stdout.write(f"{part}\n{table(scores)}\n")
    sys.stdout.write(
        f"leak audit passed ({len(trained.audit.checks)} checks);"
        f" artefact {sha256_of(folder)[:12]} in {folder}; report {report}\n"
    )
