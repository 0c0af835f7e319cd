"""The live record: how long one takes from the call to the answer, alone and beside others."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

from bench.api_servers import Product, RunningApi, running_product
from bench.bodies import ARROW, fresh_harpnums, one_record_bodies
from bench.bulk import crowd
from bench.designs import posting
from bench.many_clients import ManyClients
from bench.results import Figures, Results, alternating, percentile_ms
from bench.store import mariadb_server
from tests.slow_peers import slow_peers

EVERY_SECONDS = 0.1
SECONDS, WARM_SECONDS = 6.0, 1.0
# How long bulk and slow clients are there before the clock starts. Together with the seconds it is
# less than the server waits for a slow client.
_BEFORE_SECONDS = 1.0
BULK_SECONDS = SECONDS + 2 * _BEFORE_SECONDS
BULK, SLOW_CLIENTS = 2_000, 12
ALONE = "live record alone"
BESIDE_BULK = f"live record beside bulk of {BULK:,}"
BESIDE_SLOW = f"live record beside {SLOW_CLIENTS} slow clients"


def measure(products: Sequence[Product], records: Path, folder: Path, rounds: int) -> Results:
    """Post a record ten times a second on one connection, in three situations."""
    results = Results()
    with mariadb_server(folder) as store:
        stores = [
            (product, store.create(f"product_{place}", product.tree))
            for place, product in enumerate(products)
        ]
        for product, address in alternating(stores, rounds):
            with running_product(product, address, store.pid) as api:
                waits(api, WARM_SECONDS)
                results.add(ALONE, product.name, waits(api, SECONDS))
                with slow_peers(api.port, heads=SLOW_CLIENTS // 2, bodies=SLOW_CLIENTS // 2):
                    time.sleep(_BEFORE_SECONDS)
                    results.add(BESIDE_SLOW, product.name, waits(api, SECONDS))
                results.add(BESIDE_BULK, product.name, _beside_bulk(api, records))
    return results


def _beside_bulk(api: RunningApi, records: Path) -> Figures:
    arguments: tuple[Any, ...] = (api.address, ARROW, BULK)
    bulk = crowd(records, posting, arguments, batch=BULK, seconds=BULK_SECONDS)
    bulk.begin()
    time.sleep(_BEFORE_SECONDS)
    found = waits(api, SECONDS)
    bulk.end()
    return found


def waits(api: RunningApi, seconds: float) -> Figures:
    """Post a record ten times a second on one connection, each of a region of its own."""
    bodies = one_record_bodies("live", count(fresh_harpnums()))
    with ManyClients(api.address, [bodies], every=EVERY_SECONDS) as client:
        run = client.run(seconds)
        client.finish()
    seconds_of = [answer.seconds for answer in run.answers]
    return Figures(
        rate=len(seconds_of) / run.seconds,
        p50_ms=percentile_ms(seconds_of, 50),
        p95_ms=percentile_ms(seconds_of, 95),
        errors=len(client.faults),
        reopened=client.reopened,
    )


def next_body() -> bytes:
    """Return a request with one record that has not come before."""
    return next(_endless())


@lru_cache(maxsize=1)
def _endless() -> Iterator[bytes]:
    return one_record_bodies("live", count(fresh_harpnums()))
