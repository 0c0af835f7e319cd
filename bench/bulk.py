"""Bulk: records per second of large requests, beside the bare upsert of the same columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from bench.api_servers import Product, running_product
from bench.bodies import ARROW, JSON, Share
from bench.clients import WARM_STEPS, Crowd, Step
from bench.designs import bare_writing, posting
from bench.family import usage
from bench.results import Figures, Results, alternating
from bench.store import mariadb_server

SENDERS = 2
SECONDS = 3.0
BARE = "bare upsert"
# Each is measured in every round; a small and a slow one in the first alone.
LOADS = ((ARROW, 1_000), (ARROW, 5_000))
FIRST_ROUND_LOADS = ((ARROW, 64), (JSON, 5_000))
# More than any design takes of one sender, so that none runs out of bodies.
_MOST_A_SECOND = {64: 12_000, 1_000: 30_000, 2_000: 25_000, 5_000: 35_000}

_shifts = count(1_000_000, 1_000_000)
Spent = Callable[[], tuple[float, float]]


def bulk_load(kind: str, batch: int) -> str:
    """Name the load of requests of this kind and size."""
    return f"{kind}, {batch:,} records a request"


def records_needed(seconds: float) -> int:
    """Return how many records a file must hold for the largest measurement of so many seconds."""
    # The regions are not quite divided in halves.
    return SENDERS * max(_most(batch, seconds) for batch in _MOST_A_SECOND) * 6 // 5


def measure(
    products: Sequence[Product],
    records: Path,
    folder: Path,
    rounds: int,
    *,
    with_bare: bool = True,
) -> Results:
    """Measure the bare upsert and the products, in turn."""
    results = Results()
    with mariadb_server(folder) as store:
        bare = store.create("bare")
        designs = [partial(_measure_bare, results, records, bare, store.pid)] if with_bare else []
        for place, product in enumerate(products):
            address = store.create(f"product_{place}", product.tree)
            designs.append(partial(_measure_product, results, records, product, address, store.pid))
        for number, measure_one in enumerate(alternating(designs, rounds)):
            is_first = number < len(designs)
            measure_one(LOADS + FIRST_ROUND_LOADS if is_first else LOADS)
    return results


def _measure_bare(
    results: Results, records: Path, address: str, store_pid: int, loads: Sequence[tuple[str, int]]
) -> None:
    for kind, batch in loads:
        if kind == ARROW:
            found = _figures(
                crowd(records, bare_writing, (address, batch), batch=batch, seconds=SECONDS),
                lambda: (0.0, usage(store_pid).cpu_seconds),
            )
            results.add(bulk_load(kind, batch), BARE, found)


def _measure_product(
    results: Results,
    records: Path,
    product: Product,
    address: str,
    store_pid: int,
    loads: Sequence[tuple[str, int]],
) -> None:
    with running_product(product, address, store_pid) as api:
        for kind, batch in loads:
            arguments = (api.address, kind, batch)
            senders = crowd(records, posting, arguments, batch=batch, seconds=SECONDS)
            found = _figures(senders, api.cpu_seconds)
            results.add(bulk_load(kind, batch), product.name, found)


def _figures(senders: Crowd, spent: Spent) -> Figures:
    senders.begin()
    before = spent()
    tally = senders.end()
    used = [after - earlier for after, earlier in zip(spent(), before, strict=True)]
    cpu = [1e6 * seconds / max(1, tally.records) for seconds in (*used, tally.cpu_seconds)]
    return Figures(tally.rate, api_us=cpu[0], store_us=cpu[1], client_us=cpu[2])


def crowd(
    records: Path,
    prepare: Callable[..., Step],
    arguments: Sequence[Any],
    *,
    batch: int,
    seconds: float,
) -> Crowd:
    """Start senders of new records, each with its own part of a file; they wait for `begin`."""
    shift, most = next(_shifts), _most(batch, seconds)
    first, *others = arguments
    shares = [Share(records, place, SENDERS, shift) for place in range(SENDERS)]
    return Crowd(prepare, [(first, share, *others, most) for share in shares], seconds)


def _most(batch: int, seconds: float) -> int:
    """Return how many records a sender may send, those that warm up included."""
    steps = 1 + int(_MOST_A_SECOND[batch] * seconds / batch)
    return (steps + WARM_STEPS) * batch
