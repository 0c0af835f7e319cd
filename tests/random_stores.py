"""Stores with any forecasts, flares and gaps, and any question about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa
from conftest import empty
from hypothesis import strategies as st
from stored_rows import store_leads, store_predictions
from synthetic_store import MANIFEST, NOW

from database.engine import transact
from database.flares.flares import FlareRecord, store_flares
from database.models import register
from database.rollup_days import mark_stale
from database.schema.tables import observations
from database.upsert import upsert
from solar.flares import EVENTS, LEADS, FluxScale
from solar.flares import event as find_event
from solar.histogram import EDGES
from solar.time import Window
from solar.windows import DAY as FIRST_DAY

DAY = timedelta(days=1)
FIRST = datetime(2014, 2, 25, tzinfo=UTC)
OTHER_WINDOWS = ("C1.0/6h", "M1.0/48h", "M1.0/d2", "C1.0/d3")
CLASSES = ("C1.0", "C9.9", "M1.0", "M4.9", "M5.0", "X1.0")


@dataclass(frozen=True)
class Scenario:
    """A store by its seed, and what is asked of it."""

    seed: int
    n_models: int
    n_days: int
    n_flares: int
    withheld: float
    skipped: float
    event: str
    scope: str
    threshold: float
    ask: tuple[int, int] | None
    asked_model: int


scenarios = st.builds(
    Scenario,
    seed=st.integers(0, 2**32),
    n_models=st.integers(1, 3),
    n_days=st.integers(1, 24),
    n_flares=st.integers(0, 60),
    withheld=st.sampled_from([0.0, 0.1, 0.6]),
    skipped=st.sampled_from([0.0, 0.2, 0.7]),
    event=st.sampled_from([*(event.name for event in EVENTS), *OTHER_WINDOWS]),
    scope=st.sampled_from(["region", "disk"]),
    threshold=st.one_of(st.floats(0, 1), st.sampled_from(EDGES[:-1].tolist())),
    ask=st.one_of(st.none(), st.tuples(st.integers(-2, 20), st.integers(1, 12))),
    asked_model=st.integers(0, 2),
)


def range_of(scenario: Scenario) -> tuple[Window | None, Any]:
    if scenario.ask is None:
        return None, lambda _day: True
    start, length = scenario.ask
    first = FIRST + start * DAY
    # Whole days that the window touches, be it by an hour.
    window = Window(first + timedelta(hours=5), first + (length - 1) * DAY + timedelta(hours=9))
    if length == 1:
        window = Window(first, first + DAY)
    last: date = (first + (length - 1) * DAY).date()
    return window, lambda day: first.date() <= day <= last


def stock(engine: sa.Engine, scenario: Scenario) -> None:
    rng = np.random.default_rng(scenario.seed)
    empty(engine)

    def work(connection: sa.Connection) -> None:
        has_leads = find_event(scenario.event).window != FIRST_DAY
        targets = [{"name": scenario.event, "threshold": 0.1}] if has_leads else []
        for number in range(scenario.n_models):
            manifest = MANIFEST | {"name": f"m{number}", "version": "1", "targets": targets}
            stage = "shadow" if number else "live"
            register(connection, manifest, sha256="0" * 64, stage=stage, now=NOW)
        rows = forecasts(rng, scenario)
        store_predictions(connection, rows)
        observe(connection, rng, rows)
        if has_leads:
            store_leads(connection, leads(rng, rows))
        mark_stale(connection, {row[1].date() for row in rows})
        store_some_flares(connection, rng, scenario)

    transact(engine, work)


def forecasts(rng: np.random.Generator, scenario: Scenario) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for number in range(scenario.n_models):
        # Models come and go: each has a stretch of days of its own.
        begin, end = np.sort(rng.integers(0, scenario.n_days * 4 + 1, 2)) if number else (
            0, scenario.n_days * 4,
        )  # fmt: skip
        for region in (1, 2, -11905):
            for step in range(begin, end):
                if rng.random() < scenario.skipped:
                    continue
                # Edges of bins, so that binning loses nothing of a region's forecasts.
                p = np.sort(EDGES[rng.integers(0, len(EDGES) - 1, 4)])[::-1].tolist()
                said = [None] * 4 if rng.random() < scenario.withheld else p
                at = FIRST + timedelta(hours=6 * step)
                rows.append((region, at, f"m{number}@1", *said, *said, "full", None, 0.0, 1, NOW))
    return rows


def leads(rng: np.random.Generator, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Give each record other probabilities in the other windows, and some of them twice."""
    found: list[tuple[Any, ...]] = []
    for key in (row[:3] for row in rows):
        for revision in range(1, 2 + (rng.random() < 0.2)):
            p = EDGES[rng.integers(0, len(EDGES) - 1, len(LEADS))].tolist()
            is_withheld = rng.random() < 0.1
            found.append((*key, revision, *([None] * len(LEADS) if is_withheld else p), NOW))
    return found


def observe(
    connection: sa.Connection, rng: np.random.Generator, rows: list[tuple[Any, ...]]
) -> None:
    places = (-90.0, -60.0, -12.3, 0.0, 59.9, 90.0, 91.0, None)
    names = ("region_id", "t_rec", "series", "lon_fwt", "content_hash", "revision", "sender_id",
             "received_at")  # fmt: skip
    seen = sorted({row[:2] for row in rows})
    upsert(connection, observations, columns=names, rows=[
        (region, at, "test", places[rng.integers(len(places))], 0, 1, "test", NOW)
        for region, at in seen if rng.random() < 0.9
    ])  # fmt: skip


def store_some_flares(
    connection: sa.Connection, rng: np.random.Generator, scenario: Scenario
) -> None:
    hours = (scenario.n_days + 8) * 24
    records = []
    for minute in sorted(rng.choice(hours * 60, scenario.n_flares, replace=False).tolist()):
        # Now and then exactly on the hour, where windows begin and end.
        whole = minute // 60 * 60 if rng.random() < 0.3 else minute
        peak = FIRST - 5 * DAY + timedelta(minutes=whole)
        where = [{"harpnum": 1}, {"harpnum": 2}, {"noaa_ar": 11905}, {}][rng.integers(4)]
        records.append(
            FlareRecord(peak - timedelta(minutes=minute % 60 + 1), peak, None,
                        CLASSES[rng.integers(len(CLASSES))], FluxScale.OPERATIONAL, **where)
        )  # fmt: skip
    store_flares(connection, records, source="first", covers=None, now=NOW)
    for source in ("early", "late")[: rng.integers(0, 3)]:
        first, last = np.sort(rng.integers(0, hours, 2)).tolist()
        covers = Window(FIRST - 5 * DAY + timedelta(hours=first),
                        FIRST - 5 * DAY + timedelta(hours=last + 1))  # fmt: skip
        store_flares(connection, [], source=source, covers=covers, now=NOW)
