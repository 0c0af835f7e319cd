"""A journey through a source: rows and flares leave when their time has come."""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from itertools import islice, takewhile
from typing import Any

import numpy as np

from data_sender.clock import EventClock
from data_sender.delivery import Delivery
from data_sender.position import Position, PositionFile
from data_sender.rows import Rows
from data_sender.source import Chunk, FlareReport, Source
from data_sender.spool import Post
from data_sender.stop import StopSignal
from data_sender.tally import Tally
from solar.flares import HORIZON
from solar.time import isoformat, to_datetime

logger = logging.getLogger(__name__)

LARGEST_BATCH = 5_000
# How often the API hears that the flare list is complete so far, flares or not.
COVERS_EVERY = np.timedelta64(1, "h")
_LONGEST_WAIT_SECONDS = 1.0
_LONGEST_FLARE = np.timedelta64(1, "D")


class Journey:
    """One pass through a source, in event time, from the kept position to the end or a stop."""

    def __init__(
        self, source: Source, clock: EventClock, delivery: Delivery, positions: PositionFile, *,
        sender: str, batch: int, stop: StopSignal, tally: Tally,
    ) -> None:  # fmt: skip
        self._source = source
        self._clock = clock
        self._delivery = delivery
        self._positions = positions
        self._sender = sender
        self._batch = batch
        self._stop = stop
        self._tally = tally
        self._position = positions.read()
        self._flares: deque[FlareReport] = deque()
        self._covered_to = self._position.covered_to

    def run(self, *, give_up_after: float | None = None) -> bool:
        """Send everything; tell whether nothing is left behind."""
        if self._position.rows:
            logger.info("going on after row %d of this source", self._position.rows)
        for chunk in self._source.chunks(self._position):
            self._flares.extend(chunk.flares)
            self._send_chunk(chunk)
            if self._stop.is_set:
                return False
        if self._source.runs_on:
            self._run_on()
        return self._finish(give_up_after)

    def _send_chunk(self, chunk: Chunk) -> None:
        rows, start = chunk.rows, 0
        # Rows without a time stand at the end and leave with the row before them.
        times = np.fmax.accumulate(rows.t_rec)
        times[np.isnat(times)] = np.datetime64(0, "us")
        while start < len(rows) and not self._stop.is_set:
            ready = times[start : start + self._batch]
            due = self._clock.due(ready)
            if due == 0:
                self._wait_for(ready[0])
                continue
            if not self._send_rows(rows.take(slice(start, start + due))):
                return
            start += due
            self._tally.tell()

    def _wait_for(self, event_at: np.datetime64) -> None:
        wait = min(self._clock.seconds_until(event_at), _LONGEST_WAIT_SECONDS)
        if not self._delivery.is_done:
            wait = min(wait, self._delivery.seconds_until_retry())
        self._stop.wait(wait)
        self._delivery.drain()
        self._tally.tell()

    def _send_rows(self, rows: Rows) -> bool:
        faults = rows.faults()
        for index, reason in faults.items():
            row = rows.take(slice(index, index + 1)).observations()[0]
            self._delivery.reject(row, [reason])
        self._tally.counts["unreadable"] += len(faults)
        sound = rows
        if faults:
            sound = rows.take(np.setdiff1d(np.arange(len(rows)), np.fromiter(faults, np.int64)))
        if len(sound) and not self._send("observations", sound.observations()):
            return False
        through = sound.t_rec[-1] if len(sound) else self._position.through
        return self._advance(len(rows), through)

    def _advance(self, rows: int, through: np.datetime64 | None) -> bool:
        if through is not None and not self._send_flares(through):
            return False
        self._position = Position(self._position.rows + rows, through, self._covered_to)
        self._positions.write(self._position)
        self._tally.through = through
        return True

    def _send_flares(self, through: np.datetime64) -> bool:
        """Tell the flares that have ended, and that none is missing up to here."""
        name, since = self._source.flare_source, self._covered_since()
        if name is None or since is None or through <= since:
            return True
        ended = list(takewhile(lambda flare: flare.ended_at <= through, self._flares))
        if not ended and through - since < COVERS_EVERY:
            return True
        complete_to = self._complete_to(through, told=len(ended))
        pieces = [ended[i : i + self._batch] for i in range(0, len(ended), self._batch)] or [[]]
        for piece in pieces:
            extra: dict[str, Any] = {"source": name}
            if piece is pieces[-1] and complete_to > since:
                extra["covers"] = {"from": _label(since), "to": _label(complete_to)}
            if not self._send("flares", [flare.body for flare in piece], extra):
                return False
        for _ in ended:
            self._flares.popleft()
        self._covered_to = max(since, complete_to)
        return True

    def _covered_since(self) -> np.datetime64 | None:
        """Return the time up to which the API knows the flares; at first the list's beginning."""
        begin = self._source.covers_from
        if begin is None or self._covered_to is None:
            return begin
        return max(begin, self._covered_to)

    def _complete_to(self, through: np.datetime64, *, told: int) -> np.datetime64:
        """Return until when no flare is missing: one that has begun is told only at its end."""
        untold = islice(self._flares, told, None)
        near = takewhile(lambda flare: flare.ended_at <= through + _LONGEST_FLARE, untold)
        return min(
            (flare.started_at for flare in near if flare.started_at < through), default=through
        )

    def _send(
        self, kind: str, items: list[dict[str, Any]], extra: dict[str, Any] | None = None
    ) -> bool:
        if kind != "observations":
            return self._delivery.deliver(Post(kind, items, extra or {}))
        sequence, sent = self._positions.sequence + 1, self._positions.sent + len(items)
        sender = {"id": self._sender, "sequence": sequence, "sent": sent}
        if not self._delivery.deliver(Post(kind, items, {"sender": sender})):
            return False
        self._positions.sequence, self._positions.sent = sequence, sent
        return True

    def _run_on(self) -> None:
        """Let event time pass the last row by the horizon, so that its truth is told too."""
        last = self._position.through
        if last is None:
            return
        for hours in range(1, int(HORIZON.total_seconds() // 3600) + 1):
            moment = last + np.timedelta64(hours, "h")
            while not self._stop.is_set and not self._clock.due(np.array([moment])):
                self._wait_for(moment)
            if self._stop.is_set:
                return
            self._send_flares(moment)

    def _finish(self, give_up_after: float | None) -> bool:
        patience = math.inf if give_up_after is None else give_up_after
        deadline = time.monotonic() + patience
        while not self._delivery.is_done and not self._stop.is_set:
            self._delivery.drain()
            left = deadline - time.monotonic()
            if left <= 0:
                break
            self._stop.wait(min(self._delivery.seconds_until_retry(), left, _LONGEST_WAIT_SECONDS))
            self._tally.tell()
        return self._delivery.is_done


def _label(at: np.datetime64) -> str:
    return isoformat(to_datetime(at))
