"""A worker that hangs in the middle of its transaction stops the others for 15 s at most."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import threading
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from processes import free_port, serving

from database.schema.tables import observations

RECOVERY_SECONDS = 15.0
BATCH = 1_000
# A transaction that has written lasts for a fraction of the time between two batches.
MEETING_SECONDS = 90.0
LIST_SECONDS = 0.12


class Sender(threading.Thread):
    """Sends batches of a region each, and each until it is answered, as a sender does."""

    def __init__(self, base: str) -> None:
        super().__init__(daemon=True)
        self.base, self.batches, self.is_stopping = base, 0, False

    def run(self) -> None:
        while not self.is_stopping:
            rows = [row(1000 + self.batches, place) for place in range(BATCH)]
            while not post(self.base, rows, timeout=60):
                time.sleep(0.1)
            self.batches += 1


def row(harpnum: int, place: int) -> dict[str, Any]:
    days, slot = divmod(place, 120)
    t_rec = f"2014-03-{1 + days:02}T{slot // 5:02}:{slot % 5 * 12:02}:00Z"
    return {"harpnum": harpnum, "t_rec": t_rec, "series": "hmi.sharp_cea_720s", "quality": 0,
            "lon_fwt": 1.0, "lat_fwt": 2.0, "keywords": {"USFLUX": 1e22}}  # fmt: skip


def post(base: str, rows: list[dict[str, Any]], *, timeout: float) -> bool:
    request = urllib.request.Request(
        f"{base}/api/v1/observations",
        json.dumps({"observations": rows}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return int(response.status) == 200
    except urllib.error.HTTPError as error:
        with error:
            return False
    except OSError:
        return False


def is_in_transaction(engine: sa.Engine) -> bool:
    """Tell whether somebody has written what is not committed."""
    if engine.dialect.name == "sqlite":
        with closing(sqlite3.connect(engine.url.database or "", timeout=0)) as store:
            try:
                store.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return True
            return False
    query = "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_rows_modified > 0"
    with engine.connect() as connection:
        return bool(connection.execute(sa.text(query)).scalar())


def hang(api: subprocess.Popen[bytes], engine: sa.Engine) -> int:
    """Stop a worker in the middle of a transaction; return its process."""
    children = Path(f"/proc/{api.pid}/task/{api.pid}/children")
    deadline = time.monotonic() + MEETING_SECONDS
    while time.monotonic() < deadline:
        for worker in map(int, children.read_text().split()):
            os.kill(worker, signal.SIGSTOP)
            # The server keeps its list of transactions while it is asked more often than that.
            time.sleep(LIST_SECONDS)
            # Another worker would be done with its own by then.
            time.sleep(0.5 if is_in_transaction(engine) else 0)
            if is_in_transaction(engine):
                return worker
            os.kill(worker, signal.SIGCONT)
            time.sleep(0.03)
    raise AssertionError("no worker was met in a transaction")


@pytest.mark.thorough
def test_a_worker_that_hangs_in_its_transaction_is_replaced_and_its_sender_goes_on(
    engine: sa.Engine, tmp_path: Path
) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FLARE_")}
    url = engine.url.render_as_string(hide_password=False)
    env = kept | {"FLARE_DATABASE_URL": url, "FLARE_API_PORT": port}

    with serving(
        "app", "serve", ready=f"{base}/ready", environment=env, log=tmp_path / "log"
    ) as api:
        sender = Sender(base)
        sender.start()
        hung = hang(api, engine)
        began = time.monotonic()
        while not post(base, [row(999, 0)], timeout=1):
            time.sleep(0.1)
        waited = time.monotonic() - began
        batches = sender.batches
        while sender.batches < batches + 3 or Path(f"/proc/{hung}").exists():
            assert time.monotonic() - began < RECOVERY_SECONDS, (tmp_path / "log").read_text()
            time.sleep(0.05)
        sender.is_stopping = True
        sender.join(30)

    with engine.connect() as connection:
        stored = connection.scalar(sa.select(sa.func.count()).select_from(observations))
    assert waited < RECOVERY_SECONDS
    assert stored == BATCH * sender.batches + 1
