"""The file of a graph, searched before it is opened for what no graph here may have.

Serving installs no `onnx`, so the few fields that matter are read from the protobuf encoding
(protobuf.dev/programming-guides/encoding). Names and numbers are those of onnx.proto.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

# The operators that ONNX itself defines.
DOMAINS = ("", "ai.onnx", "ai.onnx.ml")
_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5
_FIXED = {_EIGHT_BYTES: 8, _FOUR_BYTES: 4}
_DEEPEST = 60
_LONGEST_VARINT = 10
_LARGEST_FIELD = 2**29 - 1
_SHOWN = 60

_GRAPH, _NODE, _ATTRIBUTE, _TENSOR, _SPARSE, _FUNCTION, _TRAINING = (
    "graph",
    "node",
    "attribute",
    "tensor",
    "sparse tensor",
    "function",
    "training",
)
# Message -> number of a field -> the message in it.
_FIELDS: dict[str, dict[int, str]] = {
    "model": {7: _GRAPH, 20: _TRAINING, 25: _FUNCTION},
    _GRAPH: {1: _NODE, 5: _TENSOR, 15: _SPARSE},
    _NODE: {5: _ATTRIBUTE},
    _ATTRIBUTE: {5: _TENSOR, 6: _GRAPH, 10: _TENSOR, 11: _GRAPH, 22: _SPARSE, 23: _SPARSE},
    _TENSOR: {},
    _SPARSE: {1: _TENSOR, 2: _TENSOR},
    _FUNCTION: {7: _NODE, 11: _ATTRIBUTE},
    _TRAINING: {1: _GRAPH, 2: _GRAPH},
}
_NODE_DOMAIN, _FUNCTION_DOMAIN = 7, 10
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14


class _NotOnnxError(Exception):
    """The bytes are no protobuf message."""


@dataclass
class _Content:
    used: set[str] = field(default_factory=set)
    defined: set[str] = field(default_factory=set)
    has_external_data: bool = False


def forbidden_content(graph: bytes) -> list[str]:
    """List what a graph may not have, one sentence each: outside data, unknown operators.

    Operators may be those of ONNX, or functions that the file itself composes of them.
    """
    content = _Content()
    try:
        _search(memoryview(graph), "model", content, depth=0)
    except _NotOnnxError:
        return ["its graph cannot be loaded: the file is no ONNX graph"]
    faults = []
    if content.has_external_data:
        faults.append("its graph keeps numbers in other files; export it as one file")
    foreign = sorted(content.used - content.defined - set(DOMAINS))
    if foreign:
        names = ", ".join(repr(name[:_SHOWN]) for name in foreign[:5])
        faults.append(
            f"its graph uses operators of {names}; export it with operators of ONNX alone"
            f" ({', '.join(name for name in DOMAINS if name)})"
        )
    return faults


def _search(message: memoryview, kind: str, content: _Content, *, depth: int) -> None:
    if depth > _DEEPEST:
        raise _NotOnnxError
    inner = _FIELDS[kind]
    for number, value in _fields(message):
        is_external = number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value != 0)
        content.has_external_data |= kind == _TENSOR and is_external
        if not isinstance(value, memoryview):
            continue
        if number in inner:
            _search(value, inner[number], content, depth=depth + 1)
        elif (kind, number) == (_NODE, _NODE_DOMAIN):
            content.used.add(_text(value))
        elif (kind, number) == (_FUNCTION, _FUNCTION_DOMAIN):
            content.defined.add(_text(value))


def _text(value: memoryview) -> str:
    return bytes(value).decode(errors="replace")


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview | None]]:
    """Yield number and value of each field; None stands for a number of fixed width."""
    place, end = 0, len(message)
    while place < end:
        tag, place = _varint(message, place)
        number, wire_type = tag >> 3, tag & 7
        # A reader that keeps 32 bits of a larger one would see another field.
        if not 0 < number <= _LARGEST_FIELD:
            raise _NotOnnxError
        if wire_type == _VARINT:
            value, place = _varint(message, place)
            yield number, value
        elif wire_type == _LENGTH:
            size, place = _varint(message, place)
            yield number, message[place : place + size]
            place += size
        elif wire_type in _FIXED:
            yield number, None
            place += _FIXED[wire_type]
        else:
            raise _NotOnnxError
    if place != end:
        raise _NotOnnxError


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(_LONGEST_VARINT):
        if place + shift >= len(message):
            break
        byte = message[place + shift]
        value |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return value, place + shift + 1
    raise _NotOnnxError
