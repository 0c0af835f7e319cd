"""The page to read: the OpenAPI document as one HTML page that needs nothing from elsewhere."""

from __future__ import annotations

import json
from html import escape
from typing import Any

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
    """Write the document for people."""
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
    answers = described["responses"]["200"]["content"]
    answer = ", ".join(_media(kind, content) for kind, content in answers.items())
    return (
        f"<section><h2><b>{method.upper()}</b> <code>{escape(path)}</code></h2>"
        f"<p>{escape(described['summary'])}. {_marked(described.get('description', ''))}</p>"
        f"{_parameters(described['parameters'])}{formats}<p>Answer: {answer}</p></section>"
    )


def _media(kind: str, content: dict[str, Any]) -> str:
    reference = content.get("schema", {}).get("$ref", "")
    name = reference.rsplit("/", 1)[-1]
    link = f' <a href="#{name}">{name}</a>' if name else ""
    return f"<code>{escape(kind)}</code>{link}"


def _parameters(parameters: list[dict[str, Any]]) -> str:
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
