"""A feed: an address on the web that is asked again and again, and whatever it may answer."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlencode

import orjson
import requests

from data_sender.stop import GraceOverError, StopSignal
from solar.errors import FlarewatchError

CONNECT_SECONDS = 5.0
MOST_BYTES = 64 * 2**20
_PIECE_BYTES = 64 * 2**10
_SHOWN = 80


class FeedError(FlarewatchError):
    """A feed did not give what it should; the same question is to be asked again later."""

    status = 502
    title = "Source unusable"


class FeedAwayError(FeedError):
    """The feed does not answer, or breaks off: an outage, which passes."""

    title = "Source away"


class FeedShapeError(FeedError):
    """The feed answers with something else than is known here: its format may have changed."""

    title = "Source changed"


class Feed:
    """One server and a question to it, with a limit on the time and the size of an answer.

    The way out is that of the environment (HTTPS_PROXY, NO_PROXY), as for any other program.
    """

    def __init__(self, url: str, stop: StopSignal, *, timeout_seconds: float = 60.0) -> None:
        self.url = url.rstrip("/")
        self._stop = stop
        self._timeout_seconds = timeout_seconds
        self._session = requests.Session()
        self._session.headers.update({"Accept": "application/json", "User-Agent": "flarewatch"})

    def ask(self, path: str = "", **query: str) -> Any:
        """Return the JSON content of an answer.

        Raises
        ------
        FeedAwayError
            When there is no answer, none in time, one with an error status, or half a one, and
            when the wish to stop has come.
        FeedShapeError
            When the answer is not JSON.
        """
        url = f"{self.url}{path}"
        if self._stop.is_set:
            raise FeedAwayError(f"{url}: not asked, because this sender is stopping")
        body = self._body(url, query)
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            shown = body[:_SHOWN].decode(errors="replace").strip()
            if shown.startswith(("{", "[")):
                raise FeedAwayError(
                    f"{url}: the answer of {len(body)} bytes breaks off or is garbled: {error}"
                ) from error
            raise FeedShapeError(f"{url}: not JSON but {shown!r}") from error

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _body(self, url: str, query: dict[str, str]) -> bytes:
        # JSOC reads brackets, slashes and commas as they are.
        asked = f"{url}?{urlencode(query, safe='[]/:,')}" if query else url
        deadline = time.monotonic() + self._timeout_seconds
        try:
            limits = (min(CONNECT_SECONDS, self._timeout_seconds), self._timeout_seconds)
            with (
                self._stop.abandonable(),
                self._session.get(asked, timeout=limits, stream=True) as response,
            ):
                if not response.ok:
                    raise FeedAwayError(f"{url}: status {response.status_code} {response.reason}")
                return _read(response, url, deadline)
        except GraceOverError as error:
            raise FeedAwayError(f"{url}: no answer when this sender was stopped") from error
        except requests.RequestException as error:
            raise FeedAwayError(f"{url}: {_cause(error)}") from error


def _read(response: requests.Response, url: str, deadline: float) -> bytes:
    body = bytearray()
    for piece in response.iter_content(_PIECE_BYTES):
        body += piece
        # A time-out of the connection is one between two bytes; a drip could last for ever.
        if time.monotonic() > deadline:
            raise FeedAwayError(f"{url}: not finished in time after {len(body)} bytes")
        if len(body) > MOST_BYTES:
            raise FeedShapeError(f"{url}: more than {MOST_BYTES >> 20} MiB; ask for less at a time")
    return bytes(body)


def _cause(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the answer breaks off"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return f"{type(error).__name__}: {error}"
