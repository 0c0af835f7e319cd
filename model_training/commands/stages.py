"""The commands ``promote``, ``retire`` and ``select``: which artefacts serve."""

from __future__ import annotations

import argparse
import sys

from model_training import registry
from model_training.commands.arguments import add_out


def add_promote(parser: argparse.ArgumentParser) -> None:
    """Declare ``promote``."""
    parser.description = (
        "Move an artefact to a stage, if its leak audit and its skill allow it. A model made"
        " elsewhere needs an evaluation that was recorded here, or a reason to do without."
    )
    _add_model(parser)
    parser.add_argument("--unaudited", type=_reason, metavar="REASON",
                        help="why a model made elsewhere shall serve without a leak audit; the"
                             " reason is kept in live.json and shown beside the model")  # fmt: skip
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


def _say(stages: registry.Stages) -> None:
    shadow = ", ".join(stages.shadow) or "none"
    sys.stdout.write(f"live: {stages.live or 'none'}; shadow: {shadow}\n")
    for name, why in stages.unaudited.items():
        sys.stdout.write(f"not audited: {name}: {why}\n")
