"""A small application on the server of the product, with short deadlines, for its tests."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any

from gunicorn.app.base import BaseApplication

from solar import connection, server
from solar.request_groups import Answer, SmallRequest

MOST_BODY_BYTES = 100_000
THREADS = 2
CONNECTIONS = 200


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer with what has arrived, after a while under ``/wait``, at length under ``/large``.

    ``/headers`` shows those of forwarding, and ``/oauth2/auth`` says that Frida is signed in.
    """
    path = environ["PATH_INFO"]
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if path == "/wait":
        time.sleep(0.5)
    if path == "/large":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return (b"x" * 500_000 for _ in range(int(environ["QUERY_STRING"])))
    if path == "/oauth2/auth":
        groups = ("X-Auth-Request-Groups", "forecasters")
        start_response("202 Accepted", [("X-Auth-Request-User", "frida"), groups])
        return [b""]
    if path.endswith("/headers"):
        words = ("FORWARDED", "HOST", "USER", "REAL", "REMOTE_ADDR")
        shown = {n: v for n, v in environ.items() if any(word in n for word in words)}
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(shown).encode()]
    body = environ["wsgi.input"].read()
    coding = environ.get("HTTP_TRANSFER_ENCODING")
    answer = f"{os.getpid()} {path} {length} {len(body)} {coding}".encode()
    status = "413 Too Large" if length > MOST_BODY_BYTES else "200 OK"
    start_response(status, [("Content-Length", str(len(answer)))])
    return [answer]


class _Groups:
    """Answers posts to ``/group`` with the size of their group and what they sent.

    ``alone`` is left to the application, ``break`` breaks the group, ``large`` has a large answer.
    """

    def takes(self, method: str, path: str, length: int | None) -> bool:
        return method == "POST" and path == "/group" and length is not None

    def answer(self, requests: Sequence[SmallRequest]) -> list[Answer | None]:
        time.sleep(0.1)
        bodies = [request.body for request in requests]
        if b"break" in bodies:
            raise RuntimeError("not foreseen")
        large = {b"large": b"x" * 20_000_000}
        return [
            None
            if body == b"alone"
            else Answer(HTTPStatus.OK, {"X-Group": str(len(bodies))}, large.get(body, body))
            for body in bodies
        ]


class _Server(BaseApplication):
    def load_config(self) -> None:
        options = server.shared_options(
            "127.0.0.1",
            int(sys.argv[1]),
            MOST_BODY_BYTES,
            group_application=lambda _: _Groups(),
        )
        for name, value in {
            **options,
            "threads": THREADS,
            "worker_connections": CONNECTIONS,
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return application


if __name__ == "__main__":
    for name in ("HEAD_SECONDS", "BODY_SECONDS", "END_SECONDS", "READER_SECONDS"):
        setattr(server, name, 0.5)
    connection.PAUSE_SECONDS = 1
    server.HEARTBEAT_SECONDS = 1
    _Server().run()
