"""Steady senders: they post new records at a rate, in bulk or one by one, and time each post."""

from __future__ import annotations

import io
import itertools
import multiprocessing
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPException
from operator import attrgetter
from typing import Any

import numpy as np
import pyarrow as pa

from bench.bodies import ARROW, MEDIA_TYPES, fresh_harpnums, one_record_bodies
from bench.clients import Connection
from bench.many_clients import ManyClients
from solar.sharp import CADENCE_SECONDS, LIVE_KEYWORDS, SIMULATED_SERIES

SENDERS, REGIONS, BATCH = 3, 10, 500
# Clients that post a record each second, all in one process.
SINGLES, SINGLE_EVERY_SECONDS = 40, 1.0
FIRST_REGION = 900_001
# Two weeks: then a region has crossed the disk, and others come.
SLOTS_OF_A_LIFE = 14 * 86_400 // CADENCE_SECONDS
START_AT = datetime(2010, 5, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Posted:
    """One answered call: when it began, by the monotonic clock, its seconds and its records."""

    began: float
    seconds: float
    records: int


@dataclass(frozen=True)
class Sent:
    """The answered calls of those that send in bulk, and of those that send single records."""

    bulk: list[Posted]
    singles: list[Posted]


class SteadySenders:
    """Senders of one Sun, each with regions of its own; they go on where they ended before."""

    def __init__(self, api: str) -> None:
        self._api = api
        self._batches = 0

    def send(self, *, seconds: float, rate: float | None, singles: int = 0) -> Sent:
        """Post for some time, as fast as it goes or so many records a second together.

        Parameters
        ----------
        singles : so many clients post single records beside them; at one call only, for their
            records are the same every time

        Raises
        ------
        RuntimeError
            When a post fails.
        """
        context = multiprocessing.get_context("spawn")
        bulk_queue, single_queue = context.Queue(), context.Queue()
        own = None if rate is None else rate / SENDERS
        processes = [
            context.Process(
                target=_post, args=(bulk_queue, self._api, place, self._batches, seconds, own)
            )
            for place in range(SENDERS)
        ]
        if singles:
            arguments = (single_queue, self._api, singles, seconds)
            processes.append(context.Process(target=_post_singles, args=arguments))
        for process in processes:
            process.start()
        bulk = [_posted(bulk_queue.get()) for _ in range(SENDERS)]
        single = _posted(single_queue.get()) if singles else []
        for process in processes:
            process.join()
        self._batches += max(map(len, bulk))
        return Sent(sorted(itertools.chain(*bulk), key=attrgetter("began")), single)


def _posted(found: list[Posted] | str) -> list[Posted]:
    if isinstance(found, str):
        raise RuntimeError(found)
    return found


def _post_singles(queue: Any, api: str, clients: int, seconds: float) -> None:
    first = fresh_harpnums()
    bodies = [
        one_record_bodies(f"soak-single-{place:02}", itertools.count(first + place, clients))
        for place in range(clients)
    ]
    address = f"{api}/api/v1/observations"
    try:
        with ManyClients(address, bodies, every=SINGLE_EVERY_SECONDS) as singles:
            answers = [*singles.run(seconds).answers, *singles.finish()]
    except (OSError, RuntimeError) as error:
        queue.put(f"a client with single records failed: {error!r}")
        return
    if singles.faults:
        queue.put(f"{len(singles.faults)} single records failed, the first: {singles.faults[0]}")
        return
    queue.put([Posted(answer.due, answer.seconds_since_due, 1) for answer in answers])


def _post(queue: Any, api: str, place: int, first: int, seconds: float, rate: float | None) -> None:
    address = f"{api}/api/v1/observations?sender=soak-{place}"
    connection = Connection(address, MEDIA_TYPES[ARROW])
    posted: list[Posted] = []
    try:
        began = time.monotonic()
        while time.monotonic() < began + seconds:
            body = _body(place, first + len(posted))
            asked = time.monotonic()
            accepted = connection.post(body)["accepted"]
            posted.append(Posted(asked, time.monotonic() - asked, accepted))
            due = 0.0 if rate is None else began + len(posted) * BATCH / rate
            time.sleep(max(0.0, due - time.monotonic()))
    except (OSError, HTTPException, RuntimeError) as error:
        queue.put(f"a sender failed: {error!r}")
    else:
        queue.put(posted)


def _body(place: int, number: int) -> bytes:
    """Write a batch: the next slots of the regions that are on the disk then."""
    slots = np.repeat(number * (BATCH // REGIONS) + np.arange(BATCH // REGIONS), REGIONS)
    regions = np.tile(np.arange(REGIONS), BATCH // REGIONS)
    life = slots // SLOTS_OF_A_LIFE
    rng = np.random.default_rng((place, number))
    levels = rng.uniform(0.0005, 0.02, (BATCH, len(LIVE_KEYWORDS)))
    start_at = np.datetime64(START_AT.replace(tzinfo=None), "us")
    times = start_at + slots * np.timedelta64(CADENCE_SECONDS, "s")
    columns = {
        "harpnum": FIRST_REGION + (life * SENDERS + place) * REGIONS + regions,
        "t_rec": pa.array(times, pa.timestamp("us", tz="UTC")),
        "series": [SIMULATED_SERIES] * BATCH,
        "quality": np.zeros(BATCH, np.int64),
        "lon_fwt": -80.0 + 160.0 * (slots % SLOTS_OF_A_LIFE) / SLOTS_OF_A_LIFE,
        "lat_fwt": np.full(BATCH, 12.0),
    }
    for position, keyword in enumerate(LIVE_KEYWORDS):
        columns[keyword.name] = keyword.low + (keyword.high - keyword.low) * levels[:, position]
    table, sink = pa.table(columns), io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()
