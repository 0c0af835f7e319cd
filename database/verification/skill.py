"""Verification: how good the forecasts of a range of days were, beside what anyone could say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from database.flares.flare import flux_scales
from database.models import ModelRow, find_model, live_model
from database.verification.contest import Question, play, with_climatology
from database.verification.day_table import DayTable, span
from database.verification.dekads import date_of
from database.verification.entrants import (
    CLIMATOLOGY_DAYS,
    ENTRANTS,
    PERSISTENCE,
    PERSISTENCE_THRESHOLD,
    PRIOR_RATES,
)
from database.verification.report import NO_EVENTS, Threshold, day_counts, report
from database.verification.rollup import SCOPES, refresh
from database.verification.stale_days import mark_stale
from solar.bootstrap import seeded_draw
from solar.errors import InvalidInputError
from solar.flares import HORIZON
from solar.flares import event as find_event
from solar.histogram import row_length
from solar.skill import Entry, Summary, compare
from solar.time import Window

__all__ = [
    "CASES", "ENTRANTS", "NO_EVENTS", "SCOPES", "SEED", "mark_stale", "question", "refresh",
    "skill", "threshold_of",
]  # fmt: skip

CASES = ("own", "shared")
# The same draw for everyone and every time: intervals are paired and stay when reloaded.
SEED = 20_100_501
_ONE_MICROSECOND = timedelta(microseconds=1)


def skill(
    connection: sa.Connection,
    *,
    model_id: str,
    event: str,
    window: Window | None,
    scope: str,
    region_id: int | None = None,
    threshold: float | None = None,
    cases: str = "own",
    resamples: int = 1000,
) -> dict[str, Any]:
    """Score a model, or an entrant by its name, and all entrants on the same cases.

    Parameters
    ----------
    window : whole UTC days of issue are scored, those that it touches; None is all that
        is stored
    scope : ``region``, a case is a region and time, or ``disk``, a case is a day at 00:00
    region_id : only this region's cases
    threshold : counts as yes from here; None takes the one frozen with the model. The
        tables are exact at the edges of the probability bins, so the nearest edge is used
        and reported.
    cases : ``own``, all cases of the model, or ``shared``, those on which every model gave a
        probability; the other models then stand among the entrants

    Returns
    -------
    The body of ``GET /api/v1/skill``; an undefined score is None.
    """
    if cases not in CASES:
        raise InvalidInputError(f"no cases {cases!r}; choose one of {', '.join(CASES)}")
    asked = question(event, scope, window=window, region_id=region_id)
    asked = replace(asked, is_shared=cases == "shared")
    played = play(connection, asked, model_id)
    first, last = _range(asked, list(played.values()))
    asked = replace(asked, first=first, last=last)
    days = with_climatology(connection, asked, played, model_id)
    limits = _limits(connection, asked, days, requested=threshold)
    bodies = _bodies(days, limits=limits, resamples=resamples)
    return {
        "model": model_id,
        "event": asked.event.name,
        "scope": scope,
        "cases": cases,
        "from": first.isoformat(),
        "to": (last + timedelta(days=1)).isoformat(),
        "region": region_id,
        **bodies[model_id],
        "flux_scales": flux_scales(connection, asked.window(margin=HORIZON)),
        "days": day_counts(days[model_id]),
        "entrants": [
            {"model": name, **bodies[name]} for name in days if name in ENTRANTS or name != model_id
        ],
    }


def question(
    event: str, scope: str, *, window: Window | None, region_id: int | None = None
) -> Question:
    """Check what is asked; without a window the days are open at both ends."""
    if scope not in SCOPES:
        raise InvalidInputError(f"no scope {scope!r}; choose one of {', '.join(SCOPES)}")
    if region_id is not None and scope != "region":
        raise InvalidInputError("one region has no full-disk forecast; ask with scope=region")
    first, last = None, None
    if window is not None:
        first, last = window.start_at.date(), (window.end_at - _ONE_MICROSECOND).date()
    return Question(find_event(event), scope, first, last, region_id)


def _range(asked: Question, tables: Sequence[DayTable]) -> tuple[date, date]:
    """Return the first and last day of issue; everything stored when no window was given."""
    if asked.first is not None and asked.last is not None:
        return asked.first, asked.last
    first, last = span(tables)
    today = datetime.now(UTC).date()
    return (date_of(first), date_of(last)) if first <= last else (today, today)


def threshold_of(
    connection: sa.Connection, asked: Question, name: str, *, requested: float | None = None
) -> Threshold:
    """Return the threshold of a model or an entrant.

    Climatology is judged by the decision rule of the live model; persistence says 0 or 1. A
    model that froze none for the event is judged at the prior rate of the event.
    """
    if requested is not None:
        return _requested(requested)
    if name == PERSISTENCE:
        return Threshold(PERSISTENCE_THRESHOLD, "fixed")
    model = live_model(connection) if name in ENTRANTS else find_model(connection, name)
    return _frozen(model, asked)


def _frozen(model: ModelRow | None, asked: Question) -> Threshold:
    name = asked.event.name
    frozen = model.thresholds.get(name) if model else None
    if frozen is None:
        return Threshold(PRIOR_RATES[asked.scope][name], "prior rate")
    return Threshold(frozen, "frozen")


def _limits(
    connection: sa.Connection,
    asked: Question,
    days: Mapping[str, DayTable],
    *,
    requested: float | None,
) -> dict[str, Threshold]:
    """Return the threshold of each; climatology has that of the model it stands beside."""
    beside = next(iter(days))
    decider = next(iter(CLIMATOLOGY_DAYS)) if beside in ENTRANTS else beside
    own = threshold_of(connection, asked, decider, requested=requested)
    return {
        name: own
        if name == decider or name in CLIMATOLOGY_DAYS
        else threshold_of(connection, asked, name, requested=requested)
        for name in days
    }


def _requested(value: float) -> Threshold:
    if not 0 <= value <= 1:
        raise InvalidInputError(f"a threshold of {value} is no probability; give 0 to 1")
    return Threshold(value, "requested")


def _bodies(
    days: Mapping[str, DayTable], *, limits: Mapping[str, Threshold], resamples: int
) -> dict[str, dict[str, Any]]:
    """Report on everyone; the first of `days` is compared with all the others."""
    summaries = _summaries(days, limits, resamples)
    return {
        name: report(summary, days[name], threshold=limits[name])
        for name, summary in summaries.items()
    }


def _summaries(
    days: Mapping[str, DayTable], limits: Mapping[str, Threshold], resamples: int
) -> dict[str, Summary]:
    first, last = span(list(days.values()))
    entries = {
        name: Entry(table.stacked(first, last), limits[name].value) for name, table in days.items()
    }
    n_days = last - first + 1
    row_days = row_length(n_days)
    draws = seeded_draw(-(-n_days // row_days), row_days=row_days, resamples=resamples, seed=SEED)
    return compare(entries, draws=draws)
