"""The difference between two drawings of a page: only changed parts are sent and drawn anew."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dash
from dash import dcc, no_update
from dash.development.base_component import Component
from plotly.io.json import to_json_plotly

# Classes of elements that only arrange others; each child is a part, or a frame itself.
FRAMES = frozenset({"grid", "stack", "parts"})

Path = tuple[int, ...]
Identity = str | Mapping[str, str]


@dataclass(frozen=True)
class Update:
    """New properties of one component that the browser shows."""

    identity: Identity
    props: Mapping[str, Any]


def fingerprints(page: Component) -> list[str]:
    """Return the marks of all frames and parts, as the browser keeps them.

    A mark is the place, what the component is, and its content. Each component gets an id where it
    has none, because an update names it by that.
    """
    return [f"{_key(path)}:{_kind(node)}:{_content(node)}" for path, node in _nodes(page)]


def changes(page: Component, before: Sequence[str], now: Sequence[str]) -> Component | list[Update]:
    """Return what turns a drawing with the fingerprints `before` into `page`, with those of `now`.

    That is an update of each part or frame whose own content changed, of the list of children of a
    frame with other children than before, and the whole page if its own frame is another one.
    """
    root = Change(dict(_split(mark) for mark in before), dict(_split(mark) for mark in now))
    return root.updates(page) if root.is_same_kind(()) and root.has_frame else page


def apply(changed: Component | list[Update]) -> Any:
    """Send the updates of parts; return what becomes of the page around them."""
    if isinstance(changed, Component):
        return changed
    for update in changed:
        dash.set_props(update.identity, dict(update.props))  # type: ignore[arg-type]  # dash leaves it untyped
    return no_update


@dataclass(frozen=True)
class Change:
    """The kind and the content of each place, before and now."""

    before: Mapping[str, tuple[str, str]]
    now: Mapping[str, tuple[str, str]]

    @property
    def has_frame(self) -> bool:
        """Whether the page is a frame: one that is a single part is sent whole."""
        return len(self.now) > 1

    def is_same_kind(self, path: Path) -> bool:
        """Tell whether a place has the same kind of component as before."""
        key = _key(path)
        return key in self.before and self.before[key][0] == self.now[key][0]

    def updates(self, node: Component, path: Path = ()) -> list[Update]:
        """Return the updates below a place where the kind of component is the same."""
        key = _key(path)
        own = [] if self.before[key] == self.now[key] else [Update(_identity(node), _own(node))]
        inner = _arranged(node)
        if inner is None:
            return [*own, *_stores(node)] if own else []
        places = [(*path, place) for place in range(len(inner))]
        is_longer = _key((*path, len(inner))) in self.before
        if is_longer or not all(map(self.is_same_kind, places)):
            return [*own, Update(_identity(node), {"children": inner}), *_stores(node)]
        pairs = zip(inner, places, strict=True)
        return [*own, *(update for one, place in pairs for update in self.updates(one, place))]


def _stores(part: Component) -> list[Update]:
    """Set the stores within a part once more: only that runs the callbacks they are inputs of."""
    inside: Iterator[Any] = part._traverse()  # type: ignore[no-untyped-call]  # dash leaves it untyped
    stores = (one for one in inside if isinstance(one, dcc.Store) and hasattr(one, "id"))
    return [Update(_identity(store), {"data": _props(store).get("data")}) for store in stores]


def _nodes(component: Component, path: Path = ()) -> Iterator[tuple[Path, Component]]:
    if not hasattr(component, "id"):
        component.id = "-".join(("part", *map(str, path)))  # type: ignore[attr-defined]  # dash leaves it untyped
    yield path, component
    for place, child in enumerate(_arranged(component) or ()):
        yield from _nodes(child, (*path, place))


def _arranged(component: Component) -> list[Component] | None:
    names = set((getattr(component, "className", None) or "").split())
    children = getattr(component, "children", None)
    if not (names & FRAMES and isinstance(children, list)):
        return None
    inner = [child for child in children if isinstance(child, Component)]
    return inner if len(inner) == len(children) else None


def _kind(node: Component) -> str:
    """Tell apart what an update of properties cannot turn into each other."""
    names = sorted(_props(node))
    return _hash(repr((node._type, _identity(node), _arranged(node) is None, names)), size=4)


def _content(node: Component) -> str:
    return _hash(to_json_plotly(_own(node)), size=6)


def _own(node: Component) -> dict[str, Any]:
    """Return the properties that are updated with a component: of a frame not its children."""
    left_out = {"id"} if _arranged(node) is None else {"id", "children"}
    return {name: value for name, value in _props(node).items() if name not in left_out}


def _props(node: Component) -> dict[str, Any]:
    props: dict[str, Any] = node.to_plotly_json()["props"]  # type: ignore[no-untyped-call]  # dash leaves it untyped
    return props


def _identity(node: Component) -> Identity:
    identity: Identity = node.id  # type: ignore[attr-defined]  # dash leaves it untyped
    return identity


def _hash(text: str, *, size: int) -> str:
    return hashlib.blake2b(text.encode(), digest_size=size).hexdigest()


def _key(path: Path) -> str:
    return ".".join(map(str, path))


def _split(mark: str) -> tuple[str, tuple[str, str]]:
    place, _, rest = mark.partition(":")
    kind, _, content = rest.partition(":")
    return place, (kind, content)
