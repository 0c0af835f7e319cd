"""The proxy does to a connection what the chaos tests say it does."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest
from chaos.proxy import CLEAR, CUT, LATE, STALLED, UNANSWERED, Proxy, Weather
from ports import free_port


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while data := received(self.request):
            self.request.sendall(data)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """A way to a server that says back what it hears."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        way = Proxy(free_port(), target=server.server_address[1])
        yield way
        way.close()
        server.shutdown()
        thread.join()


def received(line: socket.socket) -> bytes:
    try:
        return line.recv(1000)
    except ConnectionError:
        return b""


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def said_back(line: socket.socket, said: bytes) -> float:
    began = time.monotonic()
    line.sendall(said)
    heard = b""
    while len(heard) < len(said):
        heard += line.recv(1000)
    assert heard == said
    return time.monotonic() - began


def test_in_clear_weather_everything_passes(proxy: Proxy) -> None:
    with connect(proxy) as one, connect(proxy) as two:
        said_back(one, b"first")
        said_back(two, b"second")


def test_a_cut_ends_connections_and_refuses_new_ones_until_it_is_over(proxy: Proxy) -> None:
    with connect(proxy) as line:
        said_back(line, b"before")
        proxy.set(CUT)
        assert received(line) == b""
    with connect(proxy) as line:
        assert received(line) == b""

    proxy.set(CLEAR)

    with connect(proxy) as line:
        said_back(line, b"after")


def test_what_a_stall_holds_up_arrives_when_it_is_over(proxy: Proxy) -> None:
    with connect(proxy) as line:
        proxy.set(STALLED)
        line.sendall(b"held up")
        line.settimeout(0.2)
        with pytest.raises(TimeoutError):
            line.recv(1000)

        proxy.set(CLEAR)

        line.settimeout(5)
        assert line.recv(1000) == b"held up"


def test_what_is_asked_while_answers_are_lost_arrives_and_ends_the_connection(
    proxy: Proxy,
) -> None:
    with connect(proxy) as line:
        said_back(line, b"before")
        proxy.set(UNANSWERED)
        line.sendall(b"asked")
        assert received(line) == b""
    assert proxy.lost_answers == 1

    proxy.set(CLEAR)

    with connect(proxy) as line:
        said_back(line, b"after")


def test_slow_weather_takes_its_time(proxy: Proxy) -> None:
    with connect(proxy) as line:
        proxy.set(LATE)
        assert said_back(line, b"there and back") >= 2 * LATE.delay_seconds
        proxy.set(Weather(bytes_per_second=10_000.0))
        assert said_back(line, b"x" * 2_000) >= 0.2
