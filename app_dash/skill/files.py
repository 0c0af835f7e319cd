"""The skill report as files: the whole of it as JSON, its scores and counts as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import orjson
import sqlalchemy as sa
from flask import Flask, Response, request

from app_dash.skill.query import SkillQuery
from app_dash.skill.view import asking, divide, report

JSON_PATH = "/export/skill.json"
CSV_PATH = "/export/skill.csv"
COLUMNS = ("model", "event", "scope", "from", "to", "cases", "threshold", "quantity", "value",
           "low", "high")  # fmt: skip
_COUNTS = ("n", "n_events", "n_unknown", "n_withheld", "coverage", "base_rate")


def register_skill_files(server: Flask, engine: sa.Engine) -> None:
    """Serve the files; the address takes the same query as the page."""

    @server.get(JSON_PATH)
    def skill_json() -> Response:
        query = SkillQuery.parse(request.query_string.decode())
        body = _report(engine, query)
        divided = divide(engine, query)
        body["strata"] = divided and divided.model_dump(mode="json")
        return _file(
            orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY),
            "application/json",
            f"{_stem(body)}.json",
        )

    @server.get(CSV_PATH)
    def skill_csv() -> Response:
        body = _report(engine, SkillQuery.parse(request.query_string.decode()))
        return _file(csv_text(body).encode(), "text/csv", f"{_stem(body)}.csv")


def csv_text(body: dict[str, Any]) -> str:
    """Write a row per forecast and quantity; undefined is empty, times are ISO."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for part in (body, *body["entrants"]):
        threshold = (part["threshold"] or {}).get("value")
        fixed = (part["model"], body["event"], body["scope"], body["from"], body["to"],
                 body.get("cases", "own"), threshold)  # fmt: skip
        writer.writerows((*fixed, *quantity) for quantity in _quantities(part))
    return text.getvalue()


def _quantities(part: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    for name in _COUNTS:
        yield name, part[name], None, None
    for name, count in (part["contingency"] or {}).items():
        yield name, count, None, None
    for name, score in part["scores"].items():
        yield name, score["value"], score["low"], score["high"]


def _report(engine: sa.Engine, query: SkillQuery) -> dict[str, Any]:
    asked, _ = asking(engine, query)
    return report(engine, asked)


def _stem(body: dict[str, Any]) -> str:
    model = body["model"].replace("@", "-")
    return f"skill_{model}_{body['event']}_{body['scope']}_{body['from']}_{body['to']}"


def _file(content: bytes, mimetype: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, mimetype=mimetype, headers=headers)
