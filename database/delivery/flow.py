"""The flow: the rows received over time, by sender, and how long they took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from database.delivery.row_outcomes import RowOutcomes
from database.rollup_days import limits
from database.round_trips import time_literal
from database.schema.tables import ingest_flow
from solar.durations import LATENCY, PROCESSING, DurationScale
from solar.time import Window, to_datetime64

# Every request is added to one row of each length [s]. A range is read from the shortest that
# gives no more than MOST_POINTS, and beyond the last from several days together.
SPANS = (60, 300, 3_600, 86_400)
# The retention rule of each length but the last.
MINUTES, HOURS = "flow_minutes", "flow_hours"
_RULES = dict(zip(SPANS, (MINUTES, MINUTES, HOURS), strict=False))
MOST_POINTS = 500
MOST_ROWS = 50_000
FLOW_COUNTERS = (
    "requests",
    "accepted",
    "duplicates",
    "revised",
    "late",
    "rejected",
    "predictions",
)
FLOW_VALUES = (*FLOW_COUNTERS, "processing", "latency")
COLUMNS: tuple[str, ...] = tuple(column.name for column in ingest_flow.columns)

Integers = NDArray[np.int64]
# By sender and length: the values of FLOW_VALUES.
FlowValues = Mapping[tuple[str, int], Sequence[Any]]

_VALUES = str(sa.select(*(ingest_flow.c[n] for n in ("sender_id", "span_seconds", *FLOW_VALUES))))
_NO_VALUES = (*(0 for _ in FLOW_COUNTERS), b"", b"")


@dataclass(frozen=True)
class Flow:
    """n buckets of `bucket_seconds` each; a bucket without requests counts zero.

    Parameters
    ----------
    start_at : (n,) datetime64[us] in UTC
    counts : (n,) of each of FLOW_COUNTERS
    rows_by_sender : (n,) rows of each sender, with any outcome
    processing, latency : (n, bins) histograms on the scales of the same name
    """

    start_at: NDArray[np.datetime64]
    bucket_seconds: int
    counts: dict[str, Integers]
    rows_by_sender: dict[str, Integers]
    processing: Integers
    latency: Integers


def span_starts(now: datetime) -> Mapping[int, datetime]:
    """Return by length the start of the row that a request at `now` belongs to."""
    return _span_starts(int(now.timestamp()))


@lru_cache(maxsize=8)
def _span_starts(seconds: int) -> Mapping[int, datetime]:
    return {span: datetime.fromtimestamp(seconds - seconds % span, UTC) for span in SPANS}


@dataclass
class Traffic:
    """What some requests of one sender add to the flow; durations in seconds."""

    counts: Counter[str] = field(default_factory=Counter)
    processing: list[float] = field(default_factory=list)
    latency: list[NDArray[np.float64]] = field(default_factory=list)

    def add(self, counts: Mapping[str, int], outcomes: RowOutcomes) -> None:
        """Add a request with its counts of FLOW_COUNTERS."""
        self.counts.update(counts)
        self.processing.append(outcomes.seconds)
        self.latency.append(outcomes.new_latency())


def flow_query(is_asked: str, *, now: datetime) -> str:
    """Return the query for the values at `now` of the senders that a condition names."""
    return " UNION ALL ".join(
        f"{_VALUES} WHERE span_seconds = {span} AND start_at = {time_literal(at)} AND {is_asked}"
        for span, at in span_starts(now).items()
    )


def flow_rows(
    known: FlowValues, traffic: Mapping[str, Traffic], *, now: datetime
) -> list[tuple[Any, ...]]:
    """Add the traffic of senders to their rows; return the rows to be written.

    `known` are the values of the rows that exist.
    """
    starts, names = span_starts(now), sorted(traffic)
    keys = [(span, name) for span in starts for name in names]
    before = [known.get((name, span), _NO_VALUES) for span, name in keys]
    *_, processing_before, latency_before = zip(*before, strict=True)
    processing = [np.array(traffic[name].processing) for name in names]
    latency = [np.concatenate(traffic[name].latency) for name in names]
    histograms = zip(
        _added(PROCESSING, processing_before, processing),
        _added(LATENCY, latency_before, latency),
        strict=True,
    )
    rows = []
    for (span, name), values, both in zip(keys, before, histograms, strict=True):
        counts = traffic[name].counts
        sums = (was + counts[n] for n, was in zip(FLOW_COUNTERS, values, strict=False))
        rows.append((span, starts[span], name, *sums, *both))
    return rows


def _added(
    scale: DurationScale, packed: Sequence[bytes], seconds: Sequence[NDArray[np.float64]]
) -> list[bytes]:
    """Add the durations of n senders to their histograms of each length, which stay packed."""
    n = len(seconds)
    sender = np.repeat(np.arange(n), [len(one) for one in seconds])
    places = sender * scale.bins + scale.place(np.concatenate(seconds))
    counts = np.bincount(places, minlength=n * scale.bins).reshape(n, scale.bins)
    return scale.pack(scale.unpack(packed) + np.tile(counts, (len(SPANS), 1)))


def flow(connection: sa.Connection, window: Window, *, sender_id: str | None = None) -> Flow:
    """Read the flow over a range of times of receipt, widened to whole buckets.

    `sender_id` reads that of one sender alone.
    """
    span, bucket, first, n = _buckets(window, _kept_spans(connection, window.start_at))
    table = ingest_flow.c
    # As the driver gives it, text or naive datetime: numpy reads both faster than we convert.
    start_at = sa.type_coerce(table.start_at, sa.types.NullType())
    rows = connection.execute(
        sa.select(start_at, *(table[name] for name in COLUMNS[2:]))
        .where(
            table.span_seconds == span,
            table.start_at >= first,
            table.start_at < first + n * timedelta(seconds=bucket),
            sa.true() if sender_id is None else table.sender_id == sender_id,
        )
        .order_by(table.start_at, table.sender_id)
        .limit(MOST_ROWS)
    ).all()
    return _flow(rows, first, bucket_seconds=bucket, n=n)


def _kept_spans(connection: sa.Connection, start_at: datetime) -> list[int]:
    """Return the lengths of which all rows since `start_at` are still stored."""
    known = limits(connection)
    pruned = {span for span, rule in _RULES.items() if rule in known and start_at < known[rule]}
    return [span for span in SPANS if span not in pruned]


def _buckets(window: Window, spans: Sequence[int]) -> tuple[int, int, datetime, int]:
    """Choose the length of row, the length of bucket, the first bucket and how many."""
    seconds = (window.end_at - window.start_at).total_seconds()
    # Two more than the range holds: it may begin and end within a bucket.
    most = MOST_POINTS - 2
    span = next((span for span in spans if seconds / span <= most), SPANS[-1])
    bucket = span * max(1, -int(-seconds // (span * most)))
    start = int(window.start_at.timestamp()) // bucket * bucket
    n = -int(-(window.end_at.timestamp() - start) // bucket)
    return span, bucket, datetime.fromtimestamp(start, UTC), n


def _flow(rows: Sequence[Any], first: datetime, *, bucket_seconds: int, n: int) -> Flow:
    bucket = np.timedelta64(bucket_seconds, "s")
    columns = list(zip(*rows, strict=True)) or [()] * (len(COLUMNS) - 1)
    start_at, senders, *counters, processing, latency = columns
    place = ((np.array(start_at, "datetime64[us]") - to_datetime64(first)) // bucket).astype(int)
    counts = {
        name: _sum_at(np.array(values, np.int64), place, n)
        for name, values in zip(FLOW_COUNTERS, counters, strict=True)
    }
    received = sum(
        (
            np.array(counters[FLOW_COUNTERS.index(name)], np.int64)
            for name in ("accepted", "duplicates", "revised", "rejected")
        ),
        np.zeros(len(rows), np.int64),
    )
    names = np.array(senders, object)
    return Flow(
        start_at=to_datetime64(first) + np.arange(n) * bucket,
        bucket_seconds=bucket_seconds,
        counts=counts,
        rows_by_sender={
            name: _sum_at(received[names == name], place[names == name], n)
            for name in sorted(set(senders))
        },
        processing=_sum_at(PROCESSING.unpack(processing), place, n),
        latency=_sum_at(LATENCY.unpack(latency), place, n),
    )


def _sum_at(values: Integers, place: Integers, n: int) -> Integers:
    """Add up values (k, ...) at their places into (n, ...)."""
    total = np.zeros((n, *values.shape[1:]), np.int64)
    np.add.at(total, place, values)
    return total


def received_since(connection: sa.Connection, at: datetime) -> tuple[int, int]:
    """Return how many requests and how many rows have come from the minute of `at` on."""
    table, span = ingest_flow.c, SPANS[0]
    rows = table.accepted + table.duplicates + table.revised + table.rejected
    requests, received = connection.execute(
        sa.select(sa.func.sum(table.requests), sa.func.sum(rows)).where(
            table.span_seconds == span, table.start_at >= span_starts(at)[span]
        )
    ).one()
    return int(requests or 0), int(received or 0)


def predictions_since(connection: sa.Connection, day: datetime) -> int:
    """Return how many forecasts of all models were issued from the UTC midnight `day` on."""
    table = ingest_flow.c
    total = connection.scalar(
        sa.select(sa.func.sum(table.predictions)).where(
            table.span_seconds == SPANS[-1], table.start_at >= day
        )
    )
    return int(total or 0)
