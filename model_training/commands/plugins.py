"""The commands ``plugins`` and ``check``: what others bring, and whether a folder serves."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from model_training import artifact, plugins
from model_training.features import HISTORY_FEATURES
from model_training.inference import input_shape
from solar.sharp import BY_NAME


def add_plugins(parser: argparse.ArgumentParser) -> None:
    """Declare ``plugins``."""
    parser.description = "List the imputers and estimators that installed packages offer."
    parser.set_defaults(run=_plugins)


def add_check(parser: argparse.ArgumentParser) -> None:
    """Declare ``check``."""
    parser.description = (
        "Load the folder of a model as the API would, have it forecast from nothing and from"
        " zeros, and say what it looks at and whether an observation brings that."
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.set_defaults(run=_check)


def _plugins(_options: argparse.Namespace) -> None:
    found = [
        plugin
        for group in (plugins.IMPUTERS, plugins.ESTIMATORS)
        for plugin in plugins.installed(group)
    ]
    lines = [f"{one.kind}  {one.name}  {one.package} {one.version}" for one in found]
    sys.stdout.write("\n".join(lines or ["no installed package offers any"]) + "\n")


def _check(options: argparse.Namespace) -> None:
    model = artifact.load(options.folder)
    shape = input_shape(model.manifest)
    rows = np.stack([np.full(shape, np.nan), np.zeros(shape)]).astype(np.float32)
    scores = model.score_inputs(rows)
    foreign = [
        name for name in model.feature_names if name not in BY_NAME and name not in HISTORY_FEATURES
    ]
    events = (event.name for event in model.manifest.events)
    said = zip(events, scores.calibrated[1].tolist(), strict=True)
    lines = [
        f"{model.model_id}: {' x '.join(map(str, shape))} inputs: {', '.join(model.feature_names)}",
        "from zeros: " + ", ".join(f"P({name}+) = {p:.4g}" for name, p in said),
        f"from nothing: {scores.reason[0] or 'a forecast'}",
        f"cannot serve: no observation brings {', '.join(foreign)}" if foreign else "can serve",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
