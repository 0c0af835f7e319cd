"""However minutes of the X-ray flux come in, the stored flares are those of all of them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
from xray_minutes import real_minutes

from database.engine import reading, transact
from database.nowcast.detection import store_minutes
from database.nowcast.nowcast import NowcastEvent, list_nowcast_events
from solar.flare_detection import MINUTE, XrayMinute, detect
from solar.time import Window

SEEDS = range(20)
PIECES = (1, 10, 60, 120)


def played(rows: Sequence[XrayMinute], rng: random.Random) -> list[XrayMinute]:
    """Return two days with a gap and a change of the satellite, both measuring for a while."""
    change, both = rng.randrange(len(rows)), rng.choice((0, 30, 200))
    gap = rng.randrange(len(rows))
    gap_end = gap + rng.choice((10, 59, 60, 61, 62, 120))
    left = [(i, row) for i, row in enumerate(rows) if not gap <= i < gap_end]
    first = [row for i, row in left if i < change + both]
    second = [replace(row, satellite="G18") for i, row in left if i >= change]
    return [*first, *second]


def stream(rows: Sequence[XrayMinute], rng: random.Random) -> list[XrayMinute]:
    """Return the rows out of order and some twice, after wrong values of some that are revised."""

    def arrival(row: XrayMinute) -> datetime:
        late = rng.expovariate(1 / 20) if rng.random() < 0.1 else 0
        return row.minute_at + timedelta(minutes=late)

    revised = rng.sample(rows, 30)
    wrong = [
        replace(row, flux_w_m2=(row.flux_w_m2 or 1e-6) * rng.choice((0.3, 3))) for row in revised
    ]
    ordered = sorted(rows, key=arrival)
    return [*wrong, *ordered, *rng.sample(rows, 50), *revised]


def feed(engine: sa.Engine, rows: Sequence[XrayMinute], rng: random.Random) -> None:
    """Store the rows in pieces, with a restart half way."""
    start, is_restarted = 0, False
    while start < len(rows):
        piece = rows[start : start + rng.choice(PIECES)]
        transact(engine, partial(store_minutes, minutes=piece))
        start += len(piece)
        if start > len(rows) / 2 and not is_restarted:
            engine.dispose()
            is_restarted = True


@pytest.mark.thorough
@pytest.mark.parametrize("number", SEEDS)
def test_stored_flares_are_those_of_all_minutes(
    engine: sa.Engine, shared_data: Path, number: int
) -> None:
    rng = random.Random(number)
    start_at = datetime(2022, 1, 2, tzinfo=UTC) + timedelta(days=11 * number)
    rows = played(real_minutes(shared_data, start_at, start_at + timedelta(days=2)), rng)
    arriving = stream(rows, rng)
    n_wrong = len(arriving) - len(rows) - 80

    feed(engine, arriving[:n_wrong], rng)
    halves = [arriving[n_wrong + part :: 2] for part in (0, 1)]
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda half: feed(engine, half, random.Random(number)), halves))

    last_at = max(row.minute_at for row in rows)
    with reading(engine) as connection:
        window = Window(start_at, last_at + MINUTE)
        stored = list_nowcast_events(connection, window, now=last_at)
    assert [replace(event, revision=1) for event in stored] == [
        NowcastEvent.of(flare) for flare in detect(rows)
    ]
