"""The replayer: sends a source's rows and flares when their event time has come.

Flares go first: when a row of time t is scored, the API knows every flare that had ended by t.
What it knows beyond that does not count at t, so that neither speed nor batch size changes a
forecast (decision 0025).
"""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import islice, takewhile
from typing import Any

import numpy as np

from data_sender.clock import Pacer
from data_sender.delivery.delivery import BatchSender, Delivery
from data_sender.delivery.spool import Post
from data_sender.position import Position, PositionFile
from data_sender.progress import Progress
from data_sender.rows import Rows
from data_sender.source import Chunk, FlareReport, Source, event_times
from data_sender.xrays import XrayMinutes, XrayPublisher
from solar.flares import LONGEST_FLARE
from solar.process import StopSignal
from solar.time import isoformat, to_datetime
from solar.windows import DAY

logger = logging.getLogger(__name__)

LARGEST_BATCH = 5_000
# A request costs the API as much as some 200 rows, so that fewer are not worth a second one.
FEWEST_ROWS_IN_PARTS = 400
FLARES_AT_ONCE = 1_000
# Event time passes the last row by so much, so that its truth is published too.
HOURS_PAST_END = int(DAY.validity.total_seconds() // 3600)
# How often the API hears that the flare list is complete so far, flares or not.
COVERS_EVERY = np.timedelta64(1, "h")
_LONGEST_FLARE = np.timedelta64(LONGEST_FLARE)
_LONGEST_WAIT_SECONDS = 1.0


class FlarePublisher:
    """Publishes each flare of a source once it has ended.

    All that ended up to `published_to` are published; none is missing before `covered_to`.
    """

    def __init__(
        self,
        source: Source,
        deliver: Callable[[Post], bool],
        *,
        covered_to: np.datetime64 | None,
        published_to: np.datetime64 | None,
    ) -> None:
        self._source = source
        self._deliver = deliver
        self.published_to = None if published_to is None else source.listed_through(published_to)
        self._flares: deque[FlareReport] = deque()
        self.covered_to = covered_to

    def add(self, flares: Iterable[FlareReport]) -> None:
        """Queue flares, in the order of their ends."""
        known = self.published_to
        self._flares.extend(flare for flare in flares if known is None or flare.ended_at > known)

    def publish(self, through: np.datetime64) -> bool:
        """Publish what is listed at a time; False when the stop signal came before."""
        through = self._source.listed_through(through)
        name, since = self._source.flare_source, self._covered_since()
        if name is None or since is None or through <= since:
            return True
        ended = list(takewhile(lambda flare: flare.ended_at <= through, self._flares))
        if not ended and through - since < COVERS_EVERY:
            return True
        complete_to = self._complete_to(through, published=len(ended))
        starts = range(0, max(1, len(ended)), FLARES_AT_ONCE)
        pieces = [ended[start : start + FLARES_AT_ONCE] for start in starts]
        for piece in pieces:
            extra: dict[str, Any] = {"source": name}
            if piece is pieces[-1] and complete_to > since:
                extra["covers"] = {"from": _label(since), "to": _label(complete_to)}
            if not self._deliver(Post("flares", [flare.body for flare in piece], extra)):
                return False
        for _ in ended:
            self._flares.popleft()
        self.covered_to = max(since, complete_to)
        self.published_to = latest(self.published_to, through)
        return True

    def _covered_since(self) -> np.datetime64 | None:
        """Return the time up to which the API knows the flares; at first the list's beginning."""
        begin = self._source.covers_from
        if begin is None or self.covered_to is None:
            return begin
        return max(begin, self.covered_to)

    def _complete_to(self, through: np.datetime64, *, published: int) -> np.datetime64:
        """Return until when no flare is missing: one that is under way is published at its end."""
        rest = islice(self._flares, published, None)
        near = takewhile(lambda flare: flare.ended_at <= through + _LONGEST_FLARE, rest)
        starts = (max(flare.started_at, flare.ended_at - _LONGEST_FLARE) for flare in near)
        return min((through, *starts))


def latest(*times: np.datetime64 | None) -> np.datetime64 | None:
    """Return the last of some times; None is before all of them."""
    return max((at for at in times if at is not None), default=None)


def _label(at: np.datetime64) -> str:
    return isoformat(to_datetime(at))


class Replayer:
    """One pass through a source, in event time, from the kept position to the end or a stop.

    With `cut` the parts of a batch, of which no two have the same region, are posted at the same
    time, and the next batch is made ready meanwhile: at a clock without limits, for a source that
    yields the same rows again. The position before such a batch has its size, so that what a crash
    has parted is cut alike again, and comes under the same numbers. The first batch, before which
    no position says so, is one post, and so is the first one of a count.
    """

    def __init__(
        self,
        source: Source,
        clock: Pacer,
        delivery: Delivery,
        positions: PositionFile,
        *,
        sender: str,
        batch: int,
        stop: StopSignal,
        progress: Progress,
        cut: Callable[[Rows], list[Rows]] | None = None,
        minutes: XrayMinutes | None = None,
    ) -> None:
        self._source = source
        self._clock = clock
        self._delivery = delivery
        self._positions = positions
        self._batch = batch
        self._cut = cut
        self._stop = stop
        self._progress = progress
        self._position = positions.read()
        # How many rows go in parts next; at first those that were under way in a crash.
        self._next_in_parts = self._position.batch if cut else 0
        self._under_way: tuple[Position, Callable[[], bool]] | None = None
        self._batches = BatchSender(
            delivery, delivery.deliver, sender=sender, counter=positions, progress=progress
        )
        self._publisher = FlarePublisher(
            source,
            delivery.deliver,
            covered_to=self._position.covered_to,
            published_to=self._position.through,
        )
        minutes = minutes or XrayMinutes.none()
        self._passes_end = source.continues_past_end or len(minutes) > 0
        self._xrays = XrayPublisher(minutes, delivery.deliver, published_to=self._position.through)

    def run(self, *, give_up_after: float | None = None) -> bool:
        """Send everything; return whether nothing is left behind."""
        if self._position.rows:
            logger.info("resuming after row %d of this source", self._position.rows)
        try:
            self._send_chunks()
        finally:
            # Also when the source cannot be read any further.
            is_settled = self._settle_last()
        if not is_settled or self._stop.is_set:
            return False
        if self._passes_end:
            self._pass_end()
        elif not self._xrays.finish():
            return False
        return self._finish(give_up_after)

    def _send_chunks(self) -> None:
        for chunk in self._source.chunks(self._position):
            self._publisher.add(chunk.flares)
            self._xrays.add(chunk.minutes)
            self._send_chunk(chunk)
            if self._stop.is_set:
                return

    def _send_chunk(self, chunk: Chunk) -> None:
        rows, start = chunk.rows, 0
        times = event_times(rows)
        while start < len(rows) and not self._stop.is_set:
            ready = times[start : start + (self._next_in_parts or self._batch)]
            due = self._clock.due(ready)
            if due == 0:
                self._wait_for(ready[0])
                continue
            if self._next_in_parts:
                due = len(ready)
            if not self._send_rows(rows.take(slice(start, start + due))):
                return
            start += due
            self._progress.log()

    def _wait_for(self, event_at: np.datetime64) -> None:
        soon = self._clock.soon(np.array([event_at]))
        if soon is not None and not self._xrays.follow(soon):
            return
        wait = min(self._clock.seconds_until(event_at), _LONGEST_WAIT_SECONDS)
        if not self._delivery.is_done:
            wait = min(wait, self._delivery.seconds_until_retry())
        self._stop.wait(wait)
        self._delivery.drain()
        self._progress.log()

    def _send_rows(self, rows: Rows) -> bool:
        """Hand a batch over; one in parts is under way until the next one is ready."""
        parts = self._parts(rows)
        self._next_in_parts = self._batch if self._cut and self._clock.is_unlimited else 0
        if not self._settle() or self._stop.is_set:
            return False
        position = self._position.after(rows.times())
        if position.through is not None and not self._publisher.publish(position.through):
            return False
        position = position.covered(self._publisher.covered_to)
        position = replace(position, batch=self._next_in_parts)
        self._under_way = position, self._batches.begin(parts)
        return len(parts) > 1 or self._settle()

    def _parts(self, rows: Rows) -> list[Rows]:
        sendable = self._batches.sendable(rows)
        is_large = len(sendable) >= FEWEST_ROWS_IN_PARTS
        if self._cut and self._next_in_parts and self._positions.sent and is_large:
            return self._cut(sendable)
        return [sendable]

    def _settle(self) -> bool:
        """End the batch under way and save the position; False when the stop signal came before."""
        if self._under_way is None:
            return True
        position, finish = self._under_way
        # One that cannot be handed over stays under way, and is not tried again.
        self._under_way = position, lambda: False
        if not finish():
            return False
        if position.through is not None and not self._xrays.publish(position.through):
            return False
        self._under_way = None
        self._position = position
        self._positions.write(position)
        self._progress.through = position.through
        return True

    def _settle_last(self) -> bool:
        """End the batch under way; the next start may cut its batches in another way then."""
        if not self._settle():
            return False
        if self._position.batch:
            self._position = replace(self._position, batch=0)
            self._positions.write(self._position)
        return True

    def _pass_end(self) -> None:
        """Let event time pass the last row, and publish flares and X-rays of the day after it."""
        last = self._position.through
        if last is None:
            return
        for hours in range(1, HOURS_PAST_END + 1):
            moment = last + np.timedelta64(hours, "h")
            while not self._stop.is_set and not self._clock.due(np.array([moment])):
                self._wait_for(moment)
            if self._stop.is_set:
                return
            self._publisher.publish(moment)
        self._xrays.finish()

    def _finish(self, give_up_after: float | None) -> bool:
        """Deliver what is spooled; return whether all of it is."""
        patience = math.inf if give_up_after is None else give_up_after
        deadline = time.monotonic() + patience
        while not self._delivery.is_done and not self._stop.is_set:
            self._delivery.drain()
            left = deadline - time.monotonic()
            if left <= 0:
                break
            self._stop.wait(min(self._delivery.seconds_until_retry(), left, _LONGEST_WAIT_SECONDS))
            self._progress.log()
        return self._delivery.is_done
