"""Arguments that several commands share."""

from __future__ import annotations

import argparse
import math
from datetime import datetime
from pathlib import Path

from model_training import registry
from solar.errors import InvalidInputError
from solar.time import parse_time

DATA = Path("../shared/data")
RUNS = Path("var/runs")


def add_data(parser: argparse.ArgumentParser) -> None:
    """Declare ``--data``, the folder of the data."""
    parser.add_argument(
        "--data",
        type=Path,
        default=DATA,
        metavar="PATH",
        help=f"data folder that the paths of the recipe start from (default: {DATA})",
    )


def add_out(parser: argparse.ArgumentParser) -> None:
    """Declare ``--out``, the folder of artefacts."""
    parser.add_argument(
        "--out",
        type=Path,
        default=registry.ARTIFACTS,
        metavar="DIR",
        help="folder of artefacts (default: the committed one)",
    )


def add_runs(parser: argparse.ArgumentParser) -> None:
    """Declare ``--runs``, the folder of reports, logs and checkpoints."""
    parser.add_argument(
        "--runs",
        type=Path,
        default=RUNS,
        metavar="DIR",
        help=f"folder of runs: reports, event logs, checkpoints (default: {RUNS})",
    )


def whole(text: str) -> int:
    """Read a whole number of at least 1."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least 1")
    return int(text)


def share(text: str) -> float:
    """Read a number from 0 to 1."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to 1")
    return number


def time(text: str) -> datetime:
    """Read a time with its zone."""
    try:
        return parse_time(text)
    except InvalidInputError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def add_recipe(parser: argparse.ArgumentParser) -> None:
    """Declare the argument that names a recipe."""
    parser.add_argument("recipe", type=Path, metavar="RECIPE.toml")


def add_resume(parser: argparse.ArgumentParser) -> None:
    """Declare ``--resume``, which continues a stopped run."""
    parser.add_argument(
        "--resume", action="store_true", help="continue what was stopped from its checkpoints"
    )
