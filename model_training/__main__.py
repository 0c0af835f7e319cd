"""The command line of model training."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from threadpoolctl import threadpool_limits

from solar.errors import FlarewatchError

_EXAMPLE = """\
examples:
  python -m model_training train model_training/recipes/logistic-regression.toml
  python -m model_training evaluate model_training/artifacts/logistic-regression-1.0.0 --data DIR
  python -m model_training datasets describe training/daily_2010_2019.parquet
  python -m model_training select
  python -m model_training promote logistic-regression 1.0.0 --stage shadow
"""
_COMMANDS = (
    ("train", "make an artefact from a recipe", "train", "add"),
    ("evaluate", "score an artefact beside the baselines", "evaluate", "add_evaluate"),
    ("audit", "check that nothing scored was seen in training", "evaluate", "add_audit"),
    ("check", "load the folder of a model as the API would", "plugins", "add_check"),
    ("plugins", "list what other packages bring", "plugins", "add_plugins"),
    ("promote", "make an artefact live, or a shadow", "stages", "add_promote"),
    ("retire", "stop serving a shadow", "stages", "add_retire"),
    ("select", "make the most skilful artefact live", "stages", "add_select"),
    ("datasets", "describe a data set", "data", "add_datasets"),
    ("networks", "draw the functional networks of a data set", "data", "add_networks"),
    ("augment", "judge the synthetic windows of a recipe", "data", "add_augment"),
    ("schema", "write the JSON Schema of recipes", "data", "add_schema"),
    ("compare", "put runs side by side in one page", "results", "add_compare"),
    ("results", "write the page of results from finished runs", "results", "add_results"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0, or 1 with the reason on standard error."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    options = _parser(words).parse_args(words)
    try:
        # Small fits gain nothing from more, and sums in another order end in other digits.
        with threadpool_limits(limits=1):
            options.run(options)
    except FlarewatchError as error:
        sys.stderr.write(f"{error.title}: {error}\n")
        return 1
    return 0


def _parser(words: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m model_training",
        description="Train flare-forecast models, score them, and choose which one is live.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, summary, module, add in _COMMANDS:
        command = commands.add_parser(name, help=summary)
        # scikit-learn and pandas take seconds, and half of the commands need neither.
        if words[:1] == [name]:
            getattr(import_module(f"model_training.commands.{module}"), add)(command)
    return parser


if __name__ == "__main__":
    # Where the layout of the processors is hidden, joblib would complain that it cannot count them.
    os.environ.setdefault("LOKY_MAX_CPU_COUNT", "1")
    sys.exit(main())
