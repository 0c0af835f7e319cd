"""Request groups: small requests that wait are answered together, by one thread."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import Generic, Protocol, TypeVar

# No group is larger, lest its first request wait long for its last.
MOST_REQUESTS = 256
MOST_GROUPS = 2

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Headers:
    """Headers by their names in capitals, each once."""

    values: dict[str, str]

    def get(self, name: str) -> str | None:
        """Return the value of a header, None where it is absent."""
        return self.values.get(name.upper())


@dataclass(frozen=True)
class SmallRequest:
    """A request that can be answered in a group.

    Parameters
    ----------
    peer : the address at the other end of the connection
    began : when it had arrived, on the clock of `time.perf_counter`
    """

    query: str
    headers: Headers
    body: bytes
    peer: str
    began: float


@dataclass(frozen=True)
class Answer:
    """The answer to a request, without what the server itself says in its head."""

    status: HTTPStatus
    headers: Mapping[str, str]
    body: bytes

    def message(self, *, is_kept: bool) -> bytes:
        """Return all that is sent; the connection is kept afterwards, or closed."""
        head = {
            "Server": "gunicorn",
            "Date": formatdate(usegmt=True),
            "Connection": "keep-alive" if is_kept else "close",
            **self.headers,
            "Content-Length": len(self.body),
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        status = f"HTTP/1.1 {self.status} {self.status.phrase}\r\n"
        return f"{status}{lines}\r\n".encode() + self.body


class ArrivedRequest(Protocol):
    """A connection whose request has arrived."""

    began: float

    def small_request(self) -> SmallRequest:
        """Return the request."""


Arrived = TypeVar("Arrived", bound=ArrivedRequest)


class GroupApplication(Protocol):
    """What answers several requests at once, beside the application that answers each alone."""

    def takes(self, method: str, path: str, length: int | None) -> bool:
        """Tell whether a request may wait for a group; the length of a body may be unknown."""

    def answer(self, requests: Sequence[SmallRequest]) -> Sequence[Answer | None]:
        """Answer requests; None leaves one to the application."""


class RequestGroups(Generic[Arrived]):
    """The requests that wait, and the threads that answer them group by group.

    Nobody waits for company: a free thread takes all that wait. Beside a single request a second
    group is answered: the one works while the other waits for the disk.

    Parameters
    ----------
    send : sends the answers of a group, or answers those that have none
    """

    def __init__(
        self,
        application: GroupApplication,
        send: Callable[[Sequence[tuple[Arrived, Answer | None]]], None],
    ) -> None:
        self.takes = application.takes
        self._answer = application.answer
        self._send = send
        self._waiting: deque[Arrived] = deque()
        self._lock = threading.Lock()
        # How many requests each group at work has.
        self._at_work: list[int] = []
        self._pool = ThreadPoolExecutor(MOST_GROUPS)

    def add(self, arrived: Arrived) -> None:
        """Let a request wait until `begin`."""
        arrived.began = time.perf_counter()
        self._waiting.append(arrived)

    def begin(self) -> None:
        """Have those that wait answered, now or when the group at work is."""
        if self._waiting and (group := self._next_group()):
            self._pool.submit(self._work, group)

    def _next_group(self) -> list[Arrived]:
        with self._lock:
            if len(self._at_work) == MOST_GROUPS or sum(self._at_work) > 1:
                return []
            size = min(len(self._waiting), MOST_REQUESTS)
            if size:
                self._at_work.append(size)
            return [self._waiting.popleft() for _ in range(size)]

    def _work(self, group: list[Arrived]) -> None:
        while group:
            try:
                self._send(list(zip(group, self._answers(group), strict=True)))
            finally:
                with self._lock:
                    self._at_work.remove(len(group))
            group = self._next_group()

    def _answers(self, group: Sequence[Arrived]) -> Sequence[Answer | None]:
        try:
            return self._answer([arrived.small_request() for arrived in group])
        except Exception:
            # It may be the fault of one of them: alone, each meets the handlers of the application.
            _log.exception("%d requests are answered one by one", len(group))
            return [None] * len(group)
