"""Two GiB through the dashboard: the memory of both processes, and what an interruption costs."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from bench.lab_site import Site, memory_mb, opened_site
from tests.lab_person import PIECE_BYTES, Person

BYTES = 2 * 2**30
GROWTH_MB, LOST_BYTES = 40.0, PIECE_BYTES
_LOOK_SECONDS = 0.2


@dataclass
class _Watch:
    """The most memory that each service had while it was watched [MB]."""

    services: dict[str, int]
    is_over: threading.Event = field(default_factory=threading.Event)
    first: dict[str, float] = field(default_factory=dict)
    most: dict[str, float] = field(default_factory=dict)

    def look(self) -> None:
        self.first = {name: memory_mb(pid) for name, pid in self.services.items()}
        while not self.is_over.wait(_LOOK_SECONDS):
            for name, pid in self.services.items():
                self.most[name] = max(self.most.get(name, 0.0), memory_mb(pid))

    @property
    def growth(self) -> dict[str, float]:
        return {name: self.most[name] - self.first[name] for name in self.services}


def main(folder: Path, *, size: int = BYTES) -> str:
    """Measure, and return what was found in words."""
    path = folder / "large.csv"
    with path.open("wb") as file:
        # Nobody looks into it; it takes no place here.
        file.truncate(size)
    with opened_site(folder) as site:
        watch = _Watch({"API": site.api_pid, "dashboard": site.dash_pid})
        thread = threading.Thread(target=watch.look)
        thread.start()
        try:
            lost, seconds = _send(site, path, size)
        finally:
            watch.is_over.set()
            thread.join()
    grown = {name: f"{mb:.0f}" for name, mb in watch.growth.items()}
    is_within = max(watch.growth.values()) <= GROWTH_MB and lost <= LOST_BYTES
    return (
        f"upload: {size / 2**20:,.0f} MiB in {seconds:.0f} s, {size / 1e6 / seconds:.0f} MB/s\n"
        f"  growth, MB: {grown} (at most {GROWTH_MB:g} each);"
        f" sent again after a reload: {lost / 2**20:.1f} MiB (at most {LOST_BYTES >> 20})\n"
        f"  verdict: {'pass' if is_within else 'over'}"
    )


def _send(site: Site, path: Path, size: int) -> tuple[int, float]:
    """Send a file that breaks off in the middle of a piece; return what was lost, and how long."""
    began, person = time.monotonic(), site.person()
    upload = person.begin_upload(path.name, size)
    # Not at the edge of a piece.
    person.send(upload, path, until=size // 2 + PIECE_BYTES // 3)
    sent = person.offset(upload) + _break_off(upload, person.offset(upload))
    person.session.close()
    # Who reloads the page knows nothing but the address of the upload.
    again = Person(site.api, site.dash)
    lost = sent - again.offset(upload)
    again.send(upload, path)
    if again.offset(upload) != size:
        raise RuntimeError("the upload is not whole")
    return lost, time.monotonic() - began


def _break_off(upload: str, offset: int) -> int:
    """Send half a piece and hang up, as a browser that reloads; return how much was sent."""
    parts, half = urlsplit(upload), PIECE_BYTES // 2
    head = (
        f"PATCH {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nSec-Fetch-Site: same-origin\r\n"
        "Tus-Resumable: 1.0.0\r\nContent-Type: application/offset+octet-stream\r\n"
        f"Upload-Offset: {offset}\r\nContent-Length: {PIECE_BYTES}\r\n\r\n"
    )
    with socket.create_connection((parts.hostname or "", parts.port or 80)) as line:
        line.sendall(head.encode() + bytes(half))
    return half
