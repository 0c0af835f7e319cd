"""Bodies: what comes in over HTTP, read as JSON and taken apart into rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from types import GenericAlias
from typing import Any, TypeVar

import orjson
from flask import request
from pydantic import BaseModel, TypeAdapter, ValidationError

from app.contract.faults import described, faults_of, message_of, path_of
from app.contract.problems import Fault, RequestError
from app.contract.schemas import MAX_ROWS
from app.ingest.batch import Rejection
from app.ingest.intake import read_body

Model = TypeVar("Model", bound=BaseModel)
JSON_TYPE = "application/json"


def media_type() -> str:
    """Return the media type of the request without its parameters."""
    return request.mimetype or "(none)"


def refuse_media_type(*supported: str) -> RequestError:
    """Make the refusal of a body whose format is not read here."""
    return RequestError(
        f"Content-Type {media_type()} is not read here; send {' or '.join(supported)}",
        status=415,
        title="Unsupported media type",
    )


def read_json() -> dict[str, Any]:
    """Read the body as a JSON object; NaN and Infinity are left for the rows to refuse."""
    if media_type() != JSON_TYPE:
        raise refuse_media_type(JSON_TYPE)
    body = read_body()
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
        said = "is missing" if rows is None else f"is {described(rows)}; expected a list"
        raise RequestError("the body has no rows", faults=[Fault(name, said)])
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
    kind: type[Model], rows: Sequence[Any], name: str, *, places: Sequence[int] | None = None
) -> tuple[list[tuple[int, Model]], list[Rejection]]:
    """Part rows into those that have the right form, with their place, and the others.

    `places` are those of the rows in the request, where they are not all of it.
    """
    place_of = range(len(rows)) if places is None else places
    adapter = _adapter(kind)
    try:
        return list(zip(place_of, adapter.validate_python(rows), strict=True)), []
    except ValidationError as error:
        faults = _faults_by_row(error, kind, name, place_of)
    good = [index for index in range(len(rows)) if index not in faults]
    checked = adapter.validate_python([rows[index] for index in good])
    rejected = [Rejection(place_of[index], tuple(found)) for index, found in faults.items()]
    return [(place_of[index], row) for index, row in zip(good, checked, strict=True)], rejected


def _faults_by_row(
    error: ValidationError, kind: type[BaseModel], name: str, place_of: Sequence[int]
) -> dict[int, list[Fault]]:
    faults: dict[int, list[Fault]] = {}
    fields = field_names(kind)
    for detail in error.errors(include_url=False, include_context=False):
        index = int(detail["loc"][0])
        path = path_of((place_of[index], *detail["loc"][1:]), name)
        faults.setdefault(index, []).append(Fault(path, message_of(detail, fields)))
    return faults


def field_names(kind: type[BaseModel]) -> list[str]:
    """Return the names of a body's fields as they are sent."""
    return [field.alias or name for name, field in kind.model_fields.items()]


_adapters: dict[type[BaseModel], TypeAdapter[Any]] = {}


def _adapter(kind: type[Model]) -> TypeAdapter[list[Model]]:
    if kind not in _adapters:
        rows: Any = GenericAlias(list, (kind,))
        _adapters[kind] = TypeAdapter(rows)
    return _adapters[kind]
