"""Following a live source: reading it for ever, or to a given end, and handing on what is new."""

from __future__ import annotations

import logging
import math
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson

from data_sender.clock import MAX_SPEED, EventClock
from data_sender.delivery.carrier import Carrier
from data_sender.delivery.client import ApiClient
from data_sender.delivery.delivery import Delivery
from data_sender.delivery.spool import Spool
from data_sender.journey import Journey
from data_sender.live.feed import Feed, FeedError
from data_sender.live.frontiers import Frontiers
from data_sender.live.jsoc import SERIES, Jsoc, Plan
from data_sender.live.memory import Memory
from data_sender.live.pace import Pace
from data_sender.live.swpc import Swpc
from data_sender.position import PositionFile, claim
from data_sender.settings import SenderSettings
from data_sender.stop import StopSignal
from data_sender.tally import Tally
from solar.errors import InvalidInputError

logger = logging.getLogger(__name__)

COMMANDS = ("jsoc", "swpc")
EXIT_DONE, EXIT_LEFT_BEHIND, EXIT_SOURCE = 0, 4, 5

MakeCarrier = Callable[[Namespace, SenderSettings, ApiClient, StopSignal], Carrier]


@dataclass(frozen=True)
class Standing:
    """Where a follower stands: its folder, its way to the API, and the wish to stop."""

    folder: Path
    delivery: Delivery
    stop: StopSignal
    tally: Tally

    def rest(self, seconds: float) -> bool:
        """Wait, delivering what is spooled meanwhile; tell whether the wish to stop came."""
        end = time.monotonic() + seconds
        while not self.stop.is_set and (left := end - time.monotonic()) > 0:
            wait = left if self.delivery.is_done else self.delivery.seconds_until_retry()
            self.stop.wait(min(left, max(wait, 0.01)))
            self.delivery.drain()
            self.tally.tell()
        return self.stop.is_set


def follow(options: Namespace, stop: StopSignal, *, carrier: MakeCarrier) -> int:
    """Follow JSOC or SWPC until the end that was given, or the wish to stop."""
    settings = SenderSettings()
    folder = settings.sender_dir(options.sender)
    key = settings.api_key.get_secret_value() if settings.api_key else None
    with claim(folder):
        api = ApiClient(options.api_url or settings.api_url, key, stop)
        client = carrier(options, settings, api, stop)
        spool = Spool(folder / "spool", limit_bytes=options.spool_limit_mb * 2**20)
        tally = Tally()
        delivery = Delivery(client, spool, folder=folder, stop=stop, tally=tally)
        standing = Standing(folder, delivery, stop, tally)
        follower = _follow_jsoc if options.command == "jsoc" else _follow_swpc
        try:
            status = follower(options, settings, standing)
        except FeedError as error:
            logger.error("given up: %s", error)
            status = EXIT_SOURCE
        finally:
            spool.close()
            client.close()
        summary = {"sender": options.sender, "status": status, "spool_bytes": spool.size_bytes()}
        sys.stdout.write(orjson.dumps({**summary, **tally.summary()}).decode() + "\n")
    return status


def _follow_jsoc(options: Namespace, settings: SenderSettings, standing: Standing) -> int:
    if options.start and options.end and options.start >= options.end:
        raise InvalidInputError("--from is not before --to; exchange the two")
    positions = PositionFile(standing.folder, Jsoc.fingerprint)
    frontiers = Frontiers(standing.folder / "jsoc.json")
    if options.restart:
        positions.forget()
        frontiers.forget()
    plan = Plan(
        SERIES[options.series], options.start, options.end,
        slice_length=timedelta(hours=options.slice_hours),
    )  # fmt: skip
    url = options.url or settings.jsoc_url
    with closing(Feed(url, standing.stop, timeout_seconds=options.timeout)) as feed:
        source = Jsoc(
            feed, plan, frontiers, pace=Pace(options.every), rest=standing.rest, clock=_now
        )
        journey = Journey(
            source, EventClock(MAX_SPEED), standing.delivery, positions,
            sender=options.sender, batch=options.batch, stop=standing.stop, tally=standing.tally,
        )  # fmt: skip
        is_complete = journey.run(give_up_after=options.give_up_after)
    return EXIT_DONE if is_complete or standing.stop.is_set else EXIT_LEFT_BEHIND


def _follow_swpc(options: Namespace, settings: SenderSettings, standing: Standing) -> int:
    memory = Memory(standing.folder / "swpc.json")
    if options.restart:
        memory.forget()
    url = options.url or settings.swpc_url
    with closing(Feed(url, standing.stop, timeout_seconds=options.timeout)) as feed:
        swpc = Swpc(
            feed, memory, standing.delivery.deliver, clock=_now, every_seconds=options.every
        )
        while True:
            failed = swpc.read()
            if options.once:
                return _ended(options, standing, failed)
            if standing.rest(swpc.seconds_until_due()):
                return EXIT_DONE


def _ended(options: Namespace, standing: Standing, failed: list[str]) -> int:
    deadline = time.monotonic() + (options.give_up_after or math.inf)
    while not standing.delivery.is_done and time.monotonic() < deadline:
        if standing.rest(min(1.0, max(0.0, deadline - time.monotonic()))):
            break
    if failed:
        logger.error("not read: %s", ", ".join(failed))
        return EXIT_SOURCE
    return EXIT_DONE if standing.delivery.is_done or standing.stop.is_set else EXIT_LEFT_BEHIND


def _now() -> datetime:
    return datetime.now(UTC)
