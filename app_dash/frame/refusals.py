"""Refusals of the dashboard: a request that no page makes is answered 4xx in one line of text.

A callback is called only as it is registered: with its outputs and inputs, and with values that
its annotations allow. Whatever else goes wrong in one is an error of the dashboard.
"""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_type_hints

import dash
import orjson
from dash.exceptions import DependencyException
from flask import Flask, request
from flask.json.provider import DefaultJSONProvider
from pydantic import TypeAdapter, ValidationError

from solar.errors import FlarewatchError, InvalidInputError

_log = logging.getLogger(__name__)

_Refusal = tuple[str, int, dict[str, str]]
_EVERY = (["ALL"], ["ALLSMALLER"])
# A name may come from the request; more of it helps nobody.
_LONGEST_PLACE, _LONGEST_LINE = 80, 500
_MOST_FAULTS = 100


class MalformedRequestError(InvalidInputError):
    """The body of the request cannot be read at all."""

    status = 400
    title = "Malformed request"


class StrictJson(DefaultJSONProvider):
    """JSON in UTF-8, without NaN, infinity, lone surrogates and bottomless nesting."""

    def loads(self, s: str | bytes, **_options: Any) -> Any:
        """Read JSON; anything else raises ValueError, which Flask answers 400."""
        return orjson.loads(s)


@dataclass(frozen=True)
class _Property:
    """A property of a component as a callback registers it; a dict as id may hold wildcards."""

    identity: Any
    name: str

    @property
    def is_many(self) -> bool:
        """Tell whether the request lists every component that matches."""
        return isinstance(self.identity, dict) and any(
            part in _EVERY for part in self.identity.values()
        )

    def matches(self, given: object) -> bool:
        """Tell whether a part of a request is this property."""
        if not self.is_many:
            return self.is_one(given)
        return isinstance(given, list) and all(self.is_one(one) for one in given)

    def is_one(self, given: object) -> bool:
        """Tell whether a part of a request is one component with this property."""
        if not isinstance(given, dict) or not isinstance(given.get("property"), str):
            return False
        # An output that several callbacks share has their mark behind an @.
        return given["property"].partition("@")[0] == self.name and self._is_of(given.get("id"))

    def _is_of(self, identity: object) -> bool:
        if not isinstance(self.identity, dict):
            return bool(identity == self.identity)
        return (
            isinstance(identity, dict)
            and identity.keys() == self.identity.keys()
            and all(_is_part(identity[key], part) for key, part in self.identity.items())
        )


@dataclass(frozen=True)
class _Callback:
    """What a request of one callback has to name."""

    outputs: Sequence[_Property]
    is_multiple: bool
    inputs: Sequence[_Property]
    state: Sequence[_Property]

    def refusal(self, body: Mapping[str, Any]) -> str:
        """Say what a body does not name as it is registered; empty if nothing."""
        outputs = body.get("outputs", []) if self.is_multiple else [body.get("outputs")]
        for name, known, given in (
            ("outputs", self.outputs, outputs),
            ("inputs", self.inputs, body.get("inputs", [])),
            ("state", self.state, body.get("state", [])),
        ):
            if not _match(known, given):
                return f"{name} are not those of the callback"
        changed = body.get("changedPropIds", [])
        if not isinstance(changed, list) or not all(self._is_input(one) for one in changed):
            return "changedPropIds are not inputs of the callback"
        return ""

    def _is_input(self, name: object) -> bool:
        given = _read_name(name)
        return any(known.is_one(given) for known in self.inputs)


def install(app: dash.Dash) -> None:
    """Refuse crafted requests; every callback must be registered before.

    Raises
    ------
    KeyError
        When a parameter of a callback is not annotated.
    """
    server: Flask = app.server
    server.json = StrictJson(server)
    server.errorhandler(FlarewatchError)(_explain)
    server.errorhandler(DependencyException)(_no_such_file)
    callbacks = {}
    for output, entry in app.callback_map.items():
        if "callback" in entry:  # the others run in the browser
            callbacks[output] = _registered(entry)
            entry["callback"] = _with_checked_values(entry)
    endpoint = f"{app.config.routes_pathname_prefix}_dash-update-component"

    @server.before_request
    def check() -> None:
        if request.endpoint == endpoint and request.method == "POST":
            _check_shape(request.get_json(silent=True), callbacks)


def _check_shape(body: object, callbacks: Mapping[str, _Callback]) -> None:
    if not isinstance(body, dict):
        raise MalformedRequestError("the body is no JSON object of the type application/json")
    output = body.get("output")
    callback = callbacks.get(output) if isinstance(output, str) else None
    if callback is None:
        raise InvalidInputError("output names no callback of the server; reload the page")
    refusal = callback.refusal(body)
    if refusal:
        raise InvalidInputError(f"{refusal}; reload the page")


def _registered(entry: Mapping[str, Any]) -> _Callback:
    output = entry["output"]
    is_multiple = isinstance(output, list | tuple)
    outputs = [one.to_dict() for one in (output if is_multiple else [output])]
    properties = (_properties(specs) for specs in (outputs, entry["inputs"], entry["state"]))
    registered_outputs, inputs, state = properties
    return _Callback(registered_outputs, is_multiple, inputs, state)


def _properties(specs: Iterable[Mapping[str, str]]) -> tuple[_Property, ...]:
    return tuple(
        _Property(
            orjson.loads(spec["id"]) if spec["id"].startswith("{") else spec["id"],
            spec["property"],
        )
        for spec in specs
    )


def _match(known: Sequence[_Property], given: object) -> bool:
    return (
        isinstance(given, list)
        and len(given) == len(known)
        and all(one.matches(part) for one, part in zip(known, given, strict=True))
    )


def _is_part(value: object, registered: object) -> bool:
    if isinstance(registered, list):  # a wildcard
        return isinstance(value, str | int | float)
    return value == registered


def _read_name(name: object) -> dict[str, Any]:
    """Read ``component.property``, where the component may be a dict as JSON."""
    identity, _, prop = name.rpartition(".") if isinstance(name, str) else ("", "", "")
    try:
        return {"id": orjson.loads(identity) if identity[:1] == "{" else identity, "property": prop}
    except orjson.JSONDecodeError:
        return {}


def _with_checked_values(entry: Mapping[str, Any]) -> Callable[..., Any]:
    """Wrap a callback of dash: it gets the values that its annotations ask for, or none at all."""
    callback = entry["callback"]
    names = [f"{spec['id']}.{spec['property']}" for spec in (*entry["inputs"], *entry["state"])]
    order = entry["inputs_state_indices"]
    types = _types(callback, [order] if isinstance(order, int) else order)

    @functools.wraps(callback)
    def checked(*values: Any, **options: Any) -> Any:
        return callback(
            *(_read(one, type_, at) for one, type_, at in zip(values, types, names, strict=True)),
            **options,
        )

    return checked


def _types(callback: Callable[..., Any], order: Sequence[int]) -> list[TypeAdapter[Any]]:
    """Return the type of each value in the order of the request; `order` is the callback's own."""
    hints = get_type_hints(inspect.unwrap(callback), include_extras=True)
    parameters = list(inspect.signature(callback).parameters.values())
    # The last one may take all the rest.
    parameters += parameters[-1:] * (len(order) - len(parameters))
    by_place = zip(order, (hints[parameter.name] for parameter in parameters), strict=True)
    return [TypeAdapter(hint) for _, hint in sorted(by_place, key=lambda pair: pair[0])]


def _read(value: Any, type_: TypeAdapter[Any], name: str) -> Any:
    try:
        return type_.validate_python(value)
    except ValidationError as error:
        raise InvalidInputError(_first_fault(error, name)) from error


def _first_fault(error: ValidationError, name: str) -> str:
    # The list of a hundred thousand faults takes seconds.
    if error.error_count() > _MOST_FAULTS:
        return f"{name}: {error.error_count()} faults"
    first = error.errors(include_input=False, include_url=False)[0]
    place = ".".join([name, *map(str, first["loc"])])
    return f"{place[:_LONGEST_PLACE]!a}: {first['msg']}"


def _explain(error: FlarewatchError) -> _Refusal:
    if error.status == FlarewatchError.status:
        _log.error("a request failed", exc_info=error)
    return _line(f"{error.title}: {error}", error.status)


def _no_such_file(_error: DependencyException) -> _Refusal:
    return _line("Not found: there is no such file", 404)


def _line(text: str, status: int) -> _Refusal:
    # The text may quote the request, which is as long as it is.
    return (
        f"{' '.join(text[:_LONGEST_LINE].split())}\n",
        status,
        {"Content-Type": "text/plain; charset=utf-8"},
    )
