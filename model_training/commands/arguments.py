"""Arguments that several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path

from model_training import registry

DATA = Path("../shared/data")
RUNS = Path("var/runs")


def add_data(parser: argparse.ArgumentParser) -> None:
    """Let the user say where the data lie."""
    parser.add_argument(
        "--data", type=Path, default=DATA, metavar="PATH",
        help=f"data folder that the paths of the recipe start from (default: {DATA})",
    )  # fmt: skip


def add_out(parser: argparse.ArgumentParser) -> None:
    """Let the user say where artefacts are kept."""
    parser.add_argument(
        "--out", type=Path, default=registry.ARTIFACTS, metavar="DIR",
        help="folder of artefacts (default: the committed one)",
    )  # fmt: skip


def add_runs(parser: argparse.ArgumentParser) -> None:
    """Let the user say where runs keep their reports, logs and checkpoints."""
    parser.add_argument(
        "--runs", type=Path, default=RUNS, metavar="DIR",
        help=f"folder of runs: reports, event logs, checkpoints (default: {RUNS})",
    )  # fmt: skip
