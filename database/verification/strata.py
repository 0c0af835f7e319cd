"""Skill by stratum: first flares, all-clears, longitudes, months, and how late forecasts are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from database.rollup_days import count_stale
from database.verification.comparison import SkillQuery
from database.verification.day_table import DayTable, span
from database.verification.days import known_days
from database.verification.entrants import ENTRANTS
from database.verification.skill import SEED, estimate_body, skill_query, threshold_of
from database.verification.ten_day_blocks import Key
from solar import durations
from solar.binned import contingency, resampled_scores
from solar.bootstrap import Draws, seeded_draw
from solar.contingency import defined
from solar.errors import InvalidInputError
from solar.histogram import dense, snapped, sums
from solar.skill import Entry, Estimate, estimates
from solar.strata import HISTORY_UNKNOWN, LONGITUDE_EDGES, LONGITUDE_UNKNOWN, QUIET
from solar.time import Window

SCORES = ("tss", "hss2", "bss", "brier", "recall", "precision", "far", "pofd", "auc")
# Percentiles of the time from observation to issue.
_PERCENTILES = {"p50_s": 0.5, "p95_s": 0.95, "p99_s": 0.99}
# Of more months only the course matters, and each interval would cost a millisecond.
_MOST_MONTHS_WITH_INTERVALS = 36
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class _Rule:
    """How strata are scored: the threshold, and the resamples of each interval."""

    threshold: float
    resamples: int


def strata(
    connection: sa.Connection,
    *,
    model_id: str,
    event: str,
    window: Window | None,
    scope: str,
    threshold: float | None = None,
    resamples: int = 400,
) -> dict[str, Any]:
    """Score a model on strata of its cases; the whole days that `window` touches.

    Parameters
    ----------
    model_id : a model; climatology and persistence have no strata
    threshold : counts as yes from here; None takes the one frozen with the model

    Returns
    -------
    The body of ``GET /api/v1/skill/strata``; an undefined score is None. The first flare has
    the cases without such a flare in the 72 h before (region, or anywhere for ``disk``), the
    all-clear those below the threshold; months are those of the issue.
    """
    if model_id in ENTRANTS:
        raise InvalidInputError(f"{model_id} has no strata; ask for a model")
    query = skill_query(event, scope, window=window)
    decision = threshold_of(connection, query, model_id, requested=threshold)
    load = partial(_load, connection, query, model_id)
    all_cases, rule = load("own"), _Rule(decision.value, resamples)
    return {
        "model": model_id,
        "event": query.event.name,
        "window": query.event.window.name,
        "scope": scope,
        "days_waiting": count_stale(connection, query.first, query.last),
        "threshold": {"value": snapped(decision.value), "source": decision.source},
        "first_flare": _first_flare(load("quiet"), rule),
        "all_clear": _all_clear(all_cases, rule),
        "longitude": _longitudes(load("longitude"), rule) if scope == "region" else [],
        "month": _months(all_cases, rule),
        "latency": _latency(connection, query, model_id),
    }


def _load(connection: sa.Connection, query: SkillQuery, model_id: str, part: str) -> DayTable:
    key = query.key(model_id, part)
    return known_days(connection, key, first=query.first, last=query.last)


def _first_flare(table: DayTable, rule: _Rule) -> dict[str, Any]:
    body = _stratum(table.of_stratum(QUIET), rule, label="first flare after 72 h of quiet")
    unclear = table.of_stratum(HISTORY_UNKNOWN)
    return {**body, "n_history_unknown": unclear.total("n") + unclear.total("unknown")}


def _longitudes(table: DayTable, rule: _Rule) -> list[dict[str, Any]]:
    bands = list(pairwise(LONGITUDE_EDGES))
    bodies = [
        _stratum(table.of_stratum(code), rule, label=f"{low} to {high} deg", bounds=(low, high))
        for code, (low, high) in enumerate(bands)
    ]
    unknown = table.of_stratum(LONGITUDE_UNKNOWN)
    return [*bodies, _stratum(unknown, rule, label="longitude unknown")]


def _months(table: DayTable, rule: _Rule) -> list[dict[str, Any]]:
    """Score the months of the range, each by its own days."""
    month = table.day.astype("datetime64[D]").astype("datetime64[M]")
    starts = np.unique(month)
    if len(starts) > _MOST_MONTHS_WITH_INTERVALS:
        return _course(table, np.searchsorted(starts, month), starts.tolist(), rule)
    return [
        _stratum(table.where(month == start), rule, **_month_names(start.tolist()))
        for start in starts
    ]


def _course(
    table: DayTable, place: NDArray[np.int64], starts: list[date], rule: _Rule
) -> list[dict[str, Any]]:
    """Score many months at once: each is a row, and the only one in its draw."""
    added = partial(sums, place, length=len(starts))
    n, n_events, n_unknown, p2, po = (
        added(table.days[name]) for name in ("n", "events", "unknown", "sum_p2", "sum_po")
    )
    rows = dense(np.repeat(place, table.days["bins"]), table.bins, sum_p2=p2, sum_po=po)
    one_each = Draws(np.eye(len(starts), dtype=np.int16), 1, 0)
    scores = resampled_scores(rows, threshold=rule.threshold, draws=one_each)
    return [
        _body(
            (int(n[k]), int(n_events[k]), int(n_unknown[k])),
            {name: Estimate(defined(float(scores[name][k])), None, None) for name in SCORES},
            **_month_names(start),
        )
        for k, start in enumerate(starts)
    ]


def _month_names(start: date) -> dict[str, Any]:
    label = f"{start:%Y-%m}"
    return {"label": label, "bounds": (label + "-01", _next_month(start).isoformat())}


def _next_month(start: date) -> date:
    return (start.replace(day=28) + 4 * _DAY).replace(day=1)


def _stratum(
    table: DayTable,
    rule: _Rule,
    *,
    label: str,
    bounds: tuple[float | str | None, float | str | None] = (None, None),
) -> dict[str, Any]:
    counts = (table.total("n"), table.total("events"), table.total("unknown"))
    return _body(counts, _estimates(table, rule), label=label, bounds=bounds)


def _body(
    counts: tuple[int, int, int],
    scores: Mapping[str, Estimate],
    *,
    label: str,
    bounds: tuple[float | str | None, float | str | None],
) -> dict[str, Any]:
    n, n_events, n_unknown = counts
    return {
        "label": label,
        "low": bounds[0],
        "high": bounds[1],
        "n": n,
        "n_events": n_events,
        "n_unknown": n_unknown,
        "base_rate": n_events / n if n else None,
        "scores": {name: estimate_body(scores[name]) for name in SCORES},
    }


def _all_clear(table: DayTable, rule: _Rule) -> dict[str, Any]:
    """Score the forecasts below the threshold: how many, and how many missed an event."""
    contingency_table = contingency(table.stacked(*span([table])).total(), rule.threshold)
    return {
        "threshold": snapped(rule.threshold),
        "n": contingency_table.misses + contingency_table.correct_negatives,
        "n_missed": contingency_table.misses,
        "n_unknown": table.total("unknown"),
        "right": estimate_body(_estimates(table, rule)["npv"]),
    }


def _estimates(table: DayTable, rule: _Rule) -> dict[str, Estimate]:
    first, last = span([table])
    stacked = table.stacked(first, last)
    draws = seeded_draw(
        len(stacked.rows.n), row_days=stacked.row_days, resamples=rule.resamples, seed=SEED
    )
    return estimates(Entry(stacked, rule.threshold), draws=draws)


def _latency(connection: sa.Connection, query: SkillQuery, model_id: str) -> dict[str, Any]:
    key = Key(model_id, "", "", "latency")
    bins = known_days(connection, key, first=query.first, last=query.last).bins
    counts = np.bincount(bins["bin"], weights=bins["n"], minlength=durations.FORECAST_LATENCY_BINS)
    percentiles = durations.forecast_latency_percentiles(counts, list(_PERCENTILES.values()))
    if percentiles is None:
        return {"n": 0, **dict.fromkeys(_PERCENTILES)}
    return {"n": int(counts.sum()), **dict(zip(_PERCENTILES, percentiles, strict=True))}
