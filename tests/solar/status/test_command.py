"""``flarewatch status``: a table, and an exit status that a script can act on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from status_facts import answered, away, facts, judged

from solar.status.__main__ import main
from solar.status.page import machine_line

ROOT = Path(__file__).parents[3]


@contextmanager
def answering(body: bytes, code: int = 200) -> Iterator[str]:
    """Serve one answer at every address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(code)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("look", "code", "words"),
    [
        (answered(), 0, "Working"),
        (answered(silent=1), 1, "1 silent"),
        (away(facts()), 1, "we do not know"),
    ],
    ids=["well", "silent sender", "store away"],
)
def test_the_exit_status_says_whether_all_is_well(
    look: Any,
    code: int,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with answering(json.dumps(judged(look).document()).encode()) as address:
        monkeypatch.setenv("FLARE_API_URL", address)

        assert main([]) == code

    shown = capsys.readouterr().out
    assert words in shown
    assert "\033" not in shown


@pytest.mark.parametrize(
    ("body", "answer", "words"),
    [
        (b"<html>", 200, "something else than a status"),
        (b'{"status": "alive"}', 200, "not the status"),
        (b"", 502, "answered 502"),
    ],
    ids=str,
)
def test_what_gives_no_status_is_unknown_and_says_what_to_do(
    body: bytes,
    answer: int,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with answering(body, answer) as address:
        monkeypatch.setenv("FLARE_API_URL", address)

        assert main([]) == 2

    shown = capsys.readouterr().out
    assert shown.startswith("We do not know: ")
    assert words in shown


@pytest.mark.parametrize("address", ["http://me:secret@127.0.0.1:1", "file:///etc/passwd", "x"])
def test_an_api_that_cannot_be_reached_is_unknown_and_no_password_is_shown(
    address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLARE_API_URL", address)

    assert main([]) == 2

    shown = "".join(capsys.readouterr())
    assert "FLARE_API_URL" in shown
    assert "secret" not in shown


@pytest.mark.thorough
def test_a_watch_goes_on_until_ctrl_c_and_ends_with_what_it_saw_last() -> None:
    with answering(json.dumps(judged(answered()).document()).encode()) as address:
        watch = subprocess.Popen(
            [sys.executable, "flarewatch.py", "status", "--watch"],
            cwd=ROOT, env={**os.environ, "FLARE_API_URL": address},
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert watch.stdout is not None
        assert watch.stdout.readline() == "Working\n"
        time.sleep(0.2)
        watch.send_signal(signal.SIGINT)
        rest, _ = watch.communicate(timeout=10)

    assert watch.returncode == 0
    assert "\033" not in rest


def test_a_machine_is_one_line_and_says_why_there_is_no_gpu() -> None:
    facts = {
        "cores": 8, "cpu": 0.314, "memory": 16 * 2**30, "memory_used": 4 * 2**30,
        "disk": 100 * 2**30, "disk_used": 40 * 2**30, "gpus": [], "no_gpu": "NVML is absent",
    }  # fmt: skip

    line = machine_line({"host": "helios", "seen_at": "2026-12-01T04:39:20Z", "facts": facts})

    assert line == (
        "helios  04:39:20  cpu 31% of 8  memory 4.0 of 16.0 GiB  disk 40.0 of 100.0 GiB"
        "  gpu: NVML is absent"
    )
