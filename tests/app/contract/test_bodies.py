"""A body is read within bounds of size and time, however it is sent."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from flask.testing import FlaskClient

from app.contract.bodies import read_within
from app.contract.problems import MAX_BODY_BYTES, RequestError

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    here, there = socket.socketpair()
    with here, there:
        yield here, there


def test_a_sender_that_drips_is_cut_off_at_the_deadline(pair: Pair) -> None:
    here, there = pair
    ended = threading.Event()

    def drip() -> None:
        with suppress(BrokenPipeError):
            while not ended.wait(0.05):
                there.send(b".")

    sender = threading.Thread(target=drip)
    sender.start()
    began = time.monotonic()
    try:
        with here.makefile("rb") as stream, pytest.raises(RequestError) as refusal:
            read_within(stream, here, seconds=0.5, length=1_000)
    finally:
        ended.set()
        sender.join()

    assert refusal.value.status == 408
    assert "of 1,000 bytes came in time" in str(refusal.value)
    assert time.monotonic() - began < 5


def test_a_sender_that_says_nothing_is_cut_off_too(pair: Pair) -> None:
    here, _ = pair

    with here.makefile("rb") as stream, pytest.raises(RequestError, match="took too long"):
        read_within(stream, here, seconds=0.3, length=None)


def test_a_body_that_ends_early_says_how_much_came(pair: Pair) -> None:
    here, there = pair
    there.sendall(b"x" * 10)
    there.shutdown(socket.SHUT_WR)

    with here.makefile("rb") as stream, pytest.raises(RequestError) as refusal:
        read_within(stream, here, seconds=5, length=1_000)

    assert (refusal.value.status, str(refusal.value)) == (
        400, "the body ended after 10 of 1,000 bytes; send it again",
    )  # fmt: skip


def test_of_a_body_that_goes_on_only_the_declared_length_is_read(pair: Pair) -> None:
    here, there = pair
    there.sendall(b"x" * 1_000)

    with here.makefile("rb") as stream:
        body = read_within(stream, here, seconds=5, length=1_000)

    assert body == b"x" * 1_000


class Endless:
    """A body in chunks that never ends; it counts what is taken of it."""

    taken = 0

    def read(self, size: int = -1) -> bytes:
        self.taken += size
        return b" " * size


def test_a_body_in_chunks_is_refused_as_soon_as_it_is_too_large(
    client_sqlite: FlaskClient,
) -> None:
    body = Endless()

    response = client_sqlite.post(
        "/api/v1/observations",
        content_type="application/json",
        environ_overrides={
            "wsgi.input": body,
            "wsgi.input_terminated": True,
            "HTTP_TRANSFER_ENCODING": "chunked",
        },
    )

    assert response.status_code == 413
    assert "larger than 32 MB" in response.get_json()["detail"]
    assert body.taken <= MAX_BODY_BYTES
