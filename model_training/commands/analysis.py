"""The commands ``cluster`` and ``forecast``: what the cases of a recipe resemble and become."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from model_training.analysis.clusters import cluster_recipe
from model_training.analysis.keyword_forecast import forecast_recipe
from model_training.commands.arguments import RUNS, add_data, add_recipe
from model_training.journal import Journal, Stop, stopping_on_signals
from model_training.recipe.config import Config
from model_training.recipe.kinds import ClusterParameters, ForecastParameters
from model_training.recipe.recipe import read_recipe
from solar.errors import InvalidInputError

Parameters = TypeVar("Parameters", bound=Config)


def add_cluster(parser: argparse.ArgumentParser) -> None:
    """Declare ``cluster``."""
    parser.description = (
        "Group the cases of a recipe by what they look like, and say whether the groups are more"
        " than those of the same values exchanged between cases."
    )
    _add(parser, ClusterParameters, RUNS / "clusters")
    parser.set_defaults(run=_cluster)


def add_forecast(parser: argparse.ArgumentParser) -> None:
    """Declare ``forecast``."""
    parser.description = (
        "Forecast keywords of the test cases of a recipe as quantiles, and score them beside"
        " persistence."
    )
    _add(parser, ForecastParameters, RUNS / "forecast")
    parser.set_defaults(run=_forecast)


def _add(parser: argparse.ArgumentParser, model: type[Config], to: Path) -> None:
    """Declare an option for each parameter, which its model checks."""
    add_recipe(parser)
    add_data(parser)
    parser.add_argument(
        "--to", type=Path, default=to, metavar="DIR", help=f"folder of the files (default: {to})"
    )
    for name, field in model.model_fields.items():
        several: dict[str, Any] = {"nargs": "+"} if isinstance(field.default, tuple) else {}
        usual = " ".join(map(str, field.default)) if several else field.default
        parser.add_argument(
            _option(name),
            default=argparse.SUPPRESS,
            metavar=name.upper(),
            help=f"{field.description} (default: {usual or 'none'})".replace("%", "%%"),
            **several,
        )


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _parameters(model: type[Parameters], options: argparse.Namespace) -> Parameters:
    given = {name: value for name, value in vars(options).items() if name in model.model_fields}
    try:
        return model.model_validate(given)
    except ValidationError as error:
        fault = error.errors()[0]
        raise InvalidInputError(f"{_option(str(fault['loc'][0]))}: {fault['msg']}") from error


@contextmanager
def _journal() -> Iterator[Journal]:
    stop = Stop()
    with stopping_on_signals(stop):
        yield Journal(shows_bars=sys.stderr.isatty(), stop=stop)


def _cluster(options: argparse.Namespace) -> None:
    asked, recipe = _parameters(ClusterParameters, options), read_recipe(options.recipe)
    with _journal() as journal:
        told = cluster_recipe(recipe, options.data, asked, out=options.to, journal=journal)
    sizes = ", ".join(f"{one['label']}: {one['samples']}" for one in told["clusters"])
    sys.stdout.write(
        f"{told['samples']} samples; {sizes or 'no cluster'}; noise {told['noise']}\n"
        f"{told['sentence']}\nfiles in {options.to}\n"
    )


def _forecast(options: argparse.Namespace) -> None:
    asked, recipe = _parameters(ForecastParameters, options), read_recipe(options.recipe)
    with _journal() as journal:
        told = forecast_recipe(recipe, options.data, asked, out=options.to, journal=journal)
    lines = [one["sentence"] for one in told["results"]]
    sys.stdout.write("\n".join([*lines, f"files in {options.to}"]) + "\n")
