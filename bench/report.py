"""The report of the dashboard's benchmark, as tables in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from bench.browsers import Shift
from bench.measured import Budget, Measured

VIEW = Budget(150.0, 200.0)
IDLE = Budget(20.0, 2.0)
SKILL = Budget(50.0)
# How much slower the last minute of many browsers may be than the first, and than a lone one.
STEADY_RATIO = 2.0


def side_by_side(
    title: str,
    small: Sequence[Measured],
    large: Sequence[Measured],
    *,
    sizes: tuple[int, int],
    budget: Budget,
) -> str:
    """Write the views of two stores beside each other and beside what they may take."""
    few, many = (f"{size:,}" for size in sizes)
    head = (
        title, "range", f"p50 / p95 at {few}, ms", f"at {many}, ms", "budget, ms",
        f"sent at {few}, kB", f"at {many}, kB", "unpacked, kB", "budget, kB", "verdict",
    )  # fmt: skip
    before = {one.name: one for one in small}
    rows = [_row(before.get(one.name), one, budget) for one in large]
    return "\n".join([f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *rows])


def _row(small: Measured | None, large: Measured, budget: Budget) -> str:
    verdict = "pass" if large.is_within(budget) else f"over {large.slowest}".strip()
    sent = None if small is None else small.sent_kb
    cells = (
        large.page, large.span, _times(small), _times(large), f"{budget.milliseconds:.0f}",
        _kilobytes(sent), _kilobytes(large.sent_kb), _kilobytes(large.raw_kb),
        _kilobytes(budget.kilobytes), verdict,
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _times(one: Measured | None) -> str:
    return "" if one is None else f"{one.p50_ms:.0f} / {one.p95_ms:.0f}"


def _kilobytes(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def browsers_table(lone: Shift, together: Shift, *, browsers: int, minutes: int) -> str:
    """Compare the first and the last minute of many browsers with one browser lone."""
    single, first, last = lone.p95(), together.p95(0), together.p95(minutes - 1)
    is_steady = last <= STEADY_RATIO * min(first, single) and not together.faults
    memory = " ".join(f"{one:.0f}" for one in together.memory)
    lines = [
        "| | calls | p95, ms |",
        "|---|---|---|",
        f"| one browser | {len(lone.samples)} | {single:.0f} |",
        f"| {browsers} browsers, first minute | {_calls(together, 0)} | {first:.0f} |",
        f"| {browsers} browsers, last minute | {_calls(together, minutes - 1)} | {last:.0f} |",
        "",
        f"{together.delivered:,} records came in meanwhile; errors: {len(together.faults)};"
        f" memory of the server by minute, MB: {memory};"
        f" verdict: {'pass' if is_steady else 'over'}.",
        *together.faults[:5],
    ]
    return "\n".join(lines)


def _calls(shift: Shift, minute: int) -> int:
    return sum(sample.minute == minute for sample in shift.samples)
