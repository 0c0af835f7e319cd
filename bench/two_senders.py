"""Two senders: what one sender alone moves, as a share of two that divide the same records."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.api_servers import Product
from bench.records_file import write_records
from bench.replaying import Setting, replay
from bench.results import Figures, Results, alternating

# Some six seconds.
RECORDS = 200_000
SENDERS = (1, 2)
_BATCH = 5_000


def senders_load(senders: int) -> str:
    """Name the load of so many senders."""
    return f"{senders} sender{'s' if senders > 1 else ''}, {_BATCH:,} records a call"


def measure(products: Sequence[Product], folder: Path, rounds: int, n: int = RECORDS) -> Results:
    """Replay the same records with one and with two senders in turn, into new stores."""
    results = Results()
    folder.mkdir()
    records = folder / "records.parquet"
    write_records(records, n)
    cases = [(product, senders) for product in products for senders in SENDERS]
    for product, senders in alternating(cases, rounds):
        course = replay(records, Setting(senders, product, _BATCH))
        if course.stored != n:
            raise RuntimeError(f"{senders} senders stored {course.stored:,} of {n:,} records")
        api, store, *sent = (1e6 * used.cpu_seconds / n for used in course.used.values())
        figures = Figures(course.rate, api_us=api, store_us=store, client_us=sum(sent))
        results.add(senders_load(senders), product.name, figures)
    return results
