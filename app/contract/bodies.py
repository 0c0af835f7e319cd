"""Request bodies: read within bounds of size and time, then parsed as JSON and checked."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import GenericAlias
from typing import IO, Any, TypeVar

import orjson
from flask import request
from pydantic import BaseModel, TypeAdapter, ValidationError
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from app.contract.problems import (
    Fault,
    Rejection,
    RequestError,
    described,
    faults_of,
    field_names,
    message_of,
    path_of,
)
from app.contract.schemas import MAX_ROWS

JSON_TYPE = "application/json"
BODY_SECONDS = 20.0
DISCARD_SECONDS = 2.0
_PIECE_BYTES = 256 * 1024
_CHECK_SECONDS = 0.2

Model = TypeVar("Model", bound=BaseModel)


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
    """Read and discard the body of a refused request, so that its sender reads the answer."""
    connection: socket.socket | None = request.environ.get("gunicorn.socket")
    deadline = time.monotonic() + DISCARD_SECONDS
    with suppress(ClientDisconnected, RequestEntityTooLarge):
        for _ in _pieces(request.stream, connection, deadline, request.content_length):
            pass


def read_within(
    stream: IO[bytes], connection: socket.socket | None, *, seconds: float, length: int | None
) -> bytes:
    """Read a stream to its end or to its declared `length`, in `seconds` at most."""
    deadline = time.monotonic() + seconds
    pieces: list[bytes] = []
    try:
        pieces.extend(_pieces(stream, connection, deadline, length))
    except ClientDisconnected as error:
        raise _cut_short(deadline, sum(map(len, pieces)), length) from error
    body = b"".join(pieces)
    is_whole = len(body) == length if length is not None else time.monotonic() < deadline
    if not is_whole:
        raise _cut_short(deadline, len(body), length)
    return body


def _pieces(
    stream: IO[bytes], connection: socket.socket | None, deadline: float, length: int | None
) -> Iterator[bytes]:
    read = 0
    with deadlines.until(deadline, connection):
        while length is None or read < length:
            rest = _PIECE_BYTES if length is None else length - read
            piece = stream.read(min(_PIECE_BYTES, rest))
            if not piece:
                return
            read += len(piece)
            yield piece
            if time.monotonic() >= deadline:
                return


def _cut_short(deadline: float, read: int, length: int | None) -> RequestError:
    came = f"{read:,} bytes" if length is None else f"{read:,} of {length:,} bytes"
    if time.monotonic() >= deadline:
        return RequestError(
            f"the body took too long: {came} came in time; send less at a time",
            status=408,
            title="Request timeout",
        )
    return RequestError(
        f"the body ended after {came}; send it again", status=400, title="Body cut short"
    )


class Deadlines:
    """Ends the reading from sockets at a deadline, on a thread that starts with the first of them.

    A socket itself only bounds a pause: one byte a second keeps it going for ever. At the
    deadline its reading side is shut, so that the reader finds the end.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: dict[socket.socket, float] = {}
        self._thread: threading.Thread | None = None

    @contextmanager
    def until(self, deadline: float, connection: socket.socket | None) -> Iterator[None]:
        """Watch a connection up to a time on the clock of `time.monotonic`; None is not watched."""
        if connection is None:
            yield
            return
        with self._changed:
            self._due[connection] = deadline
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="deadlines", daemon=True)
                self._thread.start()
            self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._due.pop(connection, None)

    def _watch(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._due))
                self._shut(time.monotonic())
            time.sleep(_CHECK_SECONDS)

    def _shut(self, now: float) -> None:
        for connection in [socket_ for socket_, deadline in self._due.items() if deadline <= now]:
            del self._due[connection]
            # It may be gone already.
            with suppress(OSError):
                # Beneath TLS, whose own shutdown would take the reader's state away.
                socket.socket.shutdown(connection, socket.SHUT_RD)


deadlines = Deadlines()


def media_type() -> str:
    """Return the media type of the request without its parameters."""
    return request.mimetype or "(none)"


def refuse_media_type(*supported: str) -> RequestError:
    """Return the error for a body of another media type."""
    return RequestError(
        f"Content-Type {media_type()} is not read here; send {' or '.join(supported)}",
        status=415,
        title="Unsupported media type",
    )


def read_json() -> dict[str, Any]:
    """Read the body as a JSON object; NaN and Infinity are left for the rows to refuse."""
    if media_type() != JSON_TYPE:
        raise refuse_media_type(JSON_TYPE)
    body = read_body()
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        content = _read_leniently(body, error)
    if not isinstance(content, dict):
        raise RequestError(f"the body is {described(content)}; expected an object")
    return content


def _read_leniently(body: bytes, first_error: orjson.JSONDecodeError) -> Any:
    # Python's own parser takes NaN and Infinity, so that one such row does not cost the others.
    if b"NaN" not in body and b"Infinity" not in body:
        raise _broken(first_error) from first_error
    try:
        return json.loads(body)
    except json.JSONDecodeError as error:
        raise _broken(error) from error
    except (ValueError, RecursionError) as error:
        raise _broken(first_error) from error


def _broken(error: json.JSONDecodeError) -> RequestError:
    where = f"line {error.lineno}, column {error.colno}"
    return RequestError(
        f"the body is not JSON: {error.msg} at {where}",
        status=400,
        title="Broken JSON",
        faults=[Fault("", f"{error.msg} at {where}")],
    )


def read_model(kind: type[Model], content: dict[str, Any]) -> Model:
    """Check a whole body against its schema."""
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        faults = faults_of(error, fields=field_names(kind))
        raise RequestError("the body cannot be used; see errors", faults=faults) from error


def take_rows(content: dict[str, Any], name: str, *, may_be_empty: bool = False) -> list[Any]:
    """Take the list of rows out of a body."""
    rows = content.pop(name, None)
    if not isinstance(rows, list):
        reason = "is missing" if rows is None else f"is {described(rows)}; expected a list"
        raise RequestError("the body has no rows", faults=[Fault(name, reason)])
    if rows or not may_be_empty:
        check_row_count(len(rows), name)
    return rows


def check_row_count(count: int, name: str) -> None:
    """Refuse a request without rows, or with more than one call may carry."""
    if count > MAX_ROWS:
        raise RequestError(
            f"{count:,} rows are too many for one call; send {MAX_ROWS:,} at most at a time",
            status=413,
            title="Too many rows",
        )
    if count == 0:
        raise RequestError("the body has no rows", faults=[Fault(name, "is empty")])


def check_rows(
    kind: type[Model], rows: Sequence[Any], name: str, *, indexes: Sequence[int] | None = None
) -> tuple[list[tuple[int, Model]], list[Rejection]]:
    """Part rows into those that fit their schema, with their index, and the others.

    `indexes` are those of the rows in the request; without them the rows are all of it.
    """
    index_of = range(len(rows)) if indexes is None else indexes
    adapter = _adapter(kind)
    try:
        return list(zip(index_of, adapter.validate_python(rows), strict=True)), []
    except ValidationError as error:
        faults = _faults_by_row(error, kind, name, index_of)
    sound = [place for place in range(len(rows)) if place not in faults]
    checked = adapter.validate_python([rows[place] for place in sound])
    rejected = [Rejection(index_of[place], tuple(wrong)) for place, wrong in faults.items()]
    return [(index_of[place], row) for place, row in zip(sound, checked, strict=True)], rejected


def _faults_by_row(
    error: ValidationError, kind: type[BaseModel], name: str, index_of: Sequence[int]
) -> dict[int, list[Fault]]:
    faults: dict[int, list[Fault]] = {}
    fields = field_names(kind)
    for detail in error.errors(include_url=False, include_context=False):
        place = int(detail["loc"][0])
        path = path_of((index_of[place], *detail["loc"][1:]), name)
        faults.setdefault(place, []).append(Fault(path, message_of(detail, fields)))
    return faults


_adapters: dict[type[BaseModel], TypeAdapter[Any]] = {}


def _adapter(kind: type[Model]) -> TypeAdapter[list[Model]]:
    if kind not in _adapters:
        rows: Any = GenericAlias(list, (kind,))
        _adapters[kind] = TypeAdapter(rows)
    return _adapters[kind]
