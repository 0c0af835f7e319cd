"""A receiver of notices: an HTTP server that gives prepared answers and remembers the posts."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pydantic import SecretStr

from app.notifications.channels import Webhook

SECRET = "a-secret-of-the-tests"


@dataclass(frozen=True)
class Post:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """`answers` are given in turn, then 204; `before_answer` runs when a post has come."""

    url: str = ""
    posts: list[Post] = field(default_factory=list)
    answers: list[tuple[int, Mapping[str, str]]] = field(default_factory=list)
    before_answer: Callable[[], object] = lambda: None

    @property
    def notice_ids(self) -> list[str]:
        return [post.headers["X-Flarewatch-Notice"] for post in self.posts]

    def webhook(self, timeout_seconds: float = 5.0) -> Webhook:
        return Webhook(SecretStr(self.url), SecretStr(SECRET), timeout_seconds)


@contextmanager
def receiving(
    *answers: int | tuple[int, Mapping[str, str]],
    slow_seconds: float = 0.0,
    tls: ssl.SSLContext | None = None,
) -> Iterator[Receiver]:
    receiver = Receiver(answers=[(a, {}) if isinstance(a, int) else a for a in answers])
    receiver.before_answer = lambda: time.sleep(slow_seconds)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            receiver.posts.append(Post(self.path, dict(self.headers), body))
            receiver.before_answer()
            status, headers = receiver.answers.pop(0) if receiver.answers else (204, {})
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    scheme = "http" if tls is None else "https"
    receiver.url = f"{scheme}://127.0.0.1:{server.server_port}/hooks/flares?desk=1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def dripping(tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """The address of a receiver that sends its status line for three seconds, byte by byte."""

    def drip(server: socket.socket) -> None:
        with suppress(OSError):
            connection, _ = server.accept()
            if tls is not None:
                connection = tls.wrap_socket(connection, server_side=True)
            with connection:
                for _ in range(30):
                    connection.sendall(b"H")
                    time.sleep(0.1)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=(server,))
        thread.start()
        yield f"{'http' if tls is None else 'https'}://127.0.0.1:{server.getsockname()[1]}"
        thread.join()
