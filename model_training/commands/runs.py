"""The commands on training runs, ``train``, ``compare`` and ``results``, and ``disk``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from model_training.artefact.artifact import sha256_of
from model_training.commands.arguments import (
    RUNS,
    add_data,
    add_out,
    add_recipe,
    add_resume,
    add_runs,
)
from model_training.fitting.disk_activity import FLARES, REGION_DAYS, as_json, fit_activity
from model_training.journal import Journal, Stop, stopping_on_signals
from model_training.judging import evidence
from model_training.recipe.recipe import Recipe, read_recipe
from model_training.report import comparison, results, run_folder
from model_training.report.repeats import mean_table
from model_training.report.run_folder import EVIDENCE, REPORT
from model_training.report.wording import table
from solar.errors import InvalidInputError, NotFoundError
from solar.full_disk import FITTED


def add_train(parser: argparse.ArgumentParser) -> None:
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
            _train_one(one, options, out=out, stop=stop)
    if recipe.repeat is not None:
        sys.stdout.write(mean_table(recipe, options.runs))


def _made(folder: Path) -> Path:
    """Make the folder of the artefact before hours are spent on its content."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInputError(
            f"{folder} cannot be made: {error.strerror}; choose another folder"
        ) from error
    return folder


def _train_one(recipe: Recipe, options: argparse.Namespace, *, out: Path, stop: Stop) -> None:
    kept = run_folder.path(options.runs, recipe)
    if not options.resume:
        run_folder.clear(kept)
    journal = Journal(kept, shows_bars=sys.stderr.isatty(), resumes=options.resume, stop=stop)
    trained, folder = run_folder.train_one(
        recipe, options.data, out=out, kept=kept, journal=journal
    )
    for part, scores in (trained.manifest.scores or {}).items():
        sys.stdout.write(f"{part}\n{table(scores)}\n")
    n_judged = sum(trial.bss is not None for trial in trained.audit.noise)
    sys.stdout.write(
        f"leak audit passed ({len(trained.audit.checks)} checks); noise test passed ({n_judged} of"
        f" {len(trained.audit.noise)} trials judged);"
        f" artefact {sha256_of(folder)[:12]} in {folder}; report {kept / REPORT}\n"
    )


def add_compare(parser: argparse.ArgumentParser) -> None:
    """Declare ``compare``."""
    parser.description = "Put 2 to 10 runs side by side, on the same cases, in one HTML page."
    parser.add_argument("run_folders", type=Path, nargs="+", metavar="RUN")
    parser.add_argument(
        "--to",
        type=Path,
        default=RUNS / "comparison.html",
        metavar="FILE",
        help=f"the page (default: {RUNS / 'comparison.html'})",
    )
    parser.set_defaults(run=_compare)


def add_results(parser: argparse.ArgumentParser) -> None:
    """Declare ``results``."""
    parser.description = "Write the page of results from the runs of the protocol recipes."
    add_runs(parser)
    parser.add_argument(
        "--to",
        type=Path,
        default=Path("docs/results.md"),
        metavar="FILE",
        help="the page (default: docs/results.md)",
    )
    parser.set_defaults(run=_results)


def add_disk(parser: argparse.ArgumentParser) -> None:
    """Declare ``disk``."""
    parser.description = (
        "Fit what recent flares say of the full disk, on the days of 1999 to 2013, for each event"
        f" and window. The data folder holds {REGION_DAYS} and {FLARES}."
    )
    add_data(parser)
    parser.add_argument(
        "--to",
        type=Path,
        default=FITTED,
        metavar="FILE",
        help="the file of weights (default: the one that is used)",
    )
    parser.set_defaults(run=_disk)


def _compare(options: argparse.Namespace) -> None:
    runs = []
    for folder in options.run_folders:
        if not (folder / EVIDENCE).is_file():
            raise NotFoundError(f"no finished run in {folder}; train its recipe first")
        runs.append(comparison.ComparedRun(folder.name, evidence.read(folder / EVIDENCE)))
    options.to.parent.mkdir(parents=True, exist_ok=True)
    comparison.write(runs, options.to)
    sys.stdout.write(f"{options.to}\n")


def _disk(options: argparse.Namespace) -> None:
    options.to.write_text(as_json(fit_activity(options.data)), "utf-8")
    sys.stdout.write(f"{options.to}\n")


def _results(options: argparse.Namespace) -> None:
    options.to.write_text(results.write(options.runs), "utf-8")
    sys.stdout.write(f"{options.to}\n")
