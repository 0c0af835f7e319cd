"""The commands ``promote``, ``retire`` and ``select``: which artefacts serve."""

from __future__ import annotations

import argparse
import sys

from model_training import registry
from model_training.commands.arguments import add_out


def add_promote(parser: argparse.ArgumentParser) -> None:
    """Declare ``promote``."""
    parser.description = "Move an artefact to a stage, if its leak audit and its skill allow it."
    _add_model(parser)
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
        " live, the next its shadow, the others stay candidates."
    )
    add_out(parser)
    parser.set_defaults(run=_select)


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("version", metavar="VERSION")
    add_out(parser)


def _promote(options: argparse.Namespace) -> None:
    _say(registry.promote(options.out, _model_id(options), stage=options.stage))


def _retire(options: argparse.Namespace) -> None:
    _say(registry.retire(options.out, _model_id(options)))


def _select(options: argparse.Namespace) -> None:
    _say(registry.select(options.out))


def _model_id(options: argparse.Namespace) -> str:
    return f"{options.name}@{options.version}"


def _say(stages: registry.Stages) -> None:
    shadow = ", ".join(stages.shadow) or "none"
    sys.stdout.write(f"live: {stages.live or 'none'}; shadow: {shadow}\n")
