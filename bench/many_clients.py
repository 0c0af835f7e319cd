"""Many clients: one process that posts over many kept connections, one request on each at a time.

A loop over raw sockets, so that hundreds of clients cost as little of the machine as they can.
"""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from selectors import EVENT_READ, DefaultSelector
from typing import Any, Self
from urllib.parse import urlsplit

import orjson

_ANSWER_SECONDS = 30.0
_RECEIVE_BYTES = 64 * 1024
# So often one request is sent before it counts as impossible.
_MOST_TRIES = 5
_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length:"


@dataclass(frozen=True)
class Answered:
    """One good answer: when its request was due, when it was sent, and when the answer was there.

    The times are those of the monotonic clock.
    """

    due: float
    sent: float
    answered: float

    @property
    def seconds(self) -> float:
        """How long the answer took from the sending."""
        return self.answered - self.sent

    @property
    def seconds_since_due(self) -> float:
        """How long it took from when it was due, the wait for the answer before included."""
        return self.answered - self.due


@dataclass(frozen=True)
class Run:
    """What came back within some seconds, and what the clients themselves needed of the machine."""

    seconds: float
    cpu_seconds: float
    answers: list[Answered]


@dataclass(eq=False)
class _Client:
    bodies: Iterator[bytes]
    socket: socket.socket
    due: float = 0.0
    sent: float = 0.0
    # Of the request that waits for its answer; empty when none does.
    request: bytes = b""
    tries: int = 0
    received: bytes = b""


class ManyClients:
    """Clients of one address of an API; as a context they have connections.

    `reopened` counts the connections that were dropped and opened again. `faults` says what went
    wrong: answers other than 200, and records that were not accepted.

    Parameters
    ----------
    address : where they post JSON
    bodies : of each client its requests of one record, enough of them
    every : seconds between two requests of one client. A request is due then, and is sent when the
        one before is answered. With 0 it is due at that answer.
    """

    def __init__(
        self, address: str, bodies: Sequence[Iterator[bytes]], *, every: float = 0.0
    ) -> None:
        self.reopened = 0
        self.faults: list[str] = []
        parts = urlsplit(address)
        self._address, self._every = address, every
        self._peer = (parts.hostname or "", parts.port or 80)
        self._head = (
            f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        ).encode()
        self._bodies = bodies
        self._clients: list[_Client] = []
        self._selector = DefaultSelector()
        # Those that wait for the time of their next request; the count decides between equals.
        self._waiting: list[tuple[float, int, _Client]] = []
        self._order = count()
        self._answers: list[tuple[Answered, int, bytes]] = []

    def __enter__(self) -> Self:
        self._clients = [_Client(own, self._connect()) for own in self._bodies]
        now = time.monotonic()
        for place, client in enumerate(self._clients):
            client.due = now + self._every * place / len(self._clients)
            self._selector.register(client.socket, EVENT_READ, client)
            self._wait(client)
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients:
            client.socket.close()
        self._selector.close()

    def run(self, seconds: float) -> Run:
        """Post for some time. The next call takes the answers that are missing at the end.

        Raises
        ------
        RuntimeError
            When a client has no more bodies, or a request is dropped again and again.
        """
        began, cpu = time.monotonic(), time.process_time()
        end = began + seconds
        while (now := time.monotonic()) < end:
            self._turn(now, end)
        seconds, cpu = time.monotonic() - began, time.process_time() - cpu
        return Run(seconds, cpu, self._good_answers())

    def finish(self) -> list[Answered]:
        """Wait for the answers that are still missing."""
        self._waiting.clear()
        self._every = math.inf
        end = time.monotonic() + _ANSWER_SECONDS
        while any(client.request for client in self._clients):
            if time.monotonic() > end:
                self.faults.append(f"no answer within {_ANSWER_SECONDS:.0f} s")
                break
            self._turn(time.monotonic(), end)
        return self._good_answers()

    def _turn(self, now: float, end: float) -> None:
        """Send what is due, then take what has come."""
        while self._waiting and self._waiting[0][0] <= now:
            self._send_next(heappop(self._waiting)[2])
        until = min(end, self._waiting[0][0]) if self._waiting else end
        for key, _ in self._selector.select(max(0.0, until - time.monotonic())):
            self._receive(key.data)

    def _wait(self, client: _Client) -> None:
        if client.due < math.inf:
            heappush(self._waiting, (client.due, next(self._order), client))

    def _connect(self) -> socket.socket:
        opened = socket.create_connection(self._peer, timeout=_ANSWER_SECONDS)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.setblocking(False)
        return opened

    def _send_next(self, client: _Client) -> None:
        body = next(client.bodies, None)
        if body is None:
            raise RuntimeError("a client has no more records; make more of them")
        client.request = b"%s%d\r\n\r\n%s" % (self._head, len(body), body)
        client.tries = 0
        client.sent = time.monotonic()
        self._send(client)

    def _send(self, client: _Client) -> None:
        client.received = b""
        client.tries += 1
        if client.tries > _MOST_TRIES:
            raise RuntimeError(f"{self._address} dropped one request {_MOST_TRIES} times")
        if client.socket.fileno() < 0:
            self.reopened += 1
            client.socket = self._connect()
            self._selector.register(client.socket, EVENT_READ, client)
        try:
            # A request of one record fits into the buffer of a connection on which nothing waits.
            client.socket.sendall(client.request)
        except (BrokenPipeError, ConnectionResetError):
            self._drop(client)
            self._send(client)

    def _drop(self, client: _Client) -> None:
        self._selector.unregister(client.socket)
        client.socket.close()

    def _receive(self, client: _Client) -> None:
        try:
            data = client.socket.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return
        except ConnectionResetError:
            data = b""
        if not data:
            self._drop(client)
            # Without a request the server has let go of a silent connection.
            if client.request:
                self._send(client)
            return
        client.received += data
        answer = _whole(client.received)
        if answer is not None and client.request:
            self._take(client, answer, time.monotonic())

    def _take(self, client: _Client, answer: bytes, now: float) -> None:
        self._answers.append((Answered(client.due, client.sent, now), client.tries, answer))
        client.request = b""
        client.due = client.due + self._every if self._every else now
        if client.due <= now:
            self._send_next(client)
        else:
            self._wait(client)

    def _good_answers(self) -> list[Answered]:
        """Read the bodies of the answers, for which there was no time while the clock ran."""
        good = []
        for answered, tries, answer in self._answers:
            if fault := _fault(answer, is_repeated=tries > 1):
                self.faults.append(fault)
            else:
                good.append(answered)
        self._answers.clear()
        return good


def _whole(received: bytes) -> bytes | None:
    """Return an answer that has arrived as a whole; None while part of it is missing."""
    end = received.find(_END_OF_HEAD)
    if end < 0:
        return None
    head = received[:end].lower()
    start = head.find(_LENGTH)
    if start < 0:
        raise RuntimeError(f"an answer without length: {received[:100]!r}")
    length = int(head[start + len(_LENGTH) :].split(b"\r\n", 1)[0])
    return received if len(received) >= end + len(_END_OF_HEAD) + length else None


def _fault(answer: bytes, *, is_repeated: bool) -> str | None:
    """Tell what is wrong with an answer; a request that came twice may find its record stored."""
    head, _, body = answer.partition(_END_OF_HEAD)
    if head.split(b" ", 2)[1] != b"200":
        return f"{head.splitlines()[0].decode()}: {body[:200].decode(errors='replace')}"
    told: dict[str, Any] = orjson.loads(body)
    stored = told["accepted"] + (told.get("duplicates", 0) if is_repeated else 0)
    return None if stored == 1 else f"not accepted: {body[:200].decode(errors='replace')}"
