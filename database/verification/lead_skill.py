"""Skill by lead: the Brier skill of everyone who forecasts an event, window by window."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa

from database.models import agencies
from database.predictions.forecasts import forecasting_models
from database.rollup_days import count_stale
from database.verification.comparison import SkillQuery, with_climatology
from database.verification.day_table import EMPTY, DayTable, span
from database.verification.days import known_days
from database.verification.entrants import ENTRANTS, PERSISTENCE
from database.verification.rollup import window_models
from database.verification.skill import SEED, estimate_body, skill_query
from database.verification.ten_day_blocks import date_of
from solar.bootstrap import seeded_draw
from solar.errors import InvalidInputError
from solar.flares import EVENTS
from solar.histogram import row_length, sums
from solar.skill import brier_skill
from solar.time import Window
from solar.windows import DAY, WINDOWS

# The columns of a day that Brier skill follows from, as `solar.binned.sums` orders them.
_SUMS = ("n", "events", "sum_p2", "sum_po")
_DAY = timedelta(days=1)


def lead_skill(
    connection: sa.Connection,
    *,
    model_id: str,
    event: str,
    window: Window | None,
    scope: str,
    resamples: int = 1000,
) -> dict[str, Any]:
    """Score everyone who forecasts an event in any window, in each of the windows.

    Parameters
    ----------
    model_id : a model or an agency; climatology and persistence forecast its cases, and in a
        window without such those of everyone else
    event : of the next 24 h, such as ``M1.0``
    window : whole UTC days of issue are scored, those that it touches; None is all that is stored
    scope : ``region`` or ``disk``

    Returns
    -------
    The body of ``GET /api/v1/skill/leads``. The numbers are those of `database.verification.skill`
    for the event in the window, on the own cases of each; an undefined score is None.
    """
    if model_id in ENTRANTS:
        raise InvalidInputError(f"{model_id} is scored beside every model; ask for a model")
    query = skill_query(event, scope, window=window)
    if query.event not in EVENTS:
        raise InvalidInputError(
            f"{event} names one window; ask for {query.event.goes_class}, and read all of them"
        )
    by_window = _days_by_window(connection, query, model_id)
    first, last = _range(query, [each for days in by_window.values() for each in days.values()])
    return {
        "model": model_id,
        "event": query.event.name,
        "scope": scope,
        "from": first,
        "to": last,
        "days_waiting": count_stale(connection, query.first, query.last),
        "entrants": [
            {
                "model": name,
                "leads": [
                    {"window": of, **_score(days.get(name, EMPTY), resamples)}
                    for of, days in by_window.items()
                ],
            }
            for name in _entrants(model_id, by_window.values())
        ],
    }


def _range(query: SkillQuery, tables: Sequence[DayTable]) -> tuple[str | None, str | None]:
    """Return the first day and the one after the last; those with forecasts if none were asked."""
    first, last = span(tables)
    if query.first is not None and query.last is not None:
        return query.first.isoformat(), (query.last + _DAY).isoformat()
    if first > last:
        return None, None
    return date_of(first).isoformat(), date_of(last + 1).isoformat()


def _entrants(model_id: str, windows: Iterable[Mapping[str, DayTable]]) -> list[str]:
    """Return the model, those that need none, and who else has cases in any of the windows."""
    with_cases = {name for tables in windows for name, days in tables.items() if len(days.days)}
    first = (model_id, *ENTRANTS)
    return [*first, *sorted(with_cases - {*first})]


def _days_by_window(
    connection: sa.Connection, query: SkillQuery, model_id: str
) -> dict[str, dict[str, DayTable]]:
    models = {DAY: forecasting_models(connection), **window_models(connection)}
    outside = agencies(connection)
    return {
        of.name: _days(
            connection,
            replace(query, event=query.event.within(of)),
            model_id,
            others={*models.get(of, ()), *outside} - {model_id},
        )
        for of in WINDOWS
    }


def _days(
    connection: sa.Connection, query: SkillQuery, model_id: str, *, others: Set[str]
) -> dict[str, DayTable]:
    """Return the days of everyone in one window, without bins."""
    load = _loader(connection, query)
    own, beside = load(model_id, "own"), load(model_id, PERSISTENCE)
    tables = {model_id: own, PERSISTENCE: beside}
    if not own.total("n"):
        tables = {PERSISTENCE: load(PERSISTENCE, "own"), model_id: own}
    first = next(iter(tables))
    found = with_climatology(connection, query, tables, first)
    return found | {name: load(name, "own") for name in others}


def _loader(connection: sa.Connection, query: SkillQuery) -> Callable[[str, str], DayTable]:
    return lambda name, part: known_days(
        connection, query.key(name, part), first=query.first, last=query.last, with_bins=False
    )


def _score(days: DayTable, resamples: int) -> dict[str, Any]:
    first, last = span([days])
    n_days = last - first + 1
    row_days = row_length(n_days)
    n_rows, row = -(-n_days // row_days), (days.day - first) // row_days
    columns = [sums(row, days.days[name], length=n_rows) for name in _SUMS]
    draws = seeded_draw(n_rows, row_days=row_days, resamples=resamples, seed=SEED)
    estimate = brier_skill(np.stack(columns, axis=1), draws=draws)
    return {
        "n": days.total("n"),
        "n_events": days.total("events"),
        "bss": estimate_body(estimate),
    }
