"""Faults of a request body or query in words: what is wrong, where, and what would be right."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.contract.problems import Fault

_EXPECTED = {
    "float_type": "a number",
    "float_parsing": "a number",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "string_type": "text",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}
_UNREADABLE_QUALITY = (
    "an unreadable QUALITY may hide an eclipse: send its number,"
    " or leave the field out where the source has none"
)
_KINDS: dict[type, str] = {
    str: "text", bool: "true or false", list: "a list", dict: "an object", type(None): "null",
    int: "a number", float: "a number with a fraction",
}  # fmt: skip


def faults_of(error: ValidationError, *, fields: Iterable[str], prefix: str = "") -> list[Fault]:
    """Translate what pydantic found; `fields` are the names that would have been known."""
    names = tuple(fields)
    return [
        Fault(path_of(detail["loc"], prefix), message_of(detail, names))
        for detail in error.errors(include_url=False, include_context=False)
    ]


def path_of(location: Sequence[int | str], prefix: str = "") -> str:
    """Write a location as people write it: ``observations[3].keywords.TOTUSJH``."""
    path = prefix
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def message_of(detail: ErrorDetails, fields: Sequence[str]) -> str:
    """Say what is wrong with one value."""
    kind, value = detail["type"], detail["input"]
    if detail["loc"][-1:] == ("quality",) and kind in ("float_type", "finite_number"):
        return f"is {described(value)}; {_UNREADABLE_QUALITY}"
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return unknown(str(detail["loc"][-1]), fields, noun="field")
    if kind == "finite_number":
        return "is NaN or infinite; send null, or leave it out, where a value is missing"
    if kind in _EXPECTED:
        return f"is {described(value)}; expected {_EXPECTED[kind]}"
    text = detail["msg"].removeprefix("Value error, ")
    return text[:1].lower() + text[1:] if text.startswith("Input") else text


def described(value: Any) -> str:
    """Say what was given in few words."""
    kind = _KINDS.get(type(value), type(value).__name__)
    if isinstance(value, str):
        return f"the text {value[:40]!r}"
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN or infinite"
    return kind


def unknown(name: str, known: Sequence[str], *, noun: str) -> str:
    """Say that a name is unknown, with the one that was probably meant."""
    close = difflib.get_close_matches(name, known, 1) or difflib.get_close_matches(
        name.upper(), known, 1
    )
    hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
    return f"{name[:40]!r} is not a known {noun}; {hint}"
