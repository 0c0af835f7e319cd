"""The commands ``plugins`` and ``check``: what others bring, and whether a folder serves."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from model_training import artifact, plugins
from model_training.contradictions import EVIDENCE
from model_training.features import HISTORY_FEATURES
from model_training.inference import Inputs, input_shape
from solar.errors import ArtifactError
from solar.sharp import BY_NAME


def add_plugins(parser: argparse.ArgumentParser) -> None:
    """Declare ``plugins``."""
    parser.description = "List the imputers and estimators that installed packages offer."
    parser.set_defaults(run=_plugins)


def add_check(parser: argparse.ArgumentParser) -> None:
    """Declare ``check``."""
    parser.description = (
        "Load the folder of a model as the API would, have it forecast from zeros and with what"
        " is missing, and say what it looks at. Lists everything that is wrong and returns 1 if"
        " the folder cannot serve."
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
    name = options.folder.resolve().name
    try:
        model = artifact.load(options.folder)
    except artifact.ContradictionError as error:
        raise _refusal(name, error.faults) from error
    probes = _probes(model)
    scores = model.score_inputs(probes)
    faults = [*_unusual(model, probes, scores), *_foreign(model)]
    if faults:
        raise _refusal(name, faults)
    for doubt in model.doubts:
        sys.stderr.write(f"warning: {name}: {doubt}\n")
    sys.stdout.write("\n".join([*_told(model, scores), "can serve"]) + "\n")


def _refusal(name: str, faults: Sequence[str]) -> ArtifactError:
    return ArtifactError("\n".join([f"{name}:", *(f"- {fault}" for fault in faults)]))


def _probes(model: artifact.Artifact) -> Inputs:
    """Return inputs without anything, of zeros, and of zeros with one feature missing each."""
    shape = input_shape(model.manifest)
    rows = np.zeros((2 + shape[-1], *shape), np.float32)
    rows[0] = np.nan
    for place in range(shape[-1]):
        rows[2 + place, ..., place] = np.nan
    return rows


def _unusual(model: artifact.Artifact, probes: Inputs, scores: artifact.Scores) -> list[str]:
    """Find answers that are no probabilities, where the model is asked for one."""
    if artifact.NO_PROBABILITY not in scores.reason:
        return []
    columns = [event.column for event in model.manifest.events]
    raw = model.inference.run(probes).probabilities[:, columns]
    asked = np.array([reason in (None, artifact.NO_PROBABILITY) for reason in scores.reason])
    known = raw[asked[:, None] & ~np.isnan(raw)]
    faults = []
    if ((known < 0) | (known > 1)).any():
        low, high = known.min(), known.max()
        faults.append(
            f"its output is from {low:.4g} to {high:.4g}, which are no probabilities; let the graph"
            " end with them"
        )
    silent = asked & np.isnan(raw).any(axis=1)
    if silent[1]:
        faults.append("its output from zeros is not a number")
    names = [name for name, is_silent in zip(model.feature_names, silent[2:], strict=True)
             if is_silent and not silent[1]]  # fmt: skip
    if names:
        faults.append(
            f"its output is not a number where {', '.join(names)} is missing; let the graph fill in"
            ' what is missing, or write "max_missing_share": 0'
        )
    return faults


def _foreign(model: artifact.Artifact) -> list[str]:
    foreign = [
        name for name in model.feature_names if name not in BY_NAME and name not in HISTORY_FEATURES
    ]
    return [f"cannot serve: no observation brings {', '.join(foreign)}"] if foreign else []


def _told(model: artifact.Artifact, scores: artifact.Scores) -> list[str]:
    shape, manifest = input_shape(model.manifest), model.manifest
    said = zip(manifest.event_names, scores.calibrated[1].tolist(), strict=True)
    limits = ", ".join(
        f"{event.name}+ {'none' if event.threshold is None else f'{event.threshold:.4g}'}"
        for event in manifest.events
    )
    evidence = [name for name in EVIDENCE if getattr(manifest, name) not in (None, {})]
    return [
        f"{model.model_id}: {' x '.join(map(str, shape))} inputs: {', '.join(model.feature_names)}",
        f"made by: {manifest.made_by}; its manifest brings {', '.join(evidence) or 'no evidence'}",
        "from zeros: " + ", ".join(f"P({name}+) = {p:.4g}" for name, p in said),
        f"from nothing: {scores.reason[0] or 'a forecast'}",
        f"thresholds: {limits}",
        f"evaluated here: {_evaluated(model)}",
    ]


def _evaluated(model: artifact.Artifact) -> str:
    found = model.evaluation
    if found is None:
        return "by its training" if model.manifest.made_by == "flarewatch" else "no"
    audit = "passed" if found.leak_audit.passed else "failed"
    return f"on the {found.part} cases of {found.recipe}, leak audit {audit}"
