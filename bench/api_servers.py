"""API servers that are measured: the product of a working tree, and the row per request."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import nan
from pathlib import Path

from bench.family import usage
from bench.row_per_request import SIZE
from tests.processes import free_port, serving


@dataclass(frozen=True)
class Product:
    """The API of a working tree; without a folder of models it serves those of the tree."""

    name: str
    tree: Path = Path()
    artifacts: Path | None = None
    workers: int = 2


@dataclass(frozen=True)
class RunningApi:
    """An API that answers: where it takes observations, and the processes of it and its store."""

    port: int
    path: str
    pid: int
    store_pid: int | None

    @property
    def address(self) -> str:
        """Where it takes observations."""
        return f"http://127.0.0.1:{self.port}{self.path}"

    def cpu_seconds(self) -> tuple[float, float]:
        """Return the CPU seconds of API and store until now; NaN for a file."""
        store = nan if self.store_pid is None else usage(self.store_pid).cpu_seconds
        return usage(self.pid).cpu_seconds, store


@contextmanager
def running_product(
    product: Product, database_url: str, store_pid: int | None = None
) -> Iterator[RunningApi]:
    """Run the product on a store until the block ends."""
    port = free_port()
    environment = {
        **os.environ,
        "PYTHONPATH": str(product.tree.resolve()),
        "FLARE_DATABASE_URL": database_url,
        "FLARE_API_PORT": port,
        "FLARE_API_WORKERS": str(product.workers),
    }
    if product.artifacts is not None:
        environment["FLARE_ARTIFACTS_DIR"] = str(product.artifacts)
    ready = f"http://127.0.0.1:{port}/ready"
    with serving(
        "app", "serve", ready=ready, environment=environment, folder=product.tree
    ) as process:
        yield RunningApi(int(port), "/api/v1/observations", process.pid, store_pid)


@contextmanager
def running_row_per_request(
    artifacts: Path,
    database_url: str,
    store_pid: int,
    *,
    size: tuple[int, int] = SIZE,
) -> Iterator[RunningApi]:
    """Run the design to beat, with so many workers and threads in each, until the block ends."""
    port = free_port()
    command = [
        *("gunicorn", "bench.row_per_request:create_app()", "--bind", f"127.0.0.1:{port}"),
        *("--worker-class", "gthread", "--workers", str(size[0]), "--threads", str(size[1])),
        "--no-control-socket",
    ]
    environment = {
        **os.environ,
        "BENCH_DATABASE_URL": database_url,
        "BENCH_ARTIFACTS": str(artifacts),
    }
    ready = f"http://127.0.0.1:{port}/ready"
    with serving(*command, ready=ready, environment=environment) as process:
        yield RunningApi(int(port), "/observations", process.pid, store_pid)
