"""`python -m bench [ingest] [dashboard] [training]`: figures measured side by side in one run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import dashboard, ingest, training

NAMES = ("ingest", "dashboard", "training")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for, everything by default."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if unknown := set(given.names) - set(NAMES):
        parser.error(f"no benchmark {min(unknown)!r}; choose from {', '.join(NAMES)}")
    plan = dashboard.Plan(
        predictions=given.predictions, views=given.views, browsers=given.browsers,
        minutes=given.minutes, keep=given.keep, store=given.store,
    )  # fmt: skip
    benchmarks = {
        "ingest": ingest.main,
        "dashboard": lambda: dashboard.main(plan),
        "training": training.main,
    }
    for name in given.names or NAMES:
        benchmarks[name]()
    return 0


def _parser() -> argparse.ArgumentParser:
    default = dashboard.Plan()
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    own = parser.add_argument_group("dashboard")
    for name, said in (
        ("predictions", "size of the large store; ten years at eleven regions are 10000000"),
        ("views", "how often each view is opened"),
        ("browsers", "how many browsers watch at the end, 0 for none"),
        ("minutes", "how long they do"),
    ):
        own.add_argument(f"--{name}", type=int, default=getattr(default, name), help=said)
    own.add_argument("--keep", type=Path, metavar="FOLDER", help="leave the large store there")
    own.add_argument("--store", metavar="ADDRESS", help="measure a store that is filled already")
    return parser


if __name__ == "__main__":
    sys.exit(main())
