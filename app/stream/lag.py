"""The lag: how many messages wait, written down for the Pipeline page now and then."""

from __future__ import annotations

import logging
import time
from datetime import datetime

import sqlalchemy as sa

from app.stream.broker import member_name
from app.stream.settings import StreamSettings
from app.stream.subscription import Subscription
from database.delivery.stream import StreamPartition, report_partitions
from database.engine import transact
from solar.errors import StoreUnavailableError

_log = logging.getLogger(__name__)

_EVERY_SECONDS = 1.0
# Also when nothing moves, so that a consumer that stands still differs from one that is gone.
_AT_LEAST_EVERY_SECONDS = 5.0
_TOLD_EVERY_SECONDS = 10.0

# Number of the partition, committed offset, end.
Seen = tuple[int, int, int]


class LagReport:
    """Tells the store and the log how far this consumer is."""

    def __init__(self, engine: sa.Engine, settings: StreamSettings) -> None:
        self._engine = engine
        self._settings = settings
        self._written_at = self._told_at = time.monotonic() - _AT_LEAST_EVERY_SECONDS
        self._last: list[Seen] = []
        self._rows = 0

    def tell(self, subscription: Subscription, *, rows: int, now: datetime) -> None:
        """Add some rows, and report if it is time to."""
        self._rows += rows
        if time.monotonic() - self._written_at < _EVERY_SECONDS:
            return
        seen = _seen(subscription)
        idle = time.monotonic() - self._written_at < _AT_LEAST_EVERY_SECONDS
        if seen == self._last and idle:
            return
        self._write(seen, now)
        self._log(sum(max(0, end - committed) for _, committed, end in seen), len(seen))

    def tell_last(self, subscription: Subscription, *, now: datetime) -> None:
        """Report once more before the partitions are given up."""
        self._write(_seen(subscription), now)

    def _write(self, seen: list[Seen], now: datetime) -> None:
        given = self._settings
        words = [
            StreamPartition(given.kafka_group, given.kafka_observations, *place, member_name(), now)
            for place in seen
        ]
        try:
            transact(self._engine, lambda connection: report_partitions(connection, words))
        except StoreUnavailableError as error:
            _log.warning("the lag could not be written down: %s", error)
        self._last, self._written_at = seen, time.monotonic()

    def _log(self, lag: int, partitions: int) -> None:
        seconds = time.monotonic() - self._told_at
        if seconds >= _TOLD_EVERY_SECONDS:
            fields = {"rows": self._rows, "rows_per_second": round(self._rows / seconds, 1),
                      "lag": lag, "partitions": partitions}  # fmt: skip
            _log.info("consuming", extra={"fields": fields})
            self._rows, self._told_at = 0, time.monotonic()


def _seen(subscription: Subscription) -> list[Seen]:
    return [(one.partition, one.committed, one.end_offset) for one in subscription.progress()]
