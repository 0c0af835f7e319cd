"""What is known at a time: an engine whose queries find nothing of the Sun that is later.

A replay and the view as of a time read through it. Each table that holds times of the Sun is
replaced in a query by its rows of that time: records and forecasts up to it, flares that have
ended, regions and alerts as they were. Times of the clock on the wall stay: of receipt, of
acknowledgement. So no function that reads has to know of it, but those with rollups of whole days.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import visitors

from database.alerts.alerts import ACKNOWLEDGED, CLOSED, CONFIRMED, MISSED, OPEN
from database.models import AGENCY
from database.schema.columns import UtcDateTime
from database.schema.forecast_tables import agency_forecasts, lead_forecasts
from database.schema.rollup_tables import (
    drift_days,
    drift_stale,
    exploration_days,
    exploration_lead_days,
    exploration_stale,
    verification_stale,
)
from database.schema.tables import (
    alerts,
    disk_forecasts,
    flare_coverage,
    flares,
    models,
    observation_conflicts,
    observations,
    predictions,
    region_reports,
    regions,
    superseded_predictions,
    xray_flux,
)
from solar.flares import EVENTS, LEADS, LONGEST_FLARE, TARGETS
from solar.truth import least_flux

_KNOWN_AT = "known_at"

Condition = sa.ColumnElement[bool]
Expressions = Mapping[str, sa.ColumnElement[Any]]


@dataclass(frozen=True)
class _Rows:
    """The rows of a table that are known, and the columns that were different then."""

    kept: Condition
    columns: Expressions


def known_at(engine: sa.Engine, at: datetime | None) -> sa.Engine:
    """Return the store as it was known at a time; None is now, and bounds nothing."""
    is_bounded = _KNOWN_AT in engine.get_execution_options()
    if at is None and not is_bounded:
        return engine
    bounded = engine.execution_options(**{_KNOWN_AT: at})
    if not is_bounded:
        sa.event.listen(bounded, "before_execute", _bound, retval=True)
    return bounded


def known_until(connection: sa.Connection) -> datetime | None:
    """Return the time after which this connection knows nothing, None without a bound."""
    at: datetime | None = connection.get_execution_options().get(_KNOWN_AT)
    return at


def midnight(day: date) -> datetime:
    """Return the begin of a UTC day."""
    return datetime.combine(day, time(), UTC)


def flares_known_until(connection: sa.Connection) -> datetime | None:
    """Return up to when the flares are known: the start of one under way; None without a bound."""
    at = known_until(connection)
    if at is None:
        return None
    # On the engine below, because on this one a flare that has not ended does not exist.
    start_at: datetime | None = connection.scalar(
        sa.select(_flares_end(at)), execution_options={_KNOWN_AT: None}
    )
    return start_at


def _bound(
    connection: sa.Connection,
    statement: Any,
    multiparams: Any,
    params: Any,
    options: Mapping[str, Any],
) -> tuple[Any, Any, Any]:
    at = options.get(_KNOWN_AT)
    if at is not None and isinstance(statement, sa.SelectBase):
        statement = _bounded(statement, at)
    return statement, multiparams, params


def _bounded(statement: sa.SelectBase, at: datetime) -> Any:
    """Replace the tables of a query, and their columns, by what is known of them."""

    def replace(element: Any, **_options: Any) -> Any:
        if isinstance(element, sa.Table) and element in _KNOWN_ROWS:
            return _known_rows(element, at)
        if isinstance(element, sa.Column) and element.table in _KNOWN_ROWS:
            return _known_rows(element.table, at).c[element.key]
        return None

    return visitors.replacement_traverse(statement, {}, replace)


# One page asks for the same tables at the same time again and again.
@lru_cache(maxsize=128)
def _known_rows(table: Any, at: datetime) -> sa.Subquery:
    rows = _KNOWN_ROWS[table](at)
    columns = (
        rows.columns[column.name].label(column.name) if column.name in rows.columns else column
        for column in table.c
    )
    return sa.select(*columns).where(rows.kept).subquery(f"known_{table.name}")


def _up_to(column: sa.Column[datetime]) -> Callable[[datetime], _Rows]:
    return lambda at: _Rows(column <= at, {})


def _whole_days(column: sa.Column[date]) -> Callable[[datetime], _Rows]:
    return lambda at: _Rows(column < at.astimezone(UTC).date(), {})


def _days_up_to(column: sa.Column[date]) -> Callable[[datetime], _Rows]:
    return lambda at: _Rows(column <= at.astimezone(UTC).date(), {})


def _forecasts(at: datetime) -> _Rows:
    # Those of models here are made of records, whose times say it all: one that was imported
    # later was issued later. The model stands in every index, its issue in none with it.
    agencies = sa.select(models.c.model_id).where(models.c.stage == AGENCY)
    table = predictions.c
    is_issued = sa.or_(table.model_id.not_in(agencies), table.issued_at <= at)
    return _Rows(sa.and_(table.t_rec <= at, is_issued), {})


def _disk_forecasts(at: datetime) -> _Rows:
    table = disk_forecasts.c
    return _Rows(sa.and_(table.valid_from <= at, table.issued_at <= at), {})


def _has_ended(at: datetime) -> Condition:
    """Tell whether a flare is known: when it has ended, and without an end from its peak."""
    end_at = sa.func.coalesce(flares.c.end_at, flares.c.peak_at)
    # The first condition adds nothing, but it is the one that an index can use.
    return sa.and_(flares.c.peak_at <= at, end_at <= at)


def _flares(at: datetime) -> _Rows:
    return _Rows(_has_ended(at), {})


def _flares_end(at: datetime) -> sa.ColumnElement[datetime]:
    """Return up to when a list that has each flare from its end on is complete."""
    end_at = sa.func.coalesce(flares.c.end_at, flares.c.peak_at)
    under_way = sa.select(sa.func.min(flares.c.start_at)).where(
        flares.c.start_at > at - LONGEST_FLARE, flares.c.start_at <= at, end_at > at
    )
    return sa.func.coalesce(under_way.scalar_subquery(), sa.literal(at, UtcDateTime))


def _coverage(at: datetime) -> _Rows:
    table, end_at = flare_coverage.c, _flares_end(at)
    ends = sa.case((table.to_at <= end_at, table.to_at), else_=end_at)
    return _Rows(table.from_at < end_at, {"to_at": ends})


def _regions(at: datetime) -> _Rows:
    """A region that was seen later too has the place of its newest record up to then."""
    last_at = regions.c.last_t_rec
    columns = {
        "last_t_rec": observations.c.t_rec,
        "last_lon_fwt": observations.c.lon_fwt,
        "last_lat_fwt": observations.c.lat_fwt,
        "last_area_acr": observations.c.area_acr,
    }

    def newest(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
        query = sa.select(column).where(
            observations.c.region_id == regions.c.region_id, observations.c.t_rec <= at
        )
        newest_first = query.order_by(observations.c.t_rec.desc()).limit(1)
        return newest_first.correlate(regions).scalar_subquery()

    return _Rows(
        regions.c.first_t_rec <= at,
        {
            name: sa.case((last_at <= at, regions.c[name]), else_=newest(column))
            for name, column in columns.items()
        },
    )


def _alerts(at: datetime) -> _Rows:
    table = alerts.c
    is_closed = table.closed_at <= at
    open_state = sa.case((table.acknowledged_at.is_(None), OPEN), else_=ACKNOWLEDGED)
    is_past = sa.or_(table.state != CLOSED, is_closed)
    return _Rows(
        sa.and_(table.opened_at <= at, _is_known_if_missed(at)),
        {
            "state": sa.case((is_past, table.state), else_=open_state),
            "closed_at": sa.case((is_closed, table.closed_at)),
            **_probabilities(at),
            **_outcomes(at),
        },
    )


def _is_known_if_missed(at: datetime) -> Condition:
    """Leave out what tells of a flare that has not ended."""
    table = alerts.c
    of_flare = sa.and_(
        flares.c.peak_at == table.outcome_at, flares.c.region_id == table.region_id, _has_ended(at)
    )
    is_known = sa.select(flares.c.flare_id).where(of_flare).correlate(alerts).exists()
    return sa.or_(table.outcome.is_(None), table.outcome != MISSED, is_known)


def _probabilities(at: datetime) -> Expressions:
    """Return the highest and the last probability of an alert that goes on after the time."""
    table = alerts.c
    then = {
        "peak_at": (table.peak_at, table.opened_at),
        "peak_probability": (table.peak_at, table.opened_probability),
        "last_over_at": (table.last_over_at, table.opened_at),
        "last_probability": (table.closed_at, table.opened_probability),
    }
    return {
        name: sa.case(
            (until <= at, table[name]), else_=sa.func.coalesce(_of_forecasts(name, at), first)
        )
        for name, (until, first) in then.items()
    }


def _of_forecasts(name: str, at: datetime) -> sa.ColumnElement[Any]:
    """Find a column of an alert in its forecasts up to a time."""
    by_event = [
        (alerts.c.event == event.name, _of_event(name, predictions.c[event.column], at))
        for event in EVENTS
    ]
    return sa.case(*by_event, else_=_of_window(name, at))


def _of_event(
    name: str, probability: sa.Column[float | None], at: datetime
) -> sa.ColumnElement[Any]:
    forecast = predictions.c
    query = _while_open(name, predictions, probability, at)
    if name.startswith("peak"):
        query = query.order_by(probability.desc(), forecast.t_rec)
    else:
        query = query.order_by(forecast.t_rec.desc())
    return query.limit(1).scalar_subquery()


def _of_window(name: str, at: datetime) -> sa.ColumnElement[Any]:
    """Find it in the forecasts of another window, whose column the alert names."""
    forecasts, highest = lead_forecasts, lead_forecasts.alias("highest")
    query = _while_open(name, forecasts, _of_alert(forecasts), at)
    if not name.startswith("peak"):
        return query.order_by(forecasts.c.t_rec.desc()).limit(1).scalar_subquery()
    # Not by order, in which SQLite knows no column of an outer query.
    peak = _while_open("peak_probability", highest, _of_alert(highest), at)
    peak = peak.with_only_columns(sa.func.max(_of_alert(highest)), maintain_column_froms=True)
    if name == "peak_probability":
        return peak.scalar_subquery()
    is_highest = _of_alert(forecasts) == peak.correlate(alerts).scalar_subquery()
    first = query.where(is_highest).with_only_columns(
        sa.func.min(forecasts.c.t_rec), maintain_column_froms=True
    )
    return first.scalar_subquery()


def _of_alert(forecasts: Any) -> sa.ColumnElement[Any]:
    """Return the probability of the event of an alert in a row of `lead_forecasts`."""
    return sa.case(*((alerts.c.event == e.name, forecasts.c[e.column]) for e in LEADS))


def _while_open(
    name: str, forecasts: Any, probability: sa.ColumnElement[Any], at: datetime
) -> sa.Select[Any]:
    table, forecast = alerts.c, forecasts.c
    query = (
        sa.select(forecast.t_rec if name.endswith("_at") else probability)
        .select_from(forecasts)
        .where(
            forecast.region_id == table.region_id,
            forecast.model_id == table.model_id,
            forecast.t_rec >= table.opened_at,
            forecast.t_rec <= at,
            probability.is_not(None),
        )
        .correlate(alerts)
    )
    return query.where(probability >= table.off_threshold) if name == "last_over_at" else query


def _outcomes(at: datetime) -> Expressions:
    """Return the outcome of an alert by the flares that have ended; that of none comes at its end.

    A flare confirms with the strongest one of its region, which may come later. Where a window
    begins later than its forecast, it is the one that is the strongest now.
    """
    table, flare = alerts.c, flares.c
    weakest = sa.case(*((table.event == e.name, least_flux(e.peak_flux_w_m2)) for e in TARGETS))
    begins_at_once = table.event.in_([e.name for e in TARGETS if not e.window.latency])

    def strongest(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
        query = sa.select(column).where(
            flare.region_id == table.region_id,
            flare.peak_at >= table.opened_at,
            sa.or_(begins_at_once, flare.peak_at == table.outcome_at),
            sa.or_(table.closed_at.is_(None), flare.peak_at < table.closed_at),
            flare.peak_flux_w_m2 >= weakest,
            _has_ended(at),
        )
        ordered = query.order_by(flare.peak_flux_w_m2.desc(), flare.peak_at).limit(1)
        return ordered.correlate(alerts).scalar_subquery()

    is_settled = sa.or_(table.outcome == MISSED, table.outcome_at <= at - LONGEST_FLARE)
    is_confirmed = table.outcome == CONFIRMED
    confirmed = sa.case((strongest(flare.flare_id).is_not(None), CONFIRMED))
    is_judged = table.closed_at <= _flares_end(at)
    return {
        "outcome": sa.case(
            (is_settled, table.outcome), (is_confirmed, confirmed), (is_judged, table.outcome)
        ),
        **{
            name: sa.case((is_settled, table[name]), (is_confirmed, strongest(column)))
            for name, column in (("outcome_class", flare.goes_class), ("outcome_at", flare.peak_at))
        },
    }


# Every table with times of the Sun, but the blocks of verification: database.verification.days.
_KNOWN_ROWS: Mapping[Any, Callable[[datetime], _Rows]] = {
    regions: _regions,
    observations: _up_to(observations.c.t_rec),
    observation_conflicts: _up_to(observation_conflicts.c.t_rec),
    predictions: _forecasts,
    superseded_predictions: _up_to(superseded_predictions.c.t_rec),
    lead_forecasts: _up_to(lead_forecasts.c.t_rec),
    flares: _flares,
    flare_coverage: _coverage,
    xray_flux: _up_to(xray_flux.c.minute_at),
    region_reports: _up_to(region_reports.c.observed_at),
    disk_forecasts: _disk_forecasts,
    agency_forecasts: _up_to(agency_forecasts.c.issued_at),
    alerts: _alerts,
    exploration_days: _whole_days(exploration_days.c.day),
    exploration_lead_days: _whole_days(exploration_lead_days.c.day),
    exploration_stale: _days_up_to(exploration_stale.c.day),
    drift_days: _whole_days(drift_days.c.day),
    drift_stale: _days_up_to(drift_stale.c.day),
    verification_stale: _days_up_to(verification_stale.c.day),
}
