"""The sender's command line: ``flarewatch send``."""

from __future__ import annotations

import logging
import sys
from argparse import Namespace
from contextlib import closing
from typing import IO

import numpy as np
import orjson

from data_sender.clock import EventClock, parse_speed, wall_clock
from data_sender.delivery.carrier import Carrier
from data_sender.delivery.client import ApiClient, ApiRefusedError
from data_sender.delivery.delivery import Delivery
from data_sender.delivery.spool import Spool
from data_sender.files.recipe import read_layout
from data_sender.files.replay import Replay
from data_sender.files.table_rows import Layout
from data_sender.journey import Journey
from data_sender.live.following import COMMANDS, follow
from data_sender.options import host_name, parse_arguments
from data_sender.position import PositionFile, claim, claim_free
from data_sender.settings import SenderSettings
from data_sender.sharding.part import Part
from data_sender.sharding.replica import share_source
from data_sender.sharding.shard import FixedShard
from data_sender.simulation.region_fit import fit_files, write
from data_sender.simulation.region_statistics import load
from data_sender.simulation.simulation import Simulation, Sun
from data_sender.source import Source
from data_sender.stop import StopSignal
from data_sender.tally import Tally
from solar.errors import FlarewatchError, InvalidInputError
from solar.time import parse_time, to_datetime64

EXIT_DONE, EXIT_BAD_INPUT, EXIT_REFUSED, EXIT_LEFT_BEHIND = 0, 2, 3, 4

logger = logging.getLogger("data_sender")


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit status."""
    options = parse_arguments(arguments)
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s"
    )
    try:
        if options.command == "fit-simulator":
            write(fit_files(options.hourly, options.daily), options.out)
            return EXIT_DONE
        return _send(options)
    except ApiRefusedError as error:
        logger.error("%s", error)
        return EXIT_REFUSED
    except (FlarewatchError, OSError) as error:
        logger.error("%s", error)
        return EXIT_BAD_INPUT


def _send(options: Namespace) -> int:
    with closing(StopSignal()) as stop:
        stop.install()
        if options.command in COMMANDS:
            return follow(options, stop, carrier=_carrier)
        return _travel(options, *_source(options), stop)


def _source(options: Namespace) -> tuple[Source, EventClock]:
    speed = parse_speed(options.speed)
    if options.command == "replay":
        layout = _layout(options)
        return Replay(options.paths, flares=options.flares, layout=layout), EventClock(speed)
    return _simulation(options), EventClock(speed, ceiling=wall_clock)


def _layout(options: Namespace) -> Layout:
    if options.recipe is None:
        return Layout(series=options.series)
    return read_layout(options.recipe, series=options.series)


def _travel(options: Namespace, source: Source, clock: EventClock, stop: StopSignal) -> int:
    settings = SenderSettings()
    if isinstance(options.shard, FixedShard):
        source = Part(source, options.shard)
    with _claimed(options, settings):
        folder = settings.sender_dir(options.sender)
        positions = PositionFile(folder, source.fingerprint)
        if options.restart:
            positions.forget()
        key = settings.api_key.get_secret_value() if settings.api_key else None
        api = ApiClient(options.api_url or settings.api_url, key, stop)
        client = _carrier(options, settings, api, stop)
        spool = Spool(folder / "spool", limit_bytes=options.spool_limit_mb * 2**20)
        tally = Tally()
        delivery = Delivery(
            client, spool, folder=folder, stop=stop, tally=tally, handed_over=positions.sent
        )
        try:
            is_complete = _deliver(
                options, source, clock,
                api=api, delivery=delivery, positions=positions, stop=stop, tally=tally,
            )  # fmt: skip
        finally:
            spool.close()
            client.close()
            left = spool.size_bytes()
        summary = {
            "sender": options.sender, "is_complete": is_complete,
            "handed_over": positions.sent, "spool_bytes": left,
        }  # fmt: skip
        sys.stdout.write(orjson.dumps({**summary, **tally.summary()}).decode() + "\n")
        _tell_refused(tally, delivery)
    return EXIT_DONE if is_complete or stop.is_set else EXIT_LEFT_BEHIND


def _deliver(
    options: Namespace, source: Source, clock: EventClock, *,
    api: ApiClient, delivery: Delivery, positions: PositionFile, stop: StopSignal, tally: Tally,
) -> bool:  # fmt: skip
    if options.shard == "auto":
        return share_source(
            options, source, clock,
            api=api, delivery=delivery, count=positions, stop=stop, tally=tally,
        )  # fmt: skip
    journey = Journey(
        source, clock, delivery, positions,
        sender=options.sender, batch=options.batch, stop=stop, tally=tally,
    )  # fmt: skip
    return journey.run(give_up_after=options.give_up_after)


def _tell_refused(tally: Tally, delivery: Delivery) -> None:
    refused = tally.counts["rejected"] + tally.counts["unreadable"]
    if refused:
        logger.warning("%d rows were not taken; %s says why", refused, delivery.rejected_path)


def _claimed(options: Namespace, settings: SenderSettings) -> IO[bytes]:
    """Claim the sender's name, or find it one, for as long as the file returned is open."""
    if options.sender is None:
        options.sender, lock = claim_free(settings.sender_dir(""), host_name(options))
        return lock
    return claim(settings.sender_dir(options.sender))


def _carrier(
    options: Namespace, settings: SenderSettings, api: ApiClient, stop: StopSignal
) -> Carrier:
    if options.via == "http":
        return api
    if not settings.kafka_bootstrap:
        raise InvalidInputError(
            "--via kafka needs a broker; set FLARE_KAFKA_BOOTSTRAP, for example to kafka:9092"
        )
    # The library of the broker is imported by those alone who speak to one.
    from data_sender.delivery.kafka_carrier import KafkaCarrier

    given = {**settings.kafka_options, "bootstrap.servers": settings.kafka_bootstrap}
    return KafkaCarrier(given, settings.kafka_observations, others=api, stop=stop)


def _simulation(options: Namespace) -> Simulation:
    sun = Sun(options.seed, options.regions, load())
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
