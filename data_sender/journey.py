"""A journey through a source: rows and flares leave when their time has come."""

from __future__ import annotations

import logging
import math
import time

import numpy as np

from data_sender.clock import EventClock
from data_sender.delivery.delivery import Delivery
from data_sender.delivery.shipping import Shipping
from data_sender.flare_news import FlareNews
from data_sender.position import PositionFile
from data_sender.rows import Rows
from data_sender.source import Chunk, Source, event_times
from data_sender.stop import StopSignal
from data_sender.tally import Tally
from solar.flares import HORIZON

logger = logging.getLogger(__name__)

LARGEST_BATCH = 5_000
# Event time passes the last row by so much, so that its truth is told too.
RUN_ON_HOURS = int(HORIZON.total_seconds() // 3600)
_LONGEST_WAIT_SECONDS = 1.0


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
        self._batch = batch
        self._stop = stop
        self._tally = tally
        self._position = positions.read()
        self._shipping = Shipping(
            delivery, delivery.deliver, sender=sender, count=positions, tally=tally
        )
        self._news = FlareNews(
            source, delivery.deliver, batch=batch, covered_to=self._position.covered_to
        )

    def run(self, *, give_up_after: float | None = None) -> bool:
        """Send everything; tell whether nothing is left behind."""
        if self._position.rows:
            logger.info("going on after row %d of this source", self._position.rows)
        for chunk in self._source.chunks(self._position):
            self._news.learn(chunk.flares)
            self._send_chunk(chunk)
            if self._stop.is_set:
                return False
        if self._source.runs_on:
            self._run_on()
        return self._finish(give_up_after)

    def _send_chunk(self, chunk: Chunk) -> None:
        rows, start = chunk.rows, 0
        times = event_times(rows)
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
        if not self._shipping.ship(rows):
            return False
        position = self._position.after(rows.t_rec)
        if position.through is not None and not self._news.tell(position.through):
            return False
        self._position = position.covered(self._news.covered_to)
        self._positions.write(self._position)
        self._tally.through = position.through
        return True

    def _run_on(self) -> None:
        last = self._position.through
        if last is None:
            return
        for hours in range(1, RUN_ON_HOURS + 1):
            moment = last + np.timedelta64(hours, "h")
            while not self._stop.is_set and not self._clock.due(np.array([moment])):
                self._wait_for(moment)
            if self._stop.is_set:
                return
            self._news.tell(moment)

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
