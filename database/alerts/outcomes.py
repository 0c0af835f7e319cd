"""The outcomes of alerts: which flares confirm them, and which flares no alert announced."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa

from database.alerts.alerts import (
    ACKNOWLEDGED,
    CLOSED,
    COLUMNS,
    CONFIRMED,
    FALSE_ALARM,
    MISSED,
    OPEN,
    UNKNOWN,
    Alert,
    alert_id,
    locked_alerts,
)
from database.flares.coverage import covered_windows
from database.flares.flares import FlareColumns, flare_history
from database.models import live_since
from database.schema.forecast_tables import lead_forecasts
from database.schema.tables import alerts, flare_coverage, flares, predictions, regions
from database.upsert import upsert
from solar.alerting import Rule
from solar.flares import event as find_event
from solar.flares import goes_class
from solar.time import Window, to_datetime, to_datetime64
from solar.truth import UNASSIGNED, reaches
from solar.windows import DAY

# An alert that changed this recently is left to the records of its region: of two senders one may
# lag behind the other by days of data.
PATIENCE = timedelta(seconds=20)

_EVER = Window(datetime(1972, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))
_OUTCOME_COLUMNS = ("outcome", "outcome_class", "outcome_at")
_READ = (
    *("alert_id", "region_id", "event", "opened_at", "last_over_at", "closed_at"),
    *_OUTCOME_COLUMNS,
)
_ROWS_PER_PAGE = 10_000
_IDS_PER_QUERY = 500
# Each peak brings a day of forecasts; and SQLite refuses expressions nested a thousand deep.
_PEAKS_PER_QUERY = 100

Change = tuple[Alert, str]
Outcome = tuple[str | None, str | None, datetime | None]
# Region to (first record, time up to which its alerts are decided).
Passages = Mapping[int, tuple[datetime, datetime]]


@dataclass(frozen=True)
class KnownFlares:
    """The flare list, and the stretches in which it is complete."""

    listed: FlareColumns
    covered: Sequence[Window]

    def outcome(self, event: str, region_id: int, start_at: datetime, end_at: datetime) -> Outcome:
        """Return outcome, class and peak of an alert for [start, end), all None while unknown.

        A listed flare of the region confirms anywhere. That there was none is known only
        where the list is complete and no flare of the class lacks its region.
        """
        strong = self._strong(event, start_at, end_at)
        is_of_region = strong.region_id == region_id
        if is_of_region.any():
            place = int(np.flatnonzero(is_of_region)[np.argmax(strong.flux[is_of_region])])
            peak_at = to_datetime(strong.peak_at[place])
            return CONFIRMED, goes_class(float(strong.flux[place])), peak_at
        if not self.covered or self.covered[-1].end_at < end_at:
            return None, None, None
        is_complete = any(w.start_at <= start_at and end_at <= w.end_at for w in self.covered)
        is_unclear = bool((strong.region_id == UNASSIGNED).any())
        return (FALSE_ALARM if is_complete and not is_unclear else UNKNOWN), None, None

    def _strong(self, event: str, start_at: datetime, end_at: datetime) -> FlareColumns:
        """Return the flares of at least the class that peaked within [start, end)."""
        listed = self.listed
        bounds = np.array([to_datetime64(start_at), to_datetime64(end_at)])
        part = slice(*np.searchsorted(listed.peak_at, bounds).tolist())
        strong = reaches(listed.flux[part], find_event(event).peak_flux_w_m2)
        return FlareColumns(
            listed.peak_at[part][strong],
            listed.flux[part][strong],
            listed.region_id[part][strong],
            listed.noaa_ar[part][strong],
        )


@dataclass(frozen=True)
class _Peak:
    at: datetime
    flux: float
    region_id: int


def judge(
    connection: sa.Connection, *, model_id: str, rules: Sequence[Rule], now: datetime
) -> list[Change]:
    """Bring every alert up to date with the flares and with the time that has passed.

    Repeated it changes nothing; with a revised flare list it revises.

    Parameters
    ----------
    model_id, rules : whose flares without an alert count as missed, and for which events

    Returns
    -------
    each alert that has changed and how: ``closed`` or ``judged``
    """
    events = {*connection.scalars(sa.select(alerts.c.event).distinct())}
    events |= {rule.event.name for rule in rules}
    if not events:
        return []
    lowest = min(find_event(name).peak_flux_w_m2 for name in events)
    listed = flare_history(connection, _EVER, min_flux=lowest)
    known = KnownFlares(listed, covered_windows(connection))
    closed = _close_silent(connection, rules, now=now)
    judged = _judge_raised(connection, known, now=now)
    missed = _find_missed(connection, known, model_id=model_id, rules=rules, now=now)
    new = _write_missed(connection, missed, model_id=model_id, rules=rules)
    return [*closed, *judged, *((alert, "judged") for alert in new)]


def judgement_inputs(connection: sa.Connection, *, now: datetime) -> tuple[Any, ...]:
    """Return a summary of all that `judge` reads; while it stays the same nothing changes.

    A flare that is assigned to its region changes no time, but the sum of the regions.
    """
    query = sa.select(
        sa.select(sa.func.max(regions.c.last_t_rec)).scalar_subquery(),
        sa.select(sa.func.max(alerts.c.changed_at)).scalar_subquery(),
        sa.select(sa.func.count()).select_from(alerts).where(_is_silent(now)).scalar_subquery(),
        sa.select(sa.func.max(flares.c.updated_at)).scalar_subquery(),
        sa.select(sa.func.count()).select_from(flares).scalar_subquery(),
        sa.select(sa.func.sum(flares.c.region_id)).scalar_subquery(),
        sa.select(sa.func.count()).select_from(flare_coverage).scalar_subquery(),
        sa.select(sa.func.max(flare_coverage.c.to_at)).scalar_subquery(),
        sa.select(sa.func.min(flare_coverage.c.from_at)).scalar_subquery(),
    )
    return tuple(connection.execute(query).one())


def _close_silent(
    connection: sa.Connection, rules: Sequence[Rule], *, now: datetime
) -> list[Change]:
    """Close alerts of regions that send no records any more."""
    newest = connection.scalar(sa.select(sa.func.max(regions.c.last_t_rec)))
    query = sa.select(alerts).where(_is_silent(now))
    settle = {rule.event.name: rule.settle for rule in rules}
    changes: list[Change] = []
    for alert in [Alert(*row) for row in _pages(connection, query)]:
        usual = find_event(alert.event).window.closes_after
        end_at = alert.last_over_at + settle.get(alert.event, usual)
        if newest is None or newest < end_at:
            continue
        closed = replace(alert, state=CLOSED, closed_at=end_at, changed_at=now)
        values = {"state": CLOSED, "closed_at": end_at, "changed_at": now}
        # A record that has arrived meanwhile has changed the last time over the threshold.
        is_unchanged = (
            (alerts.c.alert_id == alert.alert_id)
            & (alerts.c.last_over_at == alert.last_over_at)
            & (alerts.c.state == alert.state)
        )
        if connection.execute(alerts.update().where(is_unchanged).values(values)).rowcount:
            changes.append((closed, "closed"))
    return changes


def _pages(connection: sa.Connection, query: sa.Select[Any]) -> Iterator[Any]:
    """Read alerts along their key, because the driver keeps the whole answer to one query."""
    query = query.order_by(alerts.c.alert_id).limit(_ROWS_PER_PAGE)
    page = connection.execute(query).all()
    while page:
        yield from page
        following = query.where(alerts.c.alert_id > page[-1].alert_id)
        page = connection.execute(following).all() if len(page) == _ROWS_PER_PAGE else []


def _is_silent(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(alerts.c.state.in_((OPEN, ACKNOWLEDGED)), alerts.c.changed_at < now - PATIENCE)


def _judge_raised(connection: sa.Connection, known: KnownFlares, *, now: datetime) -> list[Change]:
    query = sa.select(*(alerts.c[name] for name in _READ)).where(
        sa.or_(alerts.c.outcome.is_(None), alerts.c.outcome != MISSED)
    )
    outcomes: dict[str, Outcome] = {}
    for row in _pages(connection, query):
        current = _outcome_of(row, known)
        if current != (row.outcome, row.outcome_class, row.outcome_at):
            outcomes[row.alert_id] = current
    locked = locked_alerts(connection, sorted(outcomes))
    changed = [
        replace(locked[name], outcome=outcome, outcome_class=class_, outcome_at=at, changed_at=now)
        for name, (outcome, class_, at) in outcomes.items()
        if name in locked
    ]
    for alert in changed:
        _write_outcome(connection, alert)
    return [(alert, "judged") for alert in changed if alert.outcome is not None]


def _outcome_of(row: sa.Row[Any], known: KnownFlares) -> Outcome:
    window = find_event(row.event).window
    start_at = row.opened_at + window.latency
    end_at = row.closed_at or row.last_over_at + window.closes_after
    outcome = known.outcome(row.event, row.region_id, start_at, end_at)
    # While an alert is open the flare that it announces can still come.
    return outcome if row.closed_at or outcome[0] == CONFIRMED else (None, None, None)


def _write_outcome(connection: sa.Connection, alert: Alert) -> None:
    values = {name: getattr(alert, name) for name in (*_OUTCOME_COLUMNS, "changed_at")}
    connection.execute(alerts.update().where(alerts.c.alert_id == alert.alert_id).values(values))


def _find_missed(
    connection: sa.Connection,
    known: KnownFlares,
    *,
    model_id: str,
    rules: Sequence[Rule],
    now: datetime,
) -> list[Alert]:
    """Return a closed alert for each flare that the model gave a forecast for, but no alert.

    A flare of a region without records, or without a forecast in whose window it peaks, does not
    count as missed. Forecasts from before the model was live raised no alerts.
    """
    stages = [row.from_at for row in live_since(connection) if row.model_id == model_id]
    if not stages:
        return []
    passages = _passages(connection)
    missed: list[Alert] = []
    for rule in rules:
        spans = _alert_spans(connection, model_id, rule)
        peaks = [
            peak
            for peak in _candidates(known, rule, passages)
            if not any(first <= peak.at < last for first, last in spans[peak.region_id])
        ]
        last = _last_probabilities(connection, model_id, rule, peaks, since=max(stages))
        missed += [_missed(rule, model_id, peak, p, now=now) for peak, p in last.items()]
    return missed


def _passages(connection: sa.Connection) -> Passages:
    newest = connection.scalar(sa.select(sa.func.max(regions.c.last_t_rec)))
    rows = connection.execute(
        sa.select(regions.c.region_id, regions.c.first_t_rec, regions.c.last_t_rec)
    )
    # A region that has been silent for a day sends nothing more that could open an alert.
    return {
        row.region_id: (row.first_t_rec, max(row.last_t_rec, newest - DAY.validity)) for row in rows
    }


def _candidates(known: KnownFlares, rule: Rule, passages: Passages) -> Iterator[_Peak]:
    listed = known.listed
    strong = reaches(listed.flux, rule.event.peak_flux_w_m2) & (listed.region_id != UNASSIGNED)
    for place in np.flatnonzero(strong):
        peak = _Peak(
            to_datetime(listed.peak_at[place]),
            float(listed.flux[place]),
            int(listed.region_id[place]),
        )
        if peak.region_id not in passages or not any(peak.at in w for w in known.covered):
            continue
        first_at, decided_at = passages[peak.region_id]
        if first_at <= peak.at <= decided_at:
            yield peak


def _alert_spans(
    connection: sa.Connection, model_id: str, rule: Rule
) -> Mapping[int, list[tuple[datetime, datetime]]]:
    table = alerts.c
    names = ("alert_id", "region_id", "opened_at", "closed_at", "last_over_at")
    query = sa.select(*(table[name] for name in names)).where(
        table.model_id == model_id,
        table.event == rule.event.name,
        sa.or_(table.outcome.is_(None), table.outcome != MISSED),
    )
    spans: dict[int, list[tuple[datetime, datetime]]] = defaultdict(list)
    for row in _pages(connection, query):
        end_at = row.closed_at or row.last_over_at + rule.settle
        spans[row.region_id].append((row.opened_at + rule.event.window.latency, end_at))
    return spans


def _last_probabilities(
    connection: sa.Connection, model_id: str, rule: Rule, peaks: Sequence[_Peak], *, since: datetime
) -> dict[_Peak, float]:
    """Return the last probability of a window with each peak; a peak without one is absent."""
    window = rule.event.window
    table = (predictions if window == DAY else lead_forecasts).c
    probability = table[rule.event.column]
    last: dict[_Peak, float] = {}
    for start in range(0, len(peaks), _PEAKS_PER_QUERY):
        chunk = peaks[start : start + _PEAKS_PER_QUERY]
        announcing = (
            sa.and_(
                table.region_id == peak.region_id,
                table.t_rec > peak.at - window.closes_after,
                table.t_rec <= peak.at - window.latency,
            )
            for peak in chunk
        )
        # The newest revision of a record comes last.
        query = sa.select(table.region_id, table.t_rec, table.revision, probability).where(
            table.model_id == model_id,
            table.issued_at >= since,
            probability.is_not(None),
            sa.or_(*announcing),
        )
        rows = sorted(tuple(row) for row in connection.execute(query))
        for peak in chunk:
            for region_id, t_rec, _, value in rows:
                if region_id == peak.region_id and peak.at in window.after(t_rec):
                    last[peak] = value
    return last


def _missed(rule: Rule, model_id: str, peak: _Peak, probability: float, *, now: datetime) -> Alert:
    name = rule.event.name
    return Alert(
        alert_id=alert_id(model_id, name, peak.region_id, peak.at, kind=MISSED),
        region_id=peak.region_id,
        model_id=model_id,
        event=name,
        state=CLOSED,
        severity=rule.severity,
        threshold=rule.on,
        off_threshold=rule.off,
        opened_at=peak.at,
        opened_probability=probability,
        peak_at=peak.at,
        peak_probability=probability,
        last_probability=probability,
        last_over_at=peak.at,
        raised_at=now,
        changed_at=now,
        closed_at=peak.at,
        outcome=MISSED,
        outcome_class=goes_class(peak.flux),
        outcome_at=peak.at,
    )


def _write_missed(
    connection: sa.Connection, missed: Sequence[Alert], *, model_id: str, rules: Sequence[Rule]
) -> list[Alert]:
    """Replace the missed flares of the model and the rules, and return the new ones.

    One that an alert covers by now, or that has left the flare list, is deleted.
    """
    table = alerts.c
    query = sa.select(table.alert_id, table.outcome_class).where(
        table.model_id == model_id,
        table.outcome == MISSED,
        table.event.in_([rule.event.name for rule in rules]),
    )
    known = {row.alert_id: row.outcome_class for row in _pages(connection, query)}
    new = [alert for alert in missed if known.get(alert.alert_id) != alert.outcome_class]
    values = [[getattr(alert, name) for name in COLUMNS] for alert in new]
    keep = ("raised_at", "acknowledged_at", "acknowledged_by", "comment")
    upsert(connection, alerts, columns=COLUMNS, rows=values, keep=keep)
    gone = sorted(known.keys() - {alert.alert_id for alert in missed})
    for start in range(0, len(gone), _IDS_PER_QUERY):
        chunk = gone[start : start + _IDS_PER_QUERY]
        connection.execute(alerts.delete().where(table.alert_id.in_(chunk)))
    return new
