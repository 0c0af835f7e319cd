"""One record a request: the product beside a row per request, with few and with many clients."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from itertools import count, islice
from pathlib import Path

from bench.api_servers import Product, RunningApi, running_product, running_row_per_request
from bench.bodies import fresh_harpnums, one_record_bodies
from bench.many_clients import ManyClients
from bench.results import Figures, Results, alternating, percentile_ms
from bench.store import mariadb_server

CLIENTS = (1, 2, 16, 200)
SQLITE_CLIENTS = 32
RIVAL = "row per request"
SECONDS, WARM_SECONDS = 3.0, 1.0
# More than any design takes of one client, and of all together, with some to spare for a client
# that gets more than its part.
_MOST_OF_ONE, _MOST_OF_ALL = 2_500, 12_000
# Workers and threads with which the row per request is tried.
TRIED_SIZES = ((2, 2), (2, 4), (2, 8), (2, 16), (4, 8), (4, 16))


def clients_load(clients: int) -> str:
    """Name the load of so many clients on MariaDB."""
    return f"{clients} client{'s' if clients > 1 else ''}"


SQLITE_LOAD = f"SQLite, {SQLITE_CLIENTS} clients"


def on_mariadb(products: Sequence[Product], artifacts: Path, folder: Path, rounds: int) -> Results:
    """Measure the row per request with a folder of models and the products, in turn."""
    results = Results()
    with mariadb_server(folder) as store:
        rival = partial(_measure_rival, results, artifacts, store.create("rival"), store.pid)
        designs = [rival]
        for place, product in enumerate(products):
            address = store.create(f"product_{place}", product.tree)
            designs.append(partial(_measure_product, results, product, address, store.pid))
        for measure_one in alternating(designs, rounds):
            measure_one()
    return results


def _measure_rival(results: Results, artifacts: Path, address: str, store_pid: int) -> None:
    with running_row_per_request(artifacts, address, store_pid) as api:
        for clients in CLIENTS:
            results.add(clients_load(clients), RIVAL, measure(api, clients))


def _measure_product(results: Results, product: Product, address: str, store_pid: int) -> None:
    with running_product(product, address, store_pid) as api:
        for clients in CLIENTS:
            results.add(clients_load(clients), product.name, measure(api, clients))


def on_sqlite(products: Sequence[Product], folder: Path, rounds: int) -> Results:
    """Measure the products on a file each, in turn."""
    results = Results()
    folder.mkdir()
    for place, product in alternating(list(enumerate(products)), rounds):
        with running_product(product, f"sqlite:///{folder}/{place}.db") as api:
            results.add(SQLITE_LOAD, product.name, measure(api, SQLITE_CLIENTS))
    return results


def rival_sizes(artifacts: Path, folder: Path, rounds: int) -> Results:
    """Measure the row per request with each number of workers and threads, in turn."""
    results = Results()
    with mariadb_server(folder) as store:
        address = store.create("rival")
        for size in alternating(TRIED_SIZES, rounds):
            with running_row_per_request(artifacts, address, store.pid, size=size) as api:
                for clients in CLIENTS:
                    name = f"{size[0]} workers of {size[1]} threads"
                    results.add(clients_load(clients), name, measure(api, clients))
    return results


def measure(api: RunningApi, clients: int) -> Figures:
    """Have so many clients send records of their own regions as fast as they are answered."""
    first = fresh_harpnums()
    most = int(min(_MOST_OF_ONE, _MOST_OF_ALL / clients) * (SECONDS + WARM_SECONDS))
    bodies = []
    for place in range(clients):
        own = one_record_bodies(f"client-{place:03}", count(first + place, clients))
        bodies.append(iter(list(islice(own, most))))
    with ManyClients(api.address, bodies) as crowd:
        crowd.run(WARM_SECONDS)
        before = api.cpu_seconds()
        run = crowd.run(SECONDS)
        spent = [after - earlier for after, earlier in zip(api.cpu_seconds(), before, strict=True)]
        crowd.finish()
    if crowd.faults:
        print(f"{len(crowd.faults)} errors, the first: {crowd.faults[0]}", file=sys.stderr)
    waits = [answer.seconds for answer in run.answers]
    cpu = [1e6 * seconds / max(1, len(waits)) for seconds in (*spent, run.cpu_seconds)]
    return Figures(
        rate=len(waits) / run.seconds,
        p50_ms=percentile_ms(waits, 50),
        p95_ms=percentile_ms(waits, 95),
        api_us=cpu[0],
        store_us=cpu[1],
        client_us=cpu[2],
        errors=len(crowd.faults),
        reopened=crowd.reopened,
    )
