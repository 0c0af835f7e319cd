"""Slow peers: how many requests are answered, and when, beside clients that hold connections."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import live_record
from bench.bodies import JSON, MEDIA_TYPES
from bench.results import percentile_ms
from tests.processes import free_port, serving
from tests.slow_peers import slow_peers

SECONDS = 15.0
EVERY_SECONDS = 0.1
PATIENCE_SECONDS = 5.0
CROWDS = {
    "nobody": {},
    "12 slow heads": {"heads": 12},
    "12 slow bodies": {"bodies": 12},
    "450 idle connections": {"idle": 450},
}


@dataclass(frozen=True)
class Calls:
    """What became of the calls of one measurement."""

    seconds: list[float]
    failed: int

    @property
    def row(self) -> str:
        """The calls, the answered share and the time of the answers, as cells of Markdown."""
        number = len(self.seconds) + self.failed
        p95 = f"{percentile_ms(self.seconds, 95):.0f}" if self.seconds else "–"
        return f"{number} | {100 * len(self.seconds) / number:.0f} % | {p95}"


def main(trees: Sequence[Path]) -> None:
    """Measure the servers of working trees of the project, each on an embedded store."""
    for tree in trees:
        print(f"\n{tree.resolve().name}:\n\n| server | beside | calls | answered | p95, ms |")
        print("|---|---|---|---|---|", flush=True)
        _measure_tree(tree)


def _measure_tree(tree: Path) -> None:
    for name, call in (("API, a live record", _post_record), ("dashboard, a page", _get_page)):
        with _services(tree.resolve()) as ports:
            port = ports[name.startswith("dashboard")]
            for crowd, peers in CROWDS.items():
                with slow_peers(port, **peers):
                    # Those that were there first are being waited for by now.
                    time.sleep(1 if peers else 0)
                    print(f"| {name} | {crowd} | {_measure(port, call).row} |", flush=True)


@contextmanager
def _services(tree: Path) -> Iterator[tuple[int, int]]:
    api, dash = free_port(), free_port()
    with TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "PYTHONPATH": str(tree),
            "FLARE_DATABASE_URL": f"sqlite:///{folder}/flarewatch.db",
            "FLARE_API_PORT": api,
            "FLARE_DASH_PORT": dash,
        }
        addresses = [f"http://127.0.0.1:{port}/ready" for port in (api, dash)]
        with (
            serving("app", "serve", ready=addresses[0], environment=environment, folder=tree),
            serving("app_dash", "serve", ready=addresses[1], environment=environment, folder=tree),
        ):
            yield int(api), int(dash)


def _measure(port: int, call: Callable[[HTTPConnection], None]) -> Calls:
    seconds, failed = [], 0
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
        began = time.monotonic()
        try:
            call(connection)
        except (OSError, HTTPException):
            failed += 1
        else:
            seconds.append(time.monotonic() - began)
        connection.close()
        time.sleep(max(0.0, EVERY_SECONDS - (time.monotonic() - began)))
    return Calls(seconds, failed)


def _post_record(connection: HTTPConnection) -> None:
    headers = {"Content-Type": MEDIA_TYPES[JSON]}
    connection.request("POST", "/api/v1/observations", live_record.next_body(), headers)
    _read(connection)


def _get_page(connection: HTTPConnection) -> None:
    connection.request("GET", "/_dash-layout")
    _read(connection)


def _read(connection: HTTPConnection) -> None:
    response = connection.getresponse()
    response.read()
    if response.status != 200:
        raise HTTPException(f"status {response.status}")
