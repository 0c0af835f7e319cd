"""The script of a round: which faults come when, drawn from a seed."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from chaos.proxy import CLEAR, CUT, LATE, STALLED, THIN, Weather
from chaos.theatre import Theatre

SCENES = 4
LONGEST_SECONDS = 1.5

Repair = Callable[[], None]
Act = Callable[[Theatre, random.Random], Repair]


@dataclass(frozen=True)
class Scene:
    """Faults that begin when this share of the rows is stored, and last so many seconds."""

    at_share: float
    acts: tuple[str, ...]
    seconds: float

    def play(self, theatre: Theatre, rng: random.Random) -> None:
        """Do the harm, let it last, and repair what does not repair itself."""
        repairs = [ACTS[name](theatre, rng) for name in self.acts]
        time.sleep(self.seconds)
        for repair in repairs:
            repair()


def write_script(rng: random.Random) -> list[Scene]:
    """Draw the scenes of a round, in the order in which they come."""
    shares = sorted(rng.uniform(0.02, 0.85) for _ in range(SCENES))
    return [_scene(share, rng) for share in shares]


def _scene(share: float, rng: random.Random) -> Scene:
    acts = set(rng.sample(list(ACTS), k=rng.choice((1, 1, 2))))
    # Repairs come in this order: a server finds the way to its store open when it starts.
    ordered = tuple(name for name in ACTS if name in acts)
    return Scene(share, ordered, rng.uniform(0.1, LONGEST_SECONDS))


def _weather(road: str, weather: Weather) -> Act:
    def change(theatre: Theatre, _rng: random.Random) -> Repair:
        theatre.roads[road].set(weather)
        return lambda: theatre.roads[road].set(CLEAR)

    return change


def _kill_store(theatre: Theatre, _rng: random.Random) -> Repair:
    theatre.store.kill()
    return theatre.store.start


def _kill_api(theatre: Theatre, _rng: random.Random) -> Repair:
    theatre.api.kill()
    return theatre.api.start


def _kill_worker(theatre: Theatre, rng: random.Random) -> Repair:
    workers = theatre.api.children
    if workers:
        os.kill(rng.choice(workers), signal.SIGKILL)
    return lambda: None


def _kill_sender(theatre: Theatre, rng: random.Random) -> Repair:
    sender = rng.choice(theatre.senders)
    sender.kill()
    return sender.start


ACTS: dict[str, Act] = {
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
