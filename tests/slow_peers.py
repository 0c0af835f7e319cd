"""Clients that hold connections open: silent, sending a byte a second, or not reading."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

HEAD = b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
BODY = b"POST /api/v1/observations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n"


@contextmanager
def slow_peers(
    port: int, *, heads: int = 0, bodies: int = 0, idle: int = 0
) -> Iterator[list[socket.socket]]:
    """Hold so many connections of each kind until the block ends; the senders send every second."""
    with ExitStack() as stack:
        begun = [HEAD] * heads + [BODY] * bodies + [b""] * idle
        peers = []
        for beginning in begun:
            peer = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
            peer.sendall(beginning)
            peers.append(peer)
        ended = threading.Event()
        dripping = threading.Thread(target=_drip, args=[peers[: heads + bodies], ended])
        dripping.start()
        try:
            yield peers
        finally:
            ended.set()
            dripping.join()


def _drip(peers: list[socket.socket], ended: threading.Event) -> None:
    while not ended.wait(1):
        for peer in peers:
            # The server may have given it up.
            with suppress(OSError):
                peer.send(b"x")
