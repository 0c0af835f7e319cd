"""A model that answers over HTTP, and the ways in which it may fail to."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from handmade_models import RARER, HandmadeModel

Answer = Callable[[dict[str, Any]], bytes]


class RemoteModel:
    """Serves the function of a handmade model; `answer` and `delay_seconds` may be changed."""

    def __init__(self, model: HandmadeModel) -> None:
        self.model = model
        self.features = list(model.features)
        self.answer: Answer = self.probabilities
        self.delay_seconds = 0.0
        self.asked = 0
        self.url = ""

    def probabilities(self, question: dict[str, Any]) -> bytes:
        inputs = np.array(question["inputs"], float).reshape(-1, *self.model.weights.shape)
        total = np.nansum(inputs * self.model.weights, axis=(1, 2)) + self.model.bias
        odds = np.exp(total[:, None] + [0.0, RARER])
        return json.dumps({"probabilities": (odds / (1 + odds)).tolist()}).encode()

    @contextmanager
    def serving(self, port: int = 0) -> Iterator[RemoteModel]:
        server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self.url = f"http://127.0.0.1:{server.server_port}/flare"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        remote = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._say(json.dumps({"features": remote.features}).encode())

            def do_POST(self) -> None:
                remote.asked += 1
                body = self.rfile.read(int(self.headers["Content-Length"]))
                time.sleep(remote.delay_seconds)
                try:
                    self._say(remote.answer(json.loads(body)))
                except BrokenPipeError:
                    return  # who asked has given up

            def _say(self, content: bytes) -> None:
                self.send_response(200 if content else 500)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                return

        return Handler
