"""A browser without a window: it asks the dashboard for what a page in Chromium would ask."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import requests

from app_dash.frame.shell import Ids
from bench.callbacks import Callback, Prop, name_of, read_callbacks

# Chromium's over an encrypted connection or on the machine itself.
_HEADERS = {"Accept-Encoding": "gzip, deflate, br, zstd"}
_TIMEOUT_SECONDS = 120
_FIRST_ROWS = {"startRow": 0, "endRow": 100, "sortModel": [], "filterModel": {}}
_MOST_ROUNDS = 20


@dataclass(frozen=True)
class Call:
    """One answered callback: its time from request to the last byte, and its size as sent."""

    output: str
    seconds: float
    sent_bytes: int
    raw_bytes: int


class Browser:
    """One open tab; like the renderer it keeps the properties of every component."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._session = requests.Session()
        self._session.headers.update(_HEADERS)
        self._props: dict[str, dict[str, Any]] = {}
        self._callbacks = read_callbacks(self._get("/_dash-dependencies"))

    def open(self, address: str) -> list[Call]:
        """Load a page and all that it asks for by itself."""
        pathname, _, search = address.partition("?")
        self._props.clear()
        added = self._add(self._get("/_dash-layout"))
        self._props[Ids.URL] |= {"pathname": pathname, "search": f"?{search}" if search else ""}
        self._props[Ids.THEME]["data"] = "light"
        starting = [c for c in self._callbacks if not c.is_prevented and self._is_there(c)]
        changed = {Prop(name, "children") for name in added if name != Ids.PAGE}
        calls = self._settle(starting, changed)
        if Prop(Ids.PAGE, "children") not in changed:
            raise RuntimeError(f"{address} was not drawn; the log of the dashboard says why")
        return calls

    def tick(self) -> list[Call]:
        """Let the refresh interval pass once."""
        interval = self._props[Ids.TICK]
        interval["n_intervals"] = (interval.get("n_intervals") or 0) + 1
        moved = {Prop(Ids.TICK, "n_intervals")}
        return self._settle(self._moved_by(moved), moved)

    def _settle(self, waiting: list[Callback], changed: set[Prop]) -> list[Call]:
        """Call until nothing waits; who needs what another waiting one writes comes after it."""
        calls: list[Call] = []
        for _ in range(_MOST_ROUNDS):
            if not waiting:
                return calls
            ready = [c for c in waiting if not any(c.needs(other) for other in waiting)] or waiting
            waiting = [c for c in waiting if c not in ready]
            for callback in ready:
                call, written, added = self._call(callback, changed)
                calls.append(call)
                changed |= written
                following = [*self._moved_by(written), *self._shown_by(added)]
                waiting += [c for c in following if c not in waiting and c is not callback]
        raise RuntimeError(f"the page never rests; last came {calls[-1].output}")

    def _call(
        self, callback: Callback, changed: set[Prop]
    ) -> tuple[Call, set[Prop], dict[str, Any]]:
        body = callback.body(self._props, changed)
        began = time.perf_counter()
        answer = self._session.post(
            f"{self._base}/_dash-update-component", json=body, timeout=_TIMEOUT_SECONDS
        )
        content = answer.content
        seconds = time.perf_counter() - began
        if answer.status_code not in (200, 204):
            raise RuntimeError(f"{callback.output} answered {answer.status_code}")
        sent = int(answer.headers.get("Content-Length", len(content)))
        written, added = self._apply(answer.json() if content else {})
        return Call(callback.output, seconds, sent, len(content)), written, added

    def _apply(self, answer: dict[str, Any]) -> tuple[set[Prop], dict[str, Any]]:
        written: set[Prop] = set()
        added: dict[str, Any] = {}
        sides = answer.get("sideUpdate") or {}
        for name, props in [*answer.get("response", {}).items(), *sides.items()]:
            for prop, value in props.items():
                own = self._props.setdefault(name, {})
                own[prop] = _patched(own.get(prop), value)
                written.add(Prop(name, prop))
                added |= self._add(own[prop])
        return written, added

    def _add(self, tree: Any) -> dict[str, Any]:
        """Take in the components of a tree; return those with an id."""
        found = dict(_components(tree))
        self._props |= found
        if refusals := list(_refusals(tree)):
            raise RuntimeError(f"the page says: {refusals[0]}")
        return found

    def _moved_by(self, written: set[Prop]) -> list[Callback]:
        names = {(prop.name, prop.prop) for prop in written}
        return [
            c for c in self._callbacks
            if self._is_there(c) and any((i.name, i.prop) in names for i in c.inputs)
        ]  # fmt: skip

    def _shown_by(self, added: dict[str, Any]) -> list[Callback]:
        """Return what components that have just been drawn call, as the renderer has it."""
        shown = [
            c for c in self._callbacks
            if self._is_there(c) and any(i.name in added for i in c.inputs)
            and not (c.is_prevented and all(o.name in added for o in c.outputs))
        ]  # fmt: skip
        return [*shown, *self._grids(added)]

    def _grids(self, added: dict[str, Any]) -> list[Callback]:
        asking = [name for name, props in added.items() if props.get("rowModelType") == "infinite"]
        for name in asking:
            self._props[name]["getRowsRequest"] = _FIRST_ROWS
        return [
            c.of(name) for name in asking for c in self._callbacks
            if c.matches(name, "getRowsRequest")
        ]  # fmt: skip

    def _is_there(self, callback: Callback) -> bool:
        # What would be written to a component that is not on the page is not asked for.
        return all(p.name in self._props for p in (*callback.inputs, *callback.outputs))

    def _get(self, path: str) -> Any:
        answer = self._session.get(self._base + path, timeout=_TIMEOUT_SECONDS)
        answer.raise_for_status()
        return answer.json()


def _components(tree: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(tree, list):
        for child in tree:
            yield from _components(child)
    elif isinstance(tree, dict) and "props" in tree and "namespace" in tree:
        props = tree["props"]
        if "id" in props:
            yield name_of(props["id"]), dict(props)
        yield from _children(props)


def _refusals(tree: Any) -> Iterator[str]:
    """Find what a page says in the place of what it should show."""
    if isinstance(tree, list):
        for child in tree:
            yield from _refusals(child)
    elif isinstance(tree, dict) and isinstance(props := tree.get("props"), dict):
        if props.get("role") == "alert" and "error" in str(props.get("className")).split():
            yield json.dumps(props.get("children"))[:300]
        yield from _refusals(props.get("children"))


def _children(props: dict[str, Any]) -> Iterable[tuple[str, dict[str, Any]]]:
    for value in props.values():
        if isinstance(value, list | dict):
            yield from _components(value)


def _patched(before: Any, value: Any) -> Any:
    """Apply what a patch assigns; anything else is the new value itself."""
    if not (isinstance(value, dict) and "__dash_patch_update" in value):
        return value
    for operation in value["operations"]:
        if operation["operation"] != "Assign":
            raise RuntimeError(f"the bench knows no patch {operation['operation']!r}")
        *path, last = operation["location"]
        place = before
        for step in path:
            place = place[step]
        place[last] = operation["params"]["value"]
    return before
