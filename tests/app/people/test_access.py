"""Who may call what: each route for nobody, each role and each kind of key, written by hand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from app.security import refuse_undeclared
from database.engine import writing
from database.people.keys import add_key
from database.people.people import add_person, change_person
from database.people.principal import COMMAND_LINE, ROLES, SCOPES
from database.people.sessions import begin_session

# Columns: nobody; viewer, researcher, operator, admin; keys with the scope ingest, read,
# lab, work, admin.
ACCESS = """
GET /health                                    n vroa irlwa
GET /ready                                     n vroa irlwa
GET /status                                    n vroa irlwa
GET /openapi.json                              n vroa irlwa
GET /docs                                      n vroa irlwa
GET /api/v1/clock                              n vroa irlwa
PUT /api/v1/clock                              - --oa ----a
POST /api/v1/clock                             - ---a i---a
GET /api/v1/nowcast                            - vroa -r--a
GET /api/v1/nowcast/events                     - vroa -r--a
GET /api/v1/nowcast/counts                     - vroa -r--a
GET /api/v1/faults                             - vroa -r--a
POST /api/v1/faults                            - ---a i---a
GET /metrics                                   - vroa -r--a
POST /api/v1/observations                      - ---a i---a
GET /api/v1/observations                       - vroa -r--a
GET /api/v1/conflicts                          - vroa -r--a
GET /api/v1/regions                            - vroa -r--a
POST /api/v1/predict                           - vroa -r--a
GET /api/v1/predictions                        - vroa -r--a
GET /api/v1/leads                              - vroa -r--a
GET /api/v1/explanations                       - vroa -r--a
GET /api/v1/skill                              - vroa -r--a
GET /api/v1/skill/leads                        - vroa -r--a
GET /api/v1/skill/strata                       - vroa -r--a
GET /api/v1/models                             - vroa -r--a
GET /api/v1/lineups                            - vroa -r--a
GET /api/v1/processes                          - vroa -r--a
POST /api/v1/lab/models/rollback               - --oa ----a
GET /api/v1/alerts                             - vroa -r--a
GET /api/v1/alerts/<alert_id>                  - vroa -r--a
POST /api/v1/alerts/<alert_id>/acknowledge     - --oa ----a
POST /api/v1/flares                            - ---a i---a
GET /api/v1/flares                             - vroa -r--a
POST /api/v1/xray-flux                         - ---a i---a
POST /api/v1/region-reports                    - ---a i---a
GET /api/v1/region-reports                     - vroa -r--a
POST /api/v1/agency-forecasts                  - ---a i---a
GET /api/v1/senders                            - vroa -r--a
POST /api/v1/senders                           - ---a i---a
GET /api/v1/flow                               - vroa -r--a
POST /api/v1/leases                            - ---a i---a
POST /api/v1/session                           n vroa irlwa
POST /api/v1/session/proxy                     n vroa irlwa
GET /api/v1/session                            - vroa -r--a
DELETE /api/v1/session                         - vroa -----
GET /api/v1/invitations/<token>                n vroa irlwa
POST /api/v1/invitations/<token>               n vroa irlwa
GET /api/v1/account                            - vroa -----
POST /api/v1/account/password                  - vroa -----
DELETE /api/v1/account/sessions/<session_id>   - vroa -----
POST /api/v1/account/keys                      - vroa -----
DELETE /api/v1/account/keys/<name>             - vroa -----
GET /api/v1/people                             - ---a ----a
POST /api/v1/people                            - ---a ----a
GET /api/v1/people/<person_id>                 - ---a ----a
PATCH /api/v1/people/<person_id>               - ---a ----a
POST /api/v1/people/<person_id>/invitation     - ---a ----a
DELETE /api/v1/people/<person_id>/invitation   - ---a ----a
DELETE /api/v1/people/<person_id>/sessions     - ---a ----a
DELETE /api/v1/people/<person_id>/sessions/<session_id>  - ---a ----a
GET /api/v1/keys                               - ---a ----a
POST /api/v1/keys                              - ---a ----a
DELETE /api/v1/keys/<name>                     - ---a ----a
GET /api/v1/audit                              - ---a ----a
GET /api/v1/announcements                      - vroa -r--a
POST /api/v1/announcements                     - --oa ----a
DELETE /api/v1/announcements/<announcement_id> - --oa ----a
GET /api/v1/feedback                           - vroa -----
POST /api/v1/feedback                          - vroa -----
PATCH /api/v1/feedback/<feedback_id>           - --oa ----a
GET /api/v1/lab/experiments                    - vroa --l-a
POST /api/v1/lab/experiments                   - -r-a --l-a
GET /api/v1/lab/experiments/<experiment_id>    - vroa --l-a
PATCH /api/v1/lab/experiments/<experiment_id>  - -r-a --l-a
DELETE /api/v1/lab/experiments/<experiment_id> - -r-a --l-a
POST /api/v1/lab/recipes/check                 - -r-a --l-a
GET /api/v1/lab/schema                         - vroa --l-a
GET /api/v1/lab/recipes                        - vroa --l-a
POST /api/v1/lab/recipes                       - -r-a --l-a
GET /api/v1/lab/recipes/<recipe_id>            - vroa --l-a
GET /api/v1/lab/runs                           - vroa --l-a
POST /api/v1/lab/runs                          - -r-a --l-a
GET /api/v1/lab/runs/<run_id>                  - vroa --l-a
PATCH /api/v1/lab/runs/<run_id>                - -r-a --l-a
DELETE /api/v1/lab/runs/<run_id>               - -r-a --l-a
POST /api/v1/lab/runs/<run_id>/start           - -r-a --l-a
POST /api/v1/lab/runs/<run_id>/stop            - -roa --l-a
POST /api/v1/lab/runs/<run_id>/restart         - -r-a --l-a
POST /api/v1/lab/runs/<run_id>/clone           - -r-a --l-a
POST /api/v1/lab/runs/bulk                     - -roa --l-a
GET /api/v1/lab/runs/<run_id>/log              - vroa --l-a
GET /api/v1/lab/runs/<run_id>/history          - vroa --l-a
GET /api/v1/lab/runs/<run_id>/outputs          - vroa --l-a
GET /api/v1/lab/runs/<run_id>/outputs/<path:name>  - vroa --l-a
GET /api/v1/lab/runs/<run_id>/outputs.zip      - vroa --l-a
GET /api/v1/lab/compare                        - vroa --l-a
GET /api/v1/lab/line                           - vroa --l-a
GET /api/v1/lab/workers                        - vroa --l-a
GET /api/v1/lab/machines                       - vroa --l-a
POST /api/v1/lab/workers/<worker_id>/drain     - --oa ----a
POST /api/v1/lab/uploads                       - -r-a --l-a
PATCH /api/v1/lab/uploads/<upload_id>          - -r-a --l-a
DELETE /api/v1/lab/uploads/<upload_id>         - -r-a --l-a
GET /api/v1/lab/datasets                       - vroa --l-a
POST /api/v1/lab/datasets                      - -r-a --l-a
GET /api/v1/lab/datasets/<dataset_id>          - vroa --l-a
PATCH /api/v1/lab/datasets/<dataset_id>        - -r-a --l-a
DELETE /api/v1/lab/datasets/<dataset_id>       - -r-a --l-a
GET /api/v1/lab/datasets/<dataset_id>/breakdown  - vroa --l-a
GET /api/v1/lab/datasets/<dataset_id>/files/<sha256>  - vroa --l-a
POST /api/v1/lab/datasets/<dataset_id>/answer  - -r-a --l-a
POST /api/v1/worker/register                   - ---- ---wa
POST /api/v1/worker/runs/<run_id>/claim        - ---- ---wa
POST /api/v1/worker/runs/<run_id>/report       - ---- ---wa
PUT /api/v1/worker/runs/<run_id>/outputs/<path:name>  - ---- ---wa
GET /api/v1/worker/files/<sha256>              - ---- ---wa
POST /api/v1/worker/runs/<run_id>/end          - ---- ---wa
GET /api/v1/worker/runs/<run_id>/store/<table> - ---- ---wa
"""
# Who calls, in the order of the columns, and who else is nobody.
CALLERS = ("nobody", *(f"role {role}" for role in ROLES), *(f"key {scope}" for scope in SCOPES))
AS_NOBODY = ("expired session", "locked person", "unknown token", "expired key")
# Another machine, which may not do what this one may.
ELSEWHERE = {"REMOTE_ADDR": "192.0.2.7"}


def table() -> Iterator[tuple[str, str, set[str]]]:
    for line in ACCESS.strip().splitlines():
        method, path, *columns = line.split()
        marks = "".join(columns)
        yield method, path, {who for who, mark in zip(CALLERS, marks, strict=True) if mark != "-"}


@pytest.fixture
def headers(engine_sqlite: sa.Engine, clock: Callable[[], datetime]) -> dict[str, dict[str, str]]:
    now = clock()
    with writing(engine_sqlite) as connection:

        def session(name: str, role: str, *, began_at: datetime = now) -> dict[str, str]:
            person = add_person(connection, COMMAND_LINE, name, roles=[role], now=now)
            token = begin_session(connection, person.person_id, agent="", now=began_at)
            if name == "locked":
                change = {"state": "locked"}
                change_person(connection, COMMAND_LINE, person.person_id, change, now=now)
            return {"Authorization": f"Bearer {token}"}

        def key(name: str, scope: str, *, made_at: datetime = now) -> dict[str, str]:
            ends = made_at + timedelta(hours=1)
            return {
                "X-API-Key": add_key(
                    connection, COMMAND_LINE, name, scopes=[scope], expires_at=ends, now=made_at
                )
            }

        week = timedelta(days=8)
        return {
            "nobody": {},
            **{f"role {role}": session(role, role) for role in ROLES},
            **{f"key {scope}": key(scope, scope) for scope in SCOPES},
            "expired session": session("expired", "admin", began_at=now - week),
            "locked person": session("locked", "admin"),
            "unknown token": {"Authorization": "Bearer x"},
            "expired key": key("expired", "admin", made_at=now - week),
        }


def is_refused(client: FlaskClient, method: str, path: str, headers: dict[str, str]) -> bool:
    answer = client.open(
        re.sub(r"<\w+>", "x", path), method=method, headers=headers, environ_overrides=ELSEWHERE
    )
    if answer.status_code == 401:
        # A route for everybody may refuse a password or a proxy.
        return "the key is" in answer.get_json()["detail"]
    return answer.status_code in (403, 429)


def test_each_route_stands_in_the_table(client_sqlite: FlaskClient) -> None:
    rules = client_sqlite.application.url_map.iter_rules()

    served = {(m, r.rule) for r in rules for m in (r.methods or set()) - {"HEAD", "OPTIONS"}}

    assert {(method, path) for method, path, _ in table()} == served


def test_each_route_lets_in_whom_the_table_names_and_nobody_else(
    client_sqlite: FlaskClient, headers: dict[str, dict[str, str]]
) -> None:
    # The one that signs out comes last.
    rows = sorted(table(), key=lambda row: row[:2] == ("DELETE", "/api/v1/session"))

    wrong = [
        (who, method, path)
        for method, path, allowed in rows
        for who in (*CALLERS, *AS_NOBODY)
        if is_refused(client_sqlite, method, path, headers[who])
        == (("nobody" if who in AS_NOBODY else who) in allowed)
    ]

    assert wrong == []


def test_a_person_reaches_nothing_of_another(
    client_sqlite: FlaskClient, headers: dict[str, dict[str, str]]
) -> None:
    viewer, operator = headers["role viewer"], headers["role operator"]
    session = client_sqlite.get("/api/v1/session", headers=operator).get_json()["session_id"]
    client_sqlite.post(
        "/api/v1/account/keys", headers=operator, json={"name": "nb", "scopes": ["read"]}
    )
    said = client_sqlite.post(
        "/api/v1/feedback", headers=operator, json={"kind": "bug", "text": "broken"}
    ).get_json()

    answers = [
        client_sqlite.delete(f"/api/v1/account/{path}", headers=viewer)
        for path in (f"sessions/{session}", "keys/nb", "sessions/unknown", "keys/unknown")
    ]

    assert [answer.status_code for answer in answers] == [404] * 4
    assert client_sqlite.get("/api/v1/feedback", headers=viewer).get_json()["items"] == []
    assert client_sqlite.get("/api/v1/feedback", headers=operator).get_json()["items"] == [said]
    assert client_sqlite.get("/api/v1/session", headers=operator).status_code == 200
    (key,) = client_sqlite.get("/api/v1/account", headers=operator).get_json()["keys"]
    assert key["name"] == "nb"


def test_a_route_without_a_permission_does_not_start() -> None:
    app = Flask("app", static_folder=None)
    app.add_url_rule("/forgotten", view_func=lambda: "")

    with pytest.raises(RuntimeError, match="/forgotten declares no permission"):
        refuse_undeclared(app)
