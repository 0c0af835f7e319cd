"""The command line of model training."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module

from solar.errors import FlarewatchError, InvalidInputError

_EXAMPLE = """\
examples:
  flarewatch train model_training/recipes/logistic-regression.toml
  flarewatch evaluate model_training/artifacts/logistic-regression-1.0.0 --data DIR
  flarewatch datasets describe training/daily_2010_2019.parquet
  flarewatch select
  flarewatch promote logistic-regression 1.0.0 --stage shadow
"""
# The module of a command is imported when the command is called. An installation that only serves
# models has no pandas and no scikit-learn, yet it checks, promotes and retires models.
_COMMANDS = (
    ("train", "make an artefact from a recipe", "runs", "add_train"),
    ("evaluate", "score an artefact beside the baselines", "evaluate", "add_evaluate"),
    ("audit", "check that nothing scored was seen in training", "evaluate", "add_audit"),
    ("check", "load the folder of a model as the API would", "artefacts", "add_check"),
    ("plugins", "list what other packages bring", "artefacts", "add_plugins"),
    ("promote", "make an artefact live, or a shadow", "artefacts", "add_promote"),
    ("retire", "stop serving a shadow", "artefacts", "add_retire"),
    ("select", "make the most skilful artefact live", "artefacts", "add_select"),
    ("datasets", "describe a data set, or process it", "data", "add_datasets"),
    ("networks", "draw the functional networks of a data set", "data", "add_networks"),
    ("cluster", "group the cases of a data set", "analysis", "add_cluster"),
    ("forecast", "forecast keywords beside persistence", "analysis", "add_forecast"),
    ("augment", "judge the synthetic windows of a recipe", "data", "add_augment"),
    ("schema", "write the JSON Schema of recipes", "data", "add_schema"),
    ("compare", "put runs side by side in one page", "runs", "add_compare"),
    ("results", "write the page of results from finished runs", "runs", "add_results"),
    ("disk", "fit what recent flares say of the full disk", "runs", "add_disk"),
    ("work", "execute the runs of the Lab", "work", "add_work"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0, or 1 with the reason on standard error."""
    command_line = sys.argv[1:] if arguments is None else arguments
    try:
        options = parser(command_line[0] if command_line else "").parse_args(command_line)
        with _one_thread():
            options.run(options)
    except FlarewatchError as error:
        sys.stderr.write(f"{error.title}: {error}\n")
        return 1
    return 0


def _one_thread() -> AbstractContextManager[object]:
    """Fit in one thread: more are no faster here, and sums in another order differ in digits."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        # It comes with the training packages; without those nothing is fitted.
        return nullcontext()
    limits: AbstractContextManager[object] = threadpool_limits(limits=1)
    return limits


def parser(called: str = "") -> argparse.ArgumentParser:
    """Describe every command, and the arguments of the one that is called."""
    top = argparse.ArgumentParser(
        prog="flarewatch",
        description="Train flare-forecast models, score them, and choose which one is live.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for name, summary, module, add in _COMMANDS:
        command = commands.add_parser(name, help=summary)
        if name == called:
            _declare(command, module, add)
    return top


def _declare(command: argparse.ArgumentParser, module: str, add: str) -> None:
    try:
        declaring = import_module(f"model_training.commands.{module}")
    except ModuleNotFoundError as error:
        raise InvalidInputError(
            f"{command.prog} needs {error.name}, which is not installed here;"
            " `make setup` installs it"
        ) from error
    getattr(declaring, add)(command)


if __name__ == "__main__":
    # Where the layout of the processors is hidden, joblib would complain that it cannot count them.
    os.environ.setdefault("LOKY_MAX_CPU_COUNT", "1")
    sys.exit(main())
