"""The judgement of alerts: what the flare list says came of each, and what none announced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa

from database.alerts.alert import (
    ACKNOWLEDGED,
    CLOSED,
    CONFIRMED,
    FALSE_ALARM,
    MISSED,
    OPEN,
    UNKNOWN,
    Alert,
    locked_alerts,
)
from database.alerts.missed import find_missed, write_missed
from database.flares.coverage import covered_windows
from database.flares.flare import FlareColumns, flare_history
from database.tables import alerts, flare_coverage, flares, regions
from solar.alerting import Rule
from solar.flares import HORIZON, goes_class
from solar.flares import event as find_event
from solar.time import Window, to_datetime, to_datetime64
from solar.truth import UNASSIGNED, reaches

# An alert whose region was heard of this recently is left to its own records: of two senders
# one may lag behind the other by days of data.
PATIENCE = timedelta(seconds=20)

_EVER = Window(datetime(1972, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))
_READ = ("alert_id", "region_id", "event", "opened_at", "last_over_at", "closed_at",
         "outcome", "outcome_class", "outcome_at")  # fmt: skip
_MOST_ALERTS = 100_000

Change = tuple[Alert, str]
Outcome = tuple[str | None, str | None, datetime | None]


@dataclass(frozen=True)
class Judge:
    """What is known of the flares: the list, and the stretches in which it is complete."""

    flares: FlareColumns
    covered: Sequence[Window]

    def outcome(self, event: str, region_id: int, start_at: datetime, end_at: datetime) -> Outcome:
        """Say what came within [start, end); three times None while it cannot be known yet.

        A flare of the region confirms wherever the list has it. That none came is known only
        where the list is complete and no flare of the class lacks its region.
        """
        strong = self._strong(event, start_at, end_at)
        own = strong.region_id == region_id
        if own.any():
            place = int(np.flatnonzero(own)[np.argmax(strong.flux[own])])
            peak_at = to_datetime(strong.peak_at[place])
            return CONFIRMED, goes_class(float(strong.flux[place])), peak_at
        if not self.covered or self.covered[-1].end_at < end_at:
            return None, None, None
        is_complete = any(w.start_at <= start_at and end_at <= w.end_at for w in self.covered)
        is_unclear = bool((strong.region_id == UNASSIGNED).any())
        said = FALSE_ALARM if is_complete and not is_unclear else UNKNOWN
        return said, None, None

    def _strong(self, event: str, start_at: datetime, end_at: datetime) -> FlareColumns:
        """Return the flares of at least the class that peaked within [start, end)."""
        listed = self.flares
        bounds = np.array([to_datetime64(start_at), to_datetime64(end_at)])
        part = slice(*np.searchsorted(listed.peak_at, bounds).tolist())
        strong = reaches(listed.flux[part], find_event(event).peak_flux_w_m2)
        return FlareColumns(
            listed.peak_at[part][strong], listed.flux[part][strong], listed.region_id[part][strong]
        )


def judge(
    connection: sa.Connection, *, model_id: str, rules: Sequence[Rule], now: datetime
) -> list[Change]:
    """Bring every alert up to date with the flares and with the time that has passed.

    Done again it changes nothing; with a revised flare list it revises.

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
    known = Judge(listed, covered_windows(connection))
    closed = _close_silent(connection, rules, now=now)
    judged = _judge_raised(connection, known, now=now)
    missed = find_missed(
        connection, known.flares, known.covered, model_id=model_id, rules=rules, now=now
    )
    new = write_missed(connection, missed, model_id=model_id, rules=rules)
    return [*closed, *judged, *((alert, "judged") for alert in new)]


def _close_silent(
    connection: sa.Connection, rules: Sequence[Rule], *, now: datetime
) -> list[Change]:
    """Close alerts of regions that nothing more was heard of."""
    newest = connection.scalar(sa.select(sa.func.max(regions.c.last_t_rec)))
    query = sa.select(alerts).where(_is_silent(now))
    settle = {rule.event.name: rule.settle for rule in rules}
    changes: list[Change] = []
    for alert in [Alert(*row) for row in connection.execute(query.limit(_MOST_ALERTS))]:
        end_at = alert.last_over_at + settle.get(alert.event, HORIZON)
        if newest is None or newest < end_at:
            continue
        closed = replace(alert, state=CLOSED, closed_at=end_at, changed_at=now)
        said = {"state": CLOSED, "closed_at": end_at, "changed_at": now}
        # A record that has come in meanwhile has moved the last time over the threshold on.
        same = (alerts.c.alert_id == alert.alert_id) & (
            alerts.c.last_over_at == alert.last_over_at
        ) & (alerts.c.state == alert.state)  # fmt: skip
        if connection.execute(alerts.update().where(same).values(said)).rowcount:
            changes.append((closed, "closed"))
    return changes


def _is_silent(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(alerts.c.state.in_((OPEN, ACKNOWLEDGED)), alerts.c.changed_at < now - PATIENCE)


def _judge_raised(connection: sa.Connection, known: Judge, *, now: datetime) -> list[Change]:
    query = sa.select(*(alerts.c[name] for name in _READ)).where(
        sa.or_(alerts.c.outcome.is_(None), alerts.c.outcome != MISSED)
    )
    wanted: dict[str, Outcome] = {}
    for row in connection.execute(query.limit(_MOST_ALERTS)):
        found = _outcome_of(row, known)
        if found != (row.outcome, row.outcome_class, row.outcome_at):
            wanted[row.alert_id] = found
    locked = locked_alerts(connection, sorted(wanted))
    changed = [
        replace(alert, outcome=said[0], outcome_class=said[1], outcome_at=said[2], changed_at=now)
        for alert, said in ((locked[name], said) for name, said in wanted.items() if name in locked)
    ]
    for alert in changed:
        _write_outcome(connection, alert)
    return [(alert, "judged") for alert in changed if alert.outcome is not None]


def _outcome_of(row: sa.Row[Any], known: Judge) -> Outcome:
    end_at = row.closed_at or row.last_over_at + HORIZON
    found = known.outcome(row.event, row.region_id, row.opened_at, end_at)
    # While an alert is open the flare that it announces can still come.
    return found if row.closed_at or found[0] == CONFIRMED else (None, None, None)


def _write_outcome(connection: sa.Connection, alert: Alert) -> None:
    names = ("outcome", "outcome_class", "outcome_at", "changed_at")
    said = {name: getattr(alert, name) for name in names}
    connection.execute(alerts.update().where(alerts.c.alert_id == alert.alert_id).values(said))


def judged_state(connection: sa.Connection, *, now: datetime) -> tuple[Any, ...]:
    """Name all that a judgement looks at; while it stays the same there is nothing to judge.

    A flare that finds its region changes no time, but the sum of the regions.
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
