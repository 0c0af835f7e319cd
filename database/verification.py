"""Verification: how good the forecasts of a range of days were, beside what anyone could say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa

from database.contest import Question, enter
from database.daily_counts import Key
from database.day_table import DayTable, span, stored_range
from database.entrants import (
    ENTRANTS,
    PERSISTENCE,
    PERSISTENCE_THRESHOLD,
    PRIOR_RATES,
)
from database.flares import flux_scales
from database.models import find_model, live_model
from database.rollup import SCOPES, refresh
from database.skill_report import NO_EVENTS, Threshold, day_counts, report
from database.stale_days import mark_stale
from solar.errors import InvalidInputError
from solar.flares import HORIZON
from solar.flares import event as find_event
from solar.skill import summary
from solar.time import Window

__all__ = ["ENTRANTS", "NO_EVENTS", "SCOPES", "mark_stale", "refresh", "skill"]

# The same draw for everyone and every time: intervals are paired and stay when reloaded.
_SEED = 20_100_501
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

    Returns
    -------
    The body of ``GET /api/v1/skill``; an undefined score is None.
    """
    first, last = _range(connection, model_id, window=window, key=(event, scope))
    question = _question(event, scope, first=first, last=last, region_id=region_id)
    limits = _limits(connection, question, model_id, requested=threshold)
    days = enter(connection, question, model_id)
    bodies = _bodies(days, limits=limits, resamples=resamples)
    return {
        "model": model_id,
        "event": question.event.name,
        "scope": scope,
        "from": first.isoformat(),
        "to": (last + timedelta(days=1)).isoformat(),
        "region": region_id,
        **bodies[model_id],
        "flux_scales": flux_scales(connection, question.window(margin=HORIZON)),
        "days": day_counts(days[model_id]),
        "entrants": [{"model": name, **bodies[name]} for name in ENTRANTS],
    }


def _question(
    event: str, scope: str, *, first: date, last: date, region_id: int | None
) -> Question:
    if scope not in SCOPES:
        raise InvalidInputError(f"no scope {scope!r}; choose one of {', '.join(SCOPES)}")
    if region_id is not None and scope != "region":
        raise InvalidInputError("one region has no full-disk forecast; ask with scope=region")
    return Question(find_event(event), scope, first, last, region_id)


def _range(
    connection: sa.Connection, model_id: str, *, window: Window | None, key: tuple[str, str]
) -> tuple[date, date]:
    """Return the first and last day of issue; everything stored when no window is given."""
    if window is not None:
        return window.start_at.date(), (window.end_at - _ONE_MICROSECOND).date()
    names = (PERSISTENCE, *(() if model_id in ENTRANTS else (model_id,)))
    stored = stored_range(connection, [Key(name, *key) for name in names])
    today = datetime.now(UTC).date()
    return stored or (today, today)


def _limits(
    connection: sa.Connection, question: Question, model_id: str, *, requested: float | None
) -> dict[str, Threshold]:
    """Return the threshold of each entrant.

    Climatology is judged by the decision rule of the model beside it; persistence says 0
    or 1. A model that froze none for the event is judged at the prior rate of the event.
    """
    model = live_model(connection) if model_id in ENTRANTS else find_model(connection, model_id)
    if requested is not None:
        return dict.fromkeys((model_id, *ENTRANTS), _requested(requested))
    name = question.event.name
    frozen = model.thresholds.get(name) if model else None
    prior = Threshold(PRIOR_RATES[question.scope][name], "prior rate")
    own = prior if frozen is None else Threshold(frozen, "frozen")
    limits = dict.fromkeys((model_id, *ENTRANTS), own)
    return limits | {PERSISTENCE: Threshold(PERSISTENCE_THRESHOLD, "fixed")}


def _requested(value: float) -> Threshold:
    if not 0 <= value <= 1:
        raise InvalidInputError(f"a threshold of {value} is no probability; give 0 to 1")
    return Threshold(value, "requested")


def _bodies(
    days: Mapping[str, DayTable],
    *,
    limits: Mapping[str, Threshold],
    resamples: int,
) -> dict[str, dict[str, Any]]:
    """Report on every entrant; the first of `days` is compared with all the others."""
    first, last = span(list(days.values()))
    stacks = {name: table.stacked(first, last) for name, table in days.items()}
    asked = next(iter(stacks))
    references = {name: stacks[name] for name in ENTRANTS if name != asked}
    return {
        name: report(
            summary(
                stacked,
                threshold=limits[name].value,
                rng=np.random.default_rng(_SEED),
                references=references if name == asked else None,
                resamples=resamples,
            ),
            days[name],
            threshold=limits[name],
        )
        for name, stacked in stacks.items()
    }
