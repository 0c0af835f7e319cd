"""The other side of the contract: a real HTTP server that keeps what it is sent once."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet
import pytest
from flask import Flask, request
from werkzeug.serving import BaseWSGIServer, make_server

from data_sender.__main__ import main
from solar.clock import REPLAY, Reading
from solar.time import isoformat, parse_time

ROOT = Path(__file__).resolve().parents[2]
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)
Answer = tuple[dict[str, Any], int, dict[str, str]]


class Api:
    """Stores observations by region and time, and can be away, strict or slow."""

    def __init__(self) -> None:
        self.stored: dict[tuple[int, str], dict[str, Any]] = {}
        self.order: list[str] = []
        self.sizes: list[int] = []
        self.posts: list[list[tuple[int, str]]] = []
        self.senders: list[dict[str, Any]] = []
        self.types: list[str] = []
        self.keys: list[str | None] = []
        self.flares: list[dict[str, Any]] = []
        self.covers: list[dict[str, str]] = []
        # Each minute of X-rays as it came, with the time of the clock at which it did.
        self.minutes: list[tuple[datetime, str, float | None]] = []
        self.came_at: list[datetime] = []
        self.faults: list[dict[str, Any]] = []
        self.log: list[tuple[str, str]] = []
        self.arrivals: list[float] = []
        self.answers: deque[Answer] = deque()
        self.largest_batch = 5_000
        self.delay_seconds = 0.0
        self._port = 0
        self._server: BaseWSGIServer | None = None
        self._thread: threading.Thread | None = None
        self._app = Flask("contract")
        self._app.post("/api/v1/observations")(self._post_observations)
        self._app.post("/api/v1/flares")(self._post_flares)
        self._app.post("/api/v1/xray-flux")(self._post_minutes)
        self._app.post("/api/v1/faults")(self._post_faults)
        self.clock = StoreClock()
        self.finished: list[str] = []
        self._app.post("/api/v1/clock")(self.clock.begin)
        self._app.get("/api/v1/clock")(self.clock.answer)
        self._app.post("/api/v1/senders")(self._post_senders)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        self._server = make_server("127.0.0.1", self._port, self._app, threaded=True)
        self._port = self._server.server_port
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = None

    def _post_observations(self) -> Answer:
        self.arrivals.append(time.monotonic())
        time.sleep(self.delay_seconds)
        if self.answers:
            return self.answers.popleft()
        rows, named = _rows_and_sender()
        if len(rows) > self.largest_batch:
            return {"title": "Too large", "status": 413}, 413, {}
        self.keys.append(request.headers.get("X-API-Key"))
        self.senders.append(named)
        self.types.append(request.mimetype)
        self.sizes.append(len(rows))
        self.posts.append([(row.get("harpnum", 0), row["t_rec"]) for row in rows])
        return self._store(rows)

    def _store(self, rows: list[dict[str, Any]]) -> Answer:
        rejected = [
            {"index": index, "errors": [{"path": "keywords.USFLUX", "message": "negative"}]}
            for index, row in enumerate(rows)
            if row["keywords"].get("USFLUX", 0) < 0
        ]
        refused = {entry["index"] for entry in rejected}
        counts = {"accepted": 0, "duplicates": 0, "revised": 0, "predictions": 0}
        for index, row in enumerate(rows):
            if index in refused:
                continue
            key = (row.get("harpnum") or -row["noaa_ars"][0], row["t_rec"])
            known = self.stored.get(key)
            outcome = "accepted" if known is None else "duplicates" if known == row else "revised"
            counts[outcome] += 1
            self.stored[key] = row
            self.order.append(row["t_rec"])
            self.log.append(("observation", row["t_rec"]))
        if len(refused) == len(rows):
            errors = [
                {"path": f"observations[{index}].keywords.USFLUX", "message": "negative"}
                for index in sorted(refused)
            ]
            return {"title": "Invalid", "status": 422, "detail": "none", "errors": errors}, 422, {}
        return {**counts, "rejected": rejected}, 200, {}

    def _post_flares(self) -> Answer:
        body = orjson.loads(request.data)
        self.flares += body["flares"]
        self.log += [("flare", flare["end"]) for flare in body["flares"]]
        if "covers" in body:
            self.covers.append(body["covers"])
        return {"accepted": len(body["flares"]), "duplicates": 0, "rejected": []}, 200, {}

    def _post_minutes(self) -> Answer:
        body, now = orjson.loads(request.data), self.clock.now()
        for one in body["flux"]:
            at = parse_time(one["minute_at"])
            self.minutes.append((at, body["satellite"], one["flux_w_m2"]))
            self.came_at.append(now)
        return {"accepted": len(body["flux"]), "duplicates": 0, "rejected": []}, 200, {}

    def _post_faults(self) -> Answer:
        self.faults += orjson.loads(request.data)["faults"]
        return {"accepted": len(self.faults), "duplicates": 0, "rejected": []}, 200, {}

    def _post_senders(self) -> Answer:
        body = orjson.loads(request.data)
        self.finished += [body["sender"]] if body["finished"] else []
        return {}, 200, {}


class StoreClock:
    """The clock of a store; the test sets it, where the sender has begun it."""

    def __init__(self) -> None:
        self.begun: list[dict[str, Any]] = []
        self.refusal: Answer | None = None
        self.looks: list[int] = []
        self._reading = Reading(mode=REPLAY)

    def begin(self) -> Answer:
        if self.refusal is not None:
            return self.refusal
        body = orjson.loads(request.data)
        self.begun.append(body)
        self.set(speed=body["speed"], at=parse_time(body["next"]))
        return self._content()

    def answer(self) -> Answer:
        tag = f'"{self._reading.version}"'
        is_known = request.headers.get("If-None-Match") == tag
        self.looks.append(304 if is_known else 200)
        return ({}, 304, {"ETag": tag}) if is_known else self._content()

    def set(self, *, speed: float | None, at: datetime | None = None) -> None:
        """Change the speed, or the time too; None is no limit, 0 a pause."""
        now = datetime.now(UTC)
        known = self._reading
        at = known.now(now) if at is None else at
        self._reading = Reading(REPLAY, at, now, speed, version=known.version + 1)

    def now(self) -> datetime:
        return self._reading.now(datetime.now(UTC))

    def _content(self) -> Answer:
        body = {"now": isoformat(self.now()), "speed": self._reading.speed, "mode": REPLAY}
        return body, 200, {"ETag": f'"{self._reading.version}"'}


def _rows_and_sender() -> tuple[list[dict[str, Any]], dict[str, Any]]:
    if request.mimetype == "application/json":
        body = orjson.loads(request.data)
        return body["observations"], body["sender"]
    table = pa.ipc.open_stream(request.data).read_all()
    numbers = {name: int(request.args[name]) for name in ("sequence", "sent")}
    return [_as_json(row) for row in table.to_pylist()], {"id": request.args["sender"], **numbers}


def _as_json(given: dict[str, Any]) -> dict[str, Any]:
    row = {name: value for name, value in given.items() if value is not None}
    for name in row.keys() & {"t_rec", "made_at"}:
        row[name] = f"{row[name]:%Y-%m-%dT%H:%M:%SZ}"
    keywords = {name: row.pop(name) for name in list(row) if name.isupper()}
    return {**row, "noaa_ars": row.get("noaa_ars", []), "keywords": keywords}


@pytest.fixture
def api() -> Iterator[Api]:
    server = Api()
    server.start()
    yield server
    server.stop()


class Sender:
    """The sender's command line, in this process or, to be signalled, in one of its own."""

    def __init__(self, api: Api, folder: Path, capsys: Any, caplog: Any, monkeypatch: Any) -> None:
        self.folder = folder
        self._capsys, self._caplog, self._monkeypatch = capsys, caplog, monkeypatch
        self._settings = {"FLARE_API_URL": api.url, "FLARE_DATA_DIR": str(folder)}
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: object, within: Sequence[str] = ()) -> Any:
        command = [
            *within,
            sys.executable,
            "-m",
            "data_sender",
            *map(str, arguments),
            "--sender",
            "s1",
        ]
        process = subprocess.Popen(
            command, env={**os.environ, **self._settings, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self._started.append(process)
        return process

    def run(
        self, *arguments: object, env: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, Any], str]:
        self._caplog.clear()
        handlers = {number: signal.getsignal(number) for number in SIGNALS}
        with self._monkeypatch.context() as patch, self._caplog.at_level(logging.INFO):
            for name, value in {**self._settings, **(env or {})}.items():
                patch.setenv(name, value)
            try:
                status = main([*map(str, arguments), "--sender", "s1"])
            finally:
                for number, handler in handlers.items():
                    signal.signal(number, handler)
        stdout = self._capsys.readouterr().out
        return status, orjson.loads(stdout) if stdout else {}, self._caplog.text

    def own(self, name: str) -> Path:
        return self.folder / "sender" / "s1" / name

    def rejected(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.own("rejected.jsonl").read_bytes().splitlines()]

    def spooled_bytes(self) -> int:
        return sum(path.stat().st_size for path in self.own("spool").glob("*.jsonl"))

    def end(self) -> None:
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.communicate()


@pytest.fixture
def sender(
    api: Api, tmp_path: Path, capsys: Any, caplog: Any, monkeypatch: Any
) -> Iterator[Sender]:
    runner = Sender(api, tmp_path / "var", capsys, caplog, monkeypatch)
    yield runner
    runner.end()


@pytest.fixture
def write_table(tmp_path: Path) -> Callable[..., Path]:
    """Write hourly rows of two regions, latest first, as parquet."""

    def write(hours: int = 20, name: str = "rows.parquet", **columns: Any) -> Path:
        times = np.datetime64("2014-03-01", "us") + np.arange(hours) * np.timedelta64(1, "h")
        table = {
            "t_rec": np.tile(times[::-1], 2),
            "harpnum": np.repeat([3721, 3740], hours),
            "noaa_ar": np.repeat([11990, 11996], hours),
            "USFLUX": np.linspace(1e22, 2e22, 2 * hours),
            "TOTUSJH": np.linspace(100.0, 900.0, 2 * hours),
            "licence": ["MIT"] * (2 * hours),
        }
        path = tmp_path / name
        pyarrow.parquet.write_table(pa.table({**table, **columns}), path)
        return path

    return write


@pytest.fixture
def wait_until() -> Callable[..., None]:
    def wait(condition: Callable[[], bool], *, seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                pytest.fail("what was waited for did not happen")
            time.sleep(0.02)

    return wait
