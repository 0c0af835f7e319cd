"""The faults of a round: which faults come when, drawn from a seed."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass

from chaos.proxy import CLEAR, CUT, LATE, STALLED, THIN, UNANSWERED, Weather
from chaos.scenario import Scenario, disk_folders

FAULTS = 4
LONGEST_SECONDS = 1.5

Repair = Callable[[], None]
Harm = Callable[[Scenario, random.Random], Repair]


@dataclass(frozen=True)
class Fault:
    """Faults that begin when this share of the rows is stored, and last so many seconds."""

    at_share: float
    harms: tuple[str, ...]
    seconds: float

    def inflict(self, scenario: Scenario, rng: random.Random) -> None:
        """Do the harm, let it last, and repair what does not repair itself."""
        repairs = [HARMS[name](scenario, rng) for name in self.harms]
        time.sleep(self.seconds)
        for repair in repairs:
            repair()


def draw_faults(
    rng: random.Random, *, n: int = FAULTS, among: Collection[str] | None = None
) -> list[Fault]:
    """Draw the n faults of a round, in the order in which they come."""
    shares = sorted(rng.uniform(0.02, 0.85) for _ in range(n))
    return [_fault(share, rng, list(among or HARMS)) for share in shares]


def _fault(share: float, rng: random.Random, among: Sequence[str]) -> Fault:
    harms = set(rng.sample(among, k=rng.choice((1, 1, 2))))
    # Repairs come in this order: a server finds the way to its store open when it starts.
    ordered = tuple(name for name in HARMS if name in harms)
    return Fault(share, ordered, rng.uniform(0.1, LONGEST_SECONDS))


def _weather(road: str, weather: Weather) -> Harm:
    def change(scenario: Scenario, _rng: random.Random) -> Repair:
        scenario.roads[road].set(weather)
        return lambda: scenario.roads[road].set(CLEAR)

    return change


def _kill_store(scenario: Scenario, _rng: random.Random) -> Repair:
    scenario.store.kill()
    return scenario.store.start


def _kill_api(scenario: Scenario, _rng: random.Random) -> Repair:
    scenario.api.kill()
    return scenario.api.start


def _kill_worker(scenario: Scenario, rng: random.Random) -> Repair:
    workers = scenario.api.children
    if workers:
        os.kill(rng.choice(workers), signal.SIGKILL)
    return lambda: None


def _hang_api(scenario: Scenario, _rng: random.Random) -> Repair:
    scenario.api.signal(signal.SIGSTOP)
    return lambda: scenario.api.signal(signal.SIGCONT)


def _hang_worker(scenario: Scenario, rng: random.Random) -> Repair:
    workers = scenario.api.children
    if not workers:
        return lambda: None
    worker = rng.choice(workers)
    os.kill(worker, signal.SIGSTOP)

    def continue_worker() -> None:
        # Its server may have ended it.
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGCONT)

    return continue_worker


def _set_clock(*, hours: int) -> Harm:
    def step(scenario: Scenario, _rng: random.Random) -> Repair:
        scenario.clock.set(hours=hours)
        return lambda: scenario.clock.set(hours=0)

    return step


def _fill_disk(name: str) -> Harm:
    def fill(scenario: Scenario, _rng: random.Random) -> Repair:
        disks, folder = scenario.disks, disk_folders(scenario.folder)[name]
        if disks is None:
            return lambda: None
        disks.fill(folder)
        return lambda: disks.clear(folder)

    return fill


def _kill_sender(scenario: Scenario, rng: random.Random) -> Repair:
    sender = rng.choice(scenario.senders)
    sender.kill()
    return sender.start


HARMS: dict[str, Harm] = {
    "disk of the store is full": _fill_disk("store"),
    "disk of the senders is full": _fill_disk("spool"),
    "temporary folder is full": _fill_disk("temporary"),
    "senders are cut off": _weather("api", CUT),
    "senders hear nothing": _weather("api", STALLED),
    "answers are lost": _weather("api", UNANSWERED),
    "senders are far away": _weather("api", LATE),
    "senders have a thin line": _weather("api", THIN),
    "store is cut off": _weather("store", CUT),
    "store says nothing": _weather("store", STALLED),
    "store is far away": _weather("store", LATE),
    "clock of the API is an hour late": _set_clock(hours=-1),
    "clock of the API is an hour early": _set_clock(hours=1),
    "worker hangs": _hang_worker,
    "API hangs": _hang_api,
    "store is killed": _kill_store,
    "API is killed": _kill_api,
    "worker is killed": _kill_worker,
    "sender is killed": _kill_sender,
}
