"""The difference between two drawings of a page: only changed parts are sent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from dash import Patch, html, no_update
from dash.development.base_component import Component
from plotly.io.json import to_json_plotly

# Classes of elements that only arrange others; each child is a part.
_FRAMES = frozenset({"grid", "stack"})

Path = tuple[int, ...]


def fingerprints(page: Component) -> list[str]:
    """Return place and fingerprint of each part, as the browser keeps them."""
    return [f"{'.'.join(map(str, path))}:{_hash(part)}" for path, part in _parts(page)]


def changes(page: Component, before: Sequence[str], now: Sequence[str]) -> Any:
    """Return what turns a drawing with the fingerprints `before` into `page`, with those of `now`.

    That is nothing if they are equal, the changed parts if both have the same places, and
    otherwise the whole page.
    """
    if list(before) == list(now):
        return no_update
    places = [_place(mark) for mark in now]
    if "" in places or places != [_place(mark) for mark in before]:
        return page
    patch = Patch()
    for (path, part), old, new in zip(_parts(page), before, now, strict=True):
        if old != new:
            _assign(patch, path, part)
    return patch


def _parts(component: Component, path: Path = ()) -> Iterator[tuple[Path, Component]]:
    inner = _arranged(component)
    if inner is None:
        yield path, component
        return
    for place, child in enumerate(inner):
        yield from _parts(child, (*path, place))


def _arranged(component: Component) -> list[Component] | None:
    names = set((getattr(component, "className", None) or "").split())
    children = getattr(component, "children", None)
    if not (isinstance(component, html.Div) and names & _FRAMES and isinstance(children, list)):
        return None
    inner = [child for child in children if isinstance(child, Component)]
    return inner if len(inner) == len(children) else None


def _hash(part: Component) -> str:
    return hashlib.blake2b(to_json_plotly(part).encode(), digest_size=6).hexdigest()


def _place(mark: str) -> str:
    return mark.partition(":")[0]


def _assign(patch: Patch, path: Path, part: Component) -> None:
    for place in path[:-1]:
        patch = patch["props"]["children"][place]
    patch["props"]["children"][path[-1]] = part
