"""The target: a real server on MariaDB, watched while it answers requests that nobody means."""

from __future__ import annotations

import http.client
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from fuzz.crafted_callbacks import CALLBACKS, Crafted
from ports import free_port
from processes import serving

from app.contract.problems import MEDIA_TYPE

TRACES = ("Traceback (most recent call last)", 'File "/', "site-packages")
MAX_SHOWN = 300
# An address or a head that is too long is refused by the server, before the application sees it.
REFUSED_UNREAD = {414, 431}
# A callback that is refused says why.
REFUSED = {400, 415, 422}
LONGEST_REFUSAL = 2_000
PROMPT_SECONDS = 2.0
LOG = "server.log"


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
        if status >= 400 and status not in REFUSED_UNREAD and not self.refuses_well(headers):
            faults.append(f"is {status} and no problem+json")
        self.wrong += [f"{asked}: the answer {fault}: {text[:MAX_SHOWN]}" for fault in faults]

    def refuses_well(self, headers: Any) -> bool:
        """Tell whether a refusal is problem+json."""
        return str(headers.get("Content-Type", "")).startswith(MEDIA_TYPE)

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


class DashboardTarget(Target):
    """A dashboard: it refuses in one line of text, and promptly."""

    def send(self, request: Crafted) -> int:
        """Send a request as its bytes are, judge the answer, and return its status."""
        status, seconds = self._ask(request)
        # A loaded machine may be slow once; a slow request is slow again.
        if seconds > PROMPT_SECONDS and self._ask(request)[1] > PROMPT_SECONDS:
            self.wrong.append(f"{request}: the answer took {seconds:.1f} s")
        return status

    def _ask(self, request: Crafted) -> tuple[int, float]:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        # Bytes that no address may have are sent all the same.
        connection._encode_request = lambda line: line.encode("latin-1")  # type: ignore[attr-defined]
        headers = {"Origin": self.url, **request.headers}
        asked_at = time.monotonic()
        try:
            connection.request(request.method, request.target, request.body, headers)
            answer = connection.getresponse()
            said = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.wrong.append(f"{request}: {error!r}")
            return 0, 0.0
        finally:
            connection.close()
        seconds = time.monotonic() - asked_at
        self.judge(str(request), answer.status, answer.headers, said)
        calls_back = (request.method, request.target) == ("POST", CALLBACKS)
        if calls_back and answer.status in REFUSED and not _is_a_line(said):
            self.wrong.append(f"{request}: {answer.status} says {said[:MAX_SHOWN]!r}")
        return answer.status, seconds

    def refuses_well(self, _headers: Any) -> bool:
        """Leave the form of a refusal to `send`: who asks for a page is answered in HTML."""
        return True


def _is_a_line(said: bytes) -> bool:
    return len(said) <= LONGEST_REFUSAL and said.count(b"\n") == 1 and said.endswith(b"\n")


@contextmanager
def opened_target(address: str, folder: Path) -> Iterator[Target]:
    """Serve the API of a store until the block ends."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = {"FLARE_API_PORT": str(port), "FLARE_API_WORKERS": "1"}
    with _serving("app", address, folder, settings, ready=url) as pid:
        yield Target(url, pid)


@contextmanager
def opened_dashboard(address: str, folder: Path) -> Iterator[DashboardTarget]:
    """Serve the dashboard of a store until the block ends; no API answers it."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = {"FLARE_DASH_PORT": str(port), "FLARE_API_URL": f"http://127.0.0.1:{free_port()}"}
    with _serving("app_dash", address, folder, settings, ready=url) as pid:
        yield DashboardTarget(url, pid)


@contextmanager
def _serving(
    package: str, address: str, folder: Path, settings: Mapping[str, str], *, ready: str
) -> Iterator[int]:
    kept = {name: value for name, value in os.environ.items() if name[:6] != "FLARE_"}
    environment = {
        **kept,
        "FLARE_DATABASE_URL": address,
        "FLARE_DATA_DIR": str(folder),
        "OMP_NUM_THREADS": "1",
        **settings,
    }
    log = folder / LOG
    with serving(
        package, "serve", ready=f"{ready}/ready", environment=environment, log=log
    ) as process:
        yield process.pid
