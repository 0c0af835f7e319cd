"""`python -m bench [NAME ...]`: figures measured side by side in one run."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import (
    dashboard,
    ingest,
    lab_fairness,
    lab_ingest,
    lab_soak,
    lab_times,
    lab_upload,
    nowcast,
    peers,
    record_profile,
    run_lists,
    scaling,
    soak,
    sqlite,
    training,
    whole_mission,
)

NAMES = (
    "ingest",
    "profile",
    "mission",
    "scaling",
    "sqlite",
    "dashboard",
    "training",
    "lists",
    "peers",
    "lab",
)
LAB_PARTS = ("fairness", "upload", "times", "ingest")
# They do not come unasked: one needs files that the project does not have, the others last long.
UNASKED = NOWCAST, SOAK, LAB_SOAK = ("nowcast", "soak", "lab-soak")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for; by default everything but the soaks."""
    # Whoever is stopped ends the servers that it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    parser = _parser()
    given = parser.parse_args(arguments)
    if unknown := set(given.names) - {*NAMES, *UNASKED}:
        parser.error(f"no benchmark {min(unknown)!r}; choose from {', '.join(NAMES + UNASKED)}")
    plan = dashboard.Plan(
        predictions=given.predictions, views=given.views, browsers=given.browsers,
        minutes=given.minutes or dashboard.Plan().minutes, keep=given.keep, store=given.store,
    )  # fmt: skip
    trees = given.tree or [Path()]
    for tree in trees:
        if not (tree / "app" / "server.py").is_file():
            parser.error(f"{tree} is no working tree of the project; name the folder with app/")
    benchmarks: dict[str, Callable[[], None]] = {
        "ingest": lambda: ingest.main(_ingest_plan(given, trees, parser)),
        "profile": record_profile.main,
        "mission": lambda: whole_mission.main(given.records),
        "scaling": scaling.main,
        "sqlite": sqlite.main,
        "dashboard": lambda: dashboard.main(plan),
        "training": training.main,
        "lists": run_lists.main,
        "peers": lambda: peers.main(trees),
        "lab": lambda: _measure_lab(_parts(given, LAB_PARTS, "lab", parser), rounds=given.rounds),
        NOWCAST: lambda: nowcast.main(given.xray, given.flares),
        SOAK: lambda: soak.main(minutes=given.minutes or soak.MINUTES, rate=given.rate),
        LAB_SOAK: lambda: _soak_lab(given.minutes or lab_soak.MINUTES),
    }
    for name in given.names or NAMES:
        benchmarks[name]()
    return 0


def _ingest_plan(
    given: argparse.Namespace, trees: Sequence[Path], parser: argparse.ArgumentParser
) -> ingest.Plan:
    if given.rounds < 1:
        parser.error("--rounds must be 1 or more")
    known = (*ingest.PARTS, ingest.RIVAL)
    parts = _parts(given, known, "ingest", parser) if given.only else ingest.PARTS
    return ingest.Plan(parts, given.rounds, trees)


def _measure_lab(parts: Sequence[str], *, rounds: int) -> None:
    """Measure parts of the Lab one after the other, each on services of its own."""
    measurements: dict[str, Callable[[Path], str]] = {
        "fairness": lab_fairness.main,
        "upload": lab_upload.main,
        "times": lambda folder: lab_times.main(folder, rounds=rounds),
        "ingest": lambda folder: lab_ingest.main(folder, rounds=rounds),
    }
    for part in parts:
        with TemporaryDirectory() as folder:
            print(f"\n{measurements[part](Path(folder))}", flush=True)


def _soak_lab(minutes: float) -> None:
    """Run the soak with as many runs a minute whatever its length."""
    with TemporaryDirectory() as folder:
        n = round(lab_soak.RUNS * minutes / lab_soak.MINUTES)
        print(f"\n{lab_soak.main(Path(folder), minutes=minutes, runs=n)}", flush=True)


def _parts(
    given: argparse.Namespace, known: Sequence[str], name: str, parser: argparse.ArgumentParser
) -> Sequence[str]:
    if unknown := set(given.only or ()) - set(known):
        parser.error(f"no part {min(unknown)!r} of {name}; choose from {', '.join(known)}")
    return given.only or known


def _parser() -> argparse.ArgumentParser:
    default = dashboard.Plan()
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES + UNASKED))
    parser.add_argument_group("mission").add_argument(
        "--records", type=int, default=whole_mission.MISSION_RECORDS, help="how many are replayed"
    )
    parser.add_argument_group("ingest and peers").add_argument(
        "--tree",
        type=Path,
        action="append",
        metavar="FOLDER",
        help="measure another working tree, such as an earlier version; given again, each of them",
    )
    parts = parser.add_argument_group("ingest and lab")
    parts.add_argument(
        "--only",
        type=lambda text: text.split(","),
        metavar="PART,...",
        help=f"parts of ingest: {', '.join(ingest.PARTS)}, and {ingest.RIVAL}, which is not asked"
        f" for else; of lab: {', '.join(LAB_PARTS)}",
    )
    parts.add_argument("--rounds", type=int, default=ingest.ROUNDS, help="how often each (5)")
    parser.add_argument_group(SOAK).add_argument(
        "--rate", type=float, help="records a second; by default half of what can be taken"
    )
    minutes = parser.add_argument_group(NOWCAST)
    minutes.add_argument("--xray", type=Path, metavar="FILE", help="minutes of the X-ray flux")
    minutes.add_argument("--flares", type=Path, metavar="FILE", help="the flare list beside it")
    own = parser.add_argument_group("dashboard")
    for name, said in (
        ("predictions", "size of the large store; ten years at eleven regions are 10000000"),
        ("views", "how often each view is opened"),
        ("browsers", "how many browsers watch at the end, 0 for none"),
    ):
        own.add_argument(f"--{name}", type=int, default=getattr(default, name), help=said)
    own.add_argument(
        "--minutes", type=int,
        help=f"how long they do (default {default.minutes}), or the soak ({soak.MINUTES}), or that"
        f" of the Lab ({lab_soak.MINUTES:g})",
    )  # fmt: skip
    own.add_argument("--keep", type=Path, metavar="FOLDER", help="leave the large store there")
    own.add_argument("--store", metavar="ADDRESS", help="measure a store that is filled already")
    return parser


if __name__ == "__main__":
    sys.exit(main())
