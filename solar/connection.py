"""A connection of a server: the request that arrives on it, and the answer that it has not read."""

from __future__ import annotations

import errno
import select
import socket
import time
from contextlib import suppress
from enum import Enum
from io import BytesIO
from typing import Any

from gunicorn.asgi.parser import PythonProtocol
from gunicorn.http.errors import LimitRequestHeaders
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader

from solar.request_groups import Headers, SmallRequest

MAX_HEAD_BYTES = 64 * 1024
# A reader may pause so long, and take so long in all, while a thread waits for it.
PAUSE_SECONDS = 20
ANSWER_SECONDS = 300
# What an answer may have unread when its thread goes on to the next request.
UNREAD_BYTES = 1024 * 1024

_CHUNKED_HEAD = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"


class Awaited(Enum):
    """What a connection without a thread waits for."""

    HEAD = "the head of a request"
    BODY = "the body of a request"
    NEXT = "the next request"
    READER = "a slow reader"
    END = "the end of a client that has its answer"


class AnswerBuffer:
    """What a thread writes its answer to in place of the socket: it takes all that fits."""

    def __init__(self, connection: socket.socket) -> None:
        self.unread = bytearray()
        self.deadline = 0.0
        self._socket = connection

    def begin(self) -> None:
        """Give the client a new deadline."""
        self.deadline = time.monotonic() + ANSWER_SECONDS

    def sendall(self, data: bytes) -> None:
        """Send what goes out now and keep the rest; wait only while there is much of it.

        Raises
        ------
        OSError
            When the client is gone or reads too slowly.
        """
        self.send(data)
        while len(self.unread) > UNREAD_BYTES:
            self._wait()
            self.flush()

    def send(self, data: bytes) -> None:
        """Send what goes out now and keep the rest, however much it is.

        Raises
        ------
        OSError
            When the client is gone.
        """
        sent = 0
        if not self.unread:
            with suppress(BlockingIOError):
                sent = self._socket.send(data)
        self.unread += memoryview(data)[sent:]
        self.flush()

    def flush(self) -> None:
        """Send what the client can take at this moment."""
        with suppress(BlockingIOError):
            while self.unread:
                del self.unread[: self._socket.send(self.unread)]

    def _wait(self) -> None:
        seconds = min(PAUSE_SECONDS, self.deadline - time.monotonic())
        poll = select.poll()
        poll.register(self._socket, select.POLLOUT)
        if seconds <= 0 or not poll.poll(1000 * seconds):
            raise TimeoutError(errno.ETIMEDOUT, "the client reads too slowly")

    # What else gunicorn asks of a socket. It is the worker that closes it, after the last byte.

    def gettimeout(self) -> float:
        """Tell that nothing blocks."""
        return 0.0

    def shutdown(self, _how: int) -> None:
        """Refuse, so that gunicorn does not wait in a thread for the end of the client."""
        raise OSError(errno.ENOTCONN, "the worker closes the connection")

    def close(self) -> None:
        """Do nothing."""


class Settings:
    """The settings of gunicorn, of which each is looked up once and not for every request."""

    def __init__(self, cfg: Any) -> None:
        self._cfg = cfg

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._cfg, name)
        setattr(self, name, value)
        return value


class _ChunkParser(PythonProtocol):
    """The parser of gunicorn, which bounds a line of chunks only while its end is not there."""

    def _find_line(self, limit: int, error: Exception) -> int:
        end: int = super()._find_line(limit, error)
        if end > limit:
            raise error
        return end


class Body:
    """The body of a request while it arrives: so many bytes, or chunks until the last."""

    def __init__(self, length: int | None, most_bytes: int) -> None:
        self.length = length
        self.size = 0
        self.rest = b""
        self.is_whole = length == 0
        self.is_too_large = length is not None and length > most_bytes
        self._most_bytes = most_bytes
        self._content = bytearray()
        self._chunks: _ChunkParser | None = None
        if length is None:
            self._chunks = _ChunkParser(on_body=self._take)
            self._chunks.feed(_CHUNKED_HEAD)

    def feed(self, data: bytes) -> None:
        """Take what has arrived; `rest` is what belongs to the next request.

        Raises
        ------
        ParseError
            When the chunks are broken.
        """
        if self.is_too_large:
            return
        if self._chunks is not None:
            self._chunks.feed(data)
            self.is_whole, self.rest = self._chunks.is_complete, self._chunks.remaining()
        elif self.length is not None:
            missing = self.length - self.size
            self._take(data[:missing])
            self.is_whole, self.rest = self.size == self.length, data[missing:]

    def _take(self, piece: bytes) -> None:
        self.size += len(piece)
        self.is_too_large = self.size > self._most_bytes
        if not self.is_too_large:
            self._content += piece

    def copy(self) -> bytes:
        """Return the bytes, which are kept."""
        return bytes(self._content)

    def content(self) -> BytesIO:
        """Return the bytes to read, of which none is kept here."""
        content, self._content = self._content, bytearray()
        return BytesIO(b"" if self.is_too_large else content)

    def __str__(self) -> str:
        of = "" if self.length is None else f" of {self.length:,}"
        return f"{self.size:,}{of} bytes"


class Connection:
    """A connection of a client, and the request that is arriving on it."""

    def __init__(self, connection: socket.socket, client: Any, most_bytes: int) -> None:
        self.socket = connection
        # By these names gunicorn looks for what it answers to.
        self.sock = AnswerBuffer(connection)
        self.client = client
        self.server = connection.getsockname()
        self.awaited = Awaited.HEAD
        self.is_kept = False
        self._most_bytes = most_bytes
        self.begin()

    def begin(self) -> None:
        """Be ready for the next request."""
        self.head = bytearray()
        self.request: Any = None
        self.body: Body | None = None
        # When the request had arrived, on the clock of `time.perf_counter`.
        self.began = 0.0

    def feed(self, data: bytes, cfg: Any) -> bool:
        """Take what has arrived; return whether a thread can answer now.

        Raises
        ------
        ParseException, ParseError, NoMoreData
            When it is not HTTP.
        """
        if self.body is None:
            searched = max(0, len(self.head) - 3)
            self.head += data
            end = self._end_of_head(searched)
            if not end:
                return False
            data = bytes(self.head[end:])
            self.request = Request(cfg, IterUnreader([bytes(self.head[:end])]), self.client)
            self.body = Body(self._length(), self._most_bytes)
        self.body.feed(data)
        is_ready = self.body.is_whole or self.body.is_too_large
        if self.request._expected_100_continue:
            # gunicorn would send it from the thread.
            self.request._expected_100_continue = False
            if not is_ready:
                self.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        return is_ready

    def _end_of_head(self, searched: int) -> int:
        end = self.head.find(b"\r\n\r\n", searched)
        if end >= 0:
            return end + 4
        if len(self.head) > MAX_HEAD_BYTES:
            raise LimitRequestHeaders(f"the head is longer than {MAX_HEAD_BYTES:,} bytes")
        # What has another beginning, such as TLS, or other ends of lines never gets to this end.
        is_http = self.head[:1] in b"ABCDEFGHIJKLMNOPQRSTUVWXYZ\r"
        return 0 if is_http and b"\n\n" not in self.head[searched:] else len(self.head)

    def _length(self) -> int | None:
        headers = dict(self.request.headers)
        # gunicorn has refused a request with both, or with one twice.
        return None if "TRANSFER-ENCODING" in headers else int(headers.get("CONTENT-LENGTH", 0))

    @property
    def length(self) -> int | None:
        """The length of the body as the head of the request says it."""
        return None if self.body is None else self.body.length

    def small_request(self) -> SmallRequest:
        """Return the request for a group; a header that came twice has its values joined."""
        values: dict[str, str] = {}
        for name, value in self.request.headers:
            values[name] = f"{values[name]},{value}" if name in values else value
        body = b"" if self.body is None else self.body.copy()
        return SmallRequest(self.request.query, Headers(values), body, self.client[0], self.began)

    def whole_request(self) -> Any:
        """Return the request for the application, with its body and its length.

        One that is too large has no body, and the application refuses it by its length.
        """
        request, body = self.request, self.body
        if body is not None:
            request.body = body.content()
            if body.is_too_large:
                request.force_close()
            if body.length is None:
                others = [pair for pair in request.headers if pair[0] != "TRANSFER-ENCODING"]
                request.headers = [*others, ("CONTENT-LENGTH", str(body.size))]
        return request
