"""The callbacks of the dashboard as its own list of dependencies describes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple


class Prop(NamedTuple):
    """A property of a component; the name of a pattern is its JSON."""

    name: str
    prop: str


@dataclass(frozen=True)
class Callback:
    """One callback on the server; of a pattern, that of the component it was made `of`."""

    output: str
    outputs: tuple[Prop, ...]
    inputs: tuple[Prop, ...]
    states: tuple[Prop, ...]
    is_prevented: bool

    def needs(self, other: Callback) -> bool:
        """Tell whether another one writes what this one reads."""
        return other is not self and bool(set(self.inputs) & set(other.outputs))

    def matches(self, name: str, prop: str) -> bool:
        """Tell whether this is the pattern of a component's callback."""
        return any(i.prop == prop and _fits(i.name, name) for i in self.inputs)

    def of(self, name: str) -> Callback:
        """Return the callback of one component of the pattern."""

        def own(props: tuple[Prop, ...]) -> tuple[Prop, ...]:
            return tuple(Prop(name, p.prop) if _fits(p.name, name) else p for p in props)

        return replace(
            self, outputs=own(self.outputs), inputs=own(self.inputs), states=own(self.states)
        )

    def body(self, props: Mapping[str, Mapping[str, Any]], changed: set[Prop]) -> dict[str, Any]:
        """Write the request."""
        outputs = [{"id": _id(o.name), "property": o.prop} for o in self.outputs]
        moved = [f"{i.name}.{i.prop}" for i in self.inputs if i in changed]
        return {
            "output": self.output,
            "outputs": outputs if self.output.startswith("..") else outputs[0],
            "inputs": [_given(i, props) for i in self.inputs],
            "state": [_given(s, props) for s in self.states],
            "changedPropIds": moved,
        }


def name_of(identity: Any) -> str:
    """Write an id as the renderer does."""
    if isinstance(identity, str):
        return identity
    return json.dumps(identity, sort_keys=True, separators=(",", ":"))


def read_callbacks(dependencies: list[dict[str, Any]]) -> list[Callback]:
    """Keep the callbacks that ask the server, but for those on every component of a kind."""
    read = [_read(one) for one in dependencies if not one["clientside_function"]]
    return [c for c in read if '["ALL"]' not in "".join(p.name for p in (*c.inputs, *c.states))]


def _read(one: dict[str, Any]) -> Callback:
    output = one["output"]
    names = output[2:-2].split("...") if output.startswith("..") else [output]
    return Callback(
        output,
        tuple(_output(name) for name in names),
        tuple(Prop(i["id"], i["property"]) for i in one["inputs"]),
        tuple(Prop(s["id"], s["property"]) for s in one["state"]),
        bool(one["prevent_initial_call"]),
    )


def _output(text: str) -> Prop:
    name, _, prop = text.rpartition(".")
    # Behind the @ stands what tells several callbacks with the same output apart.
    return Prop(name, prop)


def _fits(pattern: str, name: str) -> bool:
    if not (pattern.startswith("{") and name.startswith("{")):
        return False
    wanted, given = json.loads(pattern), json.loads(name)
    return wanted.keys() == given.keys() and all(
        isinstance(value, list) or value == given[key] for key, value in wanted.items()
    )


def _id(name: str) -> Any:
    return json.loads(name) if name.startswith("{") else name


def _given(prop: Prop, props: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    known = props.get(prop.name, {})
    given = {"id": _id(prop.name), "property": prop.prop}
    return {**given, "value": known[prop.prop]} if prop.prop in known else given
