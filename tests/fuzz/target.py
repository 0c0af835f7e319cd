"""The target: a real server on MariaDB, watched while it answers requests that nobody means."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from ports import free_port
from processes import serving

from app.contract.problems import MEDIA_TYPE

TRACES = ("Traceback (most recent call last)", 'File "/', "site-packages")
MAX_SHOWN = 300
# An address or a head that is too long is refused by the server, before the application sees it.
REFUSED_UNREAD = {414, 431}


@dataclass
class Target:
    """One server with one worker, what was wrong with its answers, and what it has held."""

    url: str
    pid: int
    n: int = 0
    wrong: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    memory_kb: list[int] = field(default_factory=list)
    handles: list[int] = field(default_factory=list)

    def post(self, body: bytes, *, media_type: str) -> None:
        """Post observations, and judge the answer."""
        address = f"{self.url}/api/v1/observations"
        try:
            answer = requests.post(
                address, data=body, headers={"Content-Type": media_type}, timeout=60
            )
        except requests.ConnectionError as error:
            self.wrong.append(f"POST {media_type} of {body[:MAX_SHOWN]!r}: {error}")
            return
        said = answer.content
        self.judge(f"POST {media_type} {body[:MAX_SHOWN]!r}", answer.status_code, answer.headers,
                   said)  # fmt: skip

    def judge(self, asked: str, status: int, headers: Any, body: bytes) -> None:
        """Note what no answer may be: an error of the server, a trace, no problem+json."""
        self.n += 1
        self.statuses[status] += 1
        text = body.decode(errors="replace")
        faults = [f"shows {trace!r}" for trace in TRACES if trace in text]
        if status >= 500:
            faults.append(f"is {status}")
        if (
            status >= 400
            and status not in REFUSED_UNREAD
            and not str(headers.get("Content-Type", "")).startswith(MEDIA_TYPE)
        ):
            faults.append(f"is {status} and no problem+json")
        self.wrong += [f"{asked}: the answer {fault}: {text[:MAX_SHOWN]}" for fault in faults]

    def measure(self) -> None:
        """Note memory and open files of the worker."""
        worker = Path(f"/proc/{self.worker}")
        lines = (worker / "status").read_text().splitlines()
        self.memory_kb.append(
            next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
        )
        self.handles.append(len(list((worker / "fd").iterdir())))

    @property
    def worker(self) -> int:
        """The process that answers."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return int(children.split()[0])


@contextmanager
def opened_target(address: str, folder: Path) -> Iterator[Target]:
    """Serve a store until the block ends."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    kept = {name: value for name, value in os.environ.items() if name[:6] != "FLARE_"}
    environment = {
        **kept,
        "FLARE_DATABASE_URL": address,
        "FLARE_API_PORT": str(port),
        "FLARE_API_WORKERS": "1",
        "FLARE_DATA_DIR": str(folder),
        "OMP_NUM_THREADS": "1",
    }
    log = folder / "api.log"
    with serving("app", "serve", ready=f"{url}/ready", environment=environment, log=log) as process:
        yield Target(url, process.pid)
