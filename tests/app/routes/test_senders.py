"""Senders over HTTP: what they say they have sent, and what became of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pyarrow as pa
from flask.testing import FlaskClient

from app.ingest.arrow_rows import MEDIA_TYPE

URL = "/api/v1/observations"
COUNTS = ("sent", "accepted", "duplicates", "revised", "rejected", "late", "lost")


def post(client: FlaskClient, rows: list[dict[str, Any]], **sender: Any) -> Any:
    body = {"sender": {"id": "s1", **sender}, "observations": rows}
    return client.post(URL, json=body).get_json().get("predictions")


def counts(client: FlaskClient) -> dict[str, int | None]:
    (item,) = client.get("/api/v1/senders").get_json()["items"]
    return {name: item[name] for name in COUNTS}


def test_every_row_that_was_sent_is_found_under_one_outcome(client: FlaskClient, row: Any) -> None:
    later = row(t_rec="2014-03-01T02:00:00Z")
    earlier = row(t_rec="2014-03-01T01:00:00Z")
    poor = row(t_rec="2014-03-01T03:00:00Z", quality=0x10000)
    changed = row(t_rec="2014-03-01T02:00:00Z", lon_fwt=1.0)

    post(client, [later], sequence=1, sent=1)
    post(client, [later, earlier, poor], sequence=2, sent=4)
    post(client, [later, earlier, poor], sequence=2, sent=4)
    post(client, [changed], sequence=4, sent=7)

    assert counts(client) == {
        "sent": 7, "accepted": 2, "duplicates": 1, "revised": 1, "rejected": 1, "late": 1,
        "lost": 2,
    }  # fmt: skip


def test_a_request_without_any_usable_row_is_accounted_for(client: FlaskClient, row: Any) -> None:
    post(client, [row(quality=-1), row(quality=0x10000)], sequence=1, sent=2)

    found = counts(client)

    assert (found["sent"], found["rejected"], found["lost"]) == (2, 2, 0)


def test_a_sender_of_arrow_counts_in_the_address(client_sqlite: FlaskClient) -> None:
    table = pa.table({"harpnum": [1], "t_rec": ["2014-03-01T00:00:00Z"], "TOTUSJH": [10.0]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)

    client_sqlite.post(
        f"{URL}?sender=s1&sequence=2&sent=5",
        data=sink.getvalue().to_pybytes(), content_type=MEDIA_TYPE,
    )  # fmt: skip

    found = counts(client_sqlite)
    assert (found["sent"], found["accepted"], found["lost"]) == (5, 1, 4)


def test_the_flow_shows_what_came_in_which_minute_and_why_rows_were_refused(
    client: FlaskClient, row: Any
) -> None:
    # The clock of these tests stands at 1 April 2014, 00:00.
    issued = post(client, [row(), row(quality=0x10000)], sequence=1, sent=2)
    post(client, [row()], sequence=2, sent=3)
    client.post(URL, data=b'{"sender":', content_type="application/json")

    query = "from=2014-03-31T23:59:00Z&to=2014-04-01T00:01:00Z"
    body = client.get(f"/api/v1/flow?{query}").get_json()

    before, now = body["points"]
    assert body["bucket_seconds"] == 60
    assert (before["at"], before["requests"]) == ("2014-03-31T23:59:00Z", 0)
    assert before["processing_ms"] == {"p50": None, "p95": None, "p99": None}
    assert (now["requests"], now["accepted"], now["duplicates"], now["rejected"]) == (2, 1, 1, 1)
    assert now["predictions"] == issued
    assert 0 < now["processing_ms"]["p50"] <= now["processing_ms"]["p99"]
    # One record of 1 March: 31 days; a bin of the latency is 58 % wide.
    assert now["latency_s"]["p50"] / (31 * 86_400) - 1 < 0.6
    assert body["senders"] == {"s1": [0, 3]}
    reasons = {(r["path"], r["n"], r["last_sender"]) for r in body["rejections"]}
    assert reasons == {("quality", 1, "s1"), ("(whole request)", 1, "unnamed")}


def test_the_flow_of_the_last_day_is_shown_without_being_asked(client_sqlite: FlaskClient) -> None:
    body = client_sqlite.get("/api/v1/flow").get_json()

    assert (body["bucket_seconds"], body["senders"]) == (300, {})
    assert len(body["points"]) == 288


def test_a_range_that_is_turned_round_is_refused(client_sqlite: FlaskClient) -> None:
    answer = client_sqlite.get("/api/v1/flow?from=2014-03-02T00:00:00Z&to=2014-03-01T00:00:00Z")

    assert answer.status_code == 422


def state(client: FlaskClient) -> str:
    (item,) = client.get("/api/v1/senders").get_json()["items"]
    told: str = item["state"]
    return told


def test_a_sender_is_active_while_its_heart_beats_then_silent_or_finished(
    client: FlaskClient, clock: Any, row: Any
) -> None:
    post(client, [row()], sequence=1, sent=1)
    clock.now += timedelta(seconds=14)
    client.post("/api/v1/senders", json={"sender": "s1"})
    clock.now += timedelta(seconds=14)

    assert state(client) == "active"
    clock.now += timedelta(seconds=2)
    assert state(client) == "silent"
    client.post("/api/v1/senders", json={"sender": "s1", "finished": True})
    clock.now += timedelta(days=1)
    assert state(client) == "finished"
    post(client, [row()], sequence=2, sent=2)
    assert state(client) == "active"
    assert counts(client)["sent"] == 2


def test_at_full_speed_the_last_sender_that_finishes_lets_the_clock_pass_the_end(
    client_sqlite: FlaskClient,
) -> None:
    span = {"starts": "2014-03-01T00:00:00Z", "ends": "2014-03-01T05:00:00Z", "speed": None}
    for name in ("s1", "s2"):
        client_sqlite.post("/api/v1/clock", json={"sender": name, **span})

    def now_after(name: str) -> str:
        client_sqlite.post("/api/v1/senders", json={"sender": name, "finished": True})
        told: str = client_sqlite.get("/api/v1/clock").get_json()["now"]
        return told

    assert now_after("s1") == "2014-03-01T00:00:00Z"
    # A day later the outcome of the last forecast is known.
    assert now_after("s2") == "2014-03-02T05:00:00Z"
