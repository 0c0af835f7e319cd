"""Arrow messages: the pieces of an Arrow stream, measured before anything in them is unpacked.

The layout is that of https://arrow.apache.org/docs/format/Columnar.html, "IPC Streaming Format",
with the tables of ``Message.fbs`` in the FlatBuffers encoding.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_CONTINUATION = 0xFFFFFFFF
_DICTIONARY_BATCH, _RECORD_BATCH = 2, 3
# Places of the fields in the tables Message, DictionaryBatch and RecordBatch.
_HEADER_TYPE, _HEADER, _BODY_LENGTH = 1, 2, 3
_DICTIONARY_DATA = 1
_LENGTH, _BUFFERS, _COMPRESSION = 0, 2, 3
_NOT_COMPRESSED = -1


class BrokenStreamError(ValueError):
    """The bytes are no Arrow stream."""


@dataclass(frozen=True)
class Piece:
    """One message: its rows (0 but in a record batch), and its bytes once they are unpacked."""

    rows: int
    unpacked_bytes: int


def pieces(body: bytes) -> Iterator[Piece]:
    """Walk over the messages of a stream, at the cost of their number alone.

    Raises
    ------
    BrokenStreamError
        Where the stream ends too early, or says of itself what cannot be.
    """
    place, view = 0, memoryview(body)
    while place < len(body):
        place, length = _prefix(body, place)
        if length == 0:
            return
        metadata = view[place : place + length]
        try:
            message = _Table.root(metadata)
            body_length = message.number(_BODY_LENGTH, "<q")
        except struct.error as error:
            raise BrokenStreamError("a message cannot be read") from error
        start, end = place + length, place + length + body_length
        if body_length < 0 or end > len(body):
            raise BrokenStreamError("it ends too early")
        try:
            yield _measured(message, view[start:end])
        except struct.error as error:
            raise BrokenStreamError("a message cannot be read") from error
        place = end


def _prefix(body: bytes, place: int) -> tuple[int, int]:
    """Return where the metadata of the next message begin, and their length; 0 ends a stream."""
    try:
        (length,) = struct.unpack_from("<I", body, place)
        place += 4
        if length == _CONTINUATION:
            (length,) = struct.unpack_from("<I", body, place)
            place += 4
    except struct.error as error:
        raise BrokenStreamError("it ends too early") from error
    if place + length > len(body):
        raise BrokenStreamError("it ends too early")
    return place, length


def _measured(message: _Table, content: memoryview) -> Piece:
    kind = message.number(_HEADER_TYPE, "<B")
    if kind not in (_DICTIONARY_BATCH, _RECORD_BATCH):
        return Piece(0, len(content))
    batch = message.table(_HEADER)
    if kind == _DICTIONARY_BATCH:
        batch = batch.table(_DICTIONARY_DATA)
    rows = batch.number(_LENGTH, "<q")
    if rows < 0:
        raise BrokenStreamError("a batch has a negative length")
    sizes = len(content)
    if batch.has(_COMPRESSION):
        sizes = sum(_unpacked(content, *place) for place in batch.pairs(_BUFFERS))
    return Piece(rows if kind == _RECORD_BATCH else 0, sizes)


def _unpacked(content: memoryview, offset: int, length: int) -> int:
    """Return the size of a compressed buffer as it declares it in front."""
    if length == 0:
        return 0
    if offset < 0:
        raise BrokenStreamError("a buffer lies outside its message")
    (declared,) = struct.unpack_from("<q", content, offset)
    if declared < _NOT_COMPRESSED:
        raise BrokenStreamError("a compressed buffer has a negative length")
    return length if declared == _NOT_COMPRESSED else int(declared)


class _Table:
    """A FlatBuffers table: fields found over the offsets of its vtable."""

    def __init__(self, buffer: memoryview, place: int) -> None:
        self._buffer = buffer
        self._place = place
        self._vtable = place - self._at(place, "<i")
        self._size = self._at(self._vtable, "<H")

    @classmethod
    def root(cls, buffer: memoryview) -> _Table:
        return cls(buffer, struct.unpack_from("<I", buffer, 0)[0])

    def has(self, field: int) -> bool:
        return self._field(field) != 0

    def number(self, field: int, form: str) -> int:
        place = self._field(field)
        return self._at(place, form) if place else 0

    def table(self, field: int) -> _Table:
        return _Table(self._buffer, self._target(field))

    def pairs(self, field: int) -> Iterator[tuple[int, int]]:
        """Return the structs of two 64-bit integers in a vector."""
        start = self._target(field)
        count = self._at(start, "<I")
        content = self._buffer[start + 4 : start + 4 + 16 * count]
        if len(content) < 16 * count:
            raise BrokenStreamError("a message cannot be read")
        return struct.iter_unpack("<qq", content)

    def _target(self, field: int) -> int:
        place = self._field(field)
        if not place:
            raise BrokenStreamError("a message lacks what it must have")
        return place + self._at(place, "<I")

    def _field(self, field: int) -> int:
        slot = 4 + 2 * field
        relative = self._at(self._vtable + slot, "<H") if slot < self._size else 0
        return self._place + relative if relative else 0

    def _at(self, place: int, form: str) -> int:
        # A negative offset would count from the end.
        if place < 0:
            raise BrokenStreamError("a message cannot be read")
        return int(struct.unpack_from(form, self._buffer, place)[0])
