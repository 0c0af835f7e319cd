"""Ingest: one record a request, live records, bulk and senders, each beside what it is judged by.

What is compared alternates in rounds, each time on a server of its own that has just been started;
nothing else runs. Figures are medians of the rounds, with their range.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import bulk, live_record, one_record, two_senders
from bench.api_servers import Product
from bench.gru_model import gru_model
from bench.ingest_report import (
    DAY_ALONE,
    EVERY_WINDOW,
    GRU,
    POINT,
    SHIPPED,
    comparison,
    of_tree,
    verdicts,
)
from bench.lineups import point_model, window_models
from bench.records_file import write_records
from bench.results import Results

PARTS = ("one", "sqlite", "live", "bulk", "windows", "senders")
# Finds the numbers of workers and threads with which the row per request is at its best.
RIVAL = "rival"
ROUNDS = 5
_TITLES = {
    "one": "One record a request, MariaDB that flushes its log at every commit",
    "sqlite": "One record a request, SQLite",
    "live": "A live record, ten a second on one connection, MariaDB",
    "bulk": "Bulk from two senders, MariaDB",
    "windows": "Bulk with forecasts of every window, MariaDB",
    "senders": "A replay, MariaDB",
    RIVAL: "The row per request with several numbers of workers and threads",
}


@dataclass(frozen=True)
class Plan:
    """Which parts, how many rounds, and the working trees whose product is measured."""

    parts: Sequence[str] = PARTS
    rounds: int = ROUNDS
    trees: Sequence[Path] = (Path(),)


def main(plan: Plan) -> None:
    """Measure the parts one after the other; print what each found, and then the aims."""
    results = Results()
    with TemporaryDirectory() as passing:
        for part, measure in _measurements(plan, Path(passing)).items():
            if part in plan.parts:
                found = measure()
                print(f"\n{_TITLES[part]}; rounds: {plan.rounds}\n\n{found.table()}", flush=True)
                results.found |= found.found
    print(f"\n{verdicts(results)}")
    if len(plan.trees) > 1:
        print(f"\n{comparison(results, [tree.resolve().name for tree in plan.trees])}")


def _measurements(plan: Plan, folder: Path) -> dict[str, Callable[[], Results]]:
    points, shipped, grus = _products(plan.trees, folder)
    artifacts = points[0].artifacts or Path()
    records, rounds = folder / "records.parquet", plan.rounds
    if {"live", "bulk", "windows"} & set(plan.parts):
        write_records(records, bulk.records_needed(live_record.BULK_SECONDS))
    everyday = [*points, *shipped]
    return {
        "one": lambda: one_record.on_mariadb(everyday, artifacts, folder / "one", rounds),
        "sqlite": lambda: one_record.on_sqlite(everyday, folder / "sqlite", rounds),
        "live": lambda: live_record.measure(points, records, folder / "live", rounds),
        "bulk": lambda: bulk.measure([*everyday, *grus], records, folder / "bulk", rounds),
        "windows": lambda: bulk.measure(
            _window_products(plan.trees[0], folder / "lineups"),
            records,
            folder / "windows",
            rounds,
            with_bare=False,
        ),
        "senders": lambda: two_senders.measure(points, folder / "senders", rounds),
        RIVAL: lambda: one_record.rival_sizes(artifacts, folder / "rival", rounds),
    }


def _window_products(tree: Path, folder: Path) -> list[Product]:
    names = DAY_ALONE, EVERY_WINDOW
    folders = window_models(folder)
    return [Product(name, tree, models) for name, models in zip(names, folders, strict=True)]


def _products(trees: Sequence[Path], folder: Path) -> tuple[list[Product], ...]:
    """Return the products with the point model, as shipped and with the GRU, one for each tree."""
    gru = gru_model(folder / "gru")
    points, shipped, grus = [], [], []
    for place, tree in enumerate(trees):
        point = point_model(folder / f"point-{place}", tree / "model_training" / "artifacts")
        names = [
            of_tree(name, tree.resolve().name) if place else name for name in (POINT, SHIPPED, GRU)
        ]
        points.append(Product(names[0], tree, point))
        shipped.append(Product(names[1], tree))
        grus.append(Product(names[2], tree, gru))
    return points, shipped, grus
