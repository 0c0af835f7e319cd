"""A flare that is listed months late leaves the scores of a store that had it in time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from stored_rows import store_leads, store_predictions
from synthetic_store import FIRST, MANIFEST, MODEL, prediction

from database.engine import reading, transact
from database.flares.flares import FlareRecord, store_flares
from database.harps import add_harp_pairs
from database.migrations import upgrade
from database.models import register
from database.rollup_days import mark_stale
from database.schema.rollup_tables import verification_dekads
from database.schema.tables import regions
from database.upsert import upsert
from database.verification.lead_skill import lead_skill
from database.verification.rollup import refresh
from database.verification.skill import skill
from solar.flares import LEADS, FluxScale
from solar.time import Window

DAY = timedelta(days=1)
N_DAYS = 140
# 2.4 h after the record of a midnight.
LATE = 20.1
REGIONS = {101: 11901, 102: 11902}
TARGETS = ("M1.0/6h", "M1.0/d3")
Body = dict[str, Any]


def listed(*days: float) -> list[FlareRecord]:
    return [
        FlareRecord(at, at + DAY / 100, at + DAY / 50, "M3.0", FluxScale.OPERATIONAL, noaa_ar=11902)
        for at in (FIRST + day * DAY for day in days)
    ]


def list_flares(engine: sa.Engine, flares: list[FlareRecord], *, covers: Window | None) -> None:
    now = FIRST + N_DAYS * DAY
    transact(engine, lambda c: store_flares(c, flares, source="list", covers=covers, now=now))


def fill(engine: sa.Engine, flares: list[FlareRecord]) -> None:
    """Store two regions for 140 days, with a record each midnight, and their flares."""
    keys = [(region, FIRST + k * DAY) for region in REGIONS for k in range(N_DAYS)]
    names = ("region_id", "series", "first_t_rec", "last_t_rec")

    def work(connection: sa.Connection) -> None:
        targets = [{"name": name, "threshold": 0.2} for name in TARGETS]
        manifest = MANIFEST | {"targets": targets}
        register(connection, manifest, sha256="0" * 64, stage="live", now=FIRST)
        add_harp_pairs(connection, list(REGIONS.items()))
        rows = [(region, "test", FIRST, FIRST + N_DAYS * DAY) for region in REGIONS]
        upsert(connection, regions, columns=names, rows=rows)
        p = {key: 0.05 + (place % 7) / 10 for place, key in enumerate(keys)}
        store_predictions(connection, [prediction(*key, MODEL, p[key]) for key in keys])
        leads = [p[key] if lead.name in TARGETS else None for key in keys for lead in LEADS]
        of_keys = [leads[place : place + len(LEADS)] for place in range(0, len(leads), len(LEADS))]
        store_leads(
            connection,
            [(*key, MODEL, 1, *of, FIRST) for key, of in zip(keys, of_keys, strict=True)],
        )
        mark_stale(connection, {at.date() for _, at in keys})

    transact(engine, work)
    list_flares(engine, flares, covers=Window(FIRST - 400 * DAY, FIRST + (N_DAYS + 3) * DAY))
    refresh(engine)


def verified(engine: sa.Engine) -> dict[tuple[Any, ...], tuple[bytes, bytes]]:
    with reading(engine) as connection:
        rows = connection.execute(sa.select(verification_dekads)).all()
    return {tuple(row[:5]): (row.days, row.bins) for row in rows}


def scores(engine: sa.Engine) -> list[Body]:
    asked: Body = {"model_id": MODEL, "window": None, "resamples": 10}
    with reading(engine) as connection:
        return [
            ask(connection, event=event, scope=scope, **asked)
            for scope in ("region", "disk")
            for ask, events in ((skill, ("M1.0", *TARGETS)), (lead_skill, ("M1.0",)))
            for event in events
        ]


@pytest.fixture
def in_order(open_store: Callable[[str], sa.Engine], tmp_path: Path) -> sa.Engine:
    engine = open_store(f"sqlite:///{tmp_path}/in_order.db")
    upgrade(engine)
    fill(engine, listed(3.5, LATE, 60.1, 99.9))
    return engine


def test_a_flare_that_is_listed_a_hundred_days_late_corrects_all_that_depends_on_it(
    engine_sqlite: sa.Engine, in_order: sa.Engine
) -> None:
    fill(engine_sqlite, listed(3.5, 60.1, 99.9))
    wrong, before = scores(engine_sqlite), verified(engine_sqlite)

    list_flares(engine_sqlite, listed(LATE), covers=None)
    refresh(engine_sqlite)

    after = verified(engine_sqlite)
    assert after == verified(in_order)
    assert scores(engine_sqlite) == scores(in_order)
    assert all(one != other for one, other in zip(scores(engine_sqlite), wrong, strict=True))
    # The full disk counts the flares of 120 days, and so its last changed forecasts lie so far.
    changed = {key[4] for key in after if after[key] != before[key] and key[2] == "disk"}
    assert max(changed) + 10 * DAY > (FIRST + 140 * DAY).date()
