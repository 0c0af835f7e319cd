"""Live records are answered as the view answers them, and what is unusual is left to the view."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from app import live_records
from app.create_app import create_app
from app.ingest.arrow_rows import MEDIA_TYPE
from app.live_records import PATH, LiveRecords
from app.settings import ApiSettings
from database.engine import reading, writing
from database.people.keys import add_key
from database.people.principal import COMMAND_LINE
from database.schema import tables
from solar.request_groups import Answer, Headers, SmallRequest

JSON = "application/json"
MASTER = "a-key-of-sixteen-characters"
MakeApp = Callable[..., Flask]
Rows = Callable[..., dict[str, Any]]


def small_request(
    body: bytes, *, media_type: str = JSON, query: str = "", **headers: str
) -> SmallRequest:
    named = {name.upper().replace("_", "-"): value for name, value in headers.items()}
    head = {"HOST": "127.0.0.1:8000", "CONTENT-TYPE": media_type, "X-REQUEST-ID": "same"} | named
    return SmallRequest(query, Headers(head), body, "127.0.0.1", time.perf_counter())


def json_body(*rows: dict[str, Any], **sender: Any) -> bytes:
    return json.dumps({"sender": {"id": "desk"} | sender, "observations": rows}).encode()


def arrow_body() -> bytes:
    times = pa.array([datetime(2014, 3, 1, tzinfo=UTC)], pa.timestamp("us", "UTC"))
    table, sink = pa.table({"harpnum": [3721], "t_rec": times}), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def live_records_of(app: Flask) -> LiveRecords:
    return LiveRecords(app.extensions["flarewatch"])


def answer_of_view(client: FlaskClient, request: SmallRequest) -> Answer:
    response = client.post(
        f"{PATH}?{request.query}", data=request.body, headers=request.headers.values
    )
    headers = {name: value for name, value in response.headers.items() if name != "Content-Length"}
    return Answer(response.status_code, headers, response.data)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "make_request",
    [
        lambda row: small_request(json_body(row(), sequence=1, sent=1)),
        lambda row: small_request(json_body(row(), row(lat_fwt=99.0), row(t_rec="?"))),
        lambda row: small_request(json_body(row()), query="return=predictions", x_api_key=MASTER),
        lambda _: small_request(arrow_body(), media_type=MEDIA_TYPE, query="sender=desk&sent=1"),
        lambda row: small_request(json_body(row(), row())),
        # Half a character, which only a parser as lenient as Python's lets through.
        lambda row: small_request(
            json_body(row(), row(keywords={"\ud800": 1.0}), row(quality=float("nan")))
        ),
        lambda row: small_request(json_body(row()), host="example.org", x_api_key=MASTER),
        lambda row: small_request(
            json_body(row()), x_forwarded_for="1.2.3.4, 192.0.2.1", via="p", x_api_key=MASTER
        ),
    ],
    ids=[
        "record",
        "partly bad",
        "forecasts",
        "Arrow",
        "twice",
        "half a character",
        "other name",
        "through a proxy",
    ],
)
def test_a_live_record_has_the_answer_the_line_and_the_counts_that_the_view_gives(
    make_request: Callable[[Rows], SmallRequest],
    open_store: Callable[[str], sa.Engine],
    make_app: MakeApp,
    row: Rows,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    request = make_request(row)
    key = {"api_key": MASTER} if request.headers.get("X-API-Key") else {}
    stores = [open_store(f"sqlite:///{tmp_path}/{name}.db") for name in ("live", "view")]
    live, view = (make_app(store, **key) for store in stores)

    with caplog.at_level("INFO", "app.requests"):
        (answer,) = live_records_of(live).answer([request])
        wanted = answer_of_view(view.test_client(), request)

    assert answer == wanted
    lines = [record.__dict__["fields"] for record in caplog.records if "fields" in vars(record)]
    of_live, of_view = ({**line, "milliseconds": None} for line in lines)
    assert of_live == of_view
    assert rows_of(stores[0], tables.senders) == rows_of(stores[1], tables.senders)
    assert rows_of(stores[0], tables.rejections) == rows_of(stores[1], tables.rejections)
    assert len(rows_of(stores[0], tables.observations)) == 1


def rows_of(store: sa.Engine, table: sa.Table) -> list[dict[str, Any]]:
    # How long it took differs from one time to the next.
    with reading(store) as connection:
        rows = connection.execute(sa.select(table)).mappings()
        return [{**row, "processing": None} for row in rows]


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"cookie": "a=b"}, ""),
        ({"authorization": "Bearer abc"}, ""),
        ({"origin": "https://example.org"}, ""),
        ({"sec_fetch_site": "cross-site"}, ""),
        ({"content_encoding": "gzip"}, ""),
        ({"content_type": "application/json; charset=utf-8"}, ""),
        ({"content_type": "text/plain"}, ""),
        ({"host": "example.org", "x_api_key": ""}, ""),
        ({"x_forwarded_for": "192.0.2.1", "x_api_key": ""}, ""),
        ({"x_api_key": "not-a-key-of-anybody"}, ""),
        ({}, "nonsense=1"),
        ({}, "return=counts&return=counts"),
    ],
)
def test_what_is_unusual_or_has_to_be_refused_is_left_to_the_view(
    headers: dict[str, str], query: str, engine_sqlite: sa.Engine, make_app: MakeApp, row: Rows
) -> None:
    refusing = live_records_of(make_app(engine_sqlite, api_key=MASTER))
    named = {name: value for name, value in ({"x_api_key": MASTER} | headers).items() if value}

    answers = refusing.answer([small_request(json_body(row()), query=query, **named)])

    assert answers == [None]
    assert rows_of(engine_sqlite, tables.observations) == []


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b'{"observations": []}', b'{"observations": [{"harpnum": 1}]}', b"\xff\xfe"],
)
def test_what_cannot_be_used_is_left_to_the_view_and_costs_the_others_nothing(
    body: bytes, engine_sqlite: sa.Engine, make_app: MakeApp, row: Rows
) -> None:
    live = live_records_of(make_app(engine_sqlite))

    good, bad = live.answer([small_request(json_body(row())), small_request(body)])

    assert (good is not None and good.status, bad) == (200, None)


def test_a_key_that_may_only_read_is_left_to_the_view_to_refuse(
    engine_sqlite: sa.Engine, make_app: MakeApp, row: Rows
) -> None:
    with writing(engine_sqlite) as connection:
        now = datetime.now(UTC)
        keys = [
            add_key(connection, COMMAND_LINE, scope, scopes=[scope], now=now)
            for scope in ("read", "ingest")
        ]
    live = live_records_of(make_app(engine_sqlite))

    may_not, may = live.answer([small_request(json_body(row()), x_api_key=key) for key in keys])

    assert (may_not, may is not None and may.status) == (None, 200)


def test_while_the_store_is_away_all_are_told_as_the_view_tells(row: Rows) -> None:
    # Nothing listens on port 1.
    address = "mysql+mysqlconnector://flare:secret@127.0.0.1:1/flarewatch"
    app = create_app(ApiSettings(database_url=address, api_key=MASTER))
    request = small_request(json_body(row()), x_api_key=MASTER)

    answers = live_records_of(app).answer([request] * 3)

    wanted = answer_of_view(app.test_client(), request)
    assert wanted.status == 503
    assert answers == [wanted] * 3


def test_a_group_of_too_many_rows_is_stored_in_parts(
    engine_sqlite: sa.Engine, make_app: MakeApp, row: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_records, "MOST_ROWS", 3)
    app = make_app(engine_sqlite)
    live, commits = live_records_of(app), list[int]()
    store = app.extensions["flarewatch"].engine
    sa.event.listen(store, "commit", lambda _: commits.append(1))
    sizes = [2, 1, 1, 5, 1]
    requests = [
        small_request(json_body(*(row(harpnum=10 * place + n) for n in range(1, size + 1))))
        for place, size in enumerate(sizes, start=1)
    ]

    answers = live.answer(requests)

    accepted = [json.loads(answer.body)["accepted"] for answer in answers if answer]
    assert (accepted, len(commits)) == (sizes, 4)
