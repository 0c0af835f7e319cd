"""A family: a process with all its children, and what they have used of the machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """CPU time [s] of all members together; the largest memory [MB] that one of them had."""

    cpu_seconds: float
    peak_mb: float


def usage(pid: int) -> Usage:
    """Sum up a process and its living children, to any depth; one that has gone counts nothing."""
    found = [used for used in map(_usage, _members(pid)) if used is not None]
    return Usage(
        sum(used.cpu_seconds for used in found), max((used.peak_mb for used in found), default=0.0)
    )


def _members(pid: int) -> Iterator[int]:
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from _members(int(child))


def _usage(pid: int) -> Usage | None:
    try:
        times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    peak_kb = next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)
    # utime and stime are the 14th and 15th of the fields, of which two stand before the bracket.
    return Usage((int(times[11]) + int(times[12])) / _TICKS_A_SECOND, peak_kb / 1000)
