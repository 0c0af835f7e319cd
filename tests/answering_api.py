"""An HTTP server that gives one answer to every question and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class Api:
    def __init__(self, status: int, body: bytes, *, delay: threading.Event | None) -> None:
        self.seen: list[tuple[str, dict[str, list[str]], str | None]] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                key = self.headers.get("X-API-Key")
                api.seen.append((parts.path, parse_qs(parts.query), key))
                if delay is not None:
                    delay.wait(5)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@contextmanager
def answering(status: int, body: Any, *, delay: threading.Event | None = None) -> Iterator[Api]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    api = Api(status, raw, delay=delay)
    thread = threading.Thread(target=api.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield api
    finally:
        if delay is not None:
            delay.set()
        api.server.shutdown()
        thread.join()
        api.server.server_close()
