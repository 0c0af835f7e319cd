"""The commands on artefacts: ``check``, ``plugins``, ``promote``, ``retire`` and ``select``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from model_training import plugins, registry
from model_training.artefact import artifact, probe
from model_training.artefact.contradictions import evidence_of
from model_training.artefact.inference import input_shape
from model_training.commands.arguments import add_out
from model_training.features import Inputs
from solar.errors import ArtifactError
from solar.stages import Stages


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
    installed = [
        plugin
        for group in (plugins.IMPUTERS, plugins.ESTIMATORS)
        for plugin in plugins.installed(group)
    ]
    lines = [f"{one.kind}  {one.name}  {one.package} {one.version}" for one in installed]
    sys.stdout.write("\n".join(lines or ["no installed package offers any"]) + "\n")


def _check(options: argparse.Namespace) -> None:
    name = options.folder.resolve().name
    try:
        model = probe.load(options.folder)
    except artifact.ContradictionError as error:
        raise _refusal(name, error.faults) from error
    probes = probe.probes(model.manifest)
    scores = model.score_inputs(probes)
    faults = [*_invalid_outputs(model, probes, scores), *_unknown_features(model)]
    if faults:
        raise _refusal(name, faults)
    for warning in model.warnings:
        sys.stderr.write(f"warning: {name}: {warning}\n")
    sys.stdout.write("\n".join([*_summary_lines(model, scores), "can serve"]) + "\n")


def _refusal(name: str, faults: Sequence[str]) -> ArtifactError:
    return ArtifactError("\n".join([f"{name}:", *(f"- {fault}" for fault in faults)]))


def _invalid_outputs(
    model: artifact.Artifact, probes: Inputs, scores: artifact.Scores
) -> list[str]:
    """Find outputs that are no probabilities, where a forecast is due."""
    if artifact.NO_PROBABILITY not in scores.reason:
        return []
    columns = [event.column for event in model.manifest.events]
    raw = model.inference.run(probes).probabilities[:, columns]
    is_scored = np.array([reason in (None, artifact.NO_PROBABILITY) for reason in scores.reason])
    known = raw[is_scored[:, None] & ~np.isnan(raw)]
    faults = []
    if ((known < 0) | (known > 1)).any():
        low, high = known.min(), known.max()
        faults.append(
            f"its output is from {low:.4g} to {high:.4g}, which are no probabilities; let the graph"
            " end with them"
        )
    silent = is_scored & np.isnan(raw).any(axis=1)
    if silent[1]:
        faults.append("its output from zeros is not a number")
    names = [
        name
        for name, is_silent in zip(model.feature_names, silent[2:], strict=True)
        if is_silent and not silent[1]
    ]
    if names:
        faults.append(
            f"its output is not a number where {', '.join(names)} is missing; let the graph fill in"
            ' what is missing, or write "max_missing_share": 0'
        )
    return faults


def _unknown_features(model: artifact.Artifact) -> list[str]:
    names = ", ".join(model.manifest.unsupplied)
    return [f"cannot serve: no observation brings {names}"] if names else []


def _summary_lines(model: artifact.Artifact, scores: artifact.Scores) -> list[str]:
    shape, manifest = input_shape(model.manifest), model.manifest
    forecasts = zip(manifest.event_names, scores.calibrated[1].tolist(), strict=True)
    limits = ", ".join(
        f"{event.name}+ {'none' if event.threshold is None else f'{event.threshold:.4g}'}"
        for event in manifest.events
    )
    evidence = ", ".join(evidence_of(manifest)) or "no evidence"
    return [
        f"{model.model_id}: {' x '.join(map(str, shape))} inputs: {', '.join(model.feature_names)}",
        f"made by: {manifest.made_by}; its manifest brings {evidence}",
        "from zeros: " + ", ".join(f"P({name}+) = {p:.4g}" for name, p in forecasts),
        f"from nothing: {scores.reason[0] or 'a forecast'}",
        f"thresholds: {limits}",
        f"evaluated here: {_evaluated(model)}",
    ]


def _evaluated(model: artifact.Artifact) -> str:
    evaluation = model.evaluation
    if evaluation is None:
        return "by its training" if model.manifest.made_by == "flarewatch" else "no"
    audit = "passed" if evaluation.leak_audit.passed else "failed"
    return f"on the {evaluation.part} cases of {evaluation.recipe}, leak audit {audit}"


def add_promote(parser: argparse.ArgumentParser) -> None:
    """Declare ``promote``."""
    parser.description = (
        "Move an artefact to a stage, if its leak audit and its skill allow it. A model made"
        " elsewhere needs an evaluation that was recorded here, or a reason to do without."
    )
    _add_model(parser)
    parser.add_argument(
        "--unaudited",
        type=_reason,
        metavar="REASON",
        help="why a model made elsewhere shall serve without a leak audit; the"
        " reason is kept in live.json and shown beside the model",
    )
    parser.add_argument("--stage", choices=("live", "shadow"), default="live")
    parser.set_defaults(run=_promote)


def add_retire(parser: argparse.ArgumentParser) -> None:
    """Declare ``retire``."""
    parser.description = "Stop serving a shadow; its artefact and its forecasts stay."
    _add_model(parser)
    parser.set_defaults(run=_retire)


def add_select(parser: argparse.ArgumentParser) -> None:
    """Declare ``select``."""
    parser.description = (
        "Stage all artefacts by their Brier skill on the validation years: the best for M1.0 is"
        " live, the next its shadow, all others stop serving. Models made elsewhere are not chosen."
    )
    add_out(parser)
    parser.set_defaults(run=_select)


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("version", metavar="VERSION")
    add_out(parser)


def _reason(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("say in words why")
    return text.strip()


def _promote(options: argparse.Namespace) -> None:
    _say(
        registry.promote(
            options.out, _model_id(options), stage=options.stage, unaudited=options.unaudited
        )
    )


def _retire(options: argparse.Namespace) -> None:
    _say(registry.retire(options.out, _model_id(options)))


def _select(options: argparse.Namespace) -> None:
    _say(registry.select(options.out))


def _model_id(options: argparse.Namespace) -> str:
    return f"{options.name}@{options.version}"


def _say(stages: Stages) -> None:
    shadow = ", ".join(stages.shadow) or "none"
    sys.stdout.write(f"live: {stages.live or 'none'}; shadow: {shadow}\n")
    for name, why in stages.unaudited.items():
        sys.stdout.write(f"not audited: {name}: {why}\n")
