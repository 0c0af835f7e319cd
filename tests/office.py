"""An office: the dashboard and the real API on one store, with people who are signed in."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from app.create_app import create_app as create_api
from app.settings import ApiSettings
from app_dash.create_app import create_app
from app_dash.settings import DashSettings
from database.engine import reading, writing
from database.people.credentials import hash_new_password, set_password
from database.people.people import Person, add_person
from database.people.principal import COMMAND_LINE
from database.people.sessions import COOKIE, begin_session, list_sessions

PASSWORD = "a long sentence of mine"
# Hashing takes a tenth of a second, and they all have the same one.
_HASH = hash_new_password(PASSWORD)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0"


class Office:
    """The dashboard as its browsers see it; each call may be made in the session of a person."""

    def __init__(self, engine: sa.Engine, api_url: str) -> None:
        self.engine = engine
        self.settings = DashSettings(_env_file=None, api_url=api_url)
        self.app = create_app(engine, self.settings)
        self.people: dict[str, Person] = {}
        self._tokens: dict[str, str] = {}

    def add(self, name: str, role: str, *, display_name: str = "") -> Person:
        """Register a person with the password of this module and a session."""
        now = datetime.now(UTC)
        with writing(self.engine) as connection:
            person = add_person(
                connection, COMMAND_LINE, name, roles=[role], display_name=display_name, now=now
            )
            set_password(connection, person.person_id, _HASH, now=now)
            token = begin_session(connection, person.person_id, agent=FIREFOX, now=now)
        self.people[name], self._tokens[name] = person, token
        return person

    def admit(self, name: str, token: str) -> None:
        """Know a person who is registered and has a session already."""
        self._tokens[name] = token

    def browser(self, name: str = "") -> FlaskClient:
        """Return a browser, of a person or of a stranger."""
        client = self.app.server.test_client()
        if name:
            client.set_cookie(COOKIE, self._tokens[name])
        return client

    def open(self, path: str, *, of: str) -> str:
        """Return what the frame draws for an address, as text."""
        pathname, _, query = path.partition("?")
        given = {
            "url.pathname": pathname, "url.search": f"?{query}" if query else "",
            "theme.data": "light", "version.data": "1", "show-newer.n_clicks": None,
        }  # fmt: skip
        state = {"is-drawn.data": False, "marks.data": [], "data-key.data": None}
        (output,) = (key for key in self.app.callback_map if "page.children" in key)
        answer = self._call(output, given, state, changed="url.pathname", of=of)
        assert answer.status_code == 200, answer.text
        return json.dumps(answer.get_json(), ensure_ascii=False)

    def press(
        self,
        page: str,
        action: str,
        of: str = "",
        /,
        *,
        by: str,
        search: str = "",
        pathname: str = "",
        **values: Any,
    ) -> TestResponse:
        """Press a button of a page, with what its inputs hold."""
        key = {"action": action, "of": of}
        identity = {**key, "type": f"{page}-action"}
        body = {
            "output": next(name for name in self.app.callback_map if f'"{page}-message"' in name),
            "outputs": {"id": {**key, "type": f"{page}-message"}, "property": "children"},
            "inputs": [{"id": identity, "property": "n_clicks", "value": 1}],
            "state": [
                [
                    {"id": {"type": f"{page}-input", "name": name}, "property": "value",
                     "value": value}
                    for name, value in values.items()
                ],
                {"id": "url", "property": "pathname", "value": pathname or f"/{page}"},
                {"id": "url", "property": "search", "value": search},
                {"id": "theme", "property": "data", "value": "light"},
            ],
            "changedPropIds": [_id(identity) + ".n_clicks"],
        }  # fmt: skip
        return self.browser(by).post("/_dash-update-component", json=body)

    def _call(
        self,
        output: str,
        given: Mapping[str, Any],
        state: Mapping[str, Any],
        *,
        changed: str,
        of: str,
    ) -> TestResponse:
        names = re.findall(r"(?:^\.\.|\.\.\.)?([a-z-]+\.[a-z-]+)(?=\.\.\.|\.\.$|$)", output)
        body = {
            "output": output,
            "outputs": [dict(zip(("id", "property"), n.split("."), strict=True)) for n in names],
            "inputs": _parts(given),
            "state": _parts(state),
            "changedPropIds": [changed],
        }
        return self.browser(of).post("/_dash-update-component", json=body)

    def sessions(self, name: str) -> int:
        """Return how many sessions a person has."""
        with reading(self.engine) as connection:
            person_id = self.people[name].person_id
            return len(list_sessions(connection, person_id=person_id, now=datetime.now(UTC)))


def _id(identity: Mapping[str, str]) -> str:
    return json.dumps(identity, sort_keys=True, separators=(",", ":"))


def _parts(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {**dict(zip(("id", "property"), name.split("."), strict=True)), "value": value}
        for name, value in values.items()
    ]


def message_of(answer: TestResponse) -> str:
    """Return what stands beside the button after an action; empty when it succeeded."""
    assert answer.status_code == 200, answer.text
    body = answer.get_json()
    (props,) = body["response"].values()
    text: str = props["children"]
    return text


@contextmanager
def serving_api(engine: sa.Engine, **settings: Any) -> Iterator[str]:
    """Serve the API on a store until the block ends; yield its address."""
    address = engine.url.render_as_string(hide_password=False)
    api = create_api(ApiSettings(database_url=address, **settings))
    server = make_server("127.0.0.1", 0, api, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        api.extensions["flarewatch"].engine.dispose()
