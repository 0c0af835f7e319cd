"""A Redis of one's own: a real server that keeps nothing on the disk."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import redis


@contextmanager
def redis_server(port: str) -> Iterator[redis.Redis]:
    """Run a Redis on a port of the loopback until the block ends, and connect to it."""
    process = subprocess.Popen(
        ["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
        stdout=subprocess.DEVNULL,
    )
    client = redis.Redis(port=int(port), socket_timeout=5)
    try:
        _wait_until_it_answers(client)
        yield client
    finally:
        client.close()
        process.terminate()
        process.wait(10)


def _wait_until_it_answers(client: redis.Redis) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            client.ping()
        except redis.ConnectionError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return
