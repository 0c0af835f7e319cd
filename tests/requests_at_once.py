"""Requests that reach the API at the same moment: all are written before an answer is read."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from typing import Any

URL = "/api/v1/observations"
JSON = "application/json"
PROBLEM = "application/problem+json"
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Answer:
    """What the API said to one request."""

    status: int
    media_type: str
    body: dict[str, Any]

    @property
    def outcomes(self) -> tuple[int, int, int]:
        """How many rows were accepted, duplicates and revised."""
        return self.body["accepted"], self.body["duplicates"], self.body["revised"]


def delivery(sender: str, rows: Sequence[dict[str, Any]], *, number: int = 1) -> bytes:
    """Return the body of a request of a sender that counts its rows, as many in each request."""
    counts = {"id": sender, "sequence": number, "sent": number * len(rows)}
    return json.dumps({"sender": counts, "observations": rows}).encode()


def request(body: bytes, *, query: str = "", media_type: str = JSON) -> bytes:
    """Return the whole of a request that stores observations."""
    head = f"POST {URL}?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    head += f"Content-Type: {media_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def write_all(port: int, requests: Sequence[bytes]) -> list[socket.socket]:
    """Open a connection for each request, then write all of them."""
    lines = [socket.create_connection(("127.0.0.1", port), _PATIENCE_SECONDS) for _ in requests]
    for line, content in zip(lines, requests, strict=True):
        line.sendall(content)
    return lines


def read_answer(line: socket.socket) -> Answer:
    """Read the answer to the request that was written to a connection, and close that."""
    with line, HTTPResponse(line, method="POST") as response:
        response.begin()
        return _read(response)


def _read(response: HTTPResponse) -> Answer:
    media_type = response.getheader("Content-Type", "")
    return Answer(response.status, media_type, json.loads(response.read()))


def send_at_once(port: int, requests: Sequence[bytes]) -> list[Answer]:
    """Send requests at the same moment, each over its own connection; return their answers."""
    return [read_answer(line) for line in write_all(port, requests)]


def send_until(
    ends_at: float,
    port: int,
    body_of: Callable[[int], bytes],
    *,
    query: str = "",
    media_type: str = JSON,
) -> list[Answer]:
    """Send one request after the other over one connection until a time of the steady clock."""
    line = HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_SECONDS)
    answers: list[Answer] = []
    while time.monotonic() < ends_at:
        content = body_of(len(answers))
        line.request("POST", f"{URL}?{query}", content, {"Content-Type": media_type})
        answers.append(_read(line.getresponse()))
    line.close()
    return answers
