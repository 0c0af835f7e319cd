"""Steady senders: processes that post new records at a rate, and note how long each post took."""

from __future__ import annotations

import io
import multiprocessing
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import requests

from bench.bodies import ARROW, MEDIA_TYPES
from solar.sharp import CADENCE_SECONDS, LIVE_KEYWORDS, SIMULATED_SERIES

SENDERS, REGIONS, BATCH = 3, 10, 500
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


class SteadySenders:
    """Senders of one Sun, each with regions of its own; they go on where they ended before."""

    def __init__(self, api: str) -> None:
        self._api = api
        self._batches = 0

    def send(self, *, seconds: float, rate: float | None) -> list[Posted]:
        """Post for some time, as fast as it goes or so many records a second together."""
        context = multiprocessing.get_context("spawn")
        queue: Any = context.Queue()
        own = None if rate is None else rate / SENDERS
        processes = [
            context.Process(
                target=_post, args=(queue, self._api, place, self._batches, seconds, own)
            )
            for place in range(SENDERS)
        ]
        for process in processes:
            process.start()
        found: list[list[Posted] | str] = [queue.get() for _ in processes]
        for process in processes:
            process.join()
        if failed := [one for one in found if isinstance(one, str)]:
            raise RuntimeError(failed[0])
        posted = [one for one in found if not isinstance(one, str)]
        self._batches += max(map(len, posted))
        return sorted((one for own in posted for one in own), key=lambda one: one.began)


def _post(queue: Any, api: str, place: int, first: int, seconds: float, rate: float | None) -> None:
    address = f"{api}/api/v1/observations?sender=soak-{place}"
    session = requests.Session()
    session.headers["Content-Type"] = MEDIA_TYPES[ARROW]
    posted: list[Posted] = []
    try:
        began = time.monotonic()
        while time.monotonic() < began + seconds:
            body = _body(place, first + len(posted))
            asked = time.monotonic()
            answer = session.post(address, data=body, timeout=60)
            took = time.monotonic() - asked
            answer.raise_for_status()
            posted.append(Posted(asked, took, answer.json()["accepted"]))
            due = 0.0 if rate is None else began + len(posted) * BATCH / rate
            time.sleep(max(0.0, due - time.monotonic()))
    except OSError as error:
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
