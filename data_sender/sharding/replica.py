"""A replica: one of several processes that send a source together, sharing it by leases."""

from __future__ import annotations

import hashlib
import logging
from argparse import Namespace

import numpy as np

from data_sender.clock import EventClock
from data_sender.delivery.client import ApiClient
from data_sender.delivery.delivery import Delivery
from data_sender.position import Position, PositionFile
from data_sender.sharding.lease import LeaseOffice
from data_sender.sharding.shard import ALL_SHARDS, REGION_SHARDS
from data_sender.sharding.share import Share
from data_sender.sharding.shared_journey import SharedJourney
from data_sender.simulation.simulation import Simulation
from data_sender.source import Source, event_times
from data_sender.stop import StopSignal
from data_sender.tally import Tally

logger = logging.getLogger(__name__)


def share_source(
    options: Namespace, source: Source, clock: EventClock, *,
    api: ApiClient, delivery: Delivery, count: PositionFile, stop: StopSignal, tally: Tally,
) -> bool:  # fmt: skip
    """Send one's share of a source until all of it is sent; tell whether it is."""
    _empty(delivery, stop)
    starts_at = _first_time(source)
    if starts_at is None:
        return True
    office = LeaseOffice(
        api, source=_name(options, source), sender=options.sender,
        shards=REGION_SHARDS if source.flare_source is None else ALL_SHARDS, starts_at=starts_at,
    )  # fmt: skip
    share = Share(office, stop, restarts=options.restart)
    share.is_still(share.version)
    lease = share.lease
    if lease is None:
        return False
    if share.is_finished:
        logger.info("all of this source is delivered; --restart sends it again")
    # The API knows best how much of this sender came, also of what a crash cut off; only what
    # still lies in a stream it does not know.
    known = (count.sequence, count.sent) if options.via == "kafka" else (0, 0)
    count.sequence, count.sent = max(known[0], lease.sequence), max(known[1], lease.sent)
    clock.follow(lease.event_at, seconds_ago=lease.elapsed_seconds)
    if isinstance(source, Simulation):
        source = source.beginning(lease.starts_at)
    journey = SharedJourney(
        source, clock, delivery, share,
        count=count, sender=options.sender, batch=options.batch, stop=stop, tally=tally,
    )  # fmt: skip
    return journey.run()


def _name(options: Namespace, source: Source) -> str:
    """Name what is shared: the same files, or the same stretch of the same Sun."""
    stretch = [getattr(options, name, None) for name in ("start", "duration")]
    return hashlib.sha256(f"{source.fingerprint} {stretch}".encode()).hexdigest()


def _first_time(source: Source) -> np.datetime64 | None:
    if isinstance(source, Simulation):
        return source.start_at
    chunks = (chunk.rows for chunk in source.chunks(Position()))
    return next((event_times(rows)[0] for rows in chunks if len(rows)), None)


def _empty(delivery: Delivery, stop: StopSignal) -> None:
    """Deliver what this sender had spooled before it shared a source."""
    while not delivery.is_done and not stop.is_set:
        delivery.drain()
        stop.wait(delivery.seconds_until_retry())
