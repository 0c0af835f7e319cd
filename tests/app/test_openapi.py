"""The document describes every route, and the service keeps to it under made-up requests."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import schemathesis
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema_rs import validator_for
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.contract.openapi import document
from solar.sharp import KEYWORDS

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance,
    response_schema_conformance,
]  # fmt: skip
# The pieces of uploads are bytes.
schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
FRAMEWORK = {"/openapi.json", "/docs", "/metrics"}


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_every_route_is_described(client_sqlite: FlaskClient) -> None:
    described = client_sqlite.get("/openapi.json").get_json()
    rules = client_sqlite.application.url_map.iter_rules()

    served = {(m, r.rule) for r in rules for m in (r.methods or set()) - {"HEAD", "OPTIONS"}}

    served = {(method, re.sub(r"<(?:path:)?(\w+)>", r"{\1}", path)) for method, path in served}
    listed = {(m.upper(), path) for path, methods in described["paths"].items() for m in methods}
    assert listed == served


def test_every_reference_leads_somewhere(client_sqlite: FlaskClient) -> None:
    described = client_sqlite.get("/openapi.json").get_json()

    names = {reference.removeprefix("#/components/schemas/") for reference in references(described)}

    assert names <= set(described["components"]["schemas"])
    for schema in described["components"]["schemas"].values():
        validator_for(schema | {"components": described["components"]})


def test_every_keyword_is_described_with_its_unit_and_range(client_sqlite: FlaskClient) -> None:
    described = client_sqlite.get("/openapi.json").get_json()

    observation = described["components"]["schemas"]["Observation"]
    keywords = observation["properties"]["keywords"]["properties"]

    assert set(keywords) == {keyword.name for keyword in KEYWORDS}
    assert "[Mx]" in keywords["USFLUX"]["description"]
    assert (keywords["R_VALUE"]["minimum"], keywords["R_VALUE"]["maximum"]) == (0, 7)


def test_the_page_to_read_names_every_path_and_loads_nothing_from_elsewhere(
    client_sqlite: FlaskClient,
) -> None:
    page = client_sqlite.get("/docs").text

    assert all(path in page for path in client_sqlite.get("/openapi.json").get_json()["paths"])
    assert "src=" not in page
    assert "https://" not in page


@pytest.mark.slow
def test_requests_made_up_from_the_document_are_answered_as_it_says(
    engine_sqlite: sa.Engine, make_app: Callable[..., Flask]
) -> None:
    app = make_app(engine_sqlite)
    app.extensions["flarewatch"].clock.now = datetime(2199, 1, 1, tzinfo=UTC)
    with app.app_context():
        schema = schemathesis.openapi.from_dict(document(app))
    schema.app = app

    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path not in FRAMEWORK:
            answer_made_up_requests(operation, app)


def answer_made_up_requests(operation: Any, app: Flask) -> None:
    modes = list(schemathesis.GenerationMode)
    cases = st.one_of([operation.as_strategy(generation_mode=mode) for mode in modes])

    @settings(
        max_examples=4, deadline=None, database=None, derandomize=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=cases)
    def run(case: Any) -> None:
        case.call_and_validate(checks=CHECKS)

    run()
