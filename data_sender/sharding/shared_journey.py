"""A shared journey: a pass through a source of which other replicas send the other shards."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data_sender.clock import EventClock
from data_sender.delivery.delivery import Delivery
from data_sender.delivery.shipping import Shipping
from data_sender.flare_news import FlareNews
from data_sender.journey import RUN_ON_HOURS
from data_sender.position import PositionFile
from data_sender.rows import Rows
from data_sender.sharding.shard import FLARES, shards_of
from data_sender.sharding.share import Share
from data_sender.sharding.whole_steps import step_end, whole_steps
from data_sender.source import Source, event_times
from data_sender.stop import StopSignal
from data_sender.tally import Tally

_LONGEST_WAIT_SECONDS = 1.0


class SharedJourney:
    """Sends the rows of the shards held, until nothing of the source is left with anybody.

    What is delivered is told at whole times only, so that a shard goes on elsewhere between two
    of them. Rows wait in their source, not in the spool, while the API is away: whoever holds
    their shard by then sends them.
    """

    def __init__(
        self, source: Source, clock: EventClock, delivery: Delivery, share: Share, *,
        count: PositionFile, sender: str, batch: int, stop: StopSignal, tally: Tally,
    ) -> None:  # fmt: skip
        self._source = source
        self._clock = clock
        self._delivery = delivery
        self._share = share
        self._count = count
        self._batch = batch
        self._stop = stop
        self._tally = tally
        self._shipping = Shipping(
            delivery, delivery.hand_over, sender=sender, count=count, tally=tally
        )
        self._news: FlareNews | None = None
        self._version = share.version

    def run(self) -> bool:
        """Send until the source is finished or the wish to stop; tell whether it is finished."""
        share = self._share
        while not self._stop.is_set and not share.is_finished:
            self._version = share.version
            if share.has_work:
                self._pass()
            else:
                self._stop.wait(min(share.seconds_until_word(), _LONGEST_WAIT_SECONDS))
            self._goes_on()
        share.leave()
        return share.is_finished

    def _pass(self) -> None:
        """Go through the source for the shards held now; end early when they change."""
        share, last = self._share, None
        self._news = self._news_of_flares()
        begin = share.begin(with_flares=self._source.flare_source is not None)
        for chunk in whole_steps(self._source.chunks(begin)):
            # Also where nothing of a chunk is to be sent: reading on may take longer than a lease.
            if not self._goes_on():
                return
            if self._news is not None:
                told = share.covered_to
                self._news.learn(f for f in chunk.flares if told is None or f.ended_at > told)
            if not self._send_chunk(chunk.rows):
                return
            last = event_times(chunk.rows)[-1] if len(chunk.rows) else last
        share.finish(slice(0, FLARES))
        if last is None or self._run_on(last):
            share.finish(slice(FLARES, None))

    def _news_of_flares(self) -> FlareNews | None:
        if not self._share.held[FLARES]:
            return None
        return FlareNews(
            self._source, self._delivery.hand_over,
            batch=self._batch, covered_to=self._share.covered_to,
        )  # fmt: skip

    def _send_chunk(self, rows: Rows) -> bool:
        times, shards = event_times(rows), shards_of(rows)
        chosen = self._share.wants(shards, times)
        own, own_times, own_shards, start = rows.take(chosen), times[chosen], shards[chosen], 0
        while start < len(own):
            if not self._reach(own_times[start]):
                return False
            due = self._clock.due(own_times[start : start + self._batch])
            end = step_end(own_times, start, due=max(1, due), batch=self._batch)
            if not self._send_step(own.take(slice(start, end))):
                return False
            if not self._arrived(own_times[end - 1], own_shards[start:end]):
                return False
            start = end
        if not len(times):
            return True
        is_there = self._news is None or self._reach(times[-1])
        return is_there and self._arrived(times[-1], own_shards[:0])

    def _send_step(self, rows: Rows) -> bool:
        for start in range(0, len(rows), self._batch):
            if not self._goes_on():
                return False
            if not self._shipping.ship(rows.take(slice(start, start + self._batch))):
                return False
            self._count.keep_count()
            self._tally.tell()
        return True

    def _arrived(self, event_at: np.datetime64, shards: NDArray[np.int64]) -> bool:
        """Note rows of these shards, and all before a time, as delivered; tell the flares."""
        self._share.advance(shards, event_at)
        self._tally.through = event_at
        return self._tell(event_at)

    def _reach(self, event_at: np.datetime64) -> bool:
        """Wait until a time has come; False when the shards change before."""
        moment = np.array([event_at])
        while self._goes_on():
            if self._clock.due(moment):
                return True
            now = self._clock.now(moment)
            if now is not None and not self._tell(now):
                return False
            waits = (self._clock.seconds_until(event_at), self._share.seconds_until_word())
            self._stop.wait(min(*waits, _LONGEST_WAIT_SECONDS))
            self._tally.tell()
        return False

    def _run_on(self, last: np.datetime64) -> bool:
        hours = range(1, RUN_ON_HOURS + 1) if self._news and self._source.runs_on else ()
        moments = (last + np.timedelta64(hour, "h") for hour in hours)
        return all(self._reach(moment) and self._tell(moment) for moment in moments)

    def _tell(self, through: np.datetime64) -> bool:
        if self._news is None:
            return True
        is_told = self._news.tell(through)
        self._share.cover(self._news.covered_to)
        return is_told

    def _goes_on(self) -> bool:
        return self._share.is_still(self._version)
