"""Arrow streams: measured before anything is unpacked, then read as columns of known types."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from app.contract.bodies import check_row_count
from app.contract.problems import MAX_BODY_BYTES, Fault, RequestError
from app.contract.schemas import MAX_ROWS, Observation
from app.ingest.json_rows import NAME, misnamed_fault
from solar.observations import KEYWORD_NAMES
from solar.sharp import BY_NAME

MAX_UNPACKED_BYTES = MAX_BODY_BYTES

_NUMBERS = ("quality", "lon_fwt", "lat_fwt", *KEYWORD_NAMES)
_TIMES = ("t_rec", "made_at")
_FIELDS = frozenset(name for name in Observation.model_fields if name != "keywords")

_CONTINUATION = 0xFFFFFFFF
_DICTIONARY_BATCH, _RECORD_BATCH = 2, 3
# Numbers of the fields in the tables Message, DictionaryBatch and RecordBatch.
_HEADER_TYPE, _HEADER, _BODY_LENGTH = 1, 2, 3
_DICTIONARY_DATA = 1
_LENGTH, _BUFFERS, _COMPRESSION = 0, 2, 3
_NOT_COMPRESSED = -1


def read_columns(body: bytes) -> dict[str, pa.Array]:
    """Read the columns of a stream, each in one array.

    Raises
    ------
    RequestError
        400 for what is no stream, 413 for a stream that is or unpacks too large, 422 for columns
        of a wrong name or type.
    """
    try:
        _check_size(body)
        columns = _read(body)
        _check_kinds(columns)
    except (BrokenStreamError, pa.ArrowException, OSError, ValueError, StopIteration) as error:
        reason = (str(error) or "it ends too early").splitlines()[0][:200]
        raise RequestError(
            f"the body is not an Arrow stream: {reason}", status=400, title="Broken Arrow stream"
        ) from error
    check_row_count(len(columns["t_rec"]), NAME)
    return columns


def _check_size(body: bytes) -> None:
    rows = unpacked = count = 0
    for message in messages(body):
        rows, count = rows + message.rows, count + 1
        unpacked += message.unpacked_bytes
        if rows > MAX_ROWS:
            check_row_count(rows, NAME)
        if unpacked > MAX_UNPACKED_BYTES or count > 2 * MAX_ROWS:
            raise RequestError(
                f"the stream unpacks to more than {MAX_UNPACKED_BYTES >> 20} MB, or consists of"
                f" more than {2 * MAX_ROWS:,} messages; send it in several requests",
                status=413,
                title="Too large",
            )


def _read(body: bytes) -> dict[str, pa.Array]:
    with pa.ipc.open_stream(body) as stream:
        batches = list(stream)
    for batch in batches:
        # The sender wrote the buffers: offsets and text are trusted only from here on.
        batch.validate(full=True)
    table = pa.Table.from_batches(batches, schema=stream.schema)
    _check_names(table.column_names)
    return dict(zip(table.column_names, map(_plain, table.columns), strict=True))


def _check_names(names: list[str]) -> None:
    unknown = [name for name in names if name not in _FIELDS and name not in BY_NAME]
    doubled = sorted({name for name in names if names.count(name) > 1})
    faults = [misnamed_fault("", name) for name in unknown]
    faults += [Fault(name, "appears twice") for name in doubled]
    if faults:
        raise _unusable(*faults)
    if "t_rec" not in names:
        raise RequestError("the stream has no times", faults=[Fault("t_rec", "is missing")])


def _plain(column: pa.ChunkedArray) -> pa.Array:
    """Return a column as one array; only text keeps its dictionary."""
    kind = column.type
    if not pa.types.is_dictionary(kind):
        return column.combine_chunks()
    if is_text(kind):
        return column.unify_dictionaries().combine_chunks()
    return column.cast(kind.value_type).combine_chunks()


def _check_kinds(columns: dict[str, pa.Array]) -> None:
    faults = []
    for name, array in columns.items():
        kind = array.type
        if expected := _mismatch(name, kind):
            faults.append(Fault(name, f"holds {str(kind)[:60]}; expected {expected}"))
        elif pa.types.is_timestamp(kind) and kind.tz is None:
            faults.append(Fault(name, "names no time zone; make it a timestamp in UTC"))
    if faults:
        raise _unusable(*faults)


def _mismatch(name: str, kind: pa.DataType) -> str | None:
    """Return what a column should hold if no row of this type can be read, else None."""
    if pa.types.is_null(kind) or is_number(kind):
        return None
    if name in _NUMBERS:
        return "numbers"
    if is_text(kind) or pa.types.is_boolean(kind):
        return None
    if name in _TIMES:
        return None if pa.types.is_timestamp(kind) else "timestamps in UTC, or text"
    if name == "noaa_ars":
        return None if is_list(kind) else "whole numbers or lists of them"
    return "text" if name == "series" else "whole numbers"


def _unusable(*faults: Fault) -> RequestError:
    return RequestError("the stream's columns cannot be used; see errors", faults=faults)


def is_number(kind: pa.DataType) -> bool:
    """Tell whether a column holds integers or floats."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def is_text(kind: pa.DataType) -> bool:
    """Tell whether a column holds text, plain or in a dictionary.

    Views are not accepted: many rows may point at the same bytes and fill the memory when copied.
    """
    if pa.types.is_dictionary(kind):
        return is_text(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def is_list(kind: pa.DataType) -> bool:
    """Tell whether a column holds lists of numbers, or empty ones."""
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        return False
    return is_number(kind.value_type) or bool(pa.types.is_null(kind.value_type))


class BrokenStreamError(ValueError):
    """The bytes are not an Arrow stream."""


@dataclass(frozen=True)
class StreamMessage:
    """One message of a stream: its rows (0 except in a record batch), and its unpacked bytes."""

    rows: int
    unpacked_bytes: int


def messages(body: bytes) -> Iterator[StreamMessage]:
    """Walk over the messages of a stream without unpacking them.

    The layout is that of https://arrow.apache.org/docs/format/Columnar.html, "IPC Streaming
    Format", with the tables of ``Message.fbs`` in the FlatBuffers encoding.

    Raises
    ------
    BrokenStreamError
        When the stream ends too early, or declares what cannot be.
    """
    offset, view = 0, memoryview(body)
    while offset < len(body):
        offset, length = _prefix(body, offset)
        if length == 0:
            return
        metadata = view[offset : offset + length]
        try:
            message = _Table.root(metadata)
            body_length = message.number(_BODY_LENGTH, "<q")
        except struct.error as error:
            raise BrokenStreamError("a message cannot be read") from error
        start, end = offset + length, offset + length + body_length
        if body_length < 0 or end > len(body):
            raise BrokenStreamError("it ends too early")
        try:
            yield _measured(message, view[start:end])
        except struct.error as error:
            raise BrokenStreamError("a message cannot be read") from error
        offset = end


def _prefix(body: bytes, offset: int) -> tuple[int, int]:
    """Return where the metadata of the next message begins, and its length; 0 ends a stream."""
    try:
        (length,) = struct.unpack_from("<I", body, offset)
        offset += 4
        if length == _CONTINUATION:
            (length,) = struct.unpack_from("<I", body, offset)
            offset += 4
    except struct.error as error:
        raise BrokenStreamError("it ends too early") from error
    if offset + length > len(body):
        raise BrokenStreamError("it ends too early")
    return offset, length


def _measured(message: _Table, content: memoryview) -> StreamMessage:
    kind = message.number(_HEADER_TYPE, "<B")
    if kind not in (_DICTIONARY_BATCH, _RECORD_BATCH):
        return StreamMessage(0, len(content))
    batch = message.table(_HEADER)
    if kind == _DICTIONARY_BATCH:
        batch = batch.table(_DICTIONARY_DATA)
    rows = batch.number(_LENGTH, "<q")
    if rows < 0:
        raise BrokenStreamError("a batch has a negative length")
    sizes = len(content)
    if batch.has(_COMPRESSION):
        sizes = sum(_unpacked(content, *buffer) for buffer in batch.pairs(_BUFFERS))
    return StreamMessage(rows if kind == _RECORD_BATCH else 0, sizes)


def _unpacked(content: memoryview, offset: int, length: int) -> int:
    """Return the unpacked size that a compressed buffer declares in its prefix."""
    if length == 0:
        return 0
    if offset < 0:
        raise BrokenStreamError("a buffer lies outside its message")
    (declared,) = struct.unpack_from("<q", content, offset)
    if declared < _NOT_COMPRESSED:
        raise BrokenStreamError("a compressed buffer has a negative length")
    return length if declared == _NOT_COMPRESSED else int(declared)


class _Table:
    """A FlatBuffers table, whose fields are read through the offsets of its vtable."""

    def __init__(self, buffer: memoryview, offset: int) -> None:
        self._buffer = buffer
        self._offset = offset
        self._vtable = offset - self._at(offset, "<i")
        self._size = self._at(self._vtable, "<H")

    @classmethod
    def root(cls, buffer: memoryview) -> _Table:
        return cls(buffer, struct.unpack_from("<I", buffer, 0)[0])

    def has(self, field: int) -> bool:
        return self._field(field) != 0

    def number(self, field: int, form: str) -> int:
        offset = self._field(field)
        return self._at(offset, form) if offset else 0

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
        offset = self._field(field)
        if not offset:
            raise BrokenStreamError("a message lacks what it must have")
        return offset + self._at(offset, "<I")

    def _field(self, field: int) -> int:
        slot = 4 + 2 * field
        relative = self._at(self._vtable + slot, "<H") if slot < self._size else 0
        return self._offset + relative if relative else 0

    def _at(self, offset: int, form: str) -> int:
        # A negative offset would count from the end.
        if offset < 0:
            raise BrokenStreamError("a message cannot be read")
        return int(struct.unpack_from(form, self._buffer, offset)[0])
