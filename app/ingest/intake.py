"""Intake: the body of a request, read piece by piece within bounds of size and time."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import IO

from flask import request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from app.contract.problems import RequestError
from app.ingest.deadlines import Deadlines

BODY_SECONDS = 20.0
DISCARD_SECONDS = 2.0
_PIECE_BYTES = 256 * 1024

_deadlines = Deadlines()


def read_body() -> bytes:
    """Read the body of the current request, of a declared length or in chunks.

    Raises
    ------
    RequestError
        408 when it takes too long, 400 when it ends before its declared length.
    RequestEntityTooLarge
        As soon as it is known to exceed `problems.MAX_BODY_BYTES`.
    """
    connection: socket.socket | None = request.environ.get("gunicorn.socket")
    return read_within(
        request.stream, connection, seconds=BODY_SECONDS, length=request.content_length
    )


def discard_body() -> None:
    """Let the body of a refused request pass, so that its sender gets to read the answer."""
    connection: socket.socket | None = request.environ.get("gunicorn.socket")
    deadline = time.monotonic() + DISCARD_SECONDS
    with suppress(ClientDisconnected, RequestEntityTooLarge):
        for _ in _pieces(request.stream, connection, deadline, request.content_length):
            pass


def read_within(
    stream: IO[bytes], connection: socket.socket | None, *, seconds: float, length: int | None
) -> bytes:
    """Read a stream to its end or to its declared `length`, in so many seconds at most."""
    deadline = time.monotonic() + seconds
    taken: list[bytes] = []
    try:
        taken.extend(_pieces(stream, connection, deadline, length))
    except ClientDisconnected as error:
        raise _cut_short(deadline, sum(map(len, taken)), length) from error
    body = b"".join(taken)
    is_whole = len(body) == length if length is not None else time.monotonic() < deadline
    if not is_whole:
        raise _cut_short(deadline, len(body), length)
    return body


def _pieces(
    stream: IO[bytes], connection: socket.socket | None, deadline: float, length: int | None
) -> Iterator[bytes]:
    taken = 0
    with _deadlines.until(deadline, connection):
        while length is None or taken < length:
            rest = _PIECE_BYTES if length is None else length - taken
            piece = stream.read(min(_PIECE_BYTES, rest))
            if not piece:
                return
            taken += len(piece)
            yield piece
            if time.monotonic() >= deadline:
                return


def _cut_short(deadline: float, taken: int, length: int | None) -> RequestError:
    came = f"{taken:,} bytes" if length is None else f"{taken:,} of {length:,} bytes"
    if time.monotonic() >= deadline:
        return RequestError(
            f"the body took too long: {came} came in time; send less at a time",
            status=408,
            title="Request timeout",
        )
    return RequestError(
        f"the body ended after {came}; send it again", status=400, title="Body cut short"
    )
