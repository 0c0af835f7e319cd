"""The dashboard over ten years: each view at 100 thousand and at ten million predictions."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from app_dash.create_app import PAGES
from bench.browser import Browser
from bench.browsers import alone, watch
from bench.house import House, opened_house
from bench.live_feed import LiveFeed
from bench.measured import Measured, failed, measured
from bench.mission import Mission
from bench.mission_store import fill
from bench.report import IDLE, SKILL, VIEW, browsers_table, side_by_side
from bench.rollups import roll_up
from bench.skill_requests import time_skill
from bench.store import mariadb_store
from bench.views import View, views
from database.schema.tables import predictions, regions
from solar.time import Window

SMALL = 100_000
LARGE = 10_000_000
VIEWS = 30
REFRESH_SECONDS = 30.0
FEED_SECONDS = 20.0

# What the browsers have on their screens, in turn.
WATCHED = tuple(page.path for page in PAGES)


@dataclass(frozen=True)
class Plan:
    """What is to be measured.

    Parameters
    ----------
    keep : the folder in which the large store stays afterwards
    store : the address of a store that has been filled before, which is measured alone
    """

    predictions: int = LARGE
    views: int = VIEWS
    browsers: int = 40
    minutes: int = 5
    keep: Path | None = None
    store: str | None = None


@dataclass(frozen=True)
class Figures:
    """What was measured on one store."""

    size: int
    views: list[Measured]
    idle: list[Measured]
    skill: list[Measured]


def main(plan: Plan) -> None:
    """Measure a small and a large store, then many browsers on the large one, and print."""
    if plan.store is not None:
        with opened_house(plan.store) as house:
            _print_tables(None, _figures(house, plan.views))
            _watch(house, plan)
        return
    with mariadb_store() as address:
        _fill(address, SMALL)
        with opened_house(address) as house:
            small = _figures(house, plan.views)
    with mariadb_store(plan.keep) as address:
        _fill(address, plan.predictions)
        with opened_house(address) as house:
            _print_tables(small, _figures(house, plan.views))
            _watch(house, plan)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _fill(address: str, n_predictions: int) -> None:
    # Room for the slots that arrive while many browsers watch, for none may lie in the future.
    end_at = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)
    mission = Mission(n_predictions, end_at)
    fill(address, mission, say=_say)
    roll_up(address, mission, say=_say)


def _figures(house: House, repetitions: int) -> Figures:
    with house.engine.connect() as connection:
        table = predictions.c
        start, end = (
            connection.execute(sa.select(extreme(table.t_rec))).scalar_one()
            for extreme in (sa.func.min, sa.func.max)
        )
        size = connection.execute(sa.select(sa.func.count()).select_from(predictions)).scalar_one()
        ids = list(connection.execute(sa.select(regions.c.region_id)).scalars())
    stored = Window(start, end)
    opened = list(_opened(house, stored, ids, repetitions))
    idle = list(_idle(house, repetitions))
    return Figures(size, opened, idle, time_skill(house.api, stored, repetitions))


def _opened(
    house: House, stored: Window, region_ids: Sequence[int], repetitions: int
) -> Iterator[Measured]:
    for view in views(stored, region_ids):
        result = _view(house, view, repetitions)
        _say(f"{view.page} {view.span}: {result.p95_ms:.0f} ms, {result.sent_kb or 0:.0f} kB")
        yield result


def _view(house: House, view: View, repetitions: int) -> Measured:
    browser = Browser(house.dash)
    rng = np.random.default_rng(1)
    try:
        browser.open(view.address(rng))
        calls = [browser.open(view.address(rng)) for _ in range(repetitions)]
    except RuntimeError as error:
        return failed(view.page, view.span, str(error))
    return measured(view.page, view.span, calls)


def _idle(house: House, repetitions: int) -> Iterator[Measured]:
    """Let the refresh interval pass on every page while nothing new comes in."""
    browser = Browser(house.dash)
    for page in PAGES:
        browser.open(page.path)
        browser.tick()
        yield measured("idle refresh", page.title, [browser.tick() for _ in range(repetitions)])


def _print_tables(small: Figures | None, large: Figures) -> None:
    tables = (("page", "views", VIEW), ("refresh", "idle", IDLE), ("request", "skill", SKILL))
    for title, part, budget in tables:
        few = [] if small is None else getattr(small, part)
        sizes = (0 if small is None else small.size, large.size)
        table = side_by_side(title, few, getattr(large, part), sizes=sizes, budget=budget)
        print(f"\n{table}")


def _watch(house: House, plan: Plan) -> None:
    if not (plan.browsers and plan.minutes):
        return
    feed = LiveFeed(house.engine, house.api, every_seconds=FEED_SECONDS)
    single = alone(house.dash, WATCHED, rounds=1, feed=feed)
    together = watch(
        house.dash, WATCHED, browsers=plan.browsers, minutes=plan.minutes,
        refresh_seconds=REFRESH_SECONDS, feed=feed, server_pid=house.dash_pid,
    )  # fmt: skip
    print(f"\n{browsers_table(single, together, browsers=plan.browsers, minutes=plan.minutes)}")
