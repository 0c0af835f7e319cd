"""TOML: writes plain values as a document, and tells which value each of its lines holds."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

_WIDTH = 96
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_KEY = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_KEYS = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADER = re.compile(rf"^\s*(\[\[?)\s*({_KEYS})\s*\]")
_ASSIGNMENT = re.compile(rf"^\s*({_KEYS})\s*=")


def write_toml(values: Mapping[str, Any]) -> str:
    """Write tables, lists, texts, numbers, booleans and dates as TOML; None is left out."""
    return "\n".join(_lines(values, ())).strip("\n") + "\n"


def write_value(value: Any) -> str:
    """Write a value on one line."""
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{_key(key)} = {write_value(one)}" for key, one in _known(value))
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(write_value(one) for one in value if one is not None) + "]"
    if isinstance(value, date):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _lines(values: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    """Write a table: what fits on lines of its own, then the tables within it."""
    tables = [(key, value) for key, value in _known(values) if _is_table(key, value, path)]
    inside = {key for key, _ in tables}
    for key, value in _known(values):
        if key not in inside:
            yield from _assigned(key, value)
    for key, value in tables:
        name = ".".join(_key(part) for part in (*path, key))
        for one in value if isinstance(value, list | tuple) else [value]:
            yield ""
            yield f"[[{name}]]" if one is not value else f"[{name}]"
            yield from _lines(one, (*path, key))


def _is_table(key: str, value: Any, path: tuple[str, ...]) -> bool:
    if isinstance(value, Mapping):
        return not path or len(_one_line(key, value)) > _WIDTH
    is_list = isinstance(value, list | tuple)
    is_of_tables = is_list and all(isinstance(one, Mapping) for one in value)
    return is_of_tables and len(_one_line(key, value)) > _WIDTH


def _assigned(key: str, value: Any) -> Iterator[str]:
    line = _one_line(key, value)
    if len(line) <= _WIDTH or not isinstance(value, list | tuple):
        yield line
        return
    yield f"{_key(key)} = ["
    row = " "
    for one in (one for one in value if one is not None):
        text = f" {write_value(one)},"
        if len(row) > 1 and len(row) + len(text) > _WIDTH:
            yield row
            row = " "
        row += text
    yield row
    yield "]"


def _one_line(key: str, value: Any) -> str:
    return f"{_key(key)} = {write_value(value)}"


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else write_value(key)


def _known(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(key, value) for key, value in values.items() if value is not None]


def line_places(document: str) -> list[str]:
    """Return for each line the JSON pointer of what it begins or goes on with.

    It reads headers and keys alone; a line within a text of several lines may be taken for one.
    """
    table, place, counted = "", "", Counter[str]()
    places = []
    for line in document.splitlines():
        if header := _HEADER.match(line):
            table = _pointer("", header[2])
            if header[1] == "[[":
                counted[table] += 1
                table += f"/{counted[table] - 1}"
            else:
                table = _within_lists(table, counted)
            place = table
        elif assignment := _ASSIGNMENT.match(line):
            place = _pointer(table, assignment[1])
        places.append(place if line.strip() else "")
    return places


def _pointer(table: str, keys: str) -> str:
    parts = [part.strip("\"'") for part in re.findall(_KEY, keys)]
    return table + "".join(f"/{part.replace('~', '~0').replace('/', '~1')}" for part in parts)


def _within_lists(table: str, counted: Mapping[str, int]) -> str:
    """Name the item of a list of tables that a table below it belongs to, the newest."""
    for name, count in counted.items():
        if table.startswith(f"{name}/"):
            return f"{name}/{count - 1}{table.removeprefix(name)}"
    return table
