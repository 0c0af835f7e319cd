"""What the flow is answered with: what came in over time, how fast, and what was refused."""

from __future__ import annotations

from app.contract.answers import TIME, Answer


class Percentiles(Answer):
    """Half, 95 and 99 of 100 took no longer than this; null where nothing was timed."""

    p50: float | None
    p95: float | None
    p99: float | None


class FlowPoint(Answer):
    """What came in from ``at`` on; rows by what became of them, ``late`` among ``accepted``.

    ``processing_ms`` is the time from the receipt of a request to its commit, ``latency_s`` that
    from the record to its receipt, null where it exceeds 115 days, as in a replay.
    """

    at: str = TIME
    requests: int
    accepted: int
    duplicates: int
    revised: int
    late: int
    rejected: int
    predictions: int
    processing_ms: Percentiles
    latency_s: Percentiles


class RefusalAnswer(Answer):
    """A reason for which rows were refused, and the last case."""

    path: str
    reason: str
    n: int
    last_at: str = TIME
    last_sender: str
    example: str


class FlowAnswer(Answer):
    """What came in over a range of receipt, in buckets; ``senders`` holds the rows of each."""

    bucket_seconds: int
    points: list[FlowPoint]
    senders: dict[str, list[int]]
    rejections: list[RefusalAnswer]
