"""A feed: a web address that is polled, whatever it may answer, and the pace of the polling."""

from __future__ import annotations

import random
import time
from typing import Any
from urllib.parse import urlencode

import orjson
import requests

from solar.errors import FlarewatchError
from solar.process import Backoff, GraceExpiredError, StopSignal
from solar.settings import without_password

FIRST_BACKOFF_SECONDS = 1.0
LONGEST_BACKOFF_SECONDS = 300.0
# So that many senders, started together, do not poll together for ever.
_JITTER = 0.1

CONNECT_SECONDS = 5.0
MOST_BYTES = 64 * 2**20
_PIECE_BYTES = 64 * 2**10
_EXCERPT = 80


class FeedError(FlarewatchError):
    """A feed did not answer as it should; the same request is to be repeated later."""

    status = 502
    title = "Source unusable"


class FeedUnavailableError(FeedError):
    """The feed does not answer, or breaks off: an outage, which passes."""

    title = "Source unavailable"


class FeedFormatError(FeedError):
    """The feed answers in an unknown form: its format may have changed."""

    title = "Source changed"


class Feed:
    """One server, with a limit on the time and the size of an answer.

    The proxy is that of the environment (HTTPS_PROXY, NO_PROXY), as for any other program.
    """

    def __init__(self, url: str, stop: StopSignal, *, timeout_seconds: float = 60.0) -> None:
        self.url = url.rstrip("/")
        self._stop = stop
        self._timeout_seconds = timeout_seconds
        self._session = requests.Session()
        self._session.headers.update({"Accept": "application/json", "User-Agent": "flarewatch"})

    def get(self, path: str = "", **query: str) -> Any:
        """Return the JSON content of an answer.

        Raises
        ------
        FeedUnavailableError
            When there is no answer, none in time, one with an error status, or half a one, and
            when the stop signal is set.
        FeedFormatError
            When the answer is not JSON.
        """
        url = without_password(f"{self.url}{path}")
        if self._stop.is_set:
            raise FeedUnavailableError(f"{url}: not requested, because this sender is stopping")
        body = self._body(f"{self.url}{path}", query)
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            excerpt = body[:_EXCERPT].decode(errors="replace").strip()
            if excerpt.startswith(("{", "[")):
                raise FeedUnavailableError(
                    f"{url}: the answer of {len(body)} bytes breaks off or is garbled: {error}"
                ) from error
            raise FeedFormatError(f"{url}: not JSON but {excerpt!r}") from error

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _body(self, address: str, query: dict[str, str]) -> bytes:
        # JSOC reads brackets, slashes, commas and the @ of a step as they are.
        full_url = f"{address}?{urlencode(query, safe='[]/:,@')}" if query else address
        url = without_password(address)
        deadline = time.monotonic() + self._timeout_seconds
        try:
            limits = (min(CONNECT_SECONDS, self._timeout_seconds), self._timeout_seconds)
            with (
                self._stop.interruptible(),
                self._session.get(full_url, timeout=limits, stream=True) as response,
            ):
                if not response.ok:
                    raise FeedUnavailableError(
                        f"{url}: status {response.status_code} {response.reason}"
                    )
                return _read(response, url, deadline)
        except GraceExpiredError as error:
            raise FeedUnavailableError(f"{url}: no answer when this sender was stopped") from error
        except requests.RequestException as error:
            raise FeedUnavailableError(f"{url}: {_cause(error)}") from error


def _read(response: requests.Response, url: str, deadline: float) -> bytes:
    body = bytearray()
    for piece in response.iter_content(_PIECE_BYTES):
        body += piece
        # A time-out of the connection is one between two bytes; a drip could last for ever.
        if time.monotonic() > deadline:
            raise FeedUnavailableError(f"{url}: not finished in time after {len(body)} bytes")
        if len(body) > MOST_BYTES:
            raise FeedFormatError(
                f"{url}: more than {MOST_BYTES >> 20} MiB; ask for less at a time"
            )
    return bytes(body)


def _cause(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the answer breaks off"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return f"{type(error).__name__}: {error}"


class Pace:
    """The wait until the next request: constant after answers, exponential after failures."""

    def __init__(self, every_seconds: float, *, longest_seconds: float | None = None) -> None:
        self._every_seconds = every_seconds
        self._backoff = Backoff(
            min(FIRST_BACKOFF_SECONDS, every_seconds),
            longest_seconds or min(LONGEST_BACKOFF_SECONDS, 10 * every_seconds),
            jitter=(0.5, 1.0),
        )

    @property
    def failures(self) -> int:
        """How many requests have failed since the last answer."""
        return self._backoff.failures

    def after_answer(self) -> float:
        """Return how long to wait after an answer [s]."""
        self._backoff.reset()
        return self._every_seconds * random.uniform(1 - _JITTER, 1 + _JITTER)

    def after_failure(self) -> float:
        """Return how long to wait after a failure [s]; each in a row lengthens the wait."""
        return self._backoff.next_seconds()
