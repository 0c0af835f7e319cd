"""Skill: the scores of a model over a range of days, beside those of the entrants."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa

from database.flares.flares import flux_scales
from database.known import known_until
from database.models import AGENCY, ModelRow, find_model, live_model
from database.rollup_days import count_stale
from database.verification.band_check import check_band
from database.verification.comparison import SkillQuery, score_cases, with_climatology
from database.verification.day_table import DayTable, span
from database.verification.entrants import (
    CLIMATOLOGY_DAYS,
    ENTRANTS,
    PERSISTENCE,
    PERSISTENCE_THRESHOLD,
    prior_rate,
)
from database.verification.rollup import SCOPES
from database.verification.ten_day_blocks import date_of, rollup_version
from database.version_cache import VersionCache
from solar.bands import Band, band_of
from solar.bootstrap import seeded_draw
from solar.errors import InvalidInputError
from solar.flares import event as find_event
from solar.full_disk import disk_aggregates
from solar.histogram import row_length
from solar.reliability import ReliabilityBin
from solar.skill import Entry, Estimate, Summary, compare
from solar.time import Window

CASES = ("own", "shared")
NO_EVENTS = "no events: undefined"
REFERENCES = {
    "bss": "sample climatology of the scored range",
    "bss_against": "the same cases, forecast by the entrant named",
    "differences": "this model minus the entrant named; resampled together",
    "value": "relative economic value, Richardson 2000; 1 is perfect, 0 what climatology saves",
}
# The same draw for everyone and every time: intervals are paired and stay when reloaded.
SEED = 20_100_501
_LEVEL = 0.95
_UNDEFINED = {"value": None, "low": None, "high": None}
_ONE_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Threshold:
    """The probability from which a forecast counts as yes, and where it comes from."""

    value: float
    source: str


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
        probability; the other models are then among the entrants

    Returns
    -------
    The body of ``GET /api/v1/skill``; an undefined score is None. `days_waiting` counts the days
    whose new forecasts or flares the background jobs have still to count.
    """
    if cases not in CASES:
        raise InvalidInputError(f"no cases {cases!r}; choose one of {', '.join(CASES)}")
    query = skill_query(event, scope, window=window, region_id=region_id)
    query = replace(query, is_shared=cases == "shared")
    # One region's days are counted from its forecasts, which have no version.
    version = rollup_version(connection) if region_id is None else None
    days_waiting = count_stale(connection, query.first, query.last)
    tables = score_cases(connection, query, model_id)
    first, last = _range(query, list(tables.values()))
    query = replace(query, first=first, last=last)
    days = with_climatology(connection, query, tables, model_id)
    thresholds = _thresholds(connection, query, days, requested=threshold)
    of_thresholds = tuple(thresholds.items())
    scoring = _Scoring(
        connection.engine.url, known_until(connection), query, model_id, of_thresholds, resamples
    )
    bodies = _bodies(days, scoring, version=version)
    return {
        "model": model_id,
        "event": query.event.name,
        "window": query.event.window.name,
        "scope": scope,
        "cases": cases,
        "from": first.isoformat(),
        "to": (last + timedelta(days=1)).isoformat(),
        "region": region_id,
        "days_waiting": days_waiting,
        **bodies[model_id],
        "band": check_band(days[model_id], _band(connection, query, model_id)),
        "flux_scales": flux_scales(
            connection, query.window(margin=query.event.window.closes_after)
        ),
        "days": _day_counts(days[model_id]),
        "entrants": [
            {"model": name, **bodies[name]} for name in days if name in ENTRANTS or name != model_id
        ],
    }


def skill_query(
    event: str, scope: str, *, window: Window | None, region_id: int | None = None
) -> SkillQuery:
    """Check a request; without a window the days are open at both ends."""
    if scope not in SCOPES:
        raise InvalidInputError(f"no scope {scope!r}; choose one of {', '.join(SCOPES)}")
    if region_id is not None and scope != "region":
        raise InvalidInputError("one region has no full-disk forecast; ask with scope=region")
    first, last = None, None
    if window is not None:
        first, last = window.start_at.date(), (window.end_at - _ONE_MICROSECOND).date()
    return SkillQuery(find_event(event), scope, first, last, region_id)


def _range(query: SkillQuery, tables: Sequence[DayTable]) -> tuple[date, date]:
    """Return the first and last day of issue; everything stored when no window was given."""
    if query.first is not None and query.last is not None:
        return query.first, query.last
    first, last = span(tables)
    today = datetime.now(UTC).date()
    return (date_of(first), date_of(last)) if first <= last else (today, today)


def threshold_of(
    connection: sa.Connection, query: SkillQuery, name: str, *, requested: float | None = None
) -> Threshold:
    """Return the threshold of a model or an entrant.

    Climatology is judged by the threshold of the live model; persistence forecasts 0 or 1. The
    full disk has a threshold of its own. A model that froze none for the event is judged at the
    prior rate of the event.
    """
    if requested is not None:
        return _requested(requested)
    if name == PERSISTENCE:
        return Threshold(PERSISTENCE_THRESHOLD, "fixed")
    model = live_model(connection) if name in ENTRANTS else find_model(connection, name)
    return _frozen(model, query)


def _requested(value: float) -> Threshold:
    if not 0 <= value <= 1:
        raise InvalidInputError(f"a threshold of {value} is no probability; give 0 to 1")
    return Threshold(value, "requested")


def _frozen(model: ModelRow | None, query: SkillQuery) -> Threshold:
    name = query.event.name
    frozen = model.thresholds.get(name) if model else None
    if query.scope == "disk" and model and model.stage != AGENCY:
        aggregate = disk_aggregates().get(name)
        frozen = aggregate.threshold if aggregate else None
    if frozen is None:
        return Threshold(prior_rate(query.event, query.scope), "prior rate")
    return Threshold(frozen, "frozen")


def _band(connection: sa.Connection, query: SkillQuery, name: str) -> Band | None:
    """Return the band of a model for regions; the full disk and the entrants have none."""
    if name in ENTRANTS or query.scope != "region":
        return None
    return band_of(find_model(connection, name).manifest, query.event.name)


def _thresholds(
    connection: sa.Connection,
    query: SkillQuery,
    days: Mapping[str, DayTable],
    *,
    requested: float | None,
) -> dict[str, Threshold]:
    """Return the threshold of each; climatology has that of the model it is compared with."""
    first = next(iter(days))
    model = next(iter(CLIMATOLOGY_DAYS)) if first in ENTRANTS else first
    of_model = threshold_of(connection, query, model, requested=requested)
    return {
        name: of_model
        if name == model or name in CLIMATOLOGY_DAYS
        else threshold_of(connection, query, name, requested=requested)
        for name in days
    }


@dataclass(frozen=True)
class _Scoring:
    """What the scores of a report follow from, beside its days."""

    store: sa.URL
    known_until: datetime | None
    query: SkillQuery
    model_id: str
    thresholds: tuple[tuple[str, Threshold], ...]
    resamples: int


# Many look at the same report, which takes some hundred thousand bytes.
_recent: VersionCache[tuple[_Scoring, bytes], dict[str, Summary]] = VersionCache(most=16)


def _bodies(
    days: Mapping[str, DayTable], scoring: _Scoring, *, version: int | None
) -> dict[str, dict[str, Any]]:
    """Report on everyone; the first of `days` is compared with all the others."""
    name, thresholds = (scoring, _digest(days)), dict(scoring.thresholds)
    summaries = _recent.get(name, version=version)
    if summaries is None:
        summaries = _summaries(days, thresholds, scoring.resamples)
        _recent.put(name, summaries, version=version)
    return {
        name: _report(summary, days[name], threshold=thresholds[name])
        for name, summary in summaries.items()
    }


def _digest(days: Mapping[str, DayTable]) -> bytes:
    """Identify the days of climatology, which of the full disk come from the flare list."""
    digest = hashlib.sha256()
    for name in CLIMATOLOGY_DAYS:
        digest.update(days[name].days.tobytes())
    return digest.digest()


def _summaries(
    days: Mapping[str, DayTable], thresholds: Mapping[str, Threshold], resamples: int
) -> dict[str, Summary]:
    first, last = span(list(days.values()))
    entries = {
        name: Entry(table.stacked(first, last), thresholds[name].value)
        for name, table in days.items()
    }
    n_days = last - first + 1
    row_days = row_length(n_days)
    draws = seeded_draw(-(-n_days // row_days), row_days=row_days, resamples=resamples, seed=SEED)
    return compare(entries, draws=draws)


def _report(summary: Summary, days: DayTable, *, threshold: Threshold) -> dict[str, Any]:
    """Return one entrant's scores as plain values; undefined is None."""
    n, n_events = summary.n, summary.n_events
    n_unknown, n_withheld = days.total("unknown"), days.total("withheld")
    cases = n + n_unknown + n_withheld
    return {
        "threshold": {"value": summary.threshold, "source": threshold.source},
        "n": n,
        "n_events": n_events,
        "n_unknown": n_unknown,
        "n_withheld": n_withheld,
        "coverage": n / cases if cases else None,
        "base_rate": n_events / n if n else None,
        "contingency": asdict(summary.contingency) if n else None,
        "scores": {name: estimate_body(value) for name, value in summary.scores.items()},
        "references": REFERENCES,
        "bss_against": {name: estimate_body(versus.bss) for name, versus in summary.versus.items()},
        "differences": {
            name: {score: estimate_body(value) for score, value in versus.differences.items()}
            for name, versus in summary.versus.items()
        },
        "reliability": [bin_body(one) for one in summary.reliability],
        "roc": [
            {"threshold": point.threshold, "pod": point.recall, "pofd": point.pofd}
            for point in summary.roc
        ],
        "curve": [{"threshold": point.threshold, **point.scores} for point in summary.curve],
        "precision_recall": [vars(point) for point in summary.precision_recall],
        "value": [vars(point) for point in summary.value],
        "interval": {
            "level": _LEVEL,
            "method": f"{summary.block_days}-day blocks",
            "resamples": summary.resamples,
            "days": int(np.count_nonzero(days.days["n"])),
        },
        "message": None if n_events else NO_EVENTS,
    }


def _day_counts(days: DayTable) -> list[dict[str, Any]]:
    """List the scored cases by day."""
    names = np.datetime_as_string(days.day.astype("datetime64[D]")).tolist()
    n, events = (days.days[name].tolist() for name in ("n", "events"))
    return [
        {"day": day, "n": of_day, "events": events_of_day}
        for day, of_day, events_of_day in zip(names, n, events, strict=True)
    ]


def estimate_body(estimate: Estimate) -> dict[str, float | None]:
    """Return a score with its interval as plain values, None where it is undefined."""
    if estimate.value is None:
        return dict(_UNDEFINED)
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}


def bin_body(one: ReliabilityBin) -> dict[str, float | int | None]:
    """Return a bin of a reliability diagram as plain values."""
    return {
        "low": one.lower,
        "high": one.upper,
        "n": one.n,
        "events": one.events,
        "mean_forecast": one.mean_forecast,
        "observed": one.observed_frequency,
        "wilson_low": one.low,
        "wilson_high": one.high,
    }
