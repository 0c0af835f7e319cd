"""Group commit: requests that wait together are stored together, each answered for itself.

A commit waits for the disk, and a transaction asks the store the same whether it has one record or
two hundred. So nobody waits while nobody else is there, and many wait no longer than few.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from app.ingest.ingest import IngestResult
from app.ingest.outcomes import IngestRequest
from app.scoring.forecasts import IssuedForecasts
from database.delivery.row_outcomes import RowOutcomes
from solar.errors import FlarewatchError, StoreLockedError, StoreUnavailableError
from solar.turns import Rest, Turns

# A group is no larger, lest its first request wait long for the last.
MOST_REQUESTS = 256
MOST_ROWS = 2_000
# So many requests of a spoiled group are stored at a time, each alone.
MOST_ALONE = 4

_log = logging.getLogger(__name__)


class Store(Protocol):
    """Stores requests in one transaction; see `app.ingest.ingest.IngestStore`."""

    def __call__(self, requests: Sequence[IngestRequest], *, is_patient: bool) -> IngestResult:
        """Store all or none; without patience little is waited for locks."""


@dataclass(frozen=True)
class Stored:
    """The result of the group that a request was stored with, and its place there."""

    result: IngestResult
    place: int

    @property
    def outcomes(self) -> RowOutcomes:
        """What became of its rows."""
        return self.result.outcomes[self.place]

    def forecasts(self) -> IssuedForecasts:
        """Return the forecasts from its records."""
        return self.result.forecasts.take(self.result.request_of_forecast == self.place)


class _Lead:
    """Tells a request to store those that wait, itself first."""


class _GoAlone:
    """Tells a request that its group was spoiled by one of its members."""


_Told = Stored | FlarewatchError | _Lead | _GoAlone


class _Member:
    """A request, what it is told, and its rest until then."""

    def __init__(self, request: IngestRequest, turns: Turns) -> None:
        self.request = request
        self.told: _Told = _GoAlone()
        self.rest = Rest(turns)

    def tell(self, told: _Told) -> None:
        self.told = told
        self.rest.end()


class GroupCommit:
    """The requests of one process that wait, and the group that is being stored.

    A request that finds nobody at work leads: it stores itself at once. Those that come meanwhile
    wait; then the first of them leads, and stores all that wait.

    Parameters
    ----------
    store : stores requests in one transaction
    turns : a request gives its turn back while it waits or is stored
    """

    def __init__(self, store: Store, turns: Turns) -> None:
        self._store = store
        self._turns = turns
        self._lock = threading.Lock()
        self._waiting: deque[_Member] = deque()
        self._is_at_work = False
        self._alone = threading.Semaphore(MOST_ALONE)

    def submit(self, request: IngestRequest) -> Stored:
        """Store a request, together with those that wait.

        A request that spoils its group costs the others nothing but time: each is stored alone.

        Raises
        ------
        FlarewatchError
            When the request cannot be stored.
        """
        told = self._told(_Member(request, self._turns))
        if isinstance(told, FlarewatchError):
            raise told
        if isinstance(told, Stored):
            return told
        with self._turns.given_back(), self._alone:
            return Stored(self._store([request], is_patient=True), 0)

    def _told(self, member: _Member) -> _Told:
        with self._lock:
            leads, self._is_at_work = not self._is_at_work, True
            if not leads:
                self._waiting.append(member)
        if not leads:
            member.rest.begin()
            if not isinstance(member.told, _Lead):
                return member.told
        with self._turns.given_back():
            return self._lead(self._group(member))

    def _group(self, leader: _Member) -> list[_Member]:
        """Take those that wait, as many as one group may have."""
        group, rows = [leader], len(leader.request)
        with self._lock:
            while self._waiting and len(group) < MOST_REQUESTS:
                rows += len(self._waiting[0].request)
                if rows > MOST_ROWS:
                    break
                group.append(self._waiting.popleft())
        return group

    def _lead(self, group: Sequence[_Member]) -> _Told:
        """Store a group, tell the others what became of them, and return it for the first."""
        told: Sequence[_Told] = [_GoAlone()] * len(group)
        try:
            result = self._store([member.request for member in group], is_patient=False)
            told = [Stored(result, place) for place in range(len(group))]
        except StoreUnavailableError as error:
            # Alone each would only learn the same; a lock may concern one of them.
            if not isinstance(error, StoreLockedError):
                told = [error] * len(group)
        except Exception as error:
            # Whatever it is, it may be the fault of one request, which alone gets it as its error.
            if len(group) == 1:
                raise
            _log.warning("%d requests are stored one by one: %s", len(group), error)
        finally:
            self._pass_on()
            for member, own in zip(group[1:], told[1:], strict=True):
                member.tell(own)
        return told[0]

    def _pass_on(self) -> None:
        """Let the first of those that wait lead."""
        with self._lock:
            following = self._waiting.popleft() if self._waiting else None
            self._is_at_work = following is not None
        if following is not None:
            following.tell(_Lead())
