#!/usr/bin/env python3
"""The command ``flarewatch``: every part of the product under one name."""

from __future__ import annotations

import runpy
import sys

from solar.version import VERSION

# What each command runs, as `python -m MODULE` would, and what it is for.
PARTS = {
    "demo": ("demo", "API, dashboard and sender on this machine, stopped together"),
    "api": ("app", "serve | consume | notify: the prediction API"),
    "dash": ("app_dash", "serve: the dashboard"),
    "send": ("data_sender", "replay | simulate | jsoc | swpc: send records to the API"),
    "status": ("solar.status", "whether all is well, as a table; --watch goes on showing it"),
    "database": ("database", "upgrade, import-flares, backup …: look after the store"),
}
TRAINING = (
    "train", "evaluate", "audit", "check", "plugins", "promote", "retire", "select", "datasets",
    "networks", "cluster", "forecast", "augment", "schema", "compare", "results",
    "disk", "work",
)  # fmt: skip


def main() -> int:
    """Run one command as ``python -m`` would; the command ends the process with its own status."""
    given = sys.argv[1:]
    if not given or given[0] in ("-h", "--help"):
        (sys.stdout if given else sys.stderr).write(_usage())
        return 0 if given else 2
    if given[0] == "--version":
        sys.stdout.write(f"flarewatch {VERSION}\n")
        return 0
    if given[0] in TRAINING:
        return _run("model_training", given)
    if given[0] in PARTS:
        return _run(PARTS[given[0]][0], given[1:])
    sys.stderr.write(f"flarewatch: there is no command {given[0]!r}; see flarewatch --help\n")
    return 2


def _run(module: str, arguments: list[str]) -> int:
    sys.argv[1:] = arguments
    # Not called but run, so that signals and child processes find what they would find there.
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    return 0


def _usage() -> str:
    lines = [f"  {name:<10}{purpose}" for name, (_, purpose) in PARTS.items()]
    return "\n".join(
        [
            "usage: flarewatch COMMAND …    flarewatch COMMAND --help explains each one",
            "",
            *lines,
            f"  {' | '.join(TRAINING[:7])} |",
            f"  {' | '.join(TRAINING[7:])}",
            "            train models, judge them, choose what is served",
            "  --version",
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
