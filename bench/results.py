"""Results: what rounds of measurements found, by load and design."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import isnan, nan
from statistics import median
from typing import TypeVar

import numpy as np

Design = TypeVar("Design")
Key = tuple[str, str]


@dataclass(frozen=True)
class Figures:
    """One measurement: records/s, times of an answer [ms], CPU [us] a record of each side.

    NaN was not measured. `errors` are answers other than that one record was accepted, `reopened`
    the connections that were dropped.
    """

    rate: float = nan
    p50_ms: float = nan
    p95_ms: float = nan
    api_us: float = nan
    store_us: float = nan
    client_us: float = nan
    errors: float = nan
    reopened: float = nan


COLUMNS = {
    "rate": "records/s",
    "p50_ms": "p50, ms",
    "p95_ms": "p95, ms",
    "api_us": "API, µs",
    "store_us": "store, µs",
    "client_us": "client, µs",
    "errors": "errors",
    "reopened": "reopened",
}


@dataclass
class Results:
    """The figures of each load and design, one for each round."""

    found: dict[Key, list[Figures]] = field(default_factory=dict)

    def add(self, load: str, design: str, figures: Figures) -> None:
        """Note one round."""
        self.found.setdefault((load, design), []).append(figures)

    def values(self, load: str, design: str, column: str) -> list[float]:
        """Return one column of all rounds, in their order; empty when it was not measured."""
        rows = [getattr(figures, column) for figures in self.found.get((load, design), ())]
        return [] if any(map(isnan, rows)) else rows

    def ratios(self, load: str, designs: tuple[str, str], column: str = "rate") -> list[float]:
        """Return round by round the figure of the first design as times that of the second."""
        first, second = (self.values(load, design, column) for design in designs)
        return [a / b for a, b in zip(first, second, strict=False)]

    def table(self) -> str:
        """Write the medians and ranges as Markdown; what was nowhere measured has no column."""
        shown = [name for name in COLUMNS if any(self.values(*key, name) for key in self.found)]
        lines = [
            f"| load | design | {' | '.join(COLUMNS[name] for name in shown)} |",
            f"|{'---|' * (2 + len(shown))}",
        ]
        for load, design in sorted(self.found, key=lambda key: list(self._loads()).index(key[0])):
            cells = [with_range(self.values(load, design, name)) for name in shown]
            lines.append(f"| {load} | {design} | {' | '.join(cells)} |")
        return "\n".join(lines)

    def _loads(self) -> dict[str, None]:
        return dict.fromkeys(load for load, _ in self.found)


def with_range(values: Sequence[float]) -> str:
    """Write the median, and the range where there is one."""
    if not values:
        return "–"
    middle, low, high = (_number(value) for value in (median(values), min(values), max(values)))
    return middle if low == high else f"{middle} ({low}–{high})"


def _number(value: float) -> str:
    """Write three digits, or all of those before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def alternating(designs: Sequence[Design], rounds: int) -> Iterator[Design]:
    """Yield all designs in every round, each time beginning with another one."""
    for number in range(rounds):
        start = number % len(designs)
        yield from (*designs[start:], *designs[:start])


def percentile_ms(seconds: Sequence[float], share: float) -> float:
    """Return a percentile in milliseconds; NaN of nothing."""
    return 1000 * float(np.percentile(seconds, share)) if len(seconds) else nan
