"""The report of the ingest benchmark: what was measured, beside what it must reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Measured:
    """A design at one size of batch: records/s, and CPU [us] a record of each side."""

    design: str
    kind: str
    batch: int
    rate: float
    api_us: float
    store_us: float
    client_us: float


BARE, ROWS, POINT, GRU = "bare upsert", "row per request", "point model", "60-step GRU"
POINT_RATE, GRU_RATE, BARE_SHARE, ROWS_RATIO, LIVE_MS = 20_000.0, 10_000.0, 0.5, 50.0, 50.0


def report(found: Sequence[Measured], live_ms: float, *, bulk: int) -> str:
    """Write all that was measured as one table, and the budgets as another."""
    head = ("design", "format", "records a request", "records/s", "API, us", "store, us",
            "client, us")  # fmt: skip
    return "\n".join(
        [
            "\n2 clients, 2 workers, MariaDB that flushes its log at every commit, CPU a record:",
            "",
            f"| {' | '.join(head)} |",
            f"|{'---|' * len(head)}",
            *map(_row, found),
            "",
            "| budget | needed | measured | verdict |",
            "|---|---|---|---|",
            *_verdicts(found, live_ms, bulk),
        ]
    )


def _row(one: Measured) -> str:
    return (
        f"| {one.design} | {one.kind} | {one.batch:,} | {one.rate:,.0f} | {one.api_us:,.1f}"
        f" | {one.store_us:,.1f} | {one.client_us:,.1f} |"
    )


def _verdicts(found: Sequence[Measured], live_ms: float, bulk: int) -> list[str]:
    point, gru = _best(found, POINT), _best(found, GRU)
    bare = next(one for one in found if one.design == BARE and one.batch == point.batch)
    share, ratio = point.rate / bare.rate, point.rate / _best(found, ROWS).rate
    return [
        _verdict("point model, records/s", POINT_RATE, point.rate),
        _verdict("60-step GRU, records/s", GRU_RATE, gru.rate),
        _verdict("share of the bare upsert", BARE_SHARE, share, digits=2),
        _verdict("times a row per request", ROWS_RATIO, ratio, digits=1),
        _verdict(f"p95 of a live record beside bulk of {bulk:,}, ms", LIVE_MS, live_ms, most=True),
    ]


def _best(found: Sequence[Measured], design: str) -> Measured:
    return max((one for one in found if one.design == design), key=lambda one: one.rate)


def _verdict(
    name: str, needed: float, measured: float, *, digits: int = 0, most: bool = False
) -> str:
    is_kept = measured <= needed if most else measured >= needed
    sign, verdict = "<=" if most else ">=", "pass" if is_kept else "missed"
    return f"| {name} | {sign} {needed:,.{digits}f} | {measured:,.{digits}f} | {verdict} |"
