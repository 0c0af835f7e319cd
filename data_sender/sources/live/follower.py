"""Following a live source: polling it for ever, or to a given end, and sending what is new."""

from __future__ import annotations

import logging
import math
import time
from argparse import Namespace
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from data_sender.clock import MAX_SPEED, EventClock
from data_sender.delivery.client import ApiClient, Transport
from data_sender.delivery.delivery import Delivery
from data_sender.delivery.spool import Post, Spool
from data_sender.heartbeat import beating
from data_sender.option_values import LONGEST_SLICE
from data_sender.position import PositionFile, claim
from data_sender.progress import Progress
from data_sender.replayer import Replayer
from data_sender.settings import SenderSettings
from data_sender.sources.live.agency_forecasts import read_agency_forecasts
from data_sender.sources.live.feed import Feed, FeedError, Pace
from data_sender.sources.live.jsoc import CADENCE, SERIES, Checkpoints, Jsoc, Plan
from data_sender.sources.live.sent_state import SentState
from data_sender.sources.live.swpc import Swpc
from solar.errors import InvalidInputError
from solar.process import StopSignal

logger = logging.getLogger(__name__)

COMMANDS = ("jsoc", "swpc", "forecasts")
EXIT_DONE, EXIT_LEFT_BEHIND, EXIT_SOURCE = 0, 4, 5

MakeTransport = Callable[[Namespace, SenderSettings, ApiClient, StopSignal], Transport]


@dataclass(frozen=True)
class FollowerContext:
    """What a follower works with: its folder, the delivery to the API, and the stop signal."""

    folder: Path
    delivery: Delivery
    stop: StopSignal
    progress: Progress

    def rest(self, seconds: float) -> bool:
        """Wait, delivering what is spooled meanwhile; return whether the stop signal is set."""
        end = time.monotonic() + seconds
        while not self.stop.is_set and (left := end - time.monotonic()) > 0:
            wait = left if self.delivery.is_done else self.delivery.seconds_until_retry()
            self.stop.wait(min(left, max(wait, 0.01)))
            self.delivery.drain()
            self.progress.log()
        return self.stop.is_set


def follow(options: Namespace, stop: StopSignal, *, make_transport: MakeTransport) -> int:
    """Follow JSOC or SWPC until the given end, or the stop signal, or send a file of forecasts.

    Returns the exit status.
    """
    settings = SenderSettings()
    folder = settings.sender_dir(options.sender)
    key = settings.api_key.get_secret_value() if settings.api_key else None
    with claim(folder):
        api = ApiClient(options.api_url or settings.api_url, key, stop)
        transport = make_transport(options, settings, api, stop)
        spool = Spool(folder / "spool", limit_bytes=options.spool_limit_mb * 2**20)
        progress = Progress()
        delivery = Delivery(transport, spool, folder=folder, stop=stop, progress=progress)
        context = FollowerContext(folder, delivery, stop, progress)
        follower = _FOLLOWERS[options.command]
        try:
            with beating(api, options.sender) as heartbeat:
                status = follower(options, settings, context)
                if status == EXIT_DONE and not stop.is_set:
                    heartbeat.finish()
        except FeedError as error:
            logger.error("given up: %s", error)
            status = EXIT_SOURCE
        finally:
            spool.close()
            transport.close()
        left = spool.size_bytes()
        progress.print_summary(sender=options.sender, status=status, spool_bytes=left)
    return status


def _follow_jsoc(options: Namespace, settings: SenderSettings, context: FollowerContext) -> int:
    plan = _plan(options)
    positions = PositionFile(context.folder, Jsoc.fingerprint)
    checkpoints = Checkpoints(context.folder / "jsoc.json")
    if options.restart:
        positions.forget()
        checkpoints.forget()
    url = options.url or settings.jsoc_url
    with closing(Feed(url, context.stop, timeout_seconds=options.timeout)) as feed:
        source = Jsoc(
            feed, plan, checkpoints, pace=Pace(options.every), rest=context.rest, clock=_now
        )
        replayer = Replayer(
            source,
            EventClock(MAX_SPEED),
            context.delivery,
            positions,
            sender=options.sender,
            batch=options.batch,
            stop=context.stop,
            progress=context.progress,
        )
        is_complete = replayer.run(give_up_after=options.give_up_after)
    return EXIT_DONE if is_complete or context.stop.is_set else EXIT_LEFT_BEHIND


def _plan(options: Namespace) -> Plan:
    if options.start and options.end and options.start >= options.end:
        raise InvalidInputError("--from is not before --to; exchange the two")
    if options.cadence and options.series != "definitive":
        raise InvalidInputError(
            f"--cadence is for the archive of definitive records, not for --series"
            f" {options.series}; give --series definitive, or leave out --cadence"
        )
    cadence = options.cadence or CADENCE
    if options.slice_hours is None:
        # As many records in an answer as there are in a day of every record.
        slice_length = min(timedelta(days=1) * (cadence / CADENCE), LONGEST_SLICE)
    else:
        slice_length = timedelta(hours=options.slice_hours)
    series = SERIES[options.series]
    return Plan(series, options.start, options.end, cadence=cadence, slice_length=slice_length)


def _follow_swpc(options: Namespace, settings: SenderSettings, context: FollowerContext) -> int:
    state = SentState(context.folder / "swpc.json")
    if options.restart:
        state.forget()
    url = options.url or settings.swpc_url
    with closing(Feed(url, context.stop, timeout_seconds=options.timeout)) as feed:
        swpc = Swpc(feed, state, context.delivery.deliver, clock=_now, every_seconds=options.every)
        while True:
            failed = swpc.read()
            if options.once:
                return _ended(options, context, failed)
            if context.rest(swpc.seconds_until_due()):
                return EXIT_DONE


def _send_forecasts(options: Namespace, _: SenderSettings, context: FollowerContext) -> int:
    rows = read_agency_forecasts(options.path, semantics=options.semantics)
    extra = {"model": options.model, **({"derived": True} if options.derived else {})}
    for first in range(0, len(rows), options.batch):
        batch = rows[first : first + options.batch]
        if not context.delivery.deliver(Post("agency-forecasts", batch, dict(extra))):
            return EXIT_DONE
    return _ended(options, context, [])


_FOLLOWERS = {"jsoc": _follow_jsoc, "swpc": _follow_swpc, "forecasts": _send_forecasts}


def _ended(options: Namespace, context: FollowerContext, failed: list[str]) -> int:
    deadline = time.monotonic() + (options.give_up_after or math.inf)
    while not context.delivery.is_done and time.monotonic() < deadline:
        if context.rest(min(1.0, max(0.0, deadline - time.monotonic()))):
            break
    if failed:
        logger.error("not read: %s", ", ".join(failed))
        return EXIT_SOURCE
    return EXIT_DONE if context.delivery.is_done or context.stop.is_set else EXIT_LEFT_BEHIND


def _now() -> datetime:
    return datetime.now(UTC)
