"""The OpenAPI document, made from what the views declare."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.contract.answers import Problem
from app.contract.operations import Operation, operation_of
from app.contract.problems import MEDIA_TYPE as PROBLEM_TYPE
from app.contract.queries import MAX_LIMIT
from app.contract.schemas import MAX_ROWS
from app.security import HEADER

JSON = "application/json"
_REF = "#/components/schemas/{model}"
_PATH_PARAMETER = re.compile(r"<(\w+)>")
_TEXT = {"type": "string", "minLength": 1}

_DESCRIPTION = f"""\
SHARP records go in, calibrated flare probabilities come out.

Times are UTC. An instant is written `2014-03-01T00:00:00Z`; a record may also carry JSOC's TAI
label. Ranges are half-open: `from` belongs to them, `to` does not. A region is a HARPNUM, or the
negative NOAA number where no HARPNUM is known. Missing is null, never a number.

Every error is a problem body with `title`, `status`, `detail` and `errors`. A batch may hold
{MAX_ROWS:,} rows; the good ones are stored, the others listed. Listings give up to {MAX_LIMIT:,}
rows and a `next_cursor`, which is handed back as `cursor`; files carry it in `X-Next-Cursor`.
"""


def operations(app: Flask) -> Iterator[tuple[str, str, Operation]]:
    """Give method, path and declaration of everything that `app` serves."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda r: r.rule):
        declared = operation_of(app.view_functions[rule.endpoint])
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            if declared is not None:
                yield method, rule.rule, declared


def document(app: Flask) -> dict[str, Any]:
    """Describe everything that `app` serves, as OpenAPI 3.1."""
    listed = list(operations(app))
    paths: dict[str, Any] = {}
    for method, path, declared in listed:
        described = _PATH_PARAMETER.sub(r"{\1}", path)
        paths.setdefault(described, {})[method.lower()] = _operation(method, path, declared)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Flarewatch", "version": "1", "description": _DESCRIPTION},
        "paths": paths,
        "components": {
            "schemas": _schemas(declared for _, _, declared in listed),
            "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": HEADER}},
        },
    }


def _schemas(listed: Iterable[Operation]) -> dict[str, Any]:
    models: set[type[BaseModel]] = {Problem}
    for declared in listed:
        models |= {m for m in (declared.body, declared.answer) if not isinstance(m, str) and m}
    ordered = sorted(models, key=lambda model: model.__name__)
    _, schema = models_json_schema([(model, "validation") for model in ordered], ref_template=_REF)
    definitions: dict[str, Any] = schema["$defs"]
    return definitions


def _operation(method: str, path: str, declared: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": f"{method.lower()}_{re.sub(r'[^a-z0-9]+', '_', path.strip('/<>'))}",
        "summary": declared.summary,
        "parameters": [*_path_parameters(path), *_parameters(declared.query)],
        "responses": _responses(declared),
    }
    if declared.scope is not None:
        described["security"] = [{"key": []}, {}]
        described["description"] = f"Needs a key with the scope `{declared.scope}`."
    if declared.body is not None:
        described["requestBody"] = {"required": True, "content": _body(declared)}
    return described


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "description": "", "schema": _TEXT}
        for name in _PATH_PARAMETER.findall(path)
    ]


def _parameters(query: type[BaseModel]) -> list[dict[str, Any]]:
    schema = query.model_json_schema(ref_template=_REF)
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": field.get("description", ""),
            "schema": _without_null(field),
        }
        for name, field in schema.get("properties", {}).items()
    ]


def _without_null(field: dict[str, Any]) -> dict[str, Any]:
    """Take null out of a parameter's schema: in an address it is simply left out."""
    kept = {name: value for name, value in field.items() if name not in ("title", "anyOf")}
    if kept.get("default", ...) is None:
        del kept["default"]
    for choice in field.get("anyOf", []):
        if choice != {"type": "null"}:
            kept |= choice
    return kept


def _body(declared: Operation) -> dict[str, Any]:
    body = declared.body
    content: dict[str, Any] = {JSON: {"schema": _ref(body)}} if body else {}
    for media_type in declared.also_body:
        content[media_type] = {"schema": {"type": "string", "format": "binary"}}
    return content


def _responses(declared: Operation) -> dict[str, Any]:
    answer = declared.answer
    if isinstance(answer, str):
        content: dict[str, Any] = {answer: {}}
    else:
        content = {JSON: {"schema": _ref(answer)}}
    for media_type in declared.also_answer:
        content[media_type] = {"schema": {"type": "string", "format": "binary"}}
    problems = {
        status: {"description": text, "content": {PROBLEM_TYPE: {"schema": _ref(Problem)}}}
        for status, text in _problems(declared).items()
    }
    return {"200": {"description": "As asked.", "content": content}, **problems}


def _problems(declared: Operation) -> dict[str, str]:
    problems = {"422": "What was sent cannot be used; errors name the places."}
    if declared.scope is not None:
        problems["401"] = "The key is missing or not known."
        problems["403"] = "The key lacks the scope."
        problems["404"] = "What was named does not exist."
    if declared.conflict is not None:
        problems["409"] = declared.conflict
    problems["503"] = "The store is away; Retry-After says when to come back."
    if declared.body is not None:
        problems["400"] = "The body cannot be read."
        problems["408"] = "The body took too long to come."
        problems["413"] = "The body is too large; send it in parts."
        problems["415"] = "The body has a format that is not read here."
        problems["429"] = "Too much is in work; Retry-After says when to come back."
    return dict(sorted(problems.items()))


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=model.__name__)}
