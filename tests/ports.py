"""Free ports of the loopback, one stretch of numbers for each process that runs tests."""

from __future__ import annotations

import os
import random
import socket

# Below the numbers from which the system takes the near end of an outgoing connection: a port
# from there may be gone between being found free and being listened on. From 11,000 on browsers
# refuse none of them (10,080 they do).
FIRST, STRETCH, STRETCHES = 11_000, 1_000, 20


def free_port() -> int:
    """Return a port on the loopback that nobody listens on."""
    first = FIRST + _place() * STRETCH
    for port in random.SystemRandom().sample(range(first, first + STRETCH), STRETCH):
        with socket.socket() as listener:
            # Without it, a port stays unusable for a minute after its server has gone.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if not _is_taken(listener, port):
                return port
    raise RuntimeError(f"no port from {first} to {first + STRETCH - 1} is free on the loopback")


def _is_taken(listener: socket.socket, port: int) -> bool:
    try:
        listener.bind(("127.0.0.1", port))
    except OSError:
        return True
    return False


def _place() -> int:
    """Return the number of the worker of a parallel run; alone, one that is likely to be free."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    return int(worker) % STRETCHES if worker else os.getpid() % STRETCHES
