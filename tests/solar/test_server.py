"""The server takes requests as HTTP allows, and no client that is slow or broken stops others."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial

import psutil
import pytest
from processes import free_port, serving
from slow_peers import slow_peers
from small_server import CONNECTIONS, MOST_BODY_BYTES, THREADS

Server = tuple[int, subprocess.Popen[bytes]]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    port = free_port()
    ready = f"http://127.0.0.1:{port}/health"
    with serving("tests.small_server", port, ready=ready, environment=os.environ) as process:
        yield int(port), process


def ask(port: int, *pieces: bytes, pause: float = 0.05) -> bytes:
    """Send the pieces one after the other; return all that comes until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        for piece in pieces:
            client.sendall(piece)
            time.sleep(pause if len(pieces) > 1 else 0)
        return b"".join(iter(lambda: client.recv(65536), b""))


def get(port: int, path: str) -> bytes:
    return ask(port, f"GET {path} HTTP/1.0\r\n\r\n".encode())


def worker_of(port: int) -> int:
    return int(get(port, "/").rsplit(b"\n", 1)[1].split()[0])


def wait_until_let_go(port: int, clients: Sequence[socket.socket]) -> None:
    """Wait until the worker has closed its end of the connections of these clients."""
    worker = psutil.Process(worker_of(port))
    theirs = {client.getsockname()[1] for client in clients}
    deadline = time.monotonic() + 30
    while theirs & {one.raddr.port for one in worker.net_connections("tcp") if one.raddr}:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def post(head: bytes = b"", *, length: int | None = None) -> bytes:
    framing = b"Transfer-Encoding: chunked" if length is None else b"Content-Length: %d" % length
    return b"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s%s\r\n\r\n" % (head, framing)


@pytest.mark.parametrize(
    ("pieces", "answer"),
    [
        ([post(length=5), b"12", b"345"], b"/echo 5 5 None"),
        ([post(), b"3\r", b"\n123\r\n2;a=b\r\n45\r\n0", b"\r\n\r\n"], b"/echo 5 5 None"),
        ([post(b"Expect: 100-continue\r\n", length=1), b"x"], b"/echo 1 1 None"),
        ([b"GET /a HTT", b"P/1.1\r\nHost: x\r\nConnection: close\r", b"\n\r\n"], b"/a 0 0 None"),
        ([b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n" + post(length=1) + b"x"], b"/echo 1 1 None"),
    ],
)
def test_a_request_is_whole_however_it_comes(
    server: Server, pieces: list[bytes], answer: bytes
) -> None:
    given = ask(server[0], *pieces)

    assert given.endswith(answer)
    assert given.startswith(b"HTTP/1.1 100 Continue" if b"Expect" in pieces[0] else b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("request_", "status", "reason"),
    [
        (post() + b"-1\r\nabc\r\n", 400, b"chunk size"),
        (post() + b"3;" + b"x" * 100_000 + b"\r\nabc\r\n0\r\n\r\n", 400, b"chunk size line"),
        (post(b"Content-Length: 3\r\n"), 400, b"CONTENT-LENGTH"),
        (post(length=5) + b"x", 408, b"1 of 5 bytes came in time"),
        (b"GET / HTTP/1.1\r\nHost", 408, b"the head of the request"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01", 400, b""),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20_000, 431, b"longer than 65,536 bytes"),
    ],
)
def test_what_is_broken_or_does_not_end_is_refused_with_the_reason(
    server: Server, request_: bytes, status: int, reason: bytes
) -> None:
    given = ask(server[0], request_)

    assert given.startswith(b"HTTP/1.1 %d " % status)
    assert b"Content-Type: application/problem+json" in given
    assert reason in given


@pytest.mark.parametrize("length", [50_000_000, None])
def test_of_a_body_that_is_too_large_the_application_sees_the_length(
    server: Server, length: int | None
) -> None:
    chunk = b"F4240\r\n" + b"x" * 1_000_000 + b"\r\n"
    body = b"x" * length if length else chunk * 50 + b"0\r\n\r\n"

    given = ask(server[0], post(length=length) + body)

    seen, read = given.rsplit(b" ", 3)[1:3]
    assert given.startswith(b"HTTP/1.1 413")
    assert (int(seen) > MOST_BODY_BYTES, int(read)) == (True, 0)


def test_slow_and_silent_clients_hold_no_thread(server: Server) -> None:
    with slow_peers(server[0], heads=20, bodies=20, idle=2 * CONNECTIONS) as peers:
        began = time.monotonic()
        for _ in range(5):
            assert b"/now" in get(server[0], "/now")
        seconds = time.monotonic() - began

        assert seconds < 1
        assert peers[25].recv(99).startswith(b"HTTP/1.1 408")


def test_readers_that_stop_reading_are_given_up_and_their_threads_go_on(server: Server) -> None:
    with ExitStack() as stack:
        readers = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server[0])))
            for _ in range(2 * THREADS)
        ]
        for reader in readers:
            reader.sendall(b"GET /large?40 HTTP/1.0\r\n\r\n")
        answer = get(server[0], "/now")
        # Whoever reads before is not given up.
        wait_until_let_go(server[0], readers)
        read = [len(b"".join(iter(partial(reader.recv, 1 << 20), b""))) for reader in readers]

    assert b"/now" in answer
    assert all(500_000 < size < 20_000_000 for size in read)


def test_what_a_slow_reader_has_not_read_holds_no_thread(server: Server) -> None:
    with ExitStack() as stack:
        readers = [stack.enter_context(socket.socket()) for _ in range(2 * THREADS)]
        for reader in readers:
            # It takes some kilobytes, and the server's side some hundred.
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.connect(("127.0.0.1", server[0]))
            reader.sendall(b"GET /large?7 HTTP/1.0\r\n\r\n")
        time.sleep(0.1)
        began = time.monotonic()
        assert b"/now" in get(server[0], "/now")
        seconds = time.monotonic() - began

    assert seconds < 0.5


def group_post(body: bytes, head: bytes = b"Connection: close\r\n") -> bytes:
    length = b"Content-Length: %d" % len(body)
    return b"POST /group HTTP/1.1\r\nHost: x\r\n%s%s\r\n\r\n%s" % (head, length, body)


def grouped(port: int, bodies: list[bytes]) -> list[bytes]:
    """Send all bodies at once, each over its own connection, and return all that comes."""
    with ExitStack() as stack:
        lines = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            for _ in bodies
        ]
        for line, body in zip(lines, bodies, strict=True):
            line.sendall(group_post(body))
        return [b"".join(iter(partial(line.recv, 1 << 20), b"")) for line in lines]


def test_small_requests_that_wait_are_answered_together_each_for_itself(server: Server) -> None:
    bodies = [b"%d" % number for number in range(40)]

    answers = grouped(server[0], bodies)

    heads, sent = zip(*(answer.split(b"\r\n\r\n") for answer in answers), strict=True)
    assert list(sent) == bodies
    assert max(int(head.split(b"X-Group: ")[1].split()[0]) for head in heads) > 10
    assert all(b"\r\nConnection: close\r\n" in head for head in heads)


def test_what_leaves_its_group_or_breaks_it_is_answered_by_the_application(server: Server) -> None:
    alone, breaking, *others = grouped(server[0], [b"alone", b"break", b"a", b"b"])

    assert alone.endswith(b"/group 5 5 None")
    assert breaking.endswith(b"/group 5 5 None")
    assert all(answer.startswith(b"HTTP/1.1 200 OK") for answer in others)


def test_a_connection_is_kept_after_an_answer_from_a_group(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server[0]), timeout=10) as client:
        for body in (b"first", b"second", b"alone", b"third"):
            client.sendall(group_post(body, b""))
            end, answer = b"/group 5 5 None" if body == b"alone" else body, b""
            while not answer.endswith(end):
                answer += client.recv(9999)


def test_a_slow_reader_of_a_large_answer_holds_up_no_group(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server[0]), timeout=10) as reader:
        reader.sendall(group_post(b"large"))
        time.sleep(0.3)
        began = time.monotonic()
        (answer,) = grouped(server[0], [b"small"])
        seconds = time.monotonic() - began
        read = len(b"".join(iter(partial(reader.recv, 1 << 20), b"")))

    assert answer.endswith(b"small")
    assert seconds < 1
    assert read > 20_000_000


def test_health_answers_while_all_threads_are_busy(server: Server) -> None:
    with ThreadPoolExecutor(2 * THREADS) as pool:
        waiting = [pool.submit(get, server[0], "/wait") for _ in range(2 * THREADS)]
        time.sleep(0.2)
        began = time.monotonic()
        assert b"/health" in get(server[0], "/health")
        seconds = time.monotonic() - began

    assert seconds < 0.5
    assert all(b"/wait" in answer.result() for answer in waiting)


def test_a_worker_that_hangs_is_replaced(server: Server) -> None:
    hung = worker_of(server[0])

    os.kill(hung, signal.SIGSTOP)

    assert worker_of(server[0]) != hung


def test_what_has_begun_to_arrive_is_answered_before_the_server_stops(server: Server) -> None:
    port, process = server
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(post(length=2) + b"x")
        time.sleep(0.2)
        process.terminate()
        time.sleep(0.2)
        client.sendall(b"y")
        answer = client.recv(999)

    assert answer.startswith(b"HTTP/1.1 200")
    assert process.wait(5) == 0
