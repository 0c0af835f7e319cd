"""The services as real processes: started, waited for, stopped whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests import ports

READY_SECONDS = 60.0
STOP_SECONDS = 15.0


def free_port() -> str:
    """Return a port on the loopback that nobody listens on, as an environment names it."""
    return str(ports.free_port())


@contextmanager
def serving(
    *command: str,
    ready: str,
    environment: Mapping[str, str],
    log: Path = Path(os.devnull),
    folder: Path = Path(),
    within: Sequence[str] = (),
) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``python -m COMMAND`` in a folder until the block ends, once `ready` answers.

    `within` is a command that runs it.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*within, sys.executable, "-m", *command],
            env=environment, cwd=folder, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
        try:
            _wait_until_ready(ready, process)
            yield process
        finally:
            _stop(process)


def _wait_until_ready(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{address} ended with {process.returncode} while starting")
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise RuntimeError(f"{address} does not answer after {READY_SECONDS:.0f} s")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
