"""The guard: keys, when none is needed, and which hosts, origins and addresses are believed."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.services import prepare
from app.settings import ApiSettings
from database.engine import writing
from database.people.keys import add_key, revoke_key
from database.people.people import add_person, change_person
from database.people.principal import COMMAND_LINE
from solar.errors import InvalidInputError

MakeApp = Callable[..., Flask]
MASTER = "a-key-of-sixteen-characters"
READ, INGEST = "/api/v1/predictions", "/api/v1/observations"


def key_of(engine: sa.Engine, *scopes: str) -> str:
    with writing(engine) as connection:
        name = "-".join(scopes)
        return add_key(connection, COMMAND_LINE, name, scopes=scopes, now=datetime.now(UTC))


def test_on_the_own_machine_without_any_key_none_is_needed(
    engine_sqlite: sa.Engine, make_app: MakeApp
) -> None:
    assert make_app(engine_sqlite).test_client().get(READ).status_code == 200


def test_with_the_key_of_the_settings_every_call_needs_it(
    engine_sqlite: sa.Engine, make_app: MakeApp
) -> None:
    client = make_app(engine_sqlite, api_key=MASTER).test_client()

    answers = [client.get(READ, headers=h) for h in ({}, {"X-API-Key": "wrong"})]

    assert [answer.status_code for answer in answers] == [401, 401]
    assert "is missing" in answers[0].get_json()["detail"]
    assert "is not known" in answers[1].get_json()["detail"]
    assert client.get(READ, headers={"X-API-Key": MASTER}).status_code == 200
    assert client.get("/health").status_code == 200


def test_a_key_opens_only_its_scopes(engine: sa.Engine, make_app: MakeApp) -> None:
    keys = {scope: key_of(engine, scope) for scope in ("ingest", "read", "admin")}
    client = make_app(engine).test_client()

    def statuses(key: str) -> tuple[int, int]:
        headers = {"X-API-Key": key}
        posted = client.post(INGEST, json={}, headers=headers)
        return client.get(READ, headers=headers).status_code, posted.status_code

    # 422 is the answer to the empty body, behind the door.
    assert statuses(keys["read"]) == (200, 403)
    assert statuses(keys["ingest"]) == (403, 422)
    assert statuses(keys["admin"]) == (200, 422)


def test_the_first_key_or_person_ends_the_open_door_within_half_a_second_and_for_ever(
    engine: sa.Engine, make_app: MakeApp
) -> None:
    client, now = make_app(engine).test_client(), datetime.now(UTC)
    assert client.get(READ).status_code == 200

    key_of(engine, "read")

    time.sleep(0.5)
    assert client.get(READ).status_code == 401
    with writing(engine) as connection:
        revoke_key(connection, COMMAND_LINE, "read", now=now)
    assert client.get(READ).status_code == 401
    assert make_app(engine).test_client().get(READ).status_code == 401


def test_the_last_person_who_leaves_locks_the_door(
    engine_sqlite: sa.Engine, make_app: MakeApp
) -> None:
    now = datetime.now(UTC)
    with writing(engine_sqlite) as connection:
        ana = add_person(connection, COMMAND_LINE, "ana", roles=["viewer"], now=now)
        change_person(connection, COMMAND_LINE, ana.person_id, {"state": "left"}, now=now)

    assert make_app(engine_sqlite).test_client().get(READ).status_code == 401


def test_the_open_door_is_for_this_machine_alone_and_not_for_what_a_proxy_on_it_lets_in(
    engine_sqlite: sa.Engine, make_app: MakeApp
) -> None:
    client = make_app(engine_sqlite, allowed_hosts="flare.example").test_client()

    def status(host: str = "localhost", address: str = "127.0.0.1", **headers: str) -> int:
        sent = {"Host": host, **{name.replace("_", "-"): v for name, v in headers.items()}}
        return client.get(
            READ, headers=sent, environ_overrides={"REMOTE_ADDR": address}
        ).status_code

    assert status() == 200
    assert status("127.0.0.1:8000") == 200
    assert status("[::1]:8000", "::1") == 200
    assert status("flare.example") == 401
    assert status(X_Forwarded_For="203.0.113.9") == 401
    assert status(Forwarded="for=203.0.113.9") == 401
    assert status(address="192.0.2.7") == 401


def test_a_name_that_the_server_does_not_have_is_refused_but_with_a_valid_key(
    engine_sqlite: sa.Engine, make_app: MakeApp
) -> None:
    changes = {"allowed_hosts": "app, flare.example", "public_url": "https://desk.example"}
    client = make_app(engine_sqlite, api_key=MASTER, **changes).test_client()

    def status(host: str, path: str = READ, key: str = MASTER) -> int:
        return client.get(path, headers={"Host": host, "X-API-Key": key}).status_code

    for host in ("app:8000", "flare.example", "desk.example:443", "localhost", "127.0.0.1"):
        assert status(host, key="wrong") == 401
    for host in (
        "evil.example",
        "localhost.evil.example",
        "",
        "[",
        "app.",
        "127.0.0.1.evil.example",
    ):
        assert status(host, key="wrong") == 421
        assert status(host) == 200
        assert status(host, "/health", "") == 200


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, 422),
        ({"Sec-Fetch-Site": "same-origin"}, 422),
        ({"Sec-Fetch-Site": "none"}, 422),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://localhost"}, 422),
        ({"Origin": "https://desk.example"}, 422),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:9999"}, 403),
    ],
    ids=str,
)
def test_a_page_of_another_site_changes_nothing(
    engine_sqlite: sa.Engine, make_app: MakeApp, headers: dict[str, str], expected: int
) -> None:
    client = make_app(engine_sqlite, public_url="https://desk.example").test_client()

    assert client.post(INGEST, json={}, headers=headers).status_code == expected
    assert client.get(READ, headers=headers).status_code == 200


def test_guessing_keys_is_locked_for_the_address_that_guesses(
    engine_sqlite: sa.Engine, make_app: MakeApp
) -> None:
    client = make_app(engine_sqlite, api_key=MASTER, trusted_proxies="10.0.0.0/8").test_client()

    def ask(key: str, *, peer: str = "10.0.0.5", forwarded: str = "203.0.113.9") -> Any:
        headers = {"X-API-Key": key, "X-Forwarded-For": forwarded}
        return client.get(READ, headers=headers, environ_overrides={"REMOTE_ADDR": peer})

    statuses = [ask(f"guess {n}").status_code for n in range(21)]

    assert statuses == [401] * 20 + [429]
    assert 0 < int(ask("guess").headers["Retry-After"]) <= 15 * 60
    assert ask("guess", forwarded="203.0.113.10").status_code == 401
    # What a stranger says of itself is not believed: it stays the same peer.
    claims = [ask("x", peer="192.0.2.7", forwarded=f"203.0.113.{n}").status_code for n in range(21)]
    assert claims[-1] == 429
    assert ask(MASTER).status_code == 200


def test_measurements_are_for_this_machine_for_listed_addresses_and_for_readers(
    engine_sqlite: sa.Engine, make_app: MakeApp
) -> None:
    client = make_app(
        engine_sqlite, api_key=MASTER, metrics_addresses="192.0.2.0/24, 2001:db8::1"
    ).test_client()

    def status(peer: str, **headers: str) -> int:
        return client.get(
            "/metrics", headers=headers, environ_overrides={"REMOTE_ADDR": peer}
        ).status_code

    assert status("127.0.0.1") == status("192.0.2.7") == status("2001:db8::1") == 200
    assert status("203.0.113.9") == 401
    assert status("203.0.113.9", **{"X-API-Key": MASTER}) == 200
    assert status("127.0.0.1", **{"X-Forwarded-For": "203.0.113.9"}) == 401


def test_each_line_of_the_log_names_who_asked_and_from_where(
    engine_sqlite: sa.Engine, make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    client = make_app(engine_sqlite, api_key=MASTER, trusted_proxies="10.0.0.0/8").test_client()
    from_proxy = {"REMOTE_ADDR": "10.0.0.5"}
    headers = {"X-API-Key": MASTER, "X-Forwarded-For": "203.0.113.9"}

    with caplog.at_level("INFO", "app.requests"):
        client.get(READ, headers=headers, environ_overrides=from_proxy)
        client.get(READ, headers={"X-Forwarded-For": "203.0.113.9"},
                   environ_overrides={"REMOTE_ADDR": "192.0.2.7"})  # fmt: skip

    lines = [record.__dict__["fields"] for record in caplog.records if "fields" in vars(record)]
    named = [(line["principal"], line["client"], line["status"]) for line in lines]
    assert named == [("FLARE_API_KEY", "203.0.113.9", 200), ("nobody", "192.0.2.7", 401)]


def test_a_browser_takes_no_answer_of_the_api_for_a_page_that_may_load_or_be_framed(
    engine_sqlite: sa.Engine, make_app: MakeApp
) -> None:
    client = make_app(engine_sqlite).test_client()

    for path in ("/docs", READ, "/nothing"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_a_server_for_other_machines_without_a_key_does_not_start(
    engine_sqlite: sa.Engine, host: str
) -> None:
    settings = settings_of(engine_sqlite, api_host=host)

    with pytest.raises(InvalidInputError, match="no key and no person: set"):
        prepare(settings)


def test_a_server_for_other_machines_starts_with_a_key(engine_sqlite: sa.Engine) -> None:
    prepare(settings_of(engine_sqlite, api_host="192.0.2.1", api_key=MASTER))


def settings_of(engine: sa.Engine, **changes: Any) -> ApiSettings:
    address = engine.url.render_as_string(hide_password=False)
    return ApiSettings(database_url=address, **changes)
