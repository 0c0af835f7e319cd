"""The command line of model training: train, evaluate, promote, select."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson

from model_training import artifact, datasets, registry
from model_training.evaluation import evaluate, evaluate_validation
from model_training.forecaster import make_plan
from model_training.manifest import EventScores
from model_training.pool import forecast_folds
from model_training.recipe import DataChoice, Recipe, read_recipe
from model_training.report import table
from model_training.splits import split
from model_training.training import train
from model_training.truth import read_flares
from solar.errors import FlarewatchError, InvalidInputError
from solar.flares import EVENTS

_DATA = Path("../shared/data")
_EXAMPLE = """\
examples:
  python -m model_training train model_training/recipes/logistic-regression.toml
  python -m model_training evaluate model_training/artifacts/logistic-regression-1.0.0 --data DIR
  python -m model_training select
  python -m model_training promote logistic-regression 1.0.0 --stage shadow
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0, or 1 with the reason on standard error."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except FlarewatchError as error:
        sys.stderr.write(f"{error.title}: {error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m model_training",
        description="Train flare-forecast models, score them, and choose which one is live.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_train(commands.add_parser("train", help="make an artefact from a recipe"))
    _add_evaluate(commands.add_parser("evaluate", help="score an artefact beside the baselines"))
    _add_promote(commands.add_parser("promote", help="make an artefact live, or a shadow"))
    _add_select(commands.add_parser("select", help="make the most skilful artefact live"))
    return parser


def _add_train(parser: argparse.ArgumentParser) -> None:
    parser.description = "Fit, calibrate, audit and score the model of a recipe, then write it."
    parser.add_argument("recipe", type=Path, metavar="RECIPE.toml")
    _add_data(parser)
    _add_out(parser)
    parser.set_defaults(run=_train)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.description = "Score an artefact on its own test or validation rows, or on other rows."
    parser.add_argument("artefact", type=Path, metavar="ARTEFACT", help="folder of the artefact")
    _add_data(parser)
    parser.add_argument("--on", default="test", metavar="PART|FILE",
                        help="test, validation, or rows in the data folder such as"
                             " sharp/hourly_2014.parquet (default: test)")  # fmt: skip
    parser.add_argument("--label", type=_label, action="append", default=[],
                        metavar="EVENT=COLUMN",
                        help="with --on FILE: take the truth of an event from a column of the"
                             " rows instead of the flare list; may be repeated")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="write JSON instead of a table")
    parser.set_defaults(run=_evaluate)


def _add_promote(parser: argparse.ArgumentParser) -> None:
    parser.description = "Move an artefact to a stage, if its leak audit and its skill allow it."
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("version", metavar="VERSION")
    parser.add_argument("--stage", choices=("live", "shadow"), default="live")
    _add_out(parser)
    parser.set_defaults(run=_promote)


def _add_select(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Stage all artefacts by their Brier skill on the validation years: the best for M1.0 is"
        " live, the next its shadow, the others stay candidates."
    )
    _add_out(parser)
    parser.set_defaults(run=_select)


def _add_out(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", type=Path, default=registry.ARTIFACTS, metavar="DIR",
        help="folder of artefacts (default: the committed one)",
    )  # fmt: skip


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", type=Path, default=_DATA, metavar="PATH",
        help=f"data folder that the paths of the recipe start from (default: {_DATA})",
    )  # fmt: skip


def _label(text: str) -> tuple[str, str]:
    name, sign, column = text.partition("=")
    if not sign or name not in {event.name for event in EVENTS}:
        raise argparse.ArgumentTypeError(f"{text!r} is not written like M1.0=y24_M")
    return name, column


def _train(options: argparse.Namespace) -> None:
    trained = train(read_recipe(options.recipe), options.data)
    folder = trained.write(options.out)
    for part, book in trained.manifest.scores.items():
        sys.stdout.write(f"{part}\n{table(book)}\n")
    audit = "passed" if trained.manifest.leak_audit.passed else "FAILED"
    sys.stdout.write(f"leak audit {audit}; written to {folder}\n")


def _evaluate(options: argparse.Namespace) -> None:
    model = artifact.load(options.artefact)
    book = _scores(model, options.data, on=options.on, labels=dict(options.label))
    if options.json:
        plain = {
            entrant: {event: scores.model_dump() for event, scores in events.items()}
            for entrant, events in book.items()
        }
        sys.stdout.write(orjson.dumps(plain, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        sys.stdout.write(table(book))


def _scores(
    model: artifact.Artifact, folder: Path, *, on: str, labels: Mapping[str, str]
) -> dict[str, dict[str, EventScores]]:
    if labels and on in ("test", "validation"):
        raise InvalidInputError(
            f"--label goes with --on FILE; {on} has the truth of the flare list"
        )
    recipe = Recipe.model_validate(model.manifest.recipe)
    own = datasets.load(recipe.data, folder)
    parts = split(own, recipe.split)
    if on == "validation":
        flares = read_flares(folder / recipe.data.flares)
        pool = forecast_folds(recipe, parts, plan=make_plan(recipe, parts), flares=flares)
        return evaluate_validation(model, pool, past=own)
    if on == "test":
        return evaluate(model, parts.test, past=own)
    other = DataChoice(rows=on, flares=recipe.data.flares, licence="", issue="record")
    return evaluate(model, datasets.load(other, folder, labels=labels), past=own)


def _promote(options: argparse.Namespace) -> None:
    model_id = f"{options.name}@{options.version}"
    _say(registry.promote(options.out, model_id, stage=options.stage))


def _select(options: argparse.Namespace) -> None:
    _say(registry.select(options.out))


def _say(stages: registry.Stages) -> None:
    shadow = ", ".join(stages.shadow) or "none"
    sys.stdout.write(f"live: {stages.live or 'none'}; shadow: {shadow}\n")


if __name__ == "__main__":
    sys.exit(main())
