"""Streams: the log and the events of an attempt, in pieces with the bytes at which they begin."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from database.schema.lab_tables import attempts, log_chunks
from solar.errors import InvalidInputError

LOG, EVENTS = "log", "events"
LARGEST_CHUNK = 2**16
# Of each stream the beginning and the end are kept; the whole of it is an output.
_KEPT_FIRST, _KEPT_LAST = 2**20, 2**22
_COUNTERS = {LOG: attempts.c.log_bytes, EVENTS: attempts.c.event_bytes}


@dataclass(frozen=True)
class Piece:
    """Bytes of a stream, and at which byte of it they begin."""

    from_byte: int
    data: bytes


def append(connection: sa.Connection, run_id: str, attempt: int, stream: str, piece: Piece) -> None:
    """Add a piece to a stream, unless the stream does not end where it begins."""
    if not piece.data:
        return
    if len(piece.data) > LARGEST_CHUNK:
        raise InvalidInputError(f"a piece of a {stream} has {LARGEST_CHUNK} bytes at most")
    counter, end = _COUNTERS[stream], piece.from_byte + len(piece.data)
    is_next = sa.and_(is_attempt(run_id, attempt), counter == piece.from_byte)
    moved = connection.execute(attempts.update().where(is_next).values({counter.name: end}))
    if moved.rowcount == 0:
        return
    values = {"run_id": run_id, "attempt": attempt, "stream": stream}
    connection.execute(
        log_chunks.insert().values(**values, from_byte=piece.from_byte, data=piece.data)
    )
    if end > _KEPT_FIRST + _KEPT_LAST:
        is_middle = log_chunks.c.from_byte.between(_KEPT_FIRST, end - _KEPT_LAST)
        connection.execute(
            log_chunks.delete().where(_is_stream(run_id, attempt, stream), is_middle)
        )


def read_stream(
    connection: sa.Connection, run_id: str, attempt: int, stream: str, *, from_byte: int
) -> Piece:
    """Return up to 64 kB of a stream; it begins later where the bytes asked for are not kept."""
    is_it = _is_stream(run_id, attempt, stream)
    begins = sa.select(sa.func.max(log_chunks.c.from_byte)).where(
        is_it, log_chunks.c.from_byte <= from_byte
    )
    first = connection.execute(begins).scalar()
    query = (
        sa.select(log_chunks.c.from_byte, log_chunks.c.data)
        .where(is_it, log_chunks.c.from_byte >= (from_byte if first is None else first))
        .order_by(log_chunks.c.from_byte)
        .limit(200)
    )
    data, start = b"", from_byte
    for chunk_from, chunk in connection.execute(query):
        if chunk_from + len(chunk) <= from_byte:
            continue
        if not data:
            start = max(chunk_from, from_byte)
            data = chunk[start - chunk_from :]
        elif chunk_from == start + len(data) and len(data) < LARGEST_CHUNK:
            data += chunk
        else:
            break
    return Piece(start, data[:LARGEST_CHUNK])


def is_attempt(run_id: str, attempt: int) -> sa.ColumnElement[bool]:
    """Return the condition on the row of an attempt."""
    return sa.and_(attempts.c.run_id == run_id, attempts.c.attempt == attempt)


def _is_stream(run_id: str, attempt: int, stream: str) -> sa.ColumnElement[bool]:
    c = log_chunks.c
    return sa.and_(c.run_id == run_id, c.attempt == attempt, c.stream == stream)
