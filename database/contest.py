"""The contest: the days of a forecast and of every always-on entrant, on the same cases."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import sqlalchemy as sa

from database.coverage import covered_windows
from database.daily_counts import Key, count_days
from database.day_table import DayTable, as_table, load_cases, load_days
from database.entrants import CLIMATOLOGY_DAYS, PERSISTENCE, PRIOR_RATES, DailyCases, climatology
from database.flares import flare_history
from database.forecasts import Forecasts, forecasting_models, load_forecasts
from database.models import live_model
from database.rollup import persistence, truth_of
from solar.bins import bin_of
from solar.flares import HORIZON, Event
from solar.histogram import BIN
from solar.time import Window
from solar.truth import EVENT, Truth

_DAY = timedelta(days=1)
_MEMORY = timedelta(days=max(CLIMATOLOGY_DAYS.values()) + 1)


@dataclass(frozen=True)
class Question:
    """What is asked: event, scope and the days of issue `first` to `last`, both included.

    With a `region_id` the cases are those of that region alone.
    """

    event: Event
    scope: str
    first: date
    last: date
    region_id: int | None = None

    def key(self, model_id: str) -> Key:
        """Return the key of a model's days in the rollup."""
        return Key(model_id, self.event.name, self.scope)

    def window(self, *, margin: timedelta = timedelta(0)) -> Window:
        """Return the stretch of the days, widened at both ends."""
        start, end = (datetime.combine(d, time(), UTC) for d in (self.first, self.last + _DAY))
        return Window(start - margin, end + margin)


def enter(connection: sa.Connection, question: Question, model_id: str) -> dict[str, DayTable]:
    """Return the days of the model and of each entrant, by name.

    An entrant that is asked for as the model is scored on the cases of the served models.
    """
    played = _played(connection, question, model_id)
    own = played.get(model_id, played[PERSISTENCE])
    past = _past(connection, question)
    prior = PRIOR_RATES[question.scope][question.event.name]
    for name, span_days in CLIMATOLOGY_DAYS.items():
        played[name] = climatology_days(own, past, span_days=span_days, prior=prior)
    return {model_id: played[model_id], **played}


def _played(connection: sa.Connection, question: Question, model_id: str) -> dict[str, DayTable]:
    """Return the days of the persistence entrant, and those of the model if it is served."""
    if question.region_id is not None:
        return _region_days(connection, question, model_id)
    is_entrant = model_id in (*CLIMATOLOGY_DAYS, PERSISTENCE)
    return {
        name: load_days(connection, question.key(name), first=question.first, last=question.last)
        for name in (PERSISTENCE, *([] if is_entrant else [model_id]))
    }


def _region_days(
    connection: sa.Connection, question: Question, model_id: str
) -> dict[str, DayTable]:
    is_entrant = model_id in (*CLIMATOLOGY_DAYS, PERSISTENCE)
    served = _served(connection) if is_entrant else model_id
    window, region_id = question.window(), question.region_id
    forecasts = load_forecasts(connection, served, window=window, region_id=region_id)
    flares = flare_history(
        connection, question.window(margin=HORIZON), min_flux=question.event.peak_flux_w_m2
    )
    truth = flares.truth(covered_windows(connection))
    said = {PERSISTENCE: persistence("region", forecasts, truth)}
    if not is_entrant:
        said[model_id] = forecasts
    return {name: _counted(question.event, one, truth) for name, one in said.items()}


def _served(connection: sa.Connection) -> str:
    live = live_model(connection)
    return live.model_id if live else next(iter(forecasting_models(connection)), "")


def _counted(event: Event, forecasts: Forecasts, truth: Truth) -> DayTable:
    observed = truth_of("region", event, forecasts, truth)
    return as_table(count_days(forecasts.t, forecasts.of(event), observed))


def _past(connection: sa.Connection, question: Question) -> DailyCases:
    first, last = question.first - _MEMORY, question.last
    if question.scope == "region":
        key = question.key(PERSISTENCE)
        return DailyCases(*load_cases(connection, key, first=first, last=last))
    return _days_of_the_disk(connection, question)


def _days_of_the_disk(connection: sa.Connection, question: Question) -> DailyCases:
    """Take every day that the flare list covers as a case, forecast or not."""
    window = Window(question.window().start_at - _MEMORY, question.window(margin=HORIZON).end_at)
    flares = flare_history(connection, window, min_flux=question.event.peak_flux_w_m2)
    truth = flares.truth(covered_windows(connection))
    first, end = np.datetime64(question.first - _MEMORY), np.datetime64(question.last + _DAY)
    starts = np.arange(first, end)
    midnights = starts.astype("datetime64[us]")
    known = truth.is_complete(midnights)
    came = truth.of_disk(question.event, midnights[known]) == EVENT
    return DailyCases(starts[known].astype(np.int64), np.ones(len(came)), came.astype(float))


def climatology_days(own: DayTable, past: DailyCases, *, span_days: int, prior: float) -> DayTable:
    """Give each day's cases the climatology known when the day began: one bin a day."""
    p = climatology(own.day, past, span_days=span_days, prior=prior)
    scored = np.flatnonzero(own.n)
    bins = np.zeros(len(scored), BIN)
    bins["bin"], bins["n"], bins["events"] = bin_of(p[scored]), own.n[scored], own.events[scored]
    bins["sum_p"] = (p * own.n)[scored]
    return replace(own, sum_p2=own.n * p * p, sum_po=own.events * p, bins=bins, bin_row=scored)
