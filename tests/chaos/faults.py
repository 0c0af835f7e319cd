"""The faults of a round: which faults come when, drawn from a seed."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from chaos.proxy import CLEAR, CUT, LATE, STALLED, THIN, Weather
from chaos.scenario import Scenario

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


def draw_faults(rng: random.Random) -> list[Fault]:
    """Draw the faults of a round, in the order in which they come."""
    shares = sorted(rng.uniform(0.02, 0.85) for _ in range(FAULTS))
    return [_fault(share, rng) for share in shares]


def _fault(share: float, rng: random.Random) -> Fault:
    harms = set(rng.sample(list(HARMS), k=rng.choice((1, 1, 2))))
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


def _kill_sender(scenario: Scenario, rng: random.Random) -> Repair:
    sender = rng.choice(scenario.senders)
    sender.kill()
    return sender.start


HARMS: dict[str, Harm] = {
    "senders are cut off": _weather("api", CUT),
    "senders hear nothing": _weather("api", STALLED),
    "senders are far away": _weather("api", LATE),
    "senders have a thin line": _weather("api", THIN),
    "store is cut off": _weather("store", CUT),
    "store says nothing": _weather("store", STALLED),
    "store is far away": _weather("store", LATE),
    "store is killed": _kill_store,
    "API is killed": _kill_api,
    "worker is killed": _kill_worker,
    "sender is killed": _kill_sender,
}
