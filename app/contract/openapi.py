"""The OpenAPI document, made from what the views declare, as JSON and as an HTML page."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.contract.answers import Problem
from app.contract.problems import MEDIA_TYPE as PROBLEM_TYPE
from app.contract.queries import MAX_LIMIT
from app.contract.schemas import MAX_ROWS
from database.people.principal import PUBLIC, ROLES, SCOPES

JSON = "application/json"
KEY_HEADER = "X-API-Key"
_REF = "#/components/schemas/{model}"
_PATH_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
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


@dataclass(frozen=True)
class Operation:
    """What a view does, who may call it, its query, body and answer.

    `answer` is a schema, the media type of what is not JSON, or None for an answer without content.
    `also_body` and `also_answer` are further media types of both, `status` is that of the answer,
    and `refusals` are by their status those that only this view has.
    """

    summary: str
    permission: str
    query: type[BaseModel]
    body: type[BaseModel] | None
    answer: type[BaseModel] | str | None
    also_body: tuple[str, ...] = ()
    also_answer: tuple[str, ...] = ()
    conflict: str | None = None
    status: int = 200
    refusals: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_body(self) -> bool:
        """Tell whether a request carries a body."""
        return self.body is not None or bool(self.also_body)


def holders(permission: str) -> str:
    """Say who has a permission: which roles, and keys with which scopes."""
    roles = [role for role, permissions in ROLES.items() if permission in permissions]
    scopes = [scope for scope, permissions in SCOPES.items() if permission in permissions]
    parts = [f"the role {' or '.join(roles)}"] if roles else []
    parts += [f"a key with the scope {' or '.join(scopes)}"] if scopes else []
    return ", or ".join(parts)


_declared: dict[Callable[..., Any], Operation] = {}


def declare(view: Callable[..., Any], operation: Operation) -> None:
    """Record what a view declares."""
    _declared[view] = operation


def operation_of(view: Callable[..., Any]) -> Operation | None:
    """Return what a view has declared; None for what the framework serves itself."""
    return _declared.get(view)


def operations(app: Flask) -> Iterator[tuple[str, str, Operation]]:
    """Yield method, path and declaration of everything that `app` serves."""
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
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": KEY_HEADER},
                "session": {"type": "http", "scheme": "bearer"},
            },
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
        "responses": _responses(path, declared),
    }
    if declared.permission != PUBLIC:
        described["security"] = [{"key": []}, {"session": []}, {}]
        described["description"] = (
            f"Needs the permission `{declared.permission}`: {holders(declared.permission)}."
        )
    if declared.has_body:
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
    """Take null out of the schema of a parameter, which is left out of the address instead."""
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


def _responses(path: str, declared: Operation) -> dict[str, Any]:
    answer = declared.answer
    content: dict[str, Any] = {}
    if isinstance(answer, str):
        content = {answer: {}}
    elif answer is not None:
        content = {JSON: {"schema": _ref(answer)}}
    for media_type in declared.also_answer:
        content[media_type] = {"schema": {"type": "string", "format": "binary"}}
    problems = {
        status: {"description": text, "content": {PROBLEM_TYPE: {"schema": _ref(Problem)}}}
        for status, text in _problems(path, declared).items()
    }
    done = {"description": "As asked."} | ({"content": content} if content else {})
    return {str(declared.status): done, **problems}


def _problems(path: str, declared: Operation) -> dict[str, str]:
    problems = {"422": "What was sent cannot be used; errors name the places."}
    # Any server may be asked by a name that it does not know, or from a page of another site.
    problems["403"] = "This needs a permission that the caller lacks."
    problems["421"] = "The server is not known by the name in Host."
    if declared.permission != PUBLIC or path.startswith("/api/"):
        problems["401"] = "Nobody is signed in, or the key is not known."
        problems["404"] = "What was named does not exist."
        problems["429"] = "Too many failures, or too much in work; Retry-After says when to come."
    if declared.conflict is not None:
        problems["409"] = declared.conflict
    problems["503"] = "The store is away; Retry-After says when to come back."
    if declared.has_body:
        problems["400"] = "The body cannot be read."
        problems["408"] = "The body took too long to come."
        problems["413"] = "The body is too large; send it in parts."
        problems["415"] = "The body has a format that is not read here."
    return dict(sorted((problems | dict(declared.refusals)).items()))


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=model.__name__)}


_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; }
code, pre { font: 0.9em ui-monospace, monospace; }
pre { background: var(--soft); overflow-x: auto; padding: 0.75rem; border-radius: 4px; }
section { border-top: 1px solid var(--line); padding: 0.5rem 0 1rem; }
h2 { font-size: 1.1rem; } h2 b { display: inline-block; min-width: 3.5rem; }
table { border-collapse: collapse; width: 100%; } caption { text-align: left; font-weight: 600; }
td, th { border-bottom: 1px solid var(--line); padding: 0.25rem 0.5rem; text-align: left;
  vertical-align: top; }
""".strip()

_EXAMPLE = """curl -s http://127.0.0.1:8000/api/v1/observations \\
  -H 'Content-Type: application/json' -H 'X-API-Key: …' -d '{
  "sender": {"id": "desk", "sequence": 1},
  "observations": [{"harpnum": 3721, "noaa_ars": [11990], "t_rec": "2014-03-01T00:00:00Z",
    "quality": 0, "lon_fwt": -12.3, "lat_fwt": 14.1, "keywords": {"TOTUSJH": 1240.5}}]}'"""


def html_page(document: dict[str, Any]) -> str:
    """Return the document as one page for people, which loads nothing from elsewhere."""
    info = document["info"]
    paragraphs = "".join(f"<p>{_marked(p)}</p>" for p in info["description"].split("\n\n"))
    sections = "".join(
        _section(method, path, described)
        for path, methods in document["paths"].items()
        for method, described in methods.items()
    )
    schemas = "".join(
        _schema(name, schema) for name, schema in document["components"]["schemas"].items()
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{info["title"]} API'
        '</title><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><main><h1>{info['title']} API</h1>{paragraphs}"
        f"<pre>{escape(_EXAMPLE)}</pre>"
        '<p>For machines: <a href="/openapi.json">openapi.json</a></p>'
        f"{sections}<h1>Schemas</h1>{schemas}</main></body></html>"
    )


def _marked(text: str) -> str:
    parts = escape(text.strip()).split("`")
    return "".join(f"<code>{p}</code>" if i % 2 else p for i, p in enumerate(parts))


def _section(method: str, path: str, described: dict[str, Any]) -> str:
    body = described.get("requestBody", {}).get("content", {})
    formats = "".join(f"<p>Body: {_media(kind, content)}</p>" for kind, content in body.items())
    done = next(answer for status, answer in described["responses"].items() if status < "3")
    answers = done.get("content", {})
    answer = ", ".join(_media(kind, content) for kind, content in answers.items()) or "none"
    return (
        f"<section><h2><b>{method.upper()}</b> <code>{escape(path)}</code></h2>"
        f"<p>{escape(described['summary'])}. {_marked(described.get('description', ''))}</p>"
        f"{_parameter_table(described['parameters'])}{formats}<p>Answer: {answer}</p></section>"
    )


def _media(kind: str, content: dict[str, Any]) -> str:
    reference = content.get("schema", {}).get("$ref", "")
    name = reference.rsplit("/", 1)[-1]
    link = f' <a href="#{name}">{name}</a>' if name else ""
    return f"<code>{escape(kind)}</code>{link}"


def _parameter_table(parameters: list[dict[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(p['name'])}</code>{' (required)' if p['required'] else ''}</td>"
        f"<td>{escape(p['description'])}</td><td><code>{escape(_kind(p['schema']))}</code></td></tr>"
        for p in parameters
    )
    heading = "<tr><th>Parameter</th><th>Meaning</th><th>Value</th></tr>"
    return f"<table>{heading}{rows}</table>" if rows else ""


def _kind(schema: dict[str, Any]) -> str:
    return json.dumps({k: v for k, v in schema.items() if k not in ("title", "description")})


def _schema(name: str, schema: dict[str, Any]) -> str:
    text = json.dumps(schema, indent=1, ensure_ascii=False)
    return (
        f'<section id="{name}"><h2><code>{name}</code></h2>'
        f"<p>{_marked(schema.get('description', ''))}</p>"
        f"<details><summary>Schema</summary><pre>{escape(text)}</pre></details></section>"
    )
