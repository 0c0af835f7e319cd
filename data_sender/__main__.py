"""The sender's command line: ``flarewatch send``."""

from __future__ import annotations

import hashlib
import logging
import math
import sys
from argparse import Namespace
from contextlib import closing
from typing import IO

import numpy as np

from data_sender.clock import EventClock, parse_speed, wall_clock
from data_sender.delivery.client import ApiClient, ApiRefusedError, Transport
from data_sender.delivery.delivery import Delivery
from data_sender.delivery.spool import Post, Spool
from data_sender.disk import DiskFullError, is_full
from data_sender.faulty_source import faulty_minutes, report, with_faults
from data_sender.heartbeat import beating
from data_sender.options import host_name, parse_arguments
from data_sender.position import Position, PositionFile, claim, claim_free
from data_sender.progress import Progress
from data_sender.replay_clock import RegisteredTransport, ReplayClock
from data_sender.replayer import Replayer
from data_sender.settings import SenderSettings
from data_sender.sharding.lease import LeaseClient, LeasedShards
from data_sender.sharding.shard import (
    ALL_SHARDS,
    FLARES,
    REGION_SHARDS,
    FixedShard,
    SourcePart,
    halves_by_region,
)
from data_sender.sharding.shared_replay import SharedReplayer
from data_sender.source import Source, event_times
from data_sender.sources.files.layout import Layout, read_layout
from data_sender.sources.files.replay import Replay
from data_sender.sources.live.follower import COMMANDS, EXIT_DONE, EXIT_LEFT_BEHIND, follow
from data_sender.sources.simulation.region_fit import fit_files
from data_sender.sources.simulation.region_statistics import load_statistics, write_statistics
from data_sender.sources.simulation.simulation import Simulation, Sun
from data_sender.xrays import XrayMinutes
from solar.clock import FASTEST, WALL
from solar.errors import FlarewatchError, InvalidInputError
from solar.process import StopSignal, discard_unwritable_output
from solar.time import parse_time, to_datetime64

EXIT_BAD_INPUT, EXIT_REFUSED, EXIT_DISK_FULL = 2, 3, 6

logger = logging.getLogger("data_sender")


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit status."""
    options = parse_arguments(arguments)
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s"
    )
    try:
        if options.command == "fit-simulator":
            write_statistics(fit_files(options.daily, options.flares), options.out)
            return EXIT_DONE
        return _send(options)
    except ApiRefusedError as error:
        logger.error("%s", error)
        return EXIT_REFUSED
    except (FlarewatchError, OSError) as error:
        if isinstance(error, DiskFullError) or (isinstance(error, OSError) and is_full(error)):
            logger.error("%s; nothing is lost, start again when there is space", error)
            return EXIT_DISK_FULL
        logger.error("%s", error)
        return EXIT_BAD_INPUT
    finally:
        discard_unwritable_output()


def _send(options: Namespace) -> int:
    with closing(StopSignal()) as stop:
        stop.install()
        if options.command in COMMANDS:
            return follow(options, stop, make_transport=_transport)
        return _replay(options, stop)


def _source(options: Namespace) -> Replay | Simulation:
    if options.command == "replay":
        return Replay(
            options.paths, flares=options.flares, layout=_layout(options), xrays=options.xray
        )
    return _simulation(options)


def _whole(source: Source) -> Source:
    return source.whole if isinstance(source, SourcePart) else source


def _minutes(source: Source) -> XrayMinutes:
    """Return the X-ray minutes of a file; those of a simulation come with its rows."""
    whole = _whole(source)
    return whole.minutes if isinstance(whole, Replay) else XrayMinutes.none()


def _sent_minutes(options: Namespace, source: Source) -> XrayMinutes:
    """Return the minutes that this sender posts; of fixed parts one posts them all."""
    if isinstance(options.shard, FixedShard) and not options.shard.holds()[FLARES]:
        return XrayMinutes.none()
    return faulty_minutes(options.faults, _minutes(source))


def _with_faults(options: Namespace, source: Source) -> Source:
    has_xrays = isinstance(_whole(source), Simulation) or len(_minutes(source)) > 0
    return with_faults(source, options.faults, has_xrays=has_xrays)


def _report(options: Namespace, source: Source) -> Post:
    whole, minutes = _whole(source), _minutes(source)
    return report(options.faults, whole, sender=options.sender, minutes=minutes)


def _clock(
    options: Namespace, source: Replay | Simulation, api: ApiClient
) -> EventClock | ReplayClock:
    speed = parse_speed(options.speed)
    if isinstance(source, Simulation):
        return EventClock(speed, ceiling=wall_clock)
    if options.clock == WALL or source.span is None:
        return EventClock(speed)
    if math.isfinite(speed) and speed > FASTEST:
        raise InvalidInputError(
            f"--speed {options.speed}: the clock of a store runs at {FASTEST:.0f} at most; give"
            " max, or --clock wall"
        )
    return ReplayClock(api, source.span, sender=options.sender, speed=speed)


def _layout(options: Namespace) -> Layout:
    if options.recipe is None:
        return Layout(series=options.series)
    return read_layout(options.recipe, series=options.series)


def _replay(options: Namespace, stop: StopSignal) -> int:
    settings = SenderSettings()
    whole = _source(options)
    source = SourcePart(whole, options.shard) if isinstance(options.shard, FixedShard) else whole
    fingerprint = _with_faults(options, source).fingerprint
    with _claimed(options, settings):
        folder = settings.sender_dir(options.sender)
        positions = PositionFile(folder, fingerprint)
        if options.restart:
            positions.forget()
        api = _api_client(options, settings, stop)
        clock = _clock(options, whole, api)
        transport = _transport(options, settings, api, stop)
        if isinstance(clock, ReplayClock):
            transport = RegisteredTransport(transport, clock)
        spool = Spool(folder / "spool", limit_bytes=options.spool_limit_mb * 2**20)
        progress = Progress()
        delivery = Delivery(
            transport,
            spool,
            folder=folder,
            stop=stop,
            progress=progress,
            handed_over=positions.sent,
        )
        try:
            with beating(api, options.sender) as heartbeat:
                is_complete = _deliver(
                    options,
                    source,
                    clock,
                    api=api,
                    delivery=delivery,
                    positions=positions,
                    stop=stop,
                    progress=progress,
                )
                if is_complete and not stop.is_set:
                    heartbeat.finish()
        finally:
            spool.close()
            transport.close()
            left = spool.size_bytes()
        progress.print_summary(
            sender=options.sender,
            is_complete=is_complete,
            handed_over=positions.sent,
            spool_bytes=left,
        )
        _log_rejected(progress, delivery)
    return EXIT_DONE if is_complete or stop.is_set else EXIT_LEFT_BEHIND


def _api_client(options: Namespace, settings: SenderSettings, stop: StopSignal) -> ApiClient:
    key = settings.api_key.get_secret_value() if settings.api_key else None
    return ApiClient(options.api_url or settings.api_url, key, stop)


def _deliver(
    options: Namespace,
    source: Source,
    clock: EventClock | ReplayClock,
    *,
    api: ApiClient,
    delivery: Delivery,
    positions: PositionFile,
    stop: StopSignal,
    progress: Progress,
) -> bool:
    if options.shard == "auto":
        return _share(
            options,
            source,
            clock,
            api=api,
            delivery=delivery,
            counter=positions,
            stop=stop,
            progress=progress,
        )
    if isinstance(clock, ReplayClock):
        clock.start(positions.read().through)
    if options.faults:
        delivery.deliver(_report(options, source))
    replayer = Replayer(
        _with_faults(options, source),
        clock,
        delivery,
        positions,
        sender=options.sender,
        batch=options.batch,
        stop=stop,
        progress=progress,
        cut=halves_by_region if options.command == "replay" and options.via == "http" else None,
        minutes=_sent_minutes(options, source),
    )
    return replayer.run(give_up_after=options.give_up_after)


def _share(
    options: Namespace,
    source: Source,
    clock: EventClock | ReplayClock,
    *,
    api: ApiClient,
    delivery: Delivery,
    counter: PositionFile,
    stop: StopSignal,
    progress: Progress,
) -> bool:
    """Send this replica's shards of a source until all of it is sent; return whether it is."""
    # What this sender had spooled before it shared a source comes first.
    delivery.drain_all()
    starts_at = _first_time(source)
    if starts_at is None:
        return True
    minutes = _sent_minutes(options, source)
    client = LeaseClient(
        api,
        source=_shared_name(options, _with_faults(options, source)),
        sender=options.sender,
        shards=ALL_SHARDS if source.flare_source or len(minutes) else REGION_SHARDS,
        starts_at=starts_at,
    )
    shards = LeasedShards(client, stop, restarts=options.restart)
    shards.renew_if_due(shards.version)
    lease = shards.lease
    if lease is None:
        return False
    if shards.is_finished:
        logger.info("all of this source is delivered; --restart sends it again")
    # The API knows best how much of this sender arrived, also of what a crash cut off; only what
    # is still in a stream it does not know.
    known = (counter.sequence, counter.sent) if options.via == "kafka" else (0, 0)
    counter.sequence, counter.sent = max(known[0], lease.sequence), max(known[1], lease.sent)
    if isinstance(clock, ReplayClock):
        clock.start(lease.event_at)
    else:
        clock.synchronise(lease.event_at, seconds_ago=lease.elapsed_seconds)
    if isinstance(source, Simulation):
        source = source.beginning(lease.starts_at)
    if options.faults:
        delivery.hand_over(_report(options, source))
    replayer = SharedReplayer(
        _with_faults(options, source),
        clock,
        delivery,
        shards,
        counter=counter,
        sender=options.sender,
        batch=options.batch,
        stop=stop,
        progress=progress,
        minutes=minutes,
    )
    return replayer.run()


def _first_time(source: Source) -> np.datetime64 | None:
    if isinstance(source, Simulation):
        return source.start_at
    chunks = (chunk.rows for chunk in source.chunks(Position()))
    return next((event_times(rows)[0] for rows in chunks if len(rows)), None)


def _shared_name(options: Namespace, source: Source) -> str:
    """Name what is shared: the same files, or the same stretch of the same Sun."""
    stretch = [getattr(options, name, None) for name in ("start", "duration")]
    return hashlib.sha256(f"{source.fingerprint} {stretch}".encode()).hexdigest()


def _log_rejected(progress: Progress, delivery: Delivery) -> None:
    rejected = progress.counts["rejected"] + progress.counts["unreadable"]
    if rejected:
        logger.warning("%d rows were not taken; %s says why", rejected, delivery.rejected_path)


def _claimed(options: Namespace, settings: SenderSettings) -> IO[bytes]:
    """Claim the sender's name, or the first free one, for as long as the returned file is open."""
    if options.sender is None:
        options.sender, lock = claim_free(settings.sender_dir(""), host_name(options))
        return lock
    return claim(settings.sender_dir(options.sender))


def _transport(
    options: Namespace, settings: SenderSettings, api: ApiClient, stop: StopSignal
) -> Transport:
    if options.via == "http":
        return api
    if not settings.kafka_bootstrap:
        raise InvalidInputError(
            "--via kafka needs a broker; set FLARE_KAFKA_BOOTSTRAP, for example to kafka:9092"
        )
    # The Kafka library is loaded only where a broker is used.
    from data_sender.delivery.kafka import KafkaTransport

    connection = {**settings.kafka_options, "bootstrap.servers": settings.kafka_bootstrap}
    return KafkaTransport(connection, settings.kafka_observations, others=api, stop=stop)


def _simulation(options: Namespace) -> Simulation:
    sun = Sun(options.seed, options.regions, load_statistics())
    now = wall_clock()
    if options.start:
        start_at = to_datetime64(parse_time(options.start))
        if start_at > now:
            raise InvalidInputError(f"--start {options.start} is in the future; choose a past time")
    else:
        start_at = now - _days(options.history)
    end_at = start_at + _days(options.duration) if options.duration is not None else None
    return Simulation(sun, start_at, end_at)


def _days(count: float) -> np.timedelta64:
    return np.timedelta64(int(count * 86_400e6), "us")


if __name__ == "__main__":
    sys.exit(main())
