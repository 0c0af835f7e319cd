"""Free ports of the loopback, one stretch of numbers for each process that runs tests."""

from __future__ import annotations

import os
import random
import socket

# Below the numbers from which the system takes the near end of an outgoing connection: a port
# from there may be gone between being found free and being listened on. From 11,000 on browsers
# refuse none of them (10,080 they do).
FIRST, STRETCH, STRETCHES = 11_000, 1_000, 20

# What was handed out and is not listened on yet looks free.
_handed_out: set[int] = set()


def free_port() -> int:
    """Return a port on the loopback that nobody listens on, another one at every call.

    Raises
    ------
    RuntimeError
        When the stretch of this process has none left.
    """
    first = FIRST + _place() * STRETCH
    for port in random.SystemRandom().sample(range(first, first + STRETCH), STRETCH):
        if port not in _handed_out and _is_free(port):
            _handed_out.add(port)
            return port
    raise RuntimeError(f"no port from {first} to {first + STRETCH - 1} is free on the loopback")


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        # Without it, a port stays unusable for a minute after its server has gone.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _place() -> int:
    """Return the number of the worker of a parallel run; alone, one that is likely to be free."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    return int(worker) % STRETCHES if worker else os.getpid() % STRETCHES
