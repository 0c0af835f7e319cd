"""A full disk is named, the API is not ready meanwhile, and recovers by itself."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

import processes
import pytest
import requests
import sqlalchemy as sa
from small_disk import fill, on_a_small_disk, seen_by


def test_a_store_whose_disk_is_full_is_named_until_there_is_space_again(
    open_store: Any, make_app: Any, row: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(open_store(f"sqlite:///{tmp_path}/store.db"), metrics_dir=tmp_path)
    client, store = app.test_client(), app.extensions["flarewatch"].engine
    most_pages: list[int] = [1]

    # SQLite takes this limit for the size of its disk.
    @sa.event.listens_for(store, "connect")
    def limit_size(raw: sqlite3.Connection, _entry: object) -> None:
        raw.execute(f"PRAGMA max_page_count={most_pages[0]}")

    store.dispose()
    rows = [row(t_rec=f"2014-03-01T{hour:02}:{m:02}:00Z") for hour in range(24) for m in range(60)]
    refused = client.post("/api/v1/observations", json={"observations": rows})
    waiting = client.get("/ready")
    most_pages[0] = 2**31
    store.dispose()
    stored = client.post("/api/v1/observations", json={"observations": rows})
    monkeypatch.setattr("app.full_disk.LASTS_SECONDS", 0.0)
    ready = client.get("/ready")

    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert "the disk of the store" in refused.get_json()["detail"]
    assert (waiting.status_code, stored.status_code, ready.status_code) == (503, 200, 200)
    assert "disk was full" in waiting.get_json()["detail"]
    assert stored.get_json()["accepted"] == len(rows)


@pytest.mark.thorough
def test_a_full_log_and_a_full_temporary_folder_end_no_worker(tmp_path: Path, row: Any) -> None:
    temporary, port = tmp_path / "tmp", processes.free_port()
    within = on_a_small_disk(temporary, size="4m")
    environment = {
        **os.environ, "TMPDIR": str(temporary), "FLARE_API_PORT": port,
        "FLARE_DATABASE_URL": f"sqlite:///{tmp_path}/store.db",
    }  # fmt: skip
    url = f"http://127.0.0.1:{port}"

    with processes.serving(
        "app", "serve", ready=f"{url}/ready", environment=environment, log=Path("/dev/full"),
        within=within,
    ) as server:  # fmt: skip
        fill(server.pid, temporary)
        workers = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text()
        assert not list(seen_by(server.pid, temporary).glob("store-was-full"))
        for hour in range(24):
            body = {"observations": [row(t_rec=f"2014-03-01T{hour:02}:00:00Z")]}
            assert requests.post(f"{url}/api/v1/observations", json=body, timeout=30).ok
        # Each of these is a new series of the measurements.
        for path in ("models", "senders", "alerts", "regions", "flares", "nothing"):
            for method in ("GET", "POST", "PUT", "DELETE"):
                requests.request(method, f"{url}/api/v1/{path}", timeout=30)
        assert "flarewatch_rows_total" in requests.get(f"{url}/metrics", timeout=30).text
        assert Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text() == workers
