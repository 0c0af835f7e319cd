"""Uploads at length: after a kill of the server, and of many bytes."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from curl_uploads import Curl
from flask import Flask
from processes import free_port, serving

MakeApp = Callable[..., Flask]
ROOT = Path(__file__).parents[4]


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if name[:6] != "FLARE_"} | {
        "FLARE_DATABASE_URL": f"sqlite:///{folder}/store.db",
        "FLARE_DATA_DIR": str(folder),
        "FLARE_API_PORT": port,
        "FLARE_API_WORKERS": "1",
        "PYTHONPATH": str(ROOT),
    }
    address = f"http://127.0.0.1:{port}"
    with serving("app", "serve", ready=f"{address}/ready", environment=environment) as server:
        yield address, server


@pytest.mark.thorough
def test_an_upload_goes_on_after_the_server_was_killed(tmp_path: Path) -> None:
    content = os.urandom(3 << 20).hex().encode()

    with served(tmp_path) as (address, server):
        curl = Curl(address, content)
        assert curl.bring_next() == "204"
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
    with served(tmp_path) as (address, _):
        curl.address = address
        assert curl.offset() == 4 << 20
        assert curl.bring_next() == "204"
        assert curl.offset() == len(content)

    (file,) = (tmp_path / "lab" / "incoming").iterdir()
    assert file.read_bytes() == content


def resident_bytes(group: int) -> int:
    """Return the largest memory of a process of a group."""
    processes = (process for process in psutil.process_iter() if os.getpgid(process.pid) == group)
    return max(process.memory_info().rss for process in processes)


@pytest.mark.thorough
def test_a_large_upload_takes_no_more_memory_than_a_small_one(tmp_path: Path) -> None:
    content = b"0.123456789,\n" * (256 * 2**20 // 13)

    with served(tmp_path) as (address, server):
        Curl(address, content[: 8 << 20]).bring_all()
        before = resident_bytes(server.pid)
        Curl(address, content).bring_all()
        grown = resident_bytes(server.pid) - before

    assert grown < 40 * 2**20
