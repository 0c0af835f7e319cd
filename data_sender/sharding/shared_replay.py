"""A shared replay: several replicas send one source, each the shards that it has leased."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from data_sender.clock import Pacer
from data_sender.delivery.delivery import BatchSender, Delivery
from data_sender.position import Position, PositionFile
from data_sender.progress import Progress
from data_sender.replayer import HOURS_PAST_END, FlarePublisher, latest
from data_sender.rows import Rows
from data_sender.sharding.lease import LeasedShards
from data_sender.sharding.shard import FLARES, shards_of
from data_sender.source import Chunk, Source, event_times
from data_sender.xrays import XrayMinutes, XrayPublisher
from solar.process import StopSignal

_LONGEST_WAIT_SECONDS = 1.0


class SharedReplayer:
    """Sends the rows of the shards held, until no replica has anything left to send.

    Progress is reported at whole times only, so that another replica takes a shard over between
    two of them. While the API is unavailable rows wait in their source, not in the spool: the
    replica that holds their shard by then sends them.

    Each replica publishes the flares that its own rows need, since it may be ahead of the others;
    the API knows those that come again. The replica that holds the shard `FLARES` also publishes
    what ends after the last row, and the X-ray minutes.
    """

    def __init__(
        self,
        source: Source,
        clock: Pacer,
        delivery: Delivery,
        shards: LeasedShards,
        *,
        counter: PositionFile,
        sender: str,
        batch: int,
        stop: StopSignal,
        progress: Progress,
        minutes: XrayMinutes | None = None,
    ) -> None:
        self._source = source
        self._minutes = minutes or XrayMinutes.none()
        self._clock = clock
        self._delivery = delivery
        self._shards = shards
        self._counter = counter
        self._batch = batch
        self._stop = stop
        self._progress = progress
        self._batches = BatchSender(
            delivery, delivery.hand_over, sender=sender, counter=counter, progress=progress
        )
        self._publisher = FlarePublisher(
            source, delivery.hand_over, covered_to=None, published_to=None
        )
        self._xrays = self._new_xray_publisher()
        self._version = shards.version

    def run(self) -> bool:
        """Send until the source is finished or the stop signal; return whether it is finished."""
        shards = self._shards
        while not self._stop.is_set and not shards.is_finished:
            self._version = shards.version
            if shards.has_work:
                self._pass()
            else:
                self._stop.wait(min(shards.seconds_until_renewal(), _LONGEST_WAIT_SECONDS))
            self._renew()
        shards.release()
        return shards.is_finished

    def _pass(self) -> None:
        """Read the source for the shards held now; end early when they change."""
        shards, last = self._shards, None
        has_flare_shard = self._source.flare_source is not None or len(self._minutes) > 0
        begin = shards.start_position(with_flares=has_flare_shard)
        self._publisher, self._xrays = self._new_publisher(begin), self._new_xray_publisher()
        for chunk in whole_steps(self._source.chunks(begin)):
            # Also where nothing of a chunk is to be sent: reading on may take longer than a lease.
            if not self._renew():
                return
            self._publisher.add(chunk.flares)
            if shards.held[FLARES]:
                self._xrays.add(chunk.minutes)
            if not self._send_chunk(chunk.rows):
                return
            last = event_times(chunk.rows)[-1] if len(chunk.rows) else last
        shards.finish(slice(0, FLARES))
        if last is None or self._pass_end(last):
            shards.finish(slice(FLARES, None))

    def _new_publisher(self, begin: Position) -> FlarePublisher:
        """Return a publisher that goes on where this replica and its shards have come to."""
        before = self._publisher
        return FlarePublisher(
            self._source,
            self._delivery.hand_over,
            covered_to=begin.covered_to if before.covered_to is None else before.covered_to,
            published_to=latest(before.published_to, self._shards.delivered_to),
        )

    def _new_xray_publisher(self) -> XrayPublisher:
        minutes = self._minutes if self._shards.held[FLARES] else XrayMinutes.none()
        return XrayPublisher(minutes, self._delivery.hand_over, published_to=self._shards.flares_to)

    def _send_chunk(self, rows: Rows) -> bool:
        all_times, all_shards = event_times(rows), shards_of(rows)
        chosen = self._shards.undelivered(all_shards, all_times)
        leased, times, shards, start = rows.take(chosen), all_times[chosen], all_shards[chosen], 0
        while start < len(leased):
            if not self._wait_until(times[start]):
                return False
            due = self._clock.due(times[start : start + self._batch])
            end = step_end(times, start, due=max(1, due), batch=self._batch)
            through = times[end - 1]
            if not (self._publish(through) and self._send_step(leased.take(slice(start, end)))):
                return False
            self._record_delivered(through, shards[start:end])
            start = end
        if not len(all_times):
            return True
        through = all_times[-1]
        if not (self._wait_until(through) and self._publish(through)):
            return False
        self._record_delivered(through, shards[:0])
        return True

    def _send_step(self, rows: Rows) -> bool:
        for start in range(0, len(rows), self._batch):
            if not self._renew():
                return False
            if not self._batches.send(rows.take(slice(start, start + self._batch))):
                return False
            self._counter.save_count()
            self._progress.log()
        return True

    def _record_delivered(self, event_at: np.datetime64, shards: NDArray[np.int64]) -> None:
        """Record rows of these shards, and all before a time, as delivered."""
        self._shards.advance(shards, event_at)
        self._progress.through = event_at

    def _wait_until(self, event_at: np.datetime64) -> bool:
        """Wait until an event time is reached; False when the shards change before."""
        moment = np.array([event_at])
        while self._renew():
            if self._clock.due(moment):
                return True
            now, soon = self._clock.now(moment), self._clock.soon(moment)
            if soon is not None and not self._xrays.follow(soon):
                return False
            if now is not None and not self._publish(now):
                return False
            waits = (self._clock.seconds_until(event_at), self._shards.seconds_until_renewal())
            self._stop.wait(min(*waits, _LONGEST_WAIT_SECONDS))
            self._progress.log()
        return False

    def _pass_end(self, last: np.datetime64) -> bool:
        """Let event time pass the last row, and publish flares and X-rays of the day after it."""
        passes_end = self._source.continues_past_end or len(self._minutes)
        continues = self._shards.held[FLARES] and passes_end
        hours = range(1, HOURS_PAST_END + 1) if continues else ()
        moments = (last + np.timedelta64(hour, "h") for hour in hours)
        if not all(self._wait_until(moment) and self._publish(moment) for moment in moments):
            return False
        return self._xrays.finish()

    def _publish(self, through: np.datetime64) -> bool:
        if not self._xrays.publish(through):
            return False
        is_published = self._publisher.publish(through)
        has_flares = self._source.flare_source is not None
        self._shards.cover(self._publisher.covered_to if has_flares else through)
        return is_published

    def _renew(self) -> bool:
        """Renew the lease if it is time; return whether the same shards are still held."""
        return self._shards.renew_if_due(self._version)


def whole_steps(chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """Yield the same rows in chunks none of which ends between two rows of one time."""
    rest: Rows | None = None
    for chunk in chunks:
        rows = chunk.rows if rest is None else Rows.concatenate([rest, chunk.rows])
        times = event_times(rows)
        cut = int(np.searchsorted(times, times[-1])) if len(times) else 0
        yield Chunk(rows.take(slice(0, cut)), chunk.flares, chunk.minutes)
        rest = rows.take(slice(cut, None))
    if rest is not None:
        yield Chunk(rest)


def step_end(times: NDArray[np.datetime64], start: int, *, due: int, batch: int) -> int:
    """Return where a step of about `batch` rows from `start` ends, if so many are due.

    A time with more rows than a batch is one step all the same.
    """
    last = times[start + due - 1]
    end = int(np.searchsorted(times, last, side="right"))
    before = int(np.searchsorted(times, last))
    return before if end - start > batch and before > start else end
