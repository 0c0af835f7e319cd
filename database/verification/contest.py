"""The contest: the days of a forecast and of everyone it is compared with, on the same cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import sqlalchemy as sa

from database.flares.coverage import covered_windows
from database.flares.flare import flare_days, flare_history
from database.forecasts import forecasting_models, load_forecasts
from database.models import agencies
from database.verification.board import lay_out
from database.verification.day_table import EMPTY, DayTable
from database.verification.dekads import Key, current_version, load_days
from database.verification.entrants import (
    CLIMATOLOGY_DAYS,
    ENTRANTS,
    PERSISTENCE,
    PRIOR_RATES,
    DailyCases,
    climatology,
)
from database.verification.parts import event_tables, set_scene
from database.verification.recent_days import recent_days
from solar.flares import HORIZON, Event
from solar.histogram import BIN, bin_of
from solar.time import Window
from solar.truth import Truth, least_flux

_DAY = timedelta(days=1)
_MEMORY = timedelta(days=max(CLIMATOLOGY_DAYS.values()) + 1)
_EARLIEST, _LATEST = date(1970, 1, 3), date(2200, 1, 1)
# Who forecast less of the asked model's days than this would leave too few cases to share.
_COMPANY = 0.5


@dataclass(frozen=True)
class Question:
    """What is asked: event, scope and the days of issue `first` to `last`, both included.

    With a `region_id` the cases are those of that region alone; with `is_shared` those on
    which every model gave a probability.
    """

    event: Event
    scope: str
    first: date | None
    last: date | None
    region_id: int | None = None
    is_shared: bool = False

    def key(self, model_id: str, part: str) -> Key:
        """Return the key of a model's days in the rollup."""
        return Key(model_id, self.event.name, self.scope, part)

    def window(self, *, margin: timedelta = timedelta(0)) -> Window:
        """Return the stretch of the days, widened at both ends; all of time without days."""
        days = (self.first or _EARLIEST, (self.last or _LATEST) + _DAY)
        start, end = (datetime.combine(day, time(), UTC) for day in days)
        return Window(start - margin, end + margin)


def play(connection: sa.Connection, question: Question, model_id: str) -> dict[str, DayTable]:
    """Return the days of the model first, then of persistence and, on shared cases, its rivals.

    An entrant that is asked for as the model is scored on the cases of the served models.
    """
    load = _loader(connection, question)
    asked = PERSISTENCE if model_id in ENTRANTS else model_id
    if question.is_shared:
        outside = agencies(connection)
        rivals = sorted({*forecasting_models(connection), *outside} - {asked})
        # An agency speaks of a region once a day, so that only these cases are shared with it.
        part = "daily" if asked in outside and question.scope == "region" else "shared"
        parts = {name: load(name, part) for name in (asked, PERSISTENCE, *rivals)}
        return _on_common_days(parts, asked)
    if asked == PERSISTENCE:
        return {PERSISTENCE: load(PERSISTENCE, "own")}
    return {asked: load(asked, "own"), PERSISTENCE: load(asked, PERSISTENCE)}


def with_climatology(
    connection: sa.Connection, question: Question, played: Mapping[str, DayTable], model_id: str
) -> dict[str, DayTable]:
    """Return the asked model first, then every entrant, then the rivals."""
    asked, *_ = played.values()
    past = _past(connection, question)
    prior = PRIOR_RATES[question.scope][question.event.name]
    known = {
        name: climatology_days(asked, past, span_days=span_days, prior=prior)
        for name, span_days in CLIMATOLOGY_DAYS.items()
    } | dict(played)
    return {name: known[name] for name in dict.fromkeys((model_id, *ENTRANTS, *played))}


def _loader(connection: sa.Connection, question: Question) -> Callable[[str, str], DayTable]:
    """Return what finds a part of a model's cases: the rollup, or a count of one region's."""
    if question.region_id is None:
        days = {"first": question.first, "last": question.last}
        version = current_version(connection)
        return lambda name, part: recent_days(
            connection, question.key(name, part), version=version, **days
        )
    counted = _region_tables(connection, question)
    return lambda name, part: counted.get(question.key(name, part), EMPTY)


def _region_tables(connection: sa.Connection, question: Question) -> dict[Key, DayTable]:
    window, region_id = question.window(), question.region_id
    said = {
        name: load_forecasts(connection, name, window=window, region_id=region_id)
        for name in forecasting_models(connection)
    }
    if not any(len(forecasts.t) for forecasts in said.values()):
        return {}
    board = lay_out(said)
    days = (board.t[0].item().date(), board.t[-1].item().date())
    seen = replace(question, first=days[0], last=days[1]).window(margin=HORIZON)
    weakest = least_flux(question.event.peak_flux_w_m2)
    flares = flare_history(connection, seen, min_flux=weakest)
    truth = flares.truth(covered_windows(connection))
    scene = set_scene(
        board, question.event, truth=truth, scope="region", daily=agencies(connection)
    )
    return dict(event_tables(scene))


def _on_common_days(parts: Mapping[str, DayTable], asked: str) -> dict[str, DayTable]:
    """Keep those who forecast most of the asked model's days, and the days of all of them."""
    own = np.unique(parts[asked].day)
    company = {
        name: table
        for name, table in parts.items()
        if name in (asked, PERSISTENCE)
        or np.isin(own, table.day).sum() >= max(1, _COMPANY * len(own))
    }
    for table in company.values():
        own = own[np.isin(own, table.day)]
    return {name: table.where(np.isin(table.day, own)) for name, table in company.items()}


def _past(connection: sa.Connection, question: Question) -> DailyCases:
    """Return the cases that climatology learns from, ending before the range does."""
    if question.scope == "disk":
        return _days_of_the_disk(connection, question)
    first, last = (question.first or _EARLIEST) - _MEMORY, question.last
    key = question.key(PERSISTENCE, "own")
    table = load_days(connection, key, first=first, last=last, with_bins=False)
    n, events = (table.days[name].astype(float) for name in ("n", "events"))
    return DailyCases(table.day, n, events)


def _days_of_the_disk(connection: sa.Connection, question: Question) -> DailyCases:
    """Take every day that the flare list covers as a case, forecast or not."""
    window = question.window()
    window = Window(window.start_at - _MEMORY, window.end_at)
    first, end = (np.datetime64(at.date()) for at in (window.start_at, window.end_at))
    midnights = np.arange(first, end).astype("datetime64[us]")
    no_flares = np.zeros(0, "datetime64[us]"), np.zeros(0), np.zeros(0, np.int64)
    is_known = Truth(*no_flares, covered_windows(connection)).is_complete(midnights)
    days = midnights[is_known].astype("datetime64[D]")
    flared = flare_days(connection, window, min_flux=least_flux(question.event.peak_flux_w_m2))
    came = np.isin(days, flared)
    return DailyCases(days.astype(np.int64), np.ones(len(days)), came.astype(float))


def climatology_days(own: DayTable, past: DailyCases, *, span_days: int, prior: float) -> DayTable:
    """Give each day's cases the climatology known when the day began: one bin a day."""
    p = climatology(own.day, past, span_days=span_days, prior=prior)
    days, scored = own.days.copy(), own.days["n"] > 0
    days["sum_p2"], days["sum_po"] = own.days["n"] * p * p, own.days["events"] * p
    days["bins"] = scored
    bins = np.zeros(np.count_nonzero(scored), BIN)
    bins["bin"], bins["sum_p"] = bin_of(p[scored]), (p * own.days["n"])[scored]
    for name in ("n", "events"):
        bins[name] = own.days[name][scored]
    return DayTable(days, bins)
