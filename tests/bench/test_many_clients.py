"""The clients of the benchmarks: each answer is counted once, and nothing wrong goes unseen."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count, islice
from typing import Any

import pytest

from bench.bodies import fresh_harpnums, one_record_bodies
from bench.many_clients import ManyClients


@contextmanager
def api(
    status: int = 200, accepted: int = 1, *, is_kept: bool = True, delay_seconds: float = 0.0
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Give an address that answers every request so, and the bodies that it was sent."""
    bodies: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1" if is_kept else "HTTP/1.0"

        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            time.sleep(delay_seconds)
            answer = json.dumps({"accepted": accepted, "duplicates": 0}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/observations", bodies
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def senders(n: int) -> list[Iterator[bytes]]:
    first = fresh_harpnums()
    return [one_record_bodies(f"client-{i:03}", count(first + i, n)) for i in range(n)]


def test_every_request_is_one_new_record_of_a_region_that_belongs_to_its_sender() -> None:
    with api() as (address, bodies), ManyClients(address, senders(3)) as clients:
        found = [*clients.run(1.0).answers, *clients.run(0.1).answers, *clients.finish()]

    records = [(body["sender"]["id"], body["observations"][0]) for body in bodies]
    assert len(found) == len(bodies) > 10
    assert clients.faults == []
    assert clients.reopened == 0
    assert len({(row["harpnum"], row["t_rec"]) for _, row in records}) == len(records)
    for sender in {name for name, _ in records}:
        own = [body for body in bodies if body["sender"]["id"] == sender]
        assert [body["sender"]["sent"] for body in own] == list(range(1, len(own) + 1))
        assert {row["harpnum"] for name, row in records if name != sender}.isdisjoint(
            body["observations"][0]["harpnum"] for body in own
        )


def test_a_connection_that_the_server_closes_is_opened_again_and_counted() -> None:
    with api(is_kept=False) as (address, bodies), ManyClients(address, senders(2)) as clients:
        answers = [*clients.run(0.2).answers, *clients.finish()]

    assert len(answers) == len(bodies) > 4
    assert clients.reopened >= len(answers) - 2
    assert clients.faults == []


@pytest.mark.parametrize(
    ("status", "accepted", "fault"), [(503, 1, "503 Service Unavailable"), (200, 0, "not accepted")]
)
def test_an_answer_that_does_not_accept_the_record_is_a_fault_and_no_result(
    status: int, accepted: int, fault: str
) -> None:
    with api(status, accepted) as (address, _), ManyClients(address, senders(1)) as clients:
        answers = [*clients.run(0.1).answers, *clients.finish()]

    assert answers == []
    assert fault in clients.faults[0]


def test_a_request_that_waits_for_the_answer_before_is_late_from_when_it_was_due() -> None:
    # It takes twice as long as the pace allows, so that each is later than the one before.
    with (
        api(delay_seconds=0.1) as (address, _),
        ManyClients(address, senders(1), every=0.05) as clients,
    ):
        answers = clients.run(0.55).answers
        clients.finish()

    waits = [answer.seconds_since_due for answer in answers]
    assert waits == sorted(waits)
    assert waits[-1] > answers[-1].seconds + 0.1


def test_a_steady_client_keeps_its_pace() -> None:
    with api() as (address, bodies), ManyClients(address, senders(2), every=0.1) as clients:
        clients.run(0.42)
        clients.finish()

    # At 0, 0.1 … 0.4 s, and half of that time later; a busy machine may be late with the last.
    assert 8 <= len(bodies) <= 9


def test_a_client_without_more_records_ends_the_measurement() -> None:
    few = [islice(bodies, 3) for bodies in senders(1)]

    with (
        api() as (address, _),
        ManyClients(address, few) as clients,
        pytest.raises(RuntimeError, match="no more records"),
    ):
        clients.run(5.0)
