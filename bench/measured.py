"""A measured view: how long its slowest call takes and how much all of them send."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.browser import Call


@dataclass(frozen=True)
class Budget:
    """What a view may take at the 95th percentile."""

    milliseconds: float
    kilobytes: float | None = None


@dataclass(frozen=True)
class Measured:
    """The percentiles of the slowest call [ms] of a view, and of what was sent and meant [kB].

    `slowest` names what the slowest call of all wrote.
    """

    page: str
    span: str
    p50_ms: float
    p95_ms: float
    sent_kb: float | None
    raw_kb: float | None
    slowest: str

    @property
    def name(self) -> tuple[str, str]:
        """What tells this view from the others."""
        return self.page, self.span

    def is_within(self, budget: Budget) -> bool:
        """Tell whether the 95th percentiles keep to a budget."""
        is_light = budget.kilobytes is None or (self.sent_kb or 0.0) <= budget.kilobytes
        return self.p95_ms <= budget.milliseconds and is_light


def measured(page: str, span: str, opened: Sequence[Sequence[Call]]) -> Measured:
    """Sum up a view that was opened several times."""
    slowest = [max(calls, key=lambda call: call.seconds) for calls in opened]
    times = [1000 * call.seconds for call in slowest]
    return Measured(
        page, span, float(np.percentile(times, 50)), _p95(times),
        _p95([sum(call.sent_bytes for call in calls) / 1000 for calls in opened]),
        _p95([sum(call.raw_bytes for call in calls) / 1000 for calls in opened]),
        _first(max(slowest, key=lambda call: call.seconds).output),
    )  # fmt: skip


def failed(page: str, span: str, reason: str) -> Measured:
    """Stand for a view that was not shown."""
    return Measured(page, span, math.inf, math.inf, None, None, reason)


def timed(page: str, span: str, seconds: Sequence[float]) -> Measured:
    """Sum up requests of which only the time counts."""
    times = [1000 * one for one in seconds]
    return Measured(page, span, float(np.percentile(times, 50)), _p95(times), None, None, "")


def _first(output: str) -> str:
    return output.strip(".").partition("...")[0]


def _p95(values: Sequence[float]) -> float:
    return float(np.percentile(values, 95))
