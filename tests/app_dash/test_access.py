"""Who may use what of the dashboard: each route and each callback, written by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dash
import pytest
import sqlalchemy as sa
from dash import Input, Output
from flask import Flask
from flask.testing import FlaskClient

from app_dash.create_app import PAGES, create_app
from app_dash.guard import callback, permissions, refuse_undeclared
from app_dash.settings import DashSettings
from database.engine import writing
from database.people.keys import add_key, revoke_key
from database.people.people import add_person, change_person
from database.people.principal import COMMAND_LINE, READ, ROLES
from database.people.sessions import begin_session

# Columns: nobody; viewer, researcher, operator, admin.
ACCESS = """
/                                   - vroa
/<path:path>                        - vroa
/assets/<path:filename>             n vroa
/_favicon.ico                       n vroa
/_dash-component-suites/<string:package_name>/<path:fingerprinted_path>  - vroa
/_dash-layout                       - vroa
/_dash-dependencies                 - vroa
/_dash-update-component             - vroa
/_reload-hash                       - vroa
/health                             n vroa
/ready                              n vroa
/status                             n vroa
/sign-in                            n vroa
/join/<invitation>                  n vroa
/sign-out                           n vroa
/export/audit.csv                   - ---a
/export/predictions.csv             - vroa
/export/predictions.parquet         - vroa
/export/skill.csv                   - vroa
/export/skill.json                  - vroa
/lab/log                            - vroa
/lab/comparison.<any(csv,html):kind>  - vroa
/lab/outputs/<run_id>.zip           - vroa
/lab/outputs/<run_id>/<path:name>   - vroa
/lab/files/<dataset_id>/<sha256>/<path:name>  - vroa
/lab/uploads                        - -r-a
/lab/uploads/<upload_id>            - -r-a
page.children                       - vroa
newest-version.data                 - vroa
clock-answer.data                   - vroa
go-to-message.children              - vroa
api-status.children                 - vroa
url.search                          - vroa
url.href                            - vroa
region-why.children                 - vroa
skill-strata.children               - vroa
skill-leads.children                - vroa
pipeline-live.children              - vroa
record-table.getRowsResponse        - vroa
acknowledge-answer.children         - --oa
announcements.children              - vroa
people-message.children                - ---a
account-message.children               - vroa
help-message.children                  - vroa
lab-message.children                   - vroa
lab-live.children                      - vroa
lab-network.children                   - vroa
lab-form.children                      - -r-a
lab-edits.data                         - -r-a
"""
METHODS = {
    "/sign-out": "POST",
    "/lab/uploads": "POST",
    "/lab/uploads/<upload_id>": "DELETE",
}
CALLERS = ("nobody", *ROLES)
PAGE_ACCESS = {
    "/": "vroa",
    "/regions": "vroa",
    "/skill": "vroa",
    "/explore": "vroa",
    "/pipeline": "vroa",
    "/alerts": "vroa",
    "/lab": "vroa",
    "/machines": "vroa",
    "/people": "a",
    "/account": "vroa",
    "/help": "vroa",
}


def name_of(output: str) -> str:
    """Return the component and property of the first output of a callback; a route as it is."""
    first = output.removeprefix("..").partition("...")[0]
    wildcard = re.fullmatch(r'.*"type":"([^"]+)".*\}\.(\w+)', first)
    return f"{wildcard[1]}.{wildcard[2]}" if wildcard else re.sub(r"@[0-9a-f]{64}$", "", first)


def table() -> Iterator[tuple[str, set[str]]]:
    for line in ACCESS.strip().splitlines():
        name, *columns = line.split()
        marks = zip(CALLERS, "".join(columns), strict=True)
        yield name, {who for who, mark in marks if mark != "-"}


@pytest.fixture
def app(engine_sqlite: sa.Engine) -> dash.Dash:
    return create_app(engine_sqlite, DashSettings(_env_file=None))


@pytest.fixture
def cookies(engine_sqlite: sa.Engine) -> dict[str, str]:
    now = datetime.now(UTC)
    with writing(engine_sqlite) as connection:

        def session(name: str, role: str, age: timedelta = timedelta()) -> str:
            person = add_person(connection, COMMAND_LINE, name, roles=[role], now=now)
            token = begin_session(connection, person.person_id, agent="", now=now - age)
            if name == "locked":
                change = {"state": "locked"}
                change_person(connection, COMMAND_LINE, person.person_id, change, now=now)
            return f"flare={token}"

        return {
            "nobody": "",
            **{role: session(role, role) for role in ROLES},
            "locked": session("locked", "admin"),
            "expired": session("expired", "admin", timedelta(days=8)),
            "unknown": "flare=x",
        }


def is_refused(client: FlaskClient, name: str, output: str, cookie: str) -> bool:
    headers = {"Cookie": cookie} if cookie else {}
    if name.startswith("/"):
        path = re.sub(r"<[^>]+>", "x", name)
        method = METHODS.get(name, "GET")
        answer = client.open(path, method=method, headers=headers)
        is_sign_in = "/sign-in?next=" in answer.headers.get("Location", "")
        return answer.status_code in (401, 403) or is_sign_in
    answer = client.post("/_dash-update-component", json={"output": output}, headers=headers)
    return answer.status_code in (401, 403)


def test_each_route_and_callback_stands_in_the_table(app: dash.Dash) -> None:
    assert {name for name, _ in table()} == {name_of(key) for key in permissions(app.server)}
    assert set(PAGE_ACCESS) == {page.path for page in PAGES}


def test_each_route_and_callback_lets_in_whom_the_table_names_and_nobody_else(
    app: dash.Dash, cookies: dict[str, str]
) -> None:
    client, access = app.server.test_client(use_cookies=False), dict(table())

    wrong = [
        (who, output)
        for output in permissions(app.server)
        for who, cookie in cookies.items()
        for allowed in [access[name_of(output)]]
        if is_refused(client, name_of(output), output, cookie)
        == ((who if who in CALLERS else "nobody") in allowed)
    ]

    assert wrong == []


def test_each_page_is_for_whom_the_table_names() -> None:
    letters = {role[0]: role for role in ROLES}
    for page in PAGES:
        for letter, role in letters.items():
            may = page.permission in ROLES[role]
            assert may == (letter in PAGE_ACCESS[page.path]), (page.path, role)


def test_nobody_is_led_to_the_sign_in_page_and_back_to_this_site_alone(
    app: dash.Dash, cookies: dict[str, str]
) -> None:
    answer = app.server.test_client().get("/skill?event=M1.0")

    assert answer.status_code == 303
    assert answer.headers["Location"] == "/sign-in?next=%2Fskill%3Fevent%3DM1.0"


def test_without_anybody_registered_this_machine_needs_no_name_until_the_first_key(
    app: dash.Dash, engine_sqlite: sa.Engine
) -> None:
    client = app.server.test_client()

    def status(**headers: str) -> int:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return client.get("/", headers=sent).status_code

    assert status() == 200
    assert status(X_Forwarded_For="203.0.113.9") == 303
    assert client.get("/", environ_overrides={"REMOTE_ADDR": "192.0.2.7"}).status_code == 303
    with writing(engine_sqlite) as connection:
        now = datetime.now(UTC)
        add_key(connection, COMMAND_LINE, "desk", scopes=["read"], now=now)
        revoke_key(connection, COMMAND_LINE, "desk", now=now)
    assert status() == 303


def test_a_key_in_the_settings_locks_the_dashboard_too(engine_sqlite: sa.Engine) -> None:
    app = create_app(engine_sqlite, DashSettings(_env_file=None, api_key="a key of the desk"))

    assert app.server.test_client().get("/").status_code == 303


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "flare.example"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://localhost"}, 200),
    ],
    ids=str,
)
def test_other_names_and_pages_of_other_sites_are_refused(
    engine_sqlite: sa.Engine, headers: dict[str, str], status: int
) -> None:
    settings = DashSettings(_env_file=None, public_url="http://flare.example")
    client = create_app(engine_sqlite, settings).server.test_client()
    output = "newest-version.data"
    body = {
        "output": output,
        "outputs": {"id": "newest-version", "property": "data"},
        "inputs": [{"id": "tick", "property": "n_intervals", "value": 1}],
        "state": [{"id": "version", "property": "data", "value": None}],
        "changedPropIds": ["tick.n_intervals"],
    }
    if headers.get("Host") == "flare.example":
        # Under its public name nobody is the owner of this machine.
        assert client.get("/health", headers=headers).status_code == 200
        assert client.post("/_dash-update-component", json=body, headers=headers).status_code == 401
        return

    answer = client.post("/_dash-update-component", json=body, headers=headers)

    assert answer.status_code == status
    assert client.get("/health", headers={"Host": "evil.example"}).status_code == 200


def test_a_route_or_callback_without_a_permission_does_not_start() -> None:
    server = Flask("x", static_folder=None)
    app = dash.Dash("x", server=server)
    server.add_url_rule("/forgotten", view_func=lambda: "")
    app.callback(Output("forgotten", "children"), Input("x", "data"))(lambda x: x)
    callback(app, READ, Output("kept", "children"), Input("x", "data"))(lambda x: x)

    with pytest.raises(RuntimeError, match=r"/forgotten, forgotten\.children$"):
        refuse_undeclared(app)
