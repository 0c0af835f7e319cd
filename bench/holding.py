"""A holding: the memory and the open files that each process of the services has at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Holding:
    """What one process holds: resident memory [MB] and open files, sockets among them."""

    resident_mb: float
    handles: int


def holdings(services: Mapping[str, int]) -> dict[str, Holding]:
    """Look at services, by the number of their first process, and at all that these started."""
    return {
        name: _holding(pid) for service, first in services.items() for name, pid in _named(
            service, first
        )
    }  # fmt: skip


def _named(service: str, first: int) -> Iterator[tuple[str, int]]:
    yield service, first
    children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
    for place, child in enumerate(children, start=1):
        yield f"{service}, worker {place}", int(child)


def _holding(pid: int) -> Holding:
    process = Path(f"/proc/{pid}")
    lines = (process / "status").read_text().splitlines()
    kilobytes = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
    return Holding(kilobytes / 1000, len(list((process / "fd").iterdir())))
