"""Missed flares: those of an observed region that no alert announced."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import sqlalchemy as sa

from database.alerts.alert import CLOSED, COLUMNS, MISSED, Alert, alert_id
from database.flares.flare import FlareColumns
from database.models import live_since
from database.tables import alerts, predictions, regions
from database.upsert import upsert
from solar.alerting import Rule
from solar.flares import HORIZON, goes_class
from solar.time import Window, to_datetime
from solar.truth import UNASSIGNED, reaches

_MOST_ROWS = 100_000
_IDS_PER_QUERY = 500
# Each brings a day of forecasts; and SQLite refuses what is nested a thousand deep.
_PEAKS_PER_QUERY = 100

# Region to (first record, time up to which its alerts are decided).
Passages = Mapping[int, tuple[datetime, datetime]]


@dataclass(frozen=True)
class _Peak:
    at: datetime
    flux: float
    region_id: int


def find_missed(
    connection: sa.Connection,
    flares: FlareColumns,
    covered: Sequence[Window],
    *,
    model_id: str,
    rules: Sequence[Rule],
    now: datetime,
) -> list[Alert]:
    """Return a closed alert for each flare that the model gave a forecast for, but no alert.

    A region that nobody observed, or that had no forecast in the 24 h before the peak, was
    not missed but unseen. Forecasts from before the model was live raised no alerts.
    """
    stages = [row.from_at for row in live_since(connection) if row.model_id == model_id]
    if not stages:
        return []
    passages = _passages(connection)
    found: list[Alert] = []
    for rule in rules:
        spans = _spans(connection, model_id, rule)
        peaks = [
            peak
            for peak in _candidates(flares, covered, rule, passages)
            if not any(first <= peak.at < last for first, last in spans[peak.region_id])
        ]
        said = _said_before(connection, model_id, rule, peaks, since=max(stages))
        found += [_missed(rule, model_id, p, said=value, now=now) for p, value in said.items()]
    return found


def _passages(connection: sa.Connection) -> Passages:
    newest = connection.scalar(sa.select(sa.func.max(regions.c.last_t_rec)))
    rows = connection.execute(
        sa.select(regions.c.region_id, regions.c.first_t_rec, regions.c.last_t_rec)
    )
    # A region that has been silent for a day sends nothing more that could open an alert.
    return {row.region_id: (row.first_t_rec, max(row.last_t_rec, newest - HORIZON)) for row in rows}


def _candidates(
    flares: FlareColumns, covered: Sequence[Window], rule: Rule, passages: Passages
) -> Iterator[_Peak]:
    strong = reaches(flares.flux, rule.event.peak_flux_w_m2) & (flares.region_id != UNASSIGNED)
    for place in np.flatnonzero(strong):
        peak = _Peak(
            to_datetime(flares.peak_at[place]),
            float(flares.flux[place]),
            int(flares.region_id[place]),
        )
        if peak.region_id not in passages or not any(peak.at in window for window in covered):
            continue
        first_at, decided_at = passages[peak.region_id]
        if first_at <= peak.at <= decided_at:
            yield peak


def _spans(
    connection: sa.Connection, model_id: str, rule: Rule
) -> Mapping[int, list[tuple[datetime, datetime]]]:
    table = alerts.c
    query = sa.select(table.region_id, table.opened_at, table.closed_at, table.last_over_at).where(
        table.model_id == model_id,
        table.event == rule.event.name,
        sa.or_(table.outcome.is_(None), table.outcome != MISSED),
    )
    spans: dict[int, list[tuple[datetime, datetime]]] = defaultdict(list)
    for row in connection.execute(query.limit(_MOST_ROWS)):
        end_at = row.closed_at or row.last_over_at + rule.settle
        spans[row.region_id].append((row.opened_at, end_at))
    return spans


def _said_before(
    connection: sa.Connection, model_id: str, rule: Rule, peaks: Sequence[_Peak], *, since: datetime
) -> dict[_Peak, float]:
    """Return the last probability before each peak; one that had none in 24 h is absent."""
    table, probability = predictions.c, predictions.c[rule.event.column]
    said: dict[_Peak, float] = {}
    for start in range(0, len(peaks), _PEAKS_PER_QUERY):
        chunk = peaks[start : start + _PEAKS_PER_QUERY]
        query = sa.select(table.region_id, table.t_rec, probability).where(
            table.model_id == model_id,
            table.issued_at >= since,
            probability.is_not(None),
            sa.or_(*(_before(peak) for peak in chunk)),
        )
        rows = sorted(tuple(row) for row in connection.execute(query))
        for peak in chunk:
            for region_id, t_rec, value in rows:
                if region_id == peak.region_id and peak.at - HORIZON < t_rec <= peak.at:
                    said[peak] = value
    return said


def _before(peak: _Peak) -> sa.ColumnElement[bool]:
    table = predictions.c
    return sa.and_(
        table.region_id == peak.region_id,
        table.t_rec > peak.at - HORIZON,
        table.t_rec <= peak.at,
    )


def _missed(rule: Rule, model_id: str, peak: _Peak, *, said: float, now: datetime) -> Alert:
    name = rule.event.name
    return Alert(
        alert_id=alert_id(model_id, name, peak.region_id, peak.at, kind=MISSED),
        region_id=peak.region_id, model_id=model_id, event=name, state=CLOSED,
        severity=rule.severity, threshold=rule.on, off_threshold=rule.off,
        opened_at=peak.at, opened_probability=said, peak_at=peak.at, peak_probability=said,
        last_probability=said, last_over_at=peak.at, raised_at=now, changed_at=now,
        closed_at=peak.at, outcome=MISSED, outcome_class=goes_class(peak.flux),
        outcome_at=peak.at,
    )  # fmt: skip


def write_missed(
    connection: sa.Connection, found: Sequence[Alert], *, model_id: str, rules: Sequence[Rule]
) -> list[Alert]:
    """Make these the missed flares of the model and the rules, and return the new ones.

    One that an alert has turned out to cover, or that has left the list, is taken away.
    """
    table = alerts.c
    known = {
        row.alert_id: row.outcome_class
        for row in connection.execute(
            sa.select(table.alert_id, table.outcome_class)
            .where(
                table.model_id == model_id,
                table.outcome == MISSED,
                table.event.in_([rule.event.name for rule in rules]),
            )
            .limit(_MOST_ROWS)
        )
    }
    new = [alert for alert in found if known.get(alert.alert_id) != alert.outcome_class]
    values = [[getattr(alert, name) for name in COLUMNS] for alert in new]
    keep = ("raised_at", "acknowledged_at", "acknowledged_by", "comment")
    upsert(connection, alerts, columns=COLUMNS, rows=values, keep=keep)
    gone = sorted(known.keys() - {alert.alert_id for alert in found})
    for start in range(0, len(gone), _IDS_PER_QUERY):
        chunk = gone[start : start + _IDS_PER_QUERY]
        connection.execute(alerts.delete().where(table.alert_id.in_(chunk)))
    return new
