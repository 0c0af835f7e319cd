"""Request bodies: taken from the server, parsed as JSON, and checked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from types import GenericAlias
from typing import Any, TypeVar

import orjson
from flask import request
from pydantic import BaseModel, TypeAdapter, ValidationError

from app.contract.problems import (
    Fault,
    Rejection,
    RequestError,
    described,
    faults_of,
    field_names,
    message_of,
    path_of,
)
from app.contract.schemas import MAX_ROWS

JSON_TYPE = "application/json"

Model = TypeVar("Model", bound=BaseModel)


def read_body() -> bytes:
    """Return the body of the current request, which the server has read within bounds of time.

    Raises
    ------
    RequestEntityTooLarge
        When it exceeds `problems.MAX_BODY_BYTES`.
    """
    return request.get_data(cache=False)


def media_type() -> str:
    """Return the media type of the request without its parameters."""
    return request.mimetype or "(none)"


def refuse_media_type(*supported: str) -> RequestError:
    """Return the error for a body of another media type."""
    return RequestError(
        f"Content-Type {media_type()} is not read here; send {' or '.join(supported)}",
        status=415,
        title="Unsupported media type",
    )


def read_json() -> dict[str, Any]:
    """Read the body of the current request as a JSON object."""
    if media_type() != JSON_TYPE:
        raise refuse_media_type(JSON_TYPE)
    return parse_json(read_body())


def parse_json(body: bytes) -> dict[str, Any]:
    """Parse a JSON object; NaN and Infinity are left for the rows to refuse.

    Raises
    ------
    RequestError
        When it is none.
    """
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        content = _read_leniently(body, error)
    if not isinstance(content, dict):
        raise RequestError(f"the body is {described(content)}; expected an object")
    return content


def _read_leniently(body: bytes, first_error: orjson.JSONDecodeError) -> Any:
    # Python's own parser takes NaN and Infinity, so that one such row does not cost the others.
    if b"NaN" not in body and b"Infinity" not in body:
        raise _broken(first_error) from first_error
    try:
        return json.loads(body)
    except json.JSONDecodeError as error:
        raise _broken(error) from error
    except (ValueError, RecursionError) as error:
        raise _broken(first_error) from error


def _broken(error: json.JSONDecodeError) -> RequestError:
    where = f"line {error.lineno}, column {error.colno}"
    return RequestError(
        f"the body is not JSON: {error.msg} at {where}",
        status=400,
        title="Broken JSON",
        faults=[Fault("", f"{error.msg} at {where}")],
    )


def read_model(kind: type[Model], content: dict[str, Any]) -> Model:
    """Check a whole body against its schema."""
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        faults = faults_of(error, fields=field_names(kind))
        raise RequestError("the body cannot be used; see errors", faults=faults) from error


def take_rows(content: dict[str, Any], name: str, *, may_be_empty: bool = False) -> list[Any]:
    """Take the list of rows out of a body."""
    rows = content.pop(name, None)
    if not isinstance(rows, list):
        reason = "is missing" if rows is None else f"is {described(rows)}; expected a list"
        raise RequestError("the body has no rows", faults=[Fault(name, reason)])
    if rows or not may_be_empty:
        check_row_count(len(rows), name)
    return rows


def check_row_count(count: int, name: str) -> None:
    """Refuse a request without rows, or with more than one call may carry."""
    if count > MAX_ROWS:
        raise RequestError(
            f"{count:,} rows are too many for one call; send {MAX_ROWS:,} at most at a time",
            status=413,
            title="Too many rows",
        )
    if count == 0:
        raise RequestError("the body has no rows", faults=[Fault(name, "is empty")])


def check_rows(
    kind: type[Model], rows: Sequence[Any], name: str, *, indexes: Sequence[int] | None = None
) -> tuple[list[tuple[int, Model]], list[Rejection]]:
    """Part rows into those that fit their schema, with their index, and the others.

    `indexes` are those of the rows in the request; without them the rows are all of it.
    """
    index_of = range(len(rows)) if indexes is None else indexes
    adapter = _adapter(kind)
    try:
        return list(zip(index_of, adapter.validate_python(rows), strict=True)), []
    except ValidationError as error:
        faults = _faults_by_row(error, kind, name, index_of)
    sound = [place for place in range(len(rows)) if place not in faults]
    checked = adapter.validate_python([rows[place] for place in sound])
    rejected = [Rejection(index_of[place], tuple(wrong)) for place, wrong in faults.items()]
    return [(index_of[place], row) for place, row in zip(sound, checked, strict=True)], rejected


def _faults_by_row(
    error: ValidationError, kind: type[BaseModel], name: str, index_of: Sequence[int]
) -> dict[int, list[Fault]]:
    faults: dict[int, list[Fault]] = {}
    fields = field_names(kind)
    for detail in error.errors(include_url=False, include_context=False):
        place = int(detail["loc"][0])
        path = path_of((index_of[place], *detail["loc"][1:]), name)
        faults.setdefault(place, []).append(Fault(path, message_of(detail, fields)))
    return faults


_adapters: dict[type[BaseModel], TypeAdapter[Any]] = {}


def _adapter(kind: type[Model]) -> TypeAdapter[list[Model]]:
    if kind not in _adapters:
        rows: Any = GenericAlias(list, (kind,))
        _adapters[kind] = TypeAdapter(rows)
    return _adapters[kind]
