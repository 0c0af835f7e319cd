"""The heartbeat: a request every minute while all is well, whose absence is the alarm elsewhere."""

from __future__ import annotations

import http.client
import json
import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from app.notifications.channels import exchange
from app.settings import NotificationSettings
from database.named_lock import named_lock
from database.status.watch import StoreWatch
from solar.errors import FlarewatchError
from solar.status.facts import REPLAY_RUNS, Heartbeat, reason_for_silence
from solar.time import isoformat, parse_time

EVERY_SECONDS = 60.0
TIMEOUT_SECONDS = 10.0
_NOT_SET = Heartbeat("off", "not set up")
_ELSEWHERE = Heartbeat("unknown", "not sent by this server")

_log = logging.getLogger(__name__)


class HeartbeatRecord:
    """What the last round did, for all workers of a server: a file in the folder they share."""

    def __init__(self, folder: Path | None) -> None:
        self._file = None if folder is None else folder / "heartbeat.json"
        self._last: Heartbeat | None = None

    def read(self) -> Heartbeat | None:
        """Return what the last round did, None before the first one of this server."""
        if self._file is None:
            return self._last
        try:
            state, reason, *times = json.loads(self._file.read_text())
        except (OSError, ValueError):
            return self._last
        last_at, noted_at = (None if text is None else parse_time(text) for text in times)
        return Heartbeat(state, reason, last_at, noted_at)

    def write(self, heartbeat: Heartbeat) -> None:
        """Keep what a round did; a full disk keeps it from the other workers."""
        self._last = heartbeat
        if self._file is None:
            return
        times = (heartbeat.last_at, heartbeat.noted_at)
        texts = [None if at is None else isoformat(at) for at in times]
        partial = self._file.with_suffix(f".{os.getpid()}")
        with suppress(OSError):
            partial.write_text(json.dumps([heartbeat.state, heartbeat.reason, *texts]))
            partial.replace(self._file)


class HeartbeatSender:
    """Sends the heartbeat while data are fresh, forecasts are stored and notifications go out."""

    def __init__(
        self,
        settings: NotificationSettings,
        watch: StoreWatch,
        record: HeartbeatRecord,
        *,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings = settings
        self._watch = watch
        self._record = record
        self._clock = clock
        self._sleep = sleep

    @property
    def is_wanted(self) -> bool:
        """Tell whether there is an address to be asked."""
        return self._settings.heartbeat_url is not None

    def state(self) -> Heartbeat:
        """Return what the last round did; when that is long ago, another server may do them."""
        if not self.is_wanted:
            return _NOT_SET
        known = self._record.read()
        return known if known is not None and known.is_recent(self._clock()) else _ELSEWHERE

    def work(self, engine: sa.Engine) -> None:
        """Do one round, unless another process does, and keep that from the others meanwhile."""
        try:
            with named_lock(engine, "heartbeat") as is_mine:
                if is_mine:
                    self.beat()
                    # A second less, after which the scheduler asks again.
                    self._sleep(EVERY_SECONDS - 1)
        except FlarewatchError:
            self._note("silent", "the store does not answer")
            self._sleep(EVERY_SECONDS / 10)

    def beat(self) -> None:
        """Send the heartbeat if all is well, and note what came of it."""
        look = self._watch.look()
        if look.facts is None or not look.is_answered:
            self._note("silent", "the store does not answer")
            return
        reason = reason_for_silence(look.facts, in_replay=self._settings.replay_notify)
        if reason is not None:
            self._note("off" if reason == REPLAY_RUNS else "silent", reason)
            return
        fault = self._send()
        if fault is None:
            self._note("beating")
        else:
            self._note("silent", fault)

    def _send(self) -> str | None:
        """Ask the address; return what is wrong with its answer, which names no address."""
        url = self._settings.heartbeat_url
        if url is None:
            return _NOT_SET.reason
        try:
            status, _ = exchange(
                url.get_secret_value(),
                "GET",
                headers={"User-Agent": "flarewatch"},
                timeout_seconds=TIMEOUT_SECONDS,
            )
        except (OSError, UnicodeError, http.client.HTTPException) as error:
            return f"the receiver does not answer ({type(error).__name__})"
        return None if 200 <= status < 300 else f"the receiver answered {status}"

    def _note(self, state: str, reason: str = "") -> None:
        """Keep what this round did, and log it where it differs from the round before."""
        before, now = self._record.read() or Heartbeat(), self._clock()
        last_at = now if state == "beating" else before.last_at
        self._record.write(Heartbeat(state, reason, last_at, now))
        if (before.state, before.reason) != (state, reason):
            level = logging.WARNING if state == "silent" else logging.INFO
            _log.log(level, "heartbeat %s%s", state, f": {reason}" if reason else "")
