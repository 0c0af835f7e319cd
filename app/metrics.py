"""Metrics: what is counted and timed, in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy.exc import DBAPIError

from database.delivery.row_outcomes import OUTCOMES, OutcomeCounts
from database.engine import reading
from database.regions.regions import newest_t_rec
from solar.errors import FlarewatchError

CONTENT_TYPE = CONTENT_TYPE_LATEST

ROWS = Counter("flarewatch_rows", "Observations by what became of them", ["outcome"])
CONFLICTS = Counter("flarewatch_conflicts", "Record versions superseded by another", ["reason"])
JOB_FAILURES = Counter("flarewatch_job_failures", "Background jobs that failed", ["job"])
SECONDS = Histogram(
    "flarewatch_request_seconds",
    "Time to answer a request",
    ["method", "route", "status"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)


def count_rows(delivery: OutcomeCounts) -> None:
    """Count the rows of one batch."""
    for outcome in OUTCOMES:
        ROWS.labels(outcome).inc(getattr(delivery, outcome))


def count_conflicts(conflicts: Mapping[str, int]) -> None:
    """Count the superseded record versions by reason."""
    for reason, n in conflicts.items():
        CONFLICTS.labels(reason).inc(n)


class _DataAge(Collector):
    """The age of the newest observation, read from the store at each measurement."""

    def __init__(self, engine: sa.Engine, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._now = now

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            with reading(self._engine) as connection:
                newest = newest_t_rec(connection)
            now = self._now()
        except (FlarewatchError, DBAPIError):
            # Without a store there is no age, and the other measurements are still wanted.
            return
        if newest is not None:
            age = GaugeMetricFamily(
                "flarewatch_data_age_seconds", "Time since the newest observation"
            )
            # At full speed the clock is read once a second, and records come more often.
            age.add_metric([], max(0.0, (now - newest).total_seconds()))
            yield age


def exposition(
    engine: sa.Engine, *, now: Callable[[], datetime], multiprocess: Path | None
) -> bytes:
    """Return all measurements; those of all workers together when they share a folder."""
    ages = CollectorRegistry()
    ages.register(_DataAge(engine, now))
    shared = REGISTRY
    if multiprocess is not None:
        shared = CollectorRegistry()
        MultiProcessCollector(shared, str(multiprocess))
    return generate_latest(shared) + generate_latest(ages)
