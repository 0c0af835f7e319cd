"""Tables of runs: what a page of many of them takes, by order and filter, on both stores."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
import sqlalchemy as sa

from app.create_app import create_app
from app.settings import ApiSettings
from bench.report import VIEW
from bench.store import mariadb_store
from database.engine import create_engine, writing
from database.lab.runs import STATES
from database.migrations import upgrade
from database.schema.lab_tables import experiments, outputs, recipes, runs
from database.settings import DatabaseSettings
from solar.identifiers import new_id

RUNS, EXPERIMENTS, CALLS = 10_000, 100, 40
RECIPE = Path("model_training/recipes/gradient-boosting.toml")
SORTS = ("made", "ended", "name", "state", "took", "bss", "owner")
QUERIES = (
    *(f"sort={sort}&up={up}" for sort in SORTS for up in ("false", "true")),
    "text=try+77",
    "recipe=seed+%3D+1234",
    "bss_min=M1.0:0.19&sort=bss",
    "estimator=gru",
    "state=failed&sort=ended",
    "experiment={experiment}&sort=bss",
)


def main() -> None:
    """Ask for a page of 100 runs in each way, and print percentiles and sizes."""
    print(f"| {RUNS:,} runs | query | p50 / p95, ms | kB | verdict |\n|---|---|---|---|---|")
    for name, store in (("SQLite", _sqlite), ("MariaDB", mariadb_store)):
        with store() as address, TemporaryDirectory() as folder:
            _measure(name, address, Path(folder))


@contextmanager
def _sqlite() -> Iterator[str]:
    with TemporaryDirectory() as folder:
        address = f"sqlite:///{folder}/store.db"
        engine = create_engine(DatabaseSettings(database_url=address))
        upgrade(engine)
        engine.dispose()
        yield address


def _measure(name: str, address: str, folder: Path) -> None:
    engine = create_engine(DatabaseSettings(database_url=address))
    with writing(engine) as connection:
        experiment = _fill(connection)
        if engine.dialect.name != "sqlite":
            connection.exec_driver_sql("ANALYZE TABLE runs")
    client = create_app(ApiSettings(database_url=address, data_dir=folder)).test_client()
    for query in QUERIES:
        path = f"/api/v1/lab/runs?{query.format(experiment=experiment)}"
        took, size = [], 0
        for _ in range(CALLS):
            began = perf_counter()
            answer = client.get(path)
            took.append((perf_counter() - began) * 1000)
            size = len(answer.data)
            if answer.status_code != 200:
                raise RuntimeError(f"{path}: {answer.text}")
        p50, p95 = np.percentile(took, [50, 95])
        is_within = p95 <= VIEW.milliseconds and size <= 1000 * (VIEW.kilobytes or size)
        verdict = "pass" if is_within else "over"
        print(f"| {name} | {query} | {p50:.0f} / {p95:.0f} | {size / 1000:.0f} | {verdict} |")
    engine.dispose()


def _fill(connection: sa.Connection) -> str:
    """Store runs, each with a recipe of its own and ten outputs; return an experiment's id."""
    rng, start = np.random.default_rng(7), datetime(2026, 1, 1, tzinfo=UTC)
    document = RECIPE.read_text()
    begun = {"owner": "local", "visibility": "private", "created_at": start}
    ids = [new_id(start) for _ in range(EXPERIMENTS)]
    text = {"description": "", "tags": "[]"}
    connection.execute(
        experiments.insert(), [begun | text | {"experiment_id": one, "name": one} for one in ids]
    )
    for first in range(0, RUNS, 500):
        made = [_run(i, ids[i % EXPERIMENTS], rng) for i in range(first, first + 500)]
        connection.execute(
            recipes.insert(),
            [
                begun
                | {
                    "recipe_id": run["recipe_id"],
                    "name": f"model {run['number'] % 7}",
                    "document": document.replace("seed = ", f"seed = {run['number']}"),
                    "schema_version": 1,
                }
                for run in made
            ],
        )
        connection.execute(runs.insert(), [begun | run for run in made])
        connection.execute(outputs.insert(), [one for run in made for one in _outputs(run)])
    return ids[0]


def _run(i: int, experiment_id: str, rng: np.random.Generator) -> dict[str, Any]:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=i)
    bss = float(rng.normal(0.1, 0.05))
    score = {"bss": bss, "low": bss - 0.05, "high": bss + 0.05}
    return {
        "run_id": new_id(at),
        "experiment_id": experiment_id,
        "number": i + 1,
        "kind": "train",
        "recipe_id": new_id(at),
        "dataset_ids": "[]",
        "parameters": "{}",
        "fingerprint": f"{i:064}",
        "needs": json.dumps(["train", f"estimator:{'gru' if i % 9 == 0 else 'lightgbm'}"]),
        "queue": "cpu",
        "state": STATES[4 + i % 5],
        "attempt": 1,
        "time_limit_s": 60,
        "headline": json.dumps(dict.fromkeys(("C1.0", "M1.0", "X1.0"), score)),
        "tags": '["day-end"]',
        "note": f"try {i}: a note of some length, as people write it",
        "created_at": at,
        "started_at": at,
        "ended_at": at + timedelta(seconds=float(rng.exponential(600))),
    }


def _outputs(run: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for i in range(10):
        yield {
            "run_id": run["run_id"],
            "name": f"file-{i}",
            "kind": "report",
            "sha256": "0" * 64,
            "bytes": 10_000,
            "attempt": 1,
            "created_at": run["created_at"],
        }
