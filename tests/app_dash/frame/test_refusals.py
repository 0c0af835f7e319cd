"""Requests that no page makes are answered 4xx with one line; errors of the dashboard stay 500."""

from __future__ import annotations

import inspect
import json
import random
from collections.abc import Callable
from typing import Any, get_type_hints

import pytest
import sqlalchemy as sa
from conftest import empty
from dash import Dash, Input, Output
from flask.testing import FlaskClient
from fuzz.crafted_callbacks import CALLBACKS, sound_body
from stocked_store import stock
from werkzeug.test import TestResponse

from app_dash.create_app import create_app
from app_dash.explore.record_table import TYPE
from app_dash.frame import refusals
from app_dash.settings import DashSettings

Body = dict[str, Any]
SETTINGS = DashSettings(_env_file=None)


@pytest.fixture(scope="module")
def dashboard(sqlite_engine: sa.Engine) -> Dash:
    empty(sqlite_engine)
    stock(sqlite_engine)
    return create_app(sqlite_engine, SETTINGS)


@pytest.fixture
def client(dashboard: Dash) -> FlaskClient:
    return dashboard.server.test_client()


def body_of(client: FlaskClient, named: str) -> Body:
    """Return what a browser sends to the callback whose output or input has this name."""
    callbacks = client.get("/_dash-dependencies").json
    chosen = next(
        one
        for one in callbacks
        if one["clientside_function"] is None
        and (named in one["output"] or named in one["inputs"][0]["id"])
    )
    return sound_body(chosen, random.Random(2))


def one_line(answer: TestResponse) -> str:
    assert answer.mimetype == "text/plain"
    assert answer.text.endswith("\n")
    assert answer.text.count("\n") == 1
    return answer.text


def _unknown(body: Body) -> None:
    body["output"] = "nothing.children"


def _of_the_browser(body: Body) -> None:
    body["output"] = "theme.data"


def _one_less(body: Body) -> None:
    body["inputs"].pop()


def _another_component(body: Body) -> None:
    body["inputs"][0]["id"] = "other"


def _another_output(body: Body) -> None:
    body["outputs"][0]["id"] = "url"


def _another_change(body: Body) -> None:
    body["changedPropIds"] = ["{.x"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_unknown, "output names no callback of the server"),
        (_of_the_browser, "output names no callback of the server"),
        (_one_less, "inputs are not those of the callback"),
        (_another_component, "inputs are not those of the callback"),
        (_another_output, "outputs are not those of the callback"),
        (_another_change, "changedPropIds are not inputs of the callback"),
    ],
)
def test_a_callback_is_called_as_it_is_registered(
    client: FlaskClient, change: Callable[[Body], None], expected: str
) -> None:
    body = body_of(client, "page.children")
    change(body)

    answer = client.post(CALLBACKS, json=body)

    assert answer.status_code == 422
    assert expected in one_line(answer)


@pytest.mark.parametrize("alert", [["MATCH"], {"a": 1}, None])
def test_a_wildcard_stands_for_a_text_or_a_number(client: FlaskClient, alert: Any) -> None:
    body = body_of(client, "acknowledge-answer")
    body["inputs"][0]["id"]["alert"] = alert

    assert client.post(CALLBACKS, json=body).status_code == 422


@pytest.mark.parametrize(
    ("named", "value", "expected"),
    [
        ("page.children", 5, "'url.pathname': Input should be a valid string"),
        ("typed", {"typed": {"start": 1}, "shown": {}}, "'typed.data.typed.start': Input should"),
        ("region-why", {"search": ""}, "'region-why-asked.data.region': Field required"),
        ("skill-threshold", "1e9", "'skill-threshold.value': Input should be less than"),
        (TYPE, {"startRow": -1}, "getRowsRequest.startRow': Input should be greater"),
        (TYPE, {"sortModel": [{"colId": "x", "sort": "asc"}]}, "no column 'x' to sort by"),
        ("page.children", [1] * 1_000, "Input should be a valid string"),
        ("explore-overview", {"xaxis.range[0]": "x", "xaxis.range[1]": 1}, "is no time"),
    ],
)
def test_a_value_that_no_page_sends_is_refused_by_name(
    client: FlaskClient, named: str, value: Any, expected: str
) -> None:
    body = body_of(client, named)
    body["inputs"][0]["value"] = value

    answer = client.post(CALLBACKS, json=body)

    assert answer.status_code == 422
    assert expected in one_line(answer)


@pytest.mark.parametrize(
    "text", ["", "[", "5", '{"output": NaN}', '"\\ud800"', "[" * 100_000, '{"a": 1e999}']
)
def test_a_body_that_is_no_json_object_is_refused(client: FlaskClient, text: str) -> None:
    answer = client.post(CALLBACKS, data=text, content_type="application/json")

    assert answer.status_code == 400
    assert "no JSON object" in one_line(answer)


def test_a_file_that_no_component_has_is_not_found(client: FlaskClient) -> None:
    answer = client.get("/_dash-component-suites/x/y.js")

    assert answer.status_code == 404
    assert "no such file" in one_line(answer)


@pytest.mark.parametrize(
    ("path", "search", "expected"),
    [
        ("/explore", "?event=Z1", "no event 'Z1'; choose one of"),
        ("/skill", "?model=☀", "'☀' is no model; choose one from the menu"),
        ("/explore", "?rung=" + "x" * 5_000, "The address is too long"),
        ("/skill", "?start=0001-01-01", "lies outside 1972 to 2199"),
        ("/regions/3894", "?at=9999-12-31", "lies outside 1972 to 2199"),
    ],
)
def test_an_address_with_an_invalid_value_is_explained_on_the_page(
    client: FlaskClient, path: str, search: str, expected: str
) -> None:
    body = body_of(client, "page.children")
    body["inputs"][0]["value"], body["inputs"][1]["value"] = path, search
    body["inputs"][3]["value"] = "1"

    drawn = client.post(CALLBACKS, json=body)

    assert drawn.status_code == 200
    assert expected in json.dumps(drawn.json["response"]["page"], ensure_ascii=False)


def test_a_filter_of_the_table_that_cannot_be_read_is_explained_beside_the_fields(
    client: FlaskClient,
) -> None:
    body = body_of(client, TYPE)
    body["inputs"][0]["value"] = {"filterModel": {"region_id": {"type": "equals", "filter": 1.5}}}

    answer = client.post(CALLBACKS, json=body)

    assert "'1.5' is no region number" in answer.json["sideUpdate"]["field-message"]["children"]


def test_every_callback_says_what_its_values_may_be(dashboard: Dash) -> None:
    of_the_server = [one for one in dashboard.callback_map.values() if "callback" in one]

    assert len(of_the_server) > 10
    for one in of_the_server:
        function = inspect.unwrap(one["callback"])
        hints = get_type_hints(function)
        assert not [name for name in inspect.signature(function).parameters if hints[name] is Any]


def test_a_callback_without_types_does_not_start() -> None:
    app = Dash(__name__)
    app.callback(Output("a", "b"), Input("c", "d"))(lambda value: value)

    with pytest.raises(KeyError, match="value"):
        refusals.install(app)
