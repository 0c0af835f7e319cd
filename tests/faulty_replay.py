"""A replay with every kind of fault into an API whose clock is that of the rows sent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from flask.testing import FlaskClient
from numpy.typing import NDArray

from data_sender.clock import MAX_SPEED, EventClock
from data_sender.delivery.client import Answer, encode
from data_sender.delivery.delivery import Delivery
from data_sender.delivery.spool import Post, Spool
from data_sender.faulty_source import OF_XRAYS, report, with_faults
from data_sender.position import Position, PositionFile
from data_sender.progress import Progress
from data_sender.replayer import Replayer
from data_sender.rows import RowItems, Rows
from data_sender.sources.simulation.region_statistics import load_statistics
from data_sender.sources.simulation.simulation import Simulation, Sun
from solar.injected_faults import KINDS, InjectedFault, Kind, checked_fault
from solar.process import StopSignal
from solar.time import isoformat, to_datetime, to_datetime64

START = datetime(2024, 5, 1, tzinfo=UTC)
SENDER = "tester"
# The flare list comes late by more than it may lag, so that it needs the rest of the day.
_LIST_DELAY_MINUTES = 480.0


def every_kind(seed: int, *, start_at: datetime = START) -> list[InjectedFault]:
    """Return a fault of an hour for each kind that rows and flares can have, 90 min apart."""
    kinds = [kind for kind in KINDS if kind not in OF_XRAYS]
    return [
        _fault(kind, start_at + timedelta(minutes=90 * place + 61), seed)
        for place, kind in enumerate(kinds)
    ]


def _fault(kind: Kind, start_at: datetime, seed: int) -> InjectedFault:
    amount = {"flare-list-delay": _LIST_DELAY_MINUTES, "late": 45.0, "duplicate": 2.0}.get(kind)
    end_at = start_at + timedelta(minutes=60)
    return checked_fault(InjectedFault(kind, start_at, end_at, None, amount, seed))


def sun(seed: int, *, hours: float = 24.0) -> Simulation:
    start = to_datetime64(START)
    end = start + np.timedelta64(int(hours * 60), "m")
    return Simulation(Sun(seed, 4.0, load_statistics()), start, end)


class StepClock(EventClock):
    """Event time that goes from one time of rows to the next, as at a speed that can be watched."""

    def due(self, events: NDArray[np.datetime64]) -> int:
        return int(np.searchsorted(events, events[0], side="right"))


class ClientTransport:
    """Posts to an application in this process, at the time at which the rows leave."""

    def __init__(self, client: FlaskClient, clock: Any) -> None:
        self._client, self._clock = client, clock
        self.killed_after: int | None = None

    def send(self, post: Post, *, attempts: int) -> Answer:
        if isinstance(post.items, RowItems) and len(post.items):
            latest = to_datetime(np.fmax.reduce(post.items.rows.times()))
            self._clock.now = max(self._clock.now, latest)
        request = encode(post)
        answer = self._client.post(
            request.path, data=request.body, content_type=request.content_type
        )
        self._count_down()
        return Answer(answer.status_code, answer.get_json())

    def close(self) -> None:
        pass

    def _count_down(self) -> None:
        if self.killed_after is not None:
            self.killed_after -= 1
            if self.killed_after < 0:
                self.killed_after = None
                raise KilledError


class KilledError(Exception):
    """The sender died when the API had stored a post and before it knew."""


class FaultyReplay:
    """A sender that is begun again after each kill, until everything is sent."""

    def __init__(self, client: FlaskClient, clock: Any, folder: Path, *, seed: int) -> None:
        self._transport = ClientTransport(client, clock)
        self._folder, self.source = folder, sun(seed)
        self.faults = every_kind(seed)
        clock.now = START
        self._declare_quiet_days(client)

    def run(self, *, batch: Callable[[], int], kills: tuple[int, ...] = ()) -> None:
        for killed_after in (*kills, None):
            self._transport.killed_after = killed_after
            try:
                self._pass(batch())
            except KilledError:
                continue

    def _pass(self, batch: int) -> None:
        source, stop, progress = with_faults(self.source, self.faults), StopSignal(), Progress()
        positions = PositionFile(self._folder, source.fingerprint)
        spool = Spool(self._folder / "spool")
        try:
            delivery = Delivery(
                self._transport, spool, folder=self._folder, stop=stop, progress=progress
            )
            assert delivery.deliver(report(self.faults, self.source, sender=SENDER))
            replayer = Replayer(
                source, StepClock(MAX_SPEED), delivery, positions,
                sender=SENDER, batch=batch, stop=stop, progress=progress,
            )  # fmt: skip
            assert replayer.run()
        finally:
            spool.close()
            stop.close()

    @staticmethod
    def _declare_quiet_days(client: FlaskClient) -> None:
        covers = {"from": isoformat(START - timedelta(days=2)), "to": isoformat(START)}
        body = {"source": "simulated", "flares": [], "covers": covers}
        assert client.post("/api/v1/flares", json=body).status_code == 200


# What the product says of each kind, as words that its statements hold.
WORDS: dict[Kind, tuple[str, ...]] = {
    "gap": ("stale data", "gap noted in"),
    "late": ("stale data", " late"),
    "duplicate": (" duplicate",),
    "disorder": (" late",),
    "corrupt": (" rejected",),
    "quality": (" rejected",),
    "missing-keywords": ("fallback level",),
    "silence": ("silent sender, stale data",),
    "flare-list-delay": ("fallback level partial",),
}


def assert_accounted_for(client: FlaskClient, replay: FaultyReplay) -> None:
    """Check that what was sent is stored, each record once, and that each fault is answered for."""
    (sender,) = client.get("/api/v1/senders").get_json()["items"]
    items = {item["kind"]: item for item in client.get("/api/v1/faults").get_json()["items"]}
    n_source = sum(len(chunk.rows) for chunk in replay.source.chunks(Position()))
    affected = {kind: item["affected"] for kind, item in items.items()}
    n_stored = len(client.get("/api/v1/observations").get_json()["items"])
    n_refused = affected["corrupt"] + affected["quality"]

    assert sender["sent"] == n_source - affected["gap"] + 2 * affected["duplicate"]
    assert sender["duplicates"] == 2 * affected["duplicate"]
    assert (sender["rejected"], sender["lost"], sender["revised"]) == (n_refused, 0, 0)
    assert sender["accepted"] == n_stored == n_source - affected["gap"] - n_refused
    for kind, words in WORDS.items():
        if kind == "disorder" and not _is_any_overtaken(replay):
            continue
        said = " · ".join(items[kind]["said"])
        assert all(word in said for word in words), (kind, said)
    assert {kind for kind, item in items.items() if item["said_at"]} == {
        *("gap", "late", "missing-keywords", "silence", "flare-list-delay")
    }


def _is_any_overtaken(replay: FaultyReplay) -> bool:
    """Tell whether a row in disorder leaves after a newer one of its region: few may not."""
    faults = [fault for fault in replay.faults if fault.kind == "disorder"]
    chunks = with_faults(replay.source, faults).chunks(Position())
    rows = Rows.concatenate([chunk.rows for chunk in chunks])
    of_regions = (rows.take(rows.harpnum == number) for number in set(rows.harpnum.tolist()))
    return any(bool((np.diff(one.t_rec).astype(int) < 0).any()) for one in of_regions)
