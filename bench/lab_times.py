"""Times of the Lab: from a click to the line, to the start, to the screen, to the end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import psutil
import requests

from bench.family import usage
from bench.lab_site import (
    DEAF,
    TICKING,
    Site,
    body_of,
    memory_mb,
    opened_site,
    recipe_text,
    small_dataset,
    wait_until,
)
from bench.results import Figures, Results, alternating, percentile_ms
from bench.steady_senders import SteadySenders
from database.engine import writing
from database.schema.lab_tables import runs
from solar.identifiers import new_id
from tests.lab_person import Person

ROWS, CALLS, FOLLOWERS = 10_000, 25, 50
QUIET, INGEST = "quiet", "beside ingest"
_FOLLOW_SECONDS, _IDLE_SECONDS, _SCREEN_SECONDS, _SETTLE_SECONDS = 10.0, 20.0, 20.0, 15.0
# Half of what two cores take, and more than an agency sends.
_INGEST_RATE, _INGEST_SECONDS = 2_000.0, 3.0
_TICK = re.compile(r"tick (\d+\.\d+)")
_STATES = ("succeeded", "succeeded", "failed", "cancelled", "draft")
# What each request may take at the 95th percentile [ms].
AIMS = {"click to queued": 200, "a page of 10,000 runs": 150, "check of a recipe": 50}


def main(folder: Path, *, rounds: int) -> str:
    """Measure, and return what was found last in words; the rest is printed as it comes."""
    with opened_site(folder) as site, site.worker("host-0") as worker:
        person = site.person()
        body = body_of(person, folder, small_dataset(person, folder))
        for measure in (
            lambda: [_idle(worker)],
            lambda: [_starts(person, body)],
            lambda: _stops(site, person, worker, body),
            lambda: _followed(site, person, body),
            lambda: [_dead(person, worker, body)],
        ):
            print(*measure(), sep="\n", flush=True)
        _fill(site, str(body["experiment_id"]))
        requests_ms, size = _requests(site, person, body, rounds)
    aims = "; ".join(f"{name} p95 at most {ms} ms" for name, ms in AIMS.items())
    return (
        f"a page of {ROWS:,} runs: {size / 1000:.0f} kB, at most 200\n"
        f"\n{requests_ms.table()}\n\naims: {aims}"
    )


def _said(name: str, values: list[float], aim: float, unit: str = "s") -> str:
    verdict = "pass" if max(values) <= aim else "over"
    spread = f" ({min(values):.2f}–{max(values):.2f})" if len(values) > 1 else ""
    return f"{name}: {median(values):.2f}{spread} {unit}, at most {aim:g}: {verdict}"


def _idle(worker: subprocess.Popen[bytes]) -> str:
    # The process of the last job has gone, and the next one has come.
    wait_until(lambda: not _jobs(worker), "the worker is idle")
    time.sleep(_SETTLE_SECONDS)
    before, began = usage(worker.pid).cpu_seconds, time.monotonic()
    time.sleep(_IDLE_SECONDS)
    share = (usage(worker.pid).cpu_seconds - before) / (time.monotonic() - began)
    memory = _said("idle worker", [memory_mb(worker.pid)], 100, "MB")
    return f"{memory}; {_said('CPU', [100 * share], 0.5, '%')}"


def _starts(person: Person, body: dict[str, Any]) -> str:
    waits = []
    for _ in range(5):
        run = _wait_for(person, person.start(**body), "succeeded")
        queued, started = (
            datetime.fromisoformat(run[name]) for name in ("queued_at", "started_at")
        )
        waits.append((started - queued).total_seconds())
    return _said("queued to started", waits, 6)


def _wait_for(person: Person, run_id: str, *states: str) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def is_there() -> bool:
        found.update(person.run(run_id))
        if found["state"] == "failed" not in states:
            raise RuntimeError(f"a run failed: {found['reason']}")
        return found["state"] in states

    wait_until(is_there, f"run {run_id} is {' or '.join(states)}")
    return found


def _endless(person: Person, folder: Path, body: dict[str, Any], estimator: Any) -> str:
    """Start a run that does not end, and wait until it is in the middle of its fit."""
    run_id = person.start(**{**body, "recipe": recipe_text(folder, estimator)})
    _wait_for(person, run_id, "running")
    path = f"{person.api}/api/v1/lab/runs/{run_id}/log"

    def is_fitting() -> bool:
        text = person.ask("GET", path, params={"from": "0"}).text
        return "tick " in text or (estimator is DEAF and "fit" in text)

    wait_until(is_fitting, "the fit begins")
    return run_id


def _jobs(worker: subprocess.Popen[bytes]) -> list[psutil.Process]:
    children = psutil.Process(worker.pid).children()
    return [one for one in children if os.getpgid(one.pid) == one.pid]


def _stops(
    site: Site, person: Person, worker: subprocess.Popen[bytes], body: dict[str, Any]
) -> list[str]:
    def seconds(estimator: Any) -> float:
        run_id = _endless(person, site.folder, body, estimator)
        person.call("POST", f"/runs/{run_id}/stop")
        return wait_until(lambda: not _jobs(worker), "the job is gone")

    return [
        _said("stop to gone, obeying", [seconds(TICKING) for _ in range(5)], 3),
        _said("stop to gone, deaf", [seconds(DEAF)], 35),
    ]


def _followed(site: Site, person: Person, body: dict[str, Any]) -> list[str]:
    """Read a log as a browser does, every second; then fifty at once."""
    run_id = _endless(person, site.folder, body, TICKING)
    waits = _follow(site, run_id, _SCREEN_SECONDS)
    first = _said("log line to screen, p95", [percentile_ms(waits, 95) / 1000], 2)
    before, began = _cpu(site), time.monotonic()
    threads = [
        threading.Thread(target=_follow, args=(site, run_id, _FOLLOW_SECONDS))
        for _ in range(FOLLOWERS)
    ]
    for thread in threads:
        thread.start()
        # They do not come all at once.
        time.sleep(1 / FOLLOWERS)
    for thread in threads:
        thread.join()
    share = (_cpu(site) - before) / (time.monotonic() - began)
    person.call("POST", f"/runs/{run_id}/stop")
    _wait_for(person, run_id, "cancelled")
    return [first, _said(f"{FOLLOWERS} followers of a log, of a core", [100 * share], 10, "%")]


def _cpu(site: Site) -> float:
    return usage(site.api_pid).cpu_seconds + usage(site.dash_pid).cpu_seconds


def _follow(site: Site, run_id: str, seconds: float) -> list[float]:
    """Return how old each new line was when it came [s]."""
    session, offset, waits = requests.Session(), "0", []
    end, is_first = time.monotonic() + seconds, True
    while time.monotonic() < end:
        answer = session.get(
            f"{site.dash}/lab/log", params={"run": run_id, "from": offset}, timeout=30
        )
        if answer.ok:
            offset = answer.headers["X-Next-Offset"]
            came = [time.time() - float(at) for at in _TICK.findall(answer.text)]
            waits += [] if is_first else came
            is_first = False
        time.sleep(1.0)
    return waits


def _dead(person: Person, worker: subprocess.Popen[bytes], body: dict[str, Any]) -> str:
    run_id = person.start(**{**body, "recipe": str(body["recipe"])})
    _wait_for(person, run_id, "running")
    os.killpg(worker.pid, signal.SIGKILL)
    seconds = wait_until(lambda: person.run(run_id)["state"] == "lost", "the run is lost")
    person.call("POST", f"/runs/{run_id}/stop")
    return _said("host dead to lost", [seconds], 35)


def _fill(site: Site, experiment_id: str) -> None:
    now = datetime.now(UTC)
    rows = [_row(now - timedelta(minutes=i + 1), i, experiment_id) for i in range(ROWS)]
    with writing(site.engine) as connection:
        for start in range(0, ROWS, 1000):
            connection.execute(runs.insert(), rows[start : start + 1000])


def _row(at: datetime, i: int, experiment_id: str) -> dict[str, Any]:
    headline = '{"M1.0": {"bss": 0.123, "low": 0.051, "high": 0.198}}'
    return {
        "run_id": new_id(at),
        "experiment_id": experiment_id,
        "number": 1_000 + i,
        "kind": "train",
        "owner": "local local",
        "attempt": 1,
        "queue": "cpu",
        "needs": "[]",
        "visibility": "private",
        "dataset_ids": "[]",
        "parameters": "{}",
        "fingerprint": f"{i:064}",
        "state": _STATES[i % 5],
        "time_limit_s": 60,
        "headline": headline,
        "tags": '["day-end"]',
        "note": f"try {i}: " + "a note of some length " * 5,
        "created_at": at,
        "queued_at": at,
        "started_at": at,
        "ended_at": at,
    }


def _requests(site: Site, person: Person, body: dict[str, Any], rounds: int) -> tuple[Results, int]:
    """Time what people click, quiet and beside ingest in turn."""
    results, size = Results(), 0
    document = {"document": body["recipe"]}
    for kind in alternating((QUIET, INGEST), rounds):
        with _ingesting(site) if kind == INGEST else nullcontext():
            run_ids: list[str] = []
            found = {
                "click to queued": lambda run_ids=run_ids: run_ids.append(person.start(**body)),
                "a page of 10,000 runs": lambda: person.call("GET", "/runs?limit=100"),
                "check of a recipe": lambda: person.call("POST", "/recipes/check", json=document),
            }
            for name, call in found.items():
                seconds = [_timed(call) for _ in range(CALLS)]
                results.add(
                    name,
                    kind,
                    Figures(p50_ms=percentile_ms(seconds, 50), p95_ms=percentile_ms(seconds, 95)),
                )
            person.call("POST", "/runs/bulk", json={"ids": run_ids, "action": "stop"})
        size = len(person.ask("GET", f"{person.api}/api/v1/lab/runs?limit=100").content)
    return results, size


def _timed(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


@contextmanager
def _ingesting(site: Site) -> Iterator[None]:
    """Have records come in at a steady rate until the block ends."""
    is_over, senders = threading.Event(), SteadySenders(site.api)

    def send() -> None:
        while not is_over.is_set():
            senders.send(seconds=_INGEST_SECONDS, rate=_INGEST_RATE)

    thread = threading.Thread(target=send)
    thread.start()
    # The senders have begun.
    time.sleep(_INGEST_SECONDS)
    try:
        yield
    finally:
        is_over.set()
        thread.join()
