"""The values behind the form of a recipe: the options of its JSON Schema, and edits of them.

An edit is a place and a value. A place is a JSON pointer of which each part may name the form of
its table, for which the value was typed: ``/estimator@gru/hidden``. One that begins with ``=``
puts a whole value there, or chooses the form of a table.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import pairwise
from typing import Any

from solar.toml import write_value

_NULL = {"type": "null"}
# The options that say which form a table has.
TAGS = ("kind", "layout")
Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Node:
    """A part of a schema with its references resolved; `definitions` are those of the whole."""

    given: Schema
    definitions: Mapping[str, Schema]

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The schema without references; what stands beside one wins over what it refers to."""
        schema = dict(self.given)
        while "$ref" in schema or _NULL in schema.get("anyOf", ()):
            if "$ref" in schema:
                inner = self.definitions[schema.pop("$ref").rpartition("/")[2]]
            else:
                inner = next(one for one in schema.pop("anyOf") if one != _NULL)
            schema = {**inner, **schema}
        return schema

    @property
    def is_optional(self) -> bool:
        """Whether the value may be left out for none."""
        return _NULL in self.given.get("anyOf", ())

    @cached_property
    def forms(self) -> dict[str, Node]:
        """The forms that a table may have, by the value of its tag."""
        nodes = [Node(one, self.definitions) for one in self.schema.get("oneOf", ())]
        return {node.tag[1]: node for node in nodes if node.tag}

    @cached_property
    def tag(self) -> tuple[str, str] | None:
        """The name and the value of the option that tells this form from others."""
        options = self.schema.get("properties", {})
        tags = (name for name in TAGS if "const" in options.get(name, {}))
        return next(((name, options[name]["const"]) for name in tags), None)

    @property
    def is_table(self) -> bool:
        """Whether it has options of its own."""
        return bool(self.forms) or "properties" in self.schema

    @property
    def is_list_of_tables(self) -> bool:
        """Whether it is a list of tables of several forms, such as the members of a blend."""
        return self.schema.get("type") == "array" and bool(self.items.forms)

    @property
    def items(self) -> Node:
        """What a list holds."""
        return Node(self.schema.get("items", {}), self.definitions)

    def form_of(self, value: Any) -> str | None:
        """Return the form of a table; None where it names none that there is."""
        for form, node in self.forms.items():
            name, _ = node.tag or ("", "")
            default = node.schema["properties"][name].get("default")
            if isinstance(value, Mapping) and value.get(name, default) == form:
                return form
        return None

    def options(self, value: Any) -> dict[str, Node]:
        """Return the options of a table with this value, without the tag."""
        form = self.forms.get(self.form_of(value) or "", self)
        return {
            name: Node(one, self.definitions)
            for name, one in form.schema.get("properties", {}).items()
            if not (name in TAGS and "const" in one)
        }

    def inside(self, value: Any, name: str) -> Node | None:
        """Return the schema of an option or of an item."""
        if self.schema.get("type") == "array":
            return self.items if name.isdecimal() else None
        return self.options(value).get(name)


def root(schema: Schema) -> Node:
    """Return a whole schema."""
    return Node(schema, schema.get("$defs", {}))


def edited(node: Node, values: Mapping[str, Any], edits: Iterable[tuple[str, Any]]) -> Any:
    """Return a document with edits: first the forms of tables, then what is typed in them.

    Of several edits of a place the last one counts.
    """
    changed = deepcopy(dict(values))
    for at, value in sorted(dict(edits).items(), key=lambda edit: not edit[0].startswith("=")):
        _edit(node, changed, at, value)
    return changed


def _edit(node: Node, values: Any, at: str, value: Any) -> None:
    *path, last = at.removeprefix("=").split("/")[1:] or [""]
    for part, following in pairwise([*path, last]):
        name, _, form = part.partition("@")
        inner, child = _entered(node, values, name)
        if child is None or not isinstance(inner, dict | list):
            return
        if form and not _has_the_same(child, form, inner, following):
            return
        node, values = child, inner
    child = node.inside(values, last)
    if child is not None and (isinstance(values, dict) or int(last) < len(values)):
        _put(child, values, last, value, is_whole=at.startswith("="))


def _entered(node: Node, values: Any, name: str) -> tuple[Any, Node | None]:
    child = node.inside(values, name)
    if isinstance(values, list):
        return (values[int(name)] if name.isdecimal() and int(name) < len(values) else None), child
    if child is not None and child.is_table and not child.forms:
        values.setdefault(name, {})
    return values.get(name), child


def _has_the_same(node: Node, form: str, values: Any, following: str) -> bool:
    """Tell whether what was typed in another form of a table counts in this one."""
    if node.form_of(values) == form:
        return True
    name, typed_in = following.partition("@")[0], node.forms.get(form)
    there = None if typed_in is None else typed_in.options({}).get(name)
    here = node.options(values).get(name)
    return here is not None and there is not None and here.given == there.given


def _put(node: Node, values: Any, name: str, value: Any, *, is_whole: bool) -> None:
    key: Any = int(name) if isinstance(values, list) else name
    if value in ("", None):
        if isinstance(values, dict):
            values.pop(name, None)
    elif not is_whole:
        values[key] = typed(node, value)
    elif isinstance(value, str) and node.is_table:
        before = values[key] if isinstance(values, list) else values.get(name)
        values[key] = in_form(node, value, before)
    else:
        values[key] = value


def in_form(node: Node, form: str, before: Any = None) -> dict[str, Any]:
    """Return a table of a form, with those options of another one that both have."""
    if form not in node.forms:
        return {}
    if node.form_of(before) == form:
        return dict(before)
    chosen = node.forms[form]
    name, _ = chosen.tag or ("", "")
    theirs, had = chosen.options({}), before if isinstance(before, Mapping) else {}
    kept = {
        key: had[key]
        for key, option in node.options(had).items()
        if key in had and key in theirs and theirs[key].given == option.given
    }
    return {name: form, **kept}


def typed(node: Node, value: Any) -> Any:
    """Return what a text stands for; one that cannot be read stays, and the check says why."""
    kind = node.schema.get("type")
    if isinstance(value, list):
        return [typed(node.items, one) for one in value]
    if not isinstance(value, str):
        return value
    try:
        if kind in ("integer", "number"):
            return int(value) if kind == "integer" else float(value)
        if node.schema.get("format") == "date":
            return date.fromisoformat(value)
        if kind in ("object", "array"):
            return tomllib.loads(f"value = {value}")["value"]
    except (ValueError, RecursionError):
        # Half a number is typed, or a word where a number belongs.
        return value
    return value


def shown(value: Any) -> str:
    """Write a value as its field shows it."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return value if isinstance(value, str) else write_value(value)


def place_of(at: str) -> str:
    """Return the JSON pointer of a place."""
    return re.sub(r"@[^/]*", "", at.removeprefix("="))


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON pointers at which two documents differ, with what the first one has."""
    old, new = dict(_leaves(before)), dict(_leaves(now))
    return {
        place: old.get(place)
        for place in (old | new)
        if not _is_same(old.get(place), new.get(place))
    }


def _is_same(one: Any, other: Any) -> bool:
    return bool(one == other and isinstance(one, bool) == isinstance(other, bool))


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, list) and any(isinstance(one, Mapping) for one in value):
        value = {str(number): one for number, one in enumerate(value)}
    if not isinstance(value, Mapping):
        yield place, value
        return
    for name, one in value.items():
        # The form of a table is chosen at the place of the table.
        part = "" if name in TAGS else f"/{name.replace('~', '~0').replace('/', '~1')}"
        yield from _leaves(one, place + part)
