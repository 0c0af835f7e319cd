"""The commands ``schema``, ``datasets``, ``networks`` and ``augment``: what a run works on."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from database.engine import create_engine, reading
from database.lab.snapshot import snapshot_pages
from database.settings import DatabaseSettings
from model_training.analysis.description import describe, text
from model_training.analysis.network_study import study_recipe
from model_training.analysis.processing import process, write_augmented
from model_training.analysis.unknown_data import describe_unknown
from model_training.commands.arguments import (
    RUNS,
    add_data,
    add_recipe,
    add_resume,
    add_runs,
    share,
    time,
    whole,
)
from model_training.data import loading
from model_training.data.dataset import Dataset
from model_training.data.guessing import guess
from model_training.data.snapshot import write_snapshot
from model_training.journal import Journal, Stop, stopping_on_signals
from model_training.recipe.recipe import Recipe, read_recipe
from solar.errors import InvalidInputError
from solar.time import Window


def add_schema(parser: argparse.ArgumentParser) -> None:
    """Declare ``schema``."""
    parser.description = "Write the JSON Schema of recipes: every option with its range and help."
    parser.set_defaults(run=_schema)


def _schema(_options: argparse.Namespace) -> None:
    _write(Recipe.model_json_schema())


def _write(document: Any) -> None:
    option = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
    sys.stdout.write(orjson.dumps(document, option=option).decode() + "\n")


def add_datasets(parser: argparse.ArgumentParser) -> None:
    """Declare ``datasets describe``, ``datasets process`` and ``datasets snapshot``."""
    parser.description = (
        "Say what a data set holds and lacks, process it as a recipe says, or take one from the"
        " store."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    describe = commands.add_parser("describe", help="the break-down of a data set")
    describe.add_argument(
        "what",
        type=Path,
        metavar="PATH|RECIPE.toml",
        help="data whose layout can be told from its columns or names, or a"
        " recipe that declares it",
    )
    describe.add_argument(
        "--limited",
        action="store_true",
        help="read a file that you do not trust in a process of limited memory and time first",
    )
    describe.add_argument("--json", action="store_true", help="write JSON instead of tables")
    add_data(describe)
    describe.set_defaults(run=_describe)
    process = commands.add_parser(
        "process", help="write the prepared inputs of a recipe, with the parameters of each step"
    )
    add_recipe(process)
    add_data(process)
    _add_to(process, "processed")
    process.set_defaults(run=_process)
    snapshot = commands.add_parser(
        "snapshot", help="write what the store that FLARE_DATABASE_URL names has of a time"
    )
    snapshot.add_argument("folder", type=Path, metavar="DIR", help="new folder of the files")
    for name, target in (("--from", "start"), ("--to", "end")):
        snapshot.add_argument(
            name, dest=target, type=time, required=True, metavar="ISO", help="2014-03-01T00:00:00Z"
        )
    snapshot.set_defaults(run=_snapshot)


def _add_to(parser: argparse.ArgumentParser, name: str) -> None:
    parser.add_argument(
        "--to",
        type=Path,
        default=RUNS / name,
        metavar="DIR",
        help=f"folder of the files (default: {RUNS / name})",
    )


def add_networks(parser: argparse.ArgumentParser) -> None:
    """Declare ``networks``."""
    parser.description = (
        "Write the functional networks of a data set: of its samples, and of its keywords with"
        " and without an event, as GraphML, JSON and SVG, with their statistics."
    )
    add_recipe(parser)
    add_data(parser)
    _add_to(parser, "networks")
    parser.add_argument("--event", default="M1.0", help="whose outcome colours the samples")
    parser.add_argument(
        "--threshold",
        type=share,
        default=0.5,
        metavar="R",
        help="smallest correlation that joins nodes (default: 0.5)",
    )
    parser.add_argument(
        "--max-neighbours",
        type=whole,
        default=8,
        metavar="N",
        help="most edges of a sample (default: 8)",
    )
    parser.add_argument(
        "--most",
        type=whole,
        default=50_000,
        metavar="N",
        help="samples at most, drawn at random (default: 50000)",
    )
    parser.set_defaults(run=_networks)


def add_augment(parser: argparse.ArgumentParser) -> None:
    """Declare ``augment``."""
    parser.description = (
        "Try the augmentation of a recipe on its validation folds: the skill with and without it"
        " and, for TimeGAN, a quality report of the synthetic windows."
    )
    add_recipe(parser)
    add_data(parser)
    add_runs(parser)
    add_resume(parser)
    parser.add_argument(
        "--keep",
        metavar="EVENT",
        help="write the training cases with the synthetic ones of this event too",
    )
    parser.set_defaults(run=_augment)


def _describe(options: argparse.Namespace) -> None:
    if options.limited:
        _describe_unknown(options)
        return
    dataset = _load(options.what, options.data)
    description = describe(dataset, names=dataset.names)
    if options.json:
        _write(description.to_dict())
    else:
        sys.stdout.write(text(description))


def _load(what: Path, folder: Path) -> Dataset:
    if what.suffix == ".toml":
        recipe = read_recipe(what)
        return loading.load(recipe.data, folder, window=recipe.window)
    path = _found(what, folder)
    return loading.load(guess(path), path.parent)


def _describe_unknown(options: argparse.Namespace) -> None:
    path = _found(options.what, options.data)
    if path.suffix == ".toml" or not path.exists():
        raise InvalidInputError(f"--limited reads a file or folder of data; {path.name} is none")
    told = describe_unknown(path)
    if told["question"] is not None:
        raise InvalidInputError(told["question"]["message"])
    if told["reason"] is not None:
        raise InvalidInputError(told["reason"])
    if options.json:
        _write(told["breakdown"])
    else:
        sys.stdout.write(told["text"])


def _found(what: Path, folder: Path) -> Path:
    return what if what.exists() else folder / what


def _process(options: argparse.Namespace) -> None:
    recipe = read_recipe(options.recipe)
    _write(process(recipe, options.data, out=options.to, journal=Journal()))


def _snapshot(options: argparse.Namespace) -> None:
    window = Window(options.start, options.end)
    if options.folder.exists() and any(options.folder.iterdir()):
        raise InvalidInputError(f"{options.folder} is not empty; name a new folder")
    engine = create_engine(DatabaseSettings())
    try:
        with reading(engine) as connection:
            n = write_snapshot(partial(snapshot_pages, connection, window), options.folder)
    finally:
        engine.dispose()
    sys.stdout.write(f"{n} records are in {options.folder}\n")


def _networks(options: argparse.Namespace) -> None:
    figures = study_recipe(
        read_recipe(options.recipe),
        options.data,
        event=options.event,
        most=options.most,
        threshold=options.threshold,
        max_neighbours=options.max_neighbours,
        out=options.to,
        journal=Journal(),
    )
    _write(figures)


def _augment(options: argparse.Namespace) -> None:
    # Imported when called: torch takes a second, and no other command here needs it.
    from model_training.analysis.augmentation_trial import trial

    recipe = read_recipe(options.recipe)
    stop = Stop()
    folder = options.runs / f"{recipe.name}-{recipe.version}-augmentation"
    journal = Journal(folder, shows_bars=sys.stderr.isatty(), resumes=options.resume, stop=stop)
    with stopping_on_signals(stop):
        if options.keep is not None:
            write_augmented(recipe, options.data, event=options.keep, out=folder, journal=journal)
        _write(trial(recipe, options.data, journal=journal))
