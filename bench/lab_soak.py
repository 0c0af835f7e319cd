"""The soak of the Lab: small runs, a schedule and ingest for half an hour; nothing may grow."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from scipy import stats

from bench.lab_site import Site, body_of, opened_site, small_dataset, wait_until
from bench.soak import LARGER
from bench.steady_senders import SteadySenders
from tests.lab_person import Person

MINUTES, RUNS, RATE = 30.0, 150, 1_000.0
_LOOK_SECONDS, _POST_SECONDS, _END_SECONDS = 5.0, 30.0, 300.0
# What is left out at the beginning: pages, pools and caches fill.
_WARM = 1 / 3
_ENDED = ("succeeded", "failed", "cancelled", "timed_out", "lost")
# Unit of what grows, and how many of it may come in all while the soak lasts.
_MEASURES = {"memory": "MB", "files": "", "processes": ""}
_FEW = {"files": 1.0, "processes": 0.5}


@dataclass(frozen=True)
class Held:
    """What a service and all that it has started hold: memory [MB, shared pages divided]."""

    memory: float
    files: float
    processes: float


@dataclass(frozen=True)
class Slope:
    """How much more a service holds after the soak than before, with the 95 % interval."""

    level: float
    grown: float
    low: float
    high: float

    def is_flat(self, measure: str) -> bool:
        """Tell whether nothing grows: the interval holds 0, or what comes is too little."""
        allowed = _FEW.get(measure, (LARGER - 1) * self.level)
        return self.low <= 0 or self.grown <= allowed


def main(folder: Path, *, minutes: float = MINUTES, runs: int = RUNS) -> str:
    """Measure, and return what was found in words."""
    with opened_site(folder) as site, site.worker("host-0") as worker:
        person = site.person()
        body = body_of(person, folder, small_dataset(person, folder))
        services = {
            "API": site.api_pid,
            "dashboard": site.dash_pid,
            "store": int((folder / "store" / "pid").read_text()),
            "worker": worker.pid,
        }
        looks: list[tuple[float, Mapping[str, Held]]] = []
        with _beside(lambda: looks.append((time.monotonic(), _look(services))), _LOOK_SECONDS):
            run_ids = _load(site, person, body, seconds=60 * minutes, n=runs)
            states = _states(person, run_ids)
    slopes = _slopes(looks, seconds=60 * minutes)
    grown = [f"{name}: {measure}" for (name, measure), one in slopes.items()
             if not one.is_flat(measure)]  # fmt: skip
    return (
        f"soak of the Lab: {runs} runs and {RATE:,.0f} records/s for {minutes:g} minutes\n\n"
        f"{_table(slopes)}\n\n  runs by state: {dict(states)}\n"
        f"  verdict: {'not flat: ' + '; '.join(grown) if grown else 'flat'}"
    )


def _load(site: Site, person: Person, body: dict[str, Any], *, seconds: float, n: int) -> list[str]:
    """Start runs evenly in time while records come in, and return their ids."""
    senders, began = SteadySenders(site.api), time.monotonic()
    run_ids = []
    with _beside(lambda: senders.send(seconds=_POST_SECONDS, rate=RATE), 0.0):
        for i in range(n):
            time.sleep(max(0.0, began + i * seconds / n - time.monotonic()))
            run_ids.append(person.start(**body))
        time.sleep(max(0.0, began + seconds - time.monotonic()))
    return run_ids


def _states(person: Person, run_ids: list[str]) -> Counter[str]:
    """Wait until all runs have ended, and count how."""
    for run_id in run_ids:
        wait_until(
            lambda one=run_id: person.run(one)["state"] in _ENDED,  # type: ignore[misc]
            f"run {run_id} ends",
            seconds=_END_SECONDS,
            pause=1.0,
        )
    return Counter(person.run(run_id)["state"] for run_id in run_ids)


@contextmanager
def _beside(act: Any, pause: float) -> Iterator[None]:
    """Do something again and again until the block ends; what it raises ends the block badly."""
    is_over, faults = threading.Event(), list[BaseException]()

    def repeat() -> None:
        try:
            while not is_over.is_set():
                act()
                is_over.wait(pause)
        # A failed post or look is a result of the measurement, which the block must not outlive.
        except (OSError, RuntimeError, psutil.Error) as error:
            faults.append(error)

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
    if faults:
        raise RuntimeError(str(faults[0])) from faults[0]


def _look(services: Mapping[str, int]) -> dict[str, Held]:
    return {name: _held(pid) for name, pid in services.items()}


def _held(pid: int) -> Held:
    first = psutil.Process(pid)
    found = []
    for one in (first, *first.children(recursive=True)):
        try:
            found.append((one.memory_full_info().pss / 1e6, one.num_fds(), 1))
        except psutil.NoSuchProcess:
            # A job that has ended meanwhile.
            continue
    memory, files, processes = np.sum(found, axis=0).tolist()
    return Held(memory, files, processes)


def _slopes(
    looks: list[tuple[float, Mapping[str, Held]]], *, seconds: float
) -> dict[tuple[str, str], Slope]:
    """Fit a line through what each service held, after the first third."""
    began = looks[0][0]
    kept = [(at - began, held) for at, held in looks if _WARM <= (at - began) / seconds <= 1]
    # Looks follow each other faster than a run lasts: means of a minute are nearly independent.
    minutes = [list(own) for _, own in itertools.groupby(kept, lambda look: look[0] // 60)]
    at = [float(np.mean([look[0] for look in own])) for own in minutes]
    found = {}
    for name, measure in itertools.product(kept[0][1], _MEASURES):
        values = [
            float(np.mean([getattr(held[name], measure) for _, held in own])) for own in minutes
        ]
        found[name, measure] = _slope(at, values, seconds)
    return found


def _slope(at: list[float], values: list[float], seconds: float) -> Slope:
    level = float(np.mean(values))
    if np.ptp(values) == 0:
        return Slope(level, 0.0, 0.0, 0.0)
    line = stats.linregress(at, values)
    grown = line.slope * seconds
    either = stats.t.ppf(0.975, len(at) - 2) * line.stderr * seconds
    return Slope(level, grown, grown - either, grown + either)


def _table(slopes: Mapping[tuple[str, str], Slope]) -> str:
    lines = [
        "| service | held | on average | grown in all (95 % interval) | verdict |",
        "|---|---|---|---|---|",
    ]
    for (name, measure), one in slopes.items():
        grown = f"{one.grown:+.2f} ({one.low:+.2f} … {one.high:+.2f})"
        held = f"{measure}, {unit}" if (unit := _MEASURES[measure]) else measure
        verdict = "flat" if one.is_flat(measure) else "grows"
        lines.append(f"| {name} | {held} | {one.level:.1f} | {grown} | {verdict} |")
    return "\n".join(lines)
