"""The clock of a replay: that of the store, which a sender registers with and then follows."""

from __future__ import annotations

import logging
import math
import threading
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_sender.delivery.client import (
    OK,
    Answer,
    ApiClient,
    ApiRefusedError,
    ApiUnavailableError,
    Transport,
)
from data_sender.delivery.spool import Post
from data_sender.repeating import Repeating
from solar.time import isoformat, parse_time, to_datetime, to_datetime64

logger = logging.getLogger(__name__)

PATH = "/api/v1/clock"
_LOOK_EVERY_SECONDS = 1.0
# Somebody may set the clock while a sender waits for an event.
_LONGEST_WAIT_SECONDS = 0.2
# At 3600 s of event time a second the flux of the present would always be minutes old; the store
# shows no minute before its time.
_AHEAD_SECONDS = 1.0


@dataclass(frozen=True)
class _Reading:
    """Event time was `event_at` at `monotonic` [s] and passes at `speed`, None for no limit."""

    event_at: np.datetime64
    monotonic: float
    speed: float | None

    def now(self) -> np.datetime64 | None:
        if self.speed is None:
            return None
        passed = (time.monotonic() - self.monotonic) * self.speed
        return self.event_at + np.timedelta64(int(passed * 1e6), "us")


class ReplayClock:
    """Event time as the clock of the store has it, which people play, pause, set and speed up.

    A thread asks for it once a second, so that no sender waits for an answer. While the API is
    away the last reading counts, and before the first one event time passes at `speed` from the
    first row that is left. At a speed without limit the sender drives the clock: everything is due.

    Parameters
    ----------
    span : times of the first and the last row of what is replayed
    """

    def __init__(
        self,
        api: ApiClient,
        span: tuple[np.datetime64, np.datetime64],
        *,
        sender: str,
        speed: float,
    ) -> None:
        self._api = api
        self._span = span
        self._sender = sender
        self._speed = speed if math.isfinite(speed) else None
        self._reading = _Reading(span[0], time.monotonic(), self._speed)
        self._tag: str | None = None
        self._is_registered = False
        self._registering = threading.Lock()
        self._following = Repeating(self._look, _LOOK_EVERY_SECONDS)

    @property
    def is_unlimited(self) -> bool:
        """Whether every event is due at any time."""
        return self._reading.speed is None

    @property
    def is_paused(self) -> bool:
        """Whether event time stands still."""
        return self._reading.speed == 0

    def due(self, events: NDArray[np.datetime64]) -> int:
        """Count the leading events (n,), in ascending order, whose time has come."""
        now = self._reading.now()
        return len(events) if now is None else int(np.searchsorted(events, now, side="right"))

    def seconds_until(self, event_at: np.datetime64) -> float:
        """Return how long to wait before asking again whether an event is due [s]."""
        reading = self._reading
        now = reading.now()
        if now is None or now >= event_at:
            return 0.0
        if not reading.speed:
            return _LONGEST_WAIT_SECONDS
        ahead = float((event_at - now) / np.timedelta64(1, "s")) / reading.speed
        return min(ahead, _LONGEST_WAIT_SECONDS)

    def now(self, events: NDArray[np.datetime64]) -> np.datetime64 | None:
        """Return the present event time, None for "no limit"."""
        return self._reading.now()

    def soon(self, events: NDArray[np.datetime64]) -> np.datetime64 | None:
        """Return the event time of a second from now, None for "no limit"."""
        reading = self._reading
        now = reading.now()
        if now is None or reading.speed is None:
            return None
        return now + np.timedelta64(int(_AHEAD_SECONDS * reading.speed * 1e6), "us")

    def start(self, next_at: np.datetime64 | None) -> None:
        """Register a replay of which all before a time is sent, and follow the clock.

        Raises
        ------
        ApiRefusedError
            When the store can have no replay, with what to do.
        """
        if next_at is not None and not self._is_registered:
            self._reading = _Reading(next_at, time.monotonic(), self._speed)
        try:
            self.register()
        except ApiUnavailableError as error:
            logger.warning("%s; this replay is registered before its first row goes", error)
        self._following.start()

    def register(self) -> None:
        """Say what is replayed, once; the rows of a replay that the store knows of may go.

        Raises
        ------
        ApiUnavailableError
            When the API is away; nothing may be sent to it yet.
        ApiRefusedError
            When the store can have no replay, with what to do.
        """
        if self._is_registered:
            return
        # Not waited for: the signal that stops a sender would not end that.
        if not self._registering.acquire(blocking=False):
            raise ApiUnavailableError("this replay is being registered")
        try:
            self._register()
        finally:
            self._registering.release()

    def close(self) -> None:
        """Follow no longer."""
        self._following.close()

    def _register(self) -> None:
        asked_at = time.monotonic()
        first, last = self._span
        body = {
            "sender": self._sender,
            "starts": _label(first),
            "ends": _label(last),
            "speed": self._speed,
            "next": _label(min(max(self._reading.event_at, first), last)),
        }
        answer = self._api.post_json(PATH, body)
        if answer.status != OK:
            raise ApiRefusedError(f"{PATH} answered {answer.status}: {answer.body.get('detail')}")
        self._take(answer.body, asked_at)
        self._is_registered = True
        logger.info("this replay follows the clock of the store")

    def _look(self) -> None:
        asked_at = time.monotonic()
        try:
            if not self._is_registered:
                self.register()
                return
            content, self._tag = self._api.get_changed(PATH, self._tag)
        except (ApiUnavailableError, ApiRefusedError) as error:
            logger.debug("%s; event time passes as before", error)
            return
        if content is not None:
            self._take(content, asked_at)

    def _take(self, content: dict[str, Any], asked_at: float) -> None:
        # The answer shows the time about midway between question and answer.
        at = (asked_at + time.monotonic()) / 2
        self._reading = _Reading(to_datetime64(parse_time(content["now"])), at, content["speed"])
        logger.info("the clock of the store: %s, speed %s", content["now"], content["speed"])


class RegisteredTransport:
    """Sends posts to a store that has been told of the replay, and none before."""

    def __init__(self, transport: Transport, clock: ReplayClock) -> None:
        self._transport = transport
        self._clock = clock

    def send(self, post: Post, *, attempts: int) -> Answer:
        """Send as the transport does; while the store cannot be told, the API is unavailable."""
        self._clock.register()
        return self._transport.send(post, attempts=attempts)

    def close(self) -> None:
        """Follow the clock no longer, and close the connection."""
        self._clock.close()
        self._transport.close()


def _label(at: np.datetime64) -> str:
    return isoformat(to_datetime(at))
