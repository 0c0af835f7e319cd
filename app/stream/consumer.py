"""The stream consumer: the process that ``flarewatch api consume`` runs until it is stopped."""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import TypeVar

import sqlalchemy as sa

from app.line_up import FollowingThread, LineUpFollower
from app.settings import ApiSettings, StreamSettings
from app.stream.broker import (
    BrokerAwayError,
    Message,
    Outgoing,
    Publisher,
    Subscription,
    member_name,
)
from app.stream.envelope import DeadLetter, Envelope, open_message
from app.stream.ingestion import StreamIngest, by_sender
from database.clock.clock import Clock
from database.delivery.stream import StreamPartition, report_partitions
from database.engine import create_engine, transact
from database.server_processes import CONSUMER
from solar.errors import StoreUnavailableError
from solar.process import Backoff, StopSignal

_log = logging.getLogger(__name__)

_FIRST_WAIT_SECONDS = 0.25
_LONGEST_WAIT_SECONDS = 5.0
_REPORT_SECONDS = 1.0
# Also when nothing moves, so that an idle consumer differs from one that is gone.
_LONGEST_REPORT_SECONDS = 5.0
_LOG_SECONDS = 10.0
Result = TypeVar("Result")

# Number of the partition, committed offset, end.
PartitionProgress = tuple[int, int, int]


def consume(settings: ApiSettings) -> None:
    """Consume until SIGTERM or Ctrl-C; `app.services.prepare` has checked everything else."""
    with closing(StopSignal()) as stop:
        stop.install()
        engine = create_engine(settings)
        follower = LineUpFollower(engine, settings, clock=_wall, kind=CONSUMER)
        following = FollowingThread(follower)
        following.start()
        _spare_the_collector()
        try:
            StreamConsumer(
                StreamIngest(engine, follower.served, settings, Clock(engine, _wall)),
                Subscription(settings),
                Publisher(settings),
                LagReport(engine, settings),
                stop,
            ).run()
        finally:
            following.stop()
            follower.end()
            engine.dispose()
    _log.info("the consumer has left its group")


def _wall() -> datetime:
    return datetime.now(UTC)


def _spare_the_collector() -> None:
    # As in the workers of the API: the numbers of a batch are in no cycle.
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000)


class StoppedError(Exception):
    """A wait was ended because the process is to stop."""


class LagReport:
    """Writes now and then to the store and the log how many messages wait for this consumer."""

    def __init__(self, engine: sa.Engine, settings: StreamSettings) -> None:
        self._engine = engine
        self._settings = settings
        self._written_at = self._logged_at = time.monotonic() - _LONGEST_REPORT_SECONDS
        self._last: list[PartitionProgress] = []
        self._rows = 0

    def add(self, subscription: Subscription, *, rows: int, now: datetime) -> None:
        """Count some rows, and report if that is due."""
        self._rows += rows
        if time.monotonic() - self._written_at < _REPORT_SECONDS:
            return
        progress = _progress(subscription)
        is_recent = time.monotonic() - self._written_at < _LONGEST_REPORT_SECONDS
        if progress == self._last and is_recent:
            return
        self._write(progress, now)
        self._log(sum(max(0, end - committed) for _, committed, end in progress), len(progress))

    def finish(self, subscription: Subscription, *, now: datetime) -> None:
        """Report once more before the partitions are given up."""
        self._write(_progress(subscription), now)

    def _write(self, progress: list[PartitionProgress], now: datetime) -> None:
        group, topic = self._settings.kafka_group, self._settings.kafka_observations
        rows = [StreamPartition(group, topic, *one, member_name(), now) for one in progress]
        try:
            transact(self._engine, lambda connection: report_partitions(connection, rows))
        except StoreUnavailableError as error:
            _log.warning("the lag could not be written down: %s", error)
        self._last, self._written_at = progress, time.monotonic()

    def _log(self, lag: int, partitions: int) -> None:
        seconds = time.monotonic() - self._logged_at
        if seconds >= _LOG_SECONDS:
            fields = {
                "rows": self._rows,
                "rows_per_second": round(self._rows / seconds, 1),
                "lag": lag,
                "partitions": partitions,
            }
            _log.info("consuming", extra={"fields": fields})
            self._rows, self._logged_at = 0, time.monotonic()


def _progress(subscription: Subscription) -> list[PartitionProgress]:
    return [(one.partition, one.committed, one.end_offset) for one in subscription.progress()]


class StreamConsumer:
    """One consumer, in one thread; a group of several is several processes.

    The order ensures that nothing is lost: first the commit of the store, then the forecasts and
    the dead letters at the broker, then the offsets. If a process dies in between, its messages
    come again, and the store recognises them.
    """

    def __init__(
        self,
        stream_ingest: StreamIngest,
        subscription: Subscription,
        publisher: Publisher,
        lag: LagReport,
        stop: StopSignal,
        *,
        clock: Callable[[], datetime] = _wall,
    ) -> None:
        self._ingest = stream_ingest
        self._subscription = subscription
        self._publisher = publisher
        self._lag = lag
        self._stop = stop
        self._clock = clock

    def run(self) -> None:
        """Consume until stopped; the current batch is finished first."""
        try:
            self._retry(self._subscription.check)
            while not self._stop.is_set:
                messages = self._subscription.read()
                if messages:
                    self._process(messages)
                self._lag.add(self._subscription, rows=len(messages), now=self._clock())
            self._lag.finish(self._subscription, now=self._clock())
        except StoppedError:
            _log.info("stopped while waiting; what was not committed comes again")
        finally:
            self._publisher.close()
            self._subscription.close()

    def _process(self, messages: Sequence[Message]) -> None:
        opened = [open_message(message) for message in messages]
        dead = [one for one in opened if isinstance(one, DeadLetter)]
        outgoing = self._retry(lambda: self._ingest.dead_letter(dead, now=self._clock()))
        for envelopes in by_sender(one for one in opened if isinstance(one, Envelope)):
            outgoing += self._ingested(envelopes)
        self._publisher.publish(outgoing, meanwhile=self._wait_for_broker)
        self._subscription.commit(messages)

    def _ingested(self, envelopes: Sequence[Envelope]) -> list[Outgoing]:
        return self._retry(lambda: self._ingest.ingest(envelopes, now=self._clock()))

    def _retry(self, work: Callable[[], Result]) -> Result:
        """Repeat some work until the store and the broker answer."""
        backoff = Backoff(_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS, jitter=(1.0, 1.0))
        while True:
            try:
                return work()
            except (StoreUnavailableError, BrokerAwayError) as error:
                wait = backoff.next_seconds()
                _log.warning("%s; next try in %.2f s", error, wait)
                self._hold(wait)

    def _wait_for_broker(self) -> None:
        self._hold(_FIRST_WAIT_SECONDS)

    def _hold(self, seconds: float) -> None:
        """Wait as a living member of the group; a stop signal ends the wait."""
        left = seconds
        while left > 0 and not self._stop.is_set:
            turn = min(left, _FIRST_WAIT_SECONDS)
            self._subscription.hold(turn)
            left -= turn
        if self._stop.is_set:
            raise StoppedError
