"""A share: the shards of a source that this replica may send, for as long as its lease lasts."""

from __future__ import annotations

import logging
import time

import numpy as np
from numpy.typing import NDArray

from data_sender.delivery.client import ApiAwayError, Backoff
from data_sender.position import Position
from data_sender.sharding.lease import NEVER, Lease, LeaseOffice, Progress
from data_sender.sharding.shard import ALL_SHARDS, FLARES
from data_sender.stop import StopSignal

logger = logging.getLogger(__name__)

# A replica asks so many times within one lease.
_WORDS_PER_LEASE = 10


class Share:
    """The shards held (ALL_SHARDS,), how much of each is delivered, and up to which event time.

    `version` changes whenever other shards are held than before. By its own clock the replica
    knows when its lease is over, also after a pause that it did not notice.
    """

    def __init__(self, office: LeaseOffice, stop: StopSignal, *, restarts: bool) -> None:
        self._office = office
        self._stop = stop
        self._restarts = restarts
        self._backoff = Backoff()
        self._ask_at = self._ends_at = time.monotonic()
        self.lease: Lease | None = None
        self.version = 0
        self.held = np.zeros(ALL_SHARDS, bool)
        self._delivered = np.zeros(ALL_SHARDS, np.int64)
        self._through = np.full(ALL_SHARDS, NEVER)
        self._finished = np.zeros(ALL_SHARDS, bool)

    @property
    def is_finished(self) -> bool:
        """Whether nothing of the source is left, with anybody."""
        return self.lease is not None and self.lease.unfinished == 0

    @property
    def has_work(self) -> bool:
        """Whether this replica holds shards of which something is left."""
        return bool((self.held & ~self._finished).any())

    @property
    def covered_to(self) -> np.datetime64 | None:
        """Up to when the flares are told, where this replica tells them."""
        at = self._through[FLARES]
        return at if self.held[FLARES] and not np.isnat(at) else None

    def seconds_until_word(self) -> float:
        """Return when the API should hear of this replica again [s]."""
        return max(0.0, self._ask_at - time.monotonic())

    def is_still(self, version: int) -> bool:
        """Ask again where it is time; tell whether the same shards may be sent as before.

        A lease that is over is asked for until the API answers, or the wish to stop comes.
        """
        if self.seconds_until_word() == 0:
            self._ask()
        while self._ends_at <= time.monotonic() and not self._stop.wait(self.seconds_until_word()):
            self._ask()
        return self.version == version and not self._stop.is_set

    def begin(self, *, with_flares: bool) -> Position:
        """Return the position before which everything of the held shards is delivered.

        A source that tells no flares has nothing to deliver in their shard.
        """
        shards = slice(None) if with_flares else slice(FLARES)
        through = self._through[shards][self.held[shards]]
        if not len(through) or np.isnat(through).any():
            return Position()
        return Position(0, through.min(), self.covered_to)

    def wants(self, shards: NDArray[np.int64], times: NDArray[np.datetime64]) -> NDArray[np.bool_]:
        """Tell for rows (n,) of these shards and event times whether they are still to be sent."""
        chosen: NDArray[np.bool_] = self.held[shards] & ~(times <= self._through[shards])
        return chosen

    def advance(self, shards: NDArray[np.int64], through: np.datetime64) -> None:
        """Note rows (n,) of these shards as delivered, and all others up to a time with them."""
        self._delivered += np.bincount(shards, minlength=ALL_SHARDS)
        regions = np.flatnonzero(self.held[:FLARES])
        self._through[regions] = np.fmax(self._through[regions], through)

    def cover(self, covered_to: np.datetime64 | None) -> None:
        """Note up to when the flares are told."""
        if covered_to is not None:
            self._through[FLARES] = covered_to

    def finish(self, numbers: slice) -> None:
        """Note that of some shards, where they are held, nothing is left, and say so at once."""
        self._finished[numbers] = self.held[numbers]
        self._ask_at = time.monotonic()

    def leave(self) -> None:
        """Give everything back, so that nobody waits for the lease to end."""
        if self.lease is None:
            return
        try:
            self._say(stays=False)
        except ApiAwayError as error:
            logger.warning("%s; the others take over when the lease ends", error)

    def _ask(self) -> None:
        asked_at = time.monotonic()
        try:
            lease = self._say(stays=True)
        except ApiAwayError as error:
            self._ask_at = time.monotonic() + self._backoff.next_seconds(error.retry_after_seconds)
            logger.warning("%s; the lease ends in %.1f s", error, self._ends_at - asked_at)
            return
        self._backoff.reset()
        self._restarts = False
        self._ends_at = asked_at + lease.lasts_seconds
        self._ask_at = asked_at + lease.lasts_seconds / _WORDS_PER_LEASE
        self._take(lease)

    def _say(self, *, stays: bool) -> Lease:
        generation = None if self.lease is None else self.lease.generation
        held = {
            number: Progress(
                int(self._delivered[number]), self._through[number], bool(self._finished[number])
            )
            for number in np.flatnonzero(self.held).tolist()
        }
        return self._office.ask(generation, held, stays=stays, restarts=self._restarts)

    def _take(self, lease: Lease) -> None:
        before = self.held
        if self.lease is not None and self.lease.generation != lease.generation:
            # Somebody has restarted the source.
            before = np.zeros(ALL_SHARDS, bool)
            self._delivered[:], self._through[:] = 0, NEVER
        self.lease = lease
        self.held = np.zeros(ALL_SHARDS, bool)
        for number, progress in lease.granted.items():
            # A replica may know more than the API, of which a word went astray, and less.
            self.held[number] = True
            self._delivered[number] = max(self._delivered[number], progress.delivered)
            self._through[number] = np.fmax(self._through[number], progress.through)
        self._finished &= self.held & before
        if (before != self.held).any():
            self.version += 1
            logger.info(
                "%d shards are mine; %d replicas share the source, %d shards are left",
                self.held.sum(), lease.members, lease.unfinished,
            )  # fmt: skip
