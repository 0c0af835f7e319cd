"""Ingest: records per second from a request to its commit, beside two other designs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sqlalchemy as sa

from bench import live_record
from bench.bodies import ARROW, JSON, Share
from bench.clients import WARM_STEPS, Crowd, Step
from bench.designs import bare_writing, posting
from bench.family import usage
from bench.gru_model import gru_model
from bench.ingest_report import Measured, report
from bench.lineups import point_model
from bench.records_file import write_records
from bench.store import mariadb_store
from tests.processes import free_port, serving

BATCHES = (1, 64, 1_000, 5_000)
SECONDS = 6.0
LIVE_SECONDS = 20.0
CLIENTS = 2
LIVE_BATCH = 2_000
# More than any design takes in that time, so that no client runs out of bodies.
_MOST_A_SECOND = {1: 500, 64: 12_000, 1_000: 25_000, 5_000: 30_000, LIVE_BATCH: 20_000}

_shifts = count(1_000_000, 1_000_000)


@dataclass(frozen=True)
class _Stage:
    """A server that is measured, with the processes of both sides of it."""

    name: str
    address: str
    api_pid: int | None
    store_pid: int
    records: Path


def main() -> None:
    """Measure all designs on the same store, one after the other, and print the report."""
    with TemporaryDirectory() as passing:
        folder = Path(passing)
        records = folder / "records.parquet"
        most = max(_most(batch, SECONDS) for batch in BATCHES)
        # The regions are not quite divided in halves.
        write_records(records, CLIENTS * max(most, _most(LIVE_BATCH, LIVE_SECONDS)) * 6 // 5)
        lineups = {"point model": point_model(folder / "point"), "as shipped": None,
                   "60-step GRU": gru_model(folder / "gru")}  # fmt: skip
        with mariadb_store(folder / "store") as address:
            store_pid = int((folder / "store" / "pid").read_text())
            found = list(_bare(address, store_pid, records))
            found.append(_rows(address, folder / "point", store_pid, records))
            waits: list[float] = []
            for name, artifacts in lineups.items():
                with _product(name, address, artifacts, store_pid, records) as stage:
                    found += _every_batch(stage)
                    waits += _live(stage) if artifacts and "GRU" not in name else []
    print(report(found, live_record.p95_ms(waits), bulk=LIVE_BATCH))


def _every_batch(stage: _Stage) -> Iterator[Measured]:
    for batch in BATCHES:
        for kind in (ARROW, JSON):
            arguments = (stage.address, kind, batch)
            yield _measure(stage, posting, arguments, kind=kind, batch=batch)


def _bare(address: str, store_pid: int, records: Path) -> Iterator[Measured]:
    stage = _Stage("bare upsert", address, None, store_pid, records)
    for batch in BATCHES:
        yield _measure(stage, bare_writing, (address, batch), kind="", batch=batch)


def _rows(address: str, artifacts: Path, store_pid: int, records: Path) -> Measured:
    port = free_port()
    command = ("gunicorn", "bench.row_per_request:create_app()", "--bind", f"127.0.0.1:{port}",
               "--workers", "2", "--worker-class", "gthread", "--threads", "4",
               "--no-control-socket")  # fmt: skip
    environment = {**os.environ, "BENCH_DATABASE_PORT": str(sa.make_url(address).port),
                   "BENCH_ARTIFACTS": str(artifacts)}  # fmt: skip
    base = f"http://127.0.0.1:{port}"
    with serving(*command, ready=f"{base}/ready", environment=environment) as process:
        stage = _Stage("row per request", f"{base}/observations", process.pid, store_pid, records)
        return _measure(stage, posting, (stage.address, JSON, 1), kind=JSON, batch=1)


@contextmanager
def _product(
    name: str, address: str, artifacts: Path | None, store_pid: int, records: Path
) -> Iterator[_Stage]:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    environment = {**os.environ, "FLARE_DATABASE_URL": address, "FLARE_API_PORT": str(port),
                   "FLARE_API_WORKERS": "2"}  # fmt: skip
    if artifacts is not None:
        environment["FLARE_ARTIFACTS_DIR"] = str(artifacts)
    with serving("app", "serve", ready=f"{base}/ready", environment=environment) as process:
        yield _Stage(name, f"{base}/api/v1/observations", process.pid, store_pid, records)


def _measure(
    stage: _Stage, prepare: Callable[..., Step], arguments: Sequence[Any], *, kind: str, batch: int
) -> Measured:
    crowd = _crowd(stage, prepare, arguments, batch=batch, seconds=SECONDS)
    crowd.begin()
    before = _spent(stage)
    tally = crowd.end()
    spent = [after - earlier for after, earlier in zip(_spent(stage), before, strict=True)]
    cpu = [1e6 * seconds / max(1, tally.records) for seconds in (*spent, tally.cpu_seconds)]
    return Measured(stage.name, kind, batch, tally.rate, *cpu)


def _crowd(
    stage: _Stage,
    prepare: Callable[..., Step],
    arguments: Sequence[Any],
    *,
    batch: int,
    seconds: float,
) -> Crowd:
    shift = next(_shifts)
    most = _most(batch, seconds)
    first, *others = arguments
    return Crowd(
        prepare,
        [
            (first, Share(stage.records, place, CLIENTS, shift), *others, most)
            for place in range(CLIENTS)
        ],
        seconds,
    )


def _most(batch: int, seconds: float) -> int:
    """Return how many records a client may send, those that warm up included."""
    steps = 1 + int(_MOST_A_SECOND[batch] * seconds / batch)
    return (steps + WARM_STEPS) * batch


def _spent(stage: _Stage) -> tuple[float, float]:
    api = 0.0 if stage.api_pid is None else usage(stage.api_pid).cpu_seconds
    return api, usage(stage.store_pid).cpu_seconds


def _live(stage: _Stage) -> list[float]:
    """Time single records while bulk comes in as fast as it can."""
    live_record.waits(stage.address, 2.0)
    crowd = _crowd(
        stage, posting, (stage.address, ARROW, LIVE_BATCH), batch=LIVE_BATCH, seconds=LIVE_SECONDS
    )
    crowd.begin()
    waits = live_record.waits(stage.address, LIVE_SECONDS - 2)
    crowd.end()
    return waits
