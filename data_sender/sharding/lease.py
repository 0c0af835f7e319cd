"""Leases: which shards of a source the API lets this replica send, and for how long."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_sender.delivery.client import (
    ApiClient,
    ApiRefusedError,
    ApiUnavailableError,
    api_backoff,
)
from data_sender.position import Position
from data_sender.sharding.shard import ALL_SHARDS, FLARES
from solar.flares import LONGEST_FLARE
from solar.process import StopSignal
from solar.time import isoformat, parse_time, to_datetime, to_datetime64

logger = logging.getLogger(__name__)

PATH = "/api/v1/leases"
NEVER = np.datetime64("NaT", "us")
# A replica renews its lease so many times before it would end.
_RENEWALS_PER_LEASE = 10
_LONGEST_FLARE = np.timedelta64(LONGEST_FLARE)


@dataclass(frozen=True)
class ShardProgress:
    """How far a shard is delivered: so many rows, and all of them up to `through`."""

    delivered: int
    through: np.datetime64
    is_finished: bool = False


@dataclass(frozen=True)
class LeaseRequest:
    """What a replica reports and requests when it renews its lease.

    `held` is the progress of the shards that it holds; `stays` is False when it gives them
    back; `restarts` starts the whole source over.
    """

    generation: int | None
    held: Mapping[int, ShardProgress]
    stays: bool
    restarts: bool


@dataclass(frozen=True)
class Lease:
    """What this replica may send, what all replicas share, and the API's count of this one.

    Event time was `event_at` so many seconds ago.
    """

    generation: int
    granted: Mapping[int, ShardProgress]
    lasts_seconds: float
    starts_at: np.datetime64
    event_at: np.datetime64
    elapsed_seconds: float
    members: int
    unfinished: int
    sent: int
    sequence: int


class LeaseClient:
    """Renews the leases of one replica, for one source of so many shards."""

    def __init__(
        self, api: ApiClient, *, source: str, sender: str, shards: int, starts_at: np.datetime64
    ) -> None:
        self._api = api
        self._identity = {
            "source": source,
            "sender": sender,
            "shards": shards,
            "starts_at": _label(starts_at),
        }

    def renew(self, request: LeaseRequest) -> Lease:
        """Report the held shards and get the lease; ApiUnavailableError without an answer."""
        held = {str(number): _report(progress) for number, progress in request.held.items()}
        body: dict[str, Any] = {
            **self._identity,
            "held": held,
            "wants": request.stays,
            "restart": request.restarts,
        }
        if request.generation is not None:
            body["generation"] = request.generation
        answer = self._api.post_json(PATH, body)
        if answer.status != 200:
            raise ApiRefusedError(f"{PATH} answered {answer.status}: {answer.body.get('detail')}")
        return _lease(answer.body)


def _lease(body: Mapping[str, Any]) -> Lease:
    granted = {
        shard["shard"]: ShardProgress(shard["delivered"], _time(shard["through"]))
        for shard in body["granted"]
    }
    names = ("generation", "elapsed_seconds", "members", "unfinished", "sent", "sequence")
    return Lease(
        granted=granted,
        lasts_seconds=body["expires_in_seconds"],
        starts_at=_time(body["starts_at"]),
        event_at=_time(body["event_at"]),
        **{name: body[name] for name in names},
    )


def _report(progress: ShardProgress) -> dict[str, Any]:
    return {
        "delivered": progress.delivered,
        "through": None if np.isnat(progress.through) else _label(progress.through),
        "finished": progress.is_finished,
    }


def _label(at: np.datetime64) -> str:
    return isoformat(to_datetime(at))


def _time(label: str | None) -> np.datetime64:
    return NEVER if label is None else to_datetime64(parse_time(label))


class LeasedShards:
    """The shards held (ALL_SHARDS,), how much of each is delivered, and up to which event time.

    `version` changes whenever other shards are held than before. The replica knows by its own
    clock when its lease is over, also after a pause that it did not notice.
    """

    def __init__(self, client: LeaseClient, stop: StopSignal, *, restarts: bool) -> None:
        self._client = client
        self._stop = stop
        self._restarts = restarts
        self._backoff = api_backoff()
        self._renew_at = self._ends_at = time.monotonic()
        self.lease: Lease | None = None
        self.version = 0
        self.held = np.zeros(ALL_SHARDS, bool)
        self._delivered = np.zeros(ALL_SHARDS, np.int64)
        self._through = np.full(ALL_SHARDS, NEVER)
        self._finished = np.zeros(ALL_SHARDS, bool)

    @property
    def is_finished(self) -> bool:
        """Whether nothing of the source is left, with any replica."""
        return self.lease is not None and self.lease.unfinished == 0

    @property
    def has_work(self) -> bool:
        """Whether this replica holds shards of which something is left."""
        return bool((self.held & ~self._finished).any())

    @property
    def delivered_to(self) -> np.datetime64 | None:
        """The time up to which some held shard is delivered, and with it the flares."""
        through = self._through[self.held]
        return None if np.isnat(through).all() else np.fmax.reduce(through)

    @property
    def flares_to(self) -> np.datetime64 | None:
        """The time up to which the shard of the flares is delivered."""
        through = self._through[FLARES]
        return None if np.isnat(through) else through

    def seconds_until_renewal(self) -> float:
        """Return when the lease is to be renewed [s]."""
        return max(0.0, self._renew_at - time.monotonic())

    def renew_if_due(self, version: int) -> bool:
        """Renew the lease if it is time; return whether the shards of a version are still held.

        A lease that is over is requested until the API answers, or the stop signal comes.
        """
        if self.seconds_until_renewal() == 0:
            self._renew()
        while self._ends_at <= time.monotonic() and not self._stop.wait(
            self.seconds_until_renewal()
        ):
            self._renew()
        return self.version == version and not self._stop.is_set

    def start_position(self, *, with_flares: bool) -> Position:
        """Return the position before which everything of the held shards is delivered.

        A source without flares has nothing to deliver in their shard. Flares go before the rows,
        so that a day before the position none is missing. In the first day of a source everything
        is read again, lest the list seem complete before its beginning.
        """
        shards = slice(None) if with_flares else slice(FLARES)
        through = self._through[shards][self.held[shards]]
        if self.lease is None or not len(through) or np.isnat(through).any():
            return Position()
        begin = Position(0, through.min())
        if not with_flares:
            return begin
        complete_to = through.min() - _LONGEST_FLARE
        return Position() if complete_to < self.lease.starts_at else begin.covered(complete_to)

    def undelivered(
        self, shards: NDArray[np.int64], times: NDArray[np.datetime64]
    ) -> NDArray[np.bool_]:
        """Tell for rows (n,) of these shards and event times whether they are still to be sent."""
        chosen: NDArray[np.bool_] = self.held[shards] & ~(times <= self._through[shards])
        return chosen

    def advance(self, shards: NDArray[np.int64], through: np.datetime64) -> None:
        """Record rows (n,) of these shards as delivered, and all others up to a time with them."""
        self._delivered += np.bincount(shards, minlength=ALL_SHARDS)
        regions = np.flatnonzero(self.held[:FLARES])
        self._through[regions] = np.fmax(self._through[regions], through)

    def cover(self, covered_to: np.datetime64 | None) -> None:
        """Record up to when the flares are published."""
        if covered_to is not None and self.held[FLARES]:
            self._through[FLARES] = covered_to

    def finish(self, numbers: slice) -> None:
        """Record that nothing is left of some shards, where they are held; report it at once."""
        self._finished[numbers] = self.held[numbers]
        self._renew_at = time.monotonic()

    def release(self) -> None:
        """Give all shards back, so that no replica waits for the lease to end."""
        if self.lease is None:
            return
        try:
            self._client.renew(self._request(stays=False))
        except ApiUnavailableError as error:
            logger.warning("%s; the others take over when the lease ends", error)

    def _renew(self) -> None:
        requested_at = time.monotonic()
        try:
            lease = self._client.renew(self._request(stays=True))
        except ApiUnavailableError as error:
            wait = self._backoff.next_seconds(error.retry_after_seconds)
            self._renew_at = time.monotonic() + wait
            logger.warning("%s; the lease ends in %.1f s", error, self._ends_at - requested_at)
            return
        self._backoff.reset()
        self._restarts = False
        self._ends_at = requested_at + lease.lasts_seconds
        self._renew_at = requested_at + lease.lasts_seconds / _RENEWALS_PER_LEASE
        self._apply(lease)

    def _request(self, *, stays: bool) -> LeaseRequest:
        generation = None if self.lease is None else self.lease.generation
        held = {
            number: ShardProgress(
                int(self._delivered[number]), self._through[number], bool(self._finished[number])
            )
            for number in np.flatnonzero(self.held).tolist()
        }
        return LeaseRequest(generation, held, stays, self._restarts)

    def _apply(self, lease: Lease) -> None:
        before = self.held
        if self.lease is not None and self.lease.generation != lease.generation:
            # Somebody has restarted the source.
            before = np.zeros(ALL_SHARDS, bool)
            self._delivered[:], self._through[:] = 0, NEVER
        self.lease = lease
        self.held = np.zeros(ALL_SHARDS, bool)
        for number, progress in lease.granted.items():
            # A replica may know more than the API, of which a renewal was lost, and less.
            self.held[number] = True
            self._delivered[number] = max(self._delivered[number], progress.delivered)
            self._through[number] = np.fmax(self._through[number], progress.through)
        self._finished &= self.held & before
        if (before != self.held).any():
            self.version += 1
            logger.info(
                "this replica holds %d shards; %d replicas share the source, %d shards are left",
                self.held.sum(),
                lease.members,
                lease.unfinished,
            )
