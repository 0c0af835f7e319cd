"""Ingest: records per second from HTTP to a commit, beside the row-per-request design."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import numpy as np
import orjson
import requests
import sqlalchemy as sa

from bench.store import mariadb_store
from database.engine import create_engine, writing
from database.settings import DatabaseSettings
from database.tables import observations
from database.upsert import upsert
from solar.sharp import LIVE_KEYWORDS
from solar.time import isoformat
from tests.processes import free_port, serving

BATCHES = (1, 64, 1000)
SECONDS = 8.0
CLIENTS = 2
START = datetime(2012, 1, 1, tzinfo=UTC)


def main() -> None:
    """Measure both designs on the same server, one after the other, and print a table."""
    with mariadb_store() as address:
        bare = _bare_upsert_rate(address)
        ours = _measure_product(address)
        theirs = _measure_row_per_request(address)
    print("\ningest, records/s (HTTP to commit on MariaDB, 2 clients, 2 workers)")
    print(f"{'batch':>8}{'product':>12}{'row/request':>14}{'ratio':>8}")
    for batch in BATCHES:
        ratio = ours[batch] / theirs[batch]
        print(f"{batch:>8}{ours[batch]:>12,.0f}{theirs[batch]:>14,.0f}{ratio:>8.1f}")
    print(f"bare batched upsert of observations, 1000 a statement: {bare:,.0f} rows/s;")
    print(f"the whole path at batch 1000 reaches {ours[1000] / bare:.0%} of it")


def _measure_product(address: str) -> dict[int, float]:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    settings = {"FLARE_DATABASE_URL": address, "FLARE_API_PORT": port, "FLARE_API_WORKERS": "2"}
    environment = {**os.environ, **settings}
    with serving("app", "serve", ready=f"{base}/ready", environment=environment):
        return {n: _rate(f"{base}/api/v1/observations", batch=n) for n in BATCHES}


def _measure_row_per_request(address: str) -> dict[int, float]:
    port = free_port()
    command = ("gunicorn", "bench.row_per_request:create_app()", "--bind", f"127.0.0.1:{port}",
               "--workers", "2", "--worker-class", "gthread", "--threads", "4",
               "--no-control-socket")  # fmt: skip
    environment = {**os.environ, "BENCH_DATABASE_PORT": str(sa.make_url(address).port)}
    base = f"http://127.0.0.1:{port}"
    with serving(*command, ready=f"{base}/ready", environment=environment):
        return {n: _rate(f"{base}/observations", batch=n) for n in BATCHES}


def _rate(address: str, *, batch: int) -> float:
    """Post from `CLIENTS` threads for `SECONDS`; return committed records per second."""
    stored = [0] * CLIENTS
    deadline = time.perf_counter() + SECONDS
    failures: list[str] = []

    def post(client: int) -> None:
        session = requests.Session()
        for body in _bodies(batch, region=_next_region()):
            if time.perf_counter() > deadline or failures:
                return
            answer = session.post(
                address, data=body, headers={"Content-Type": "application/json"}, timeout=60
            )
            if answer.status_code != 200 or answer.json()["accepted"] != batch:
                failures.append(answer.text[:300])
                return
            stored[client] += batch

    threads = [threading.Thread(target=post, args=(client,)) for client in range(CLIENTS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise RuntimeError(f"{address} answered: {failures[0]}")
    return sum(stored) / (time.perf_counter() - began)


_regions = count(1000)


def _next_region() -> int:
    return next(_regions) * 100


def _bodies(batch: int, *, region: int) -> Iterator[bytes]:
    """Give request bodies without end: ten regions at a 12-minute cadence, no row twice."""
    values = _plausible_values()
    for number in count():
        rows = [
            {
                "harpnum": region + row % 10,
                "t_rec": isoformat(START + timedelta(minutes=12 * (row // 10))),
                "quality": 0,
                "lon_fwt": 10.0,
                "lat_fwt": 12.0,
                "keywords": values[row % len(values)],
            }
            for row in range(number * batch, (number + 1) * batch)
        ]
        yield orjson.dumps({"sender": {"id": f"bench-{region}", "sequence": number},
                            "observations": rows})  # fmt: skip


def _plausible_values() -> list[dict[str, float]]:
    rng = np.random.default_rng(0)
    return [
        {k.name: float(k.low + (k.high - k.low) * rng.uniform(0.001, 0.01)) for k in LIVE_KEYWORDS}
        for _ in range(997)
    ]


def _bare_upsert_rate(address: str) -> float:
    engine = create_engine(DatabaseSettings(database_url=address))
    columns = ["region_id", "t_rec", "series", *(k.column for k in LIVE_KEYWORDS),
               "content_hash", "revision", "sender_id", "received_at"]  # fmt: skip
    values = _plausible_values()
    now = datetime.now(UTC)
    written, began = 0, time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        rows = [
            (1, START + timedelta(minutes=written + i), "bench", *values[i % 997].values(),
             i, 1, "bench", now)
            for i in range(1000)
        ]  # fmt: skip
        with writing(engine) as connection:
            upsert(connection, observations, columns=columns, rows=rows)
        written += 1000
    engine.dispose()
    return written / (time.perf_counter() - began)
