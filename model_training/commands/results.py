"""The commands ``compare`` and ``results``: what runs say together."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from model_training import evidence
from model_training.commands.arguments import RUNS, add_runs
from model_training.report import comparison
from model_training.results import page
from model_training.run_folder import EVIDENCE
from solar.errors import NotFoundError


def add_compare(parser: argparse.ArgumentParser) -> None:
    """Declare ``compare``."""
    parser.description = "Put 2 to 10 runs side by side, on the same cases, in one HTML page."
    parser.add_argument("run_folders", type=Path, nargs="+", metavar="RUN")
    parser.add_argument("--to", type=Path, default=RUNS / "comparison.html", metavar="FILE",
                        help=f"the page (default: {RUNS / 'comparison.html'})")  # fmt: skip
    parser.set_defaults(run=_compare)


def add_results(parser: argparse.ArgumentParser) -> None:
    """Declare ``results``."""
    parser.description = "Write the page of results from the runs of the protocol recipes."
    add_runs(parser)
    parser.add_argument("--to", type=Path, default=Path("docs/results.md"), metavar="FILE",
                        help="the page (default: docs/results.md)")  # fmt: skip
    parser.set_defaults(run=_results)


def _compare(options: argparse.Namespace) -> None:
    runs = []
    for folder in options.run_folders:
        if not (folder / EVIDENCE).is_file():
            raise NotFoundError(f"no finished run in {folder}; train its recipe first")
        runs.append(comparison.Run(folder.name, evidence.read(folder / EVIDENCE)))
    options.to.parent.mkdir(parents=True, exist_ok=True)
    comparison.write(runs, options.to)
    sys.stdout.write(f"{options.to}\n")


def _results(options: argparse.Namespace) -> None:
    options.to.write_text(page.write(options.runs), "utf-8")
    sys.stdout.write(f"{options.to}\n")
