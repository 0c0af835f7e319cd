"""More senders at once than a worker takes: each is asked to come again, and no row is lost."""

from __future__ import annotations

import json
import os
import re
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from processes import free_port, serving

from data_sender.delivery.client import ApiClient
from data_sender.delivery.spool import Post
from data_sender.rows import RowItems, Rows
from solar.columns import Coded
from solar.observations import keyword_matrix, no_times
from solar.process import StopSignal
from solar.sharp import LIVE_KEYWORDS

SENDERS, ROWS = 40, 400
# A worker with its models takes some 250 MB, three requests in work a few more.
MOST_BYTES = 700 * 2**20


def rows_of(sender: int) -> Rows:
    return Rows(
        series=Coded.constant("simulated", ROWS),
        t_rec=np.datetime64("2014-03-01", "us") + np.arange(ROWS) * np.timedelta64(720, "s"),
        harpnum=np.full(ROWS, 900_001 + sender),
        noaa_ars=Coded.constant((), ROWS),
        lon_fwt=np.zeros(ROWS),
        lat_fwt=np.zeros(ROWS),
        quality=np.zeros(ROWS),
        has_quality=np.ones(ROWS, bool),
        made_at=no_times(ROWS),
        keywords=keyword_matrix(
            {k.name: np.linspace(k.low, k.high, ROWS) for k in LIVE_KEYWORDS}, ROWS
        ),
    )


def send(url: str, number: int) -> int:
    named = {"sender": {"id": f"s{number}", "sequence": 1, "sent": ROWS}}
    with closing(StopSignal()) as stop, closing(ApiClient(url, None, stop)) as client:
        answer = client.send(Post("observations", RowItems(rows_of(number)), named), attempts=10)
    return int(answer.body["accepted"])


def get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=10) as response:
        return str(response.read().decode())


def highest_memory(parent: int) -> int:
    """Return the most that one worker has held [bytes]."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    peaks = [re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{c}/status").read_text()) for c in children]
    return max(int(peak[1]) for peak in peaks if peak) * 1024


@pytest.mark.slow
def test_forty_senders_at_once_lose_nothing_and_the_memory_is_bounded(
    tmp_path: Path, models: Path
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FLARE_")}
    own = {
        "FLARE_DATABASE_URL": f"sqlite:///{tmp_path}/flood.db",
        "FLARE_API_PORT": port,
        "FLARE_ARTIFACTS_DIR": str(models),
    }

    with serving("app", "serve", ready=f"{url}/ready", environment=kept | own) as process:
        with ThreadPoolExecutor(SENDERS) as pool:
            accepted = list(pool.map(lambda number: send(url, number), range(SENDERS)))
        senders: list[dict[str, Any]] = json.loads(get(f"{url}/api/v1/senders"))["items"]
        busy = re.search(r'flarewatch_request_seconds_count\{.*status="429".*\} (\S+)',
                         get(f"{url}/metrics"))  # fmt: skip
        memory = highest_memory(process.pid)

    assert accepted == [ROWS] * SENDERS
    assert sum(sender["accepted"] for sender in senders) == SENDERS * ROWS
    assert busy is not None
    assert float(busy[1]) > 0
    assert memory < MOST_BYTES
