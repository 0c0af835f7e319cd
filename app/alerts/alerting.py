"""Alerting: forecasts of the live model raise alerts, and later records and flares judge them."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
import sqlalchemy as sa

from app.alerts.config import AlertConfig
from app.scoring.forecasts import IssuedForecasts
from database.alerts.alerts import (
    ACKNOWLEDGED,
    CLOSED,
    OPEN,
    Alert,
    alert_id,
    is_any_open,
    write_alerts,
)
from database.alerts.outcomes import Change, judge, judgement_inputs
from database.alerts.tracks import Key, load_tracks, newest_forecasts, store_tracks
from database.engine import reading, transact
from database.notifications import enqueue
from solar.alerting import Episode, Rule, Sample, Track, follow
from solar.columns import Integers, nullable
from solar.flares import EVENTS
from solar.flares import event as find_event
from solar.time import to_datetime

_REST_FACTOR = 19


def raise_alerts(
    connection: sa.Connection, config: AlertConfig, forecasts: IssuedForecasts, *, now: datetime
) -> None:
    """Open, prolong and close the alerts of the regions that were forecast.

    Call it before `forecasts` are stored and with their regions locked, in the transaction
    that stores them: of two senders with the same records the second finds the alert there.

    Parameters
    ----------
    forecasts : with `leads` only in the first record of each region and hour, as they are stored,
        so that other batches give the same alerts; NaN neither opens nor prolongs an alert
    """
    forecasts = forecasts.of(config.model_id)
    if not len(forecasts) or not config.rules:
        return
    region_ids = np.unique(forecasts.region_id).tolist()
    tracks, known = load_tracks(connection, config.model_id, region_ids)
    concerned = _concerned(config.rules, forecasts, tracks)
    if not concerned:
        return
    times, places = _by_region(forecasts, {region_id for region_id, _ in concerned})
    new = {region_id for region_id, rule in concerned if _key(region_id, rule) not in tracks}
    newest = newest_forecasts(connection, config.model_id, sorted(new))
    updated: dict[Key, Track | None] = {}
    alerts: list[Alert] = []
    for region_id, rule in concerned:
        key = _key(region_id, rule)
        probabilities = forecasts.probabilities(rule.event)[places[region_id]]
        samples = list(zip(times[region_id], nullable(probabilities), strict=True))
        if key not in tracks:
            samples = _newer(samples, newest.get(region_id))
        updated[key], episodes = follow(rule, tracks.get(key), samples)
        issued_at = forecasts.issued_at[places[region_id]]
        issued = dict(zip(times[region_id], map(to_datetime, issued_at), strict=True))
        alerts += [
            _alert(config, rule, region_id, e, known=known, issued=issued, now=now)
            for e in episodes
        ]
    store_tracks(connection, config.model_id, updated)
    changed = [alert for alert in alerts if alert != known.get(alert.alert_id)]
    event_at = to_datetime(forecasts.issued_at.max())
    _write_and_notify(connection, config, changed, known, event_at=event_at, now=now)


def _key(region_id: int, rule: Rule) -> Key:
    return region_id, rule.event.name


def _concerned(
    rules: Sequence[Rule], forecasts: IssuedForecasts, tracks: Collection[Key]
) -> list[tuple[int, Rule]]:
    """Return the regions that each rule concerns: those that reach it, and those on a track."""
    concerned: list[tuple[int, Rule]] = []
    for rule in rules:
        reached = forecasts.probabilities(rule.event) >= rule.on
        region_ids = set(np.unique(forecasts.region_id[reached]).tolist())
        region_ids |= {region_id for region_id, event in tracks if event == rule.event.name}
        concerned += [(region_id, rule) for region_id in sorted(region_ids)]
    return concerned


def _by_region(
    forecasts: IssuedForecasts, region_ids: Collection[int]
) -> tuple[dict[int, list[datetime]], dict[int, Integers]]:
    """Return the times of the forecasts of each region, sorted, and their rows."""
    in_time = np.argsort(forecasts.t_rec, kind="stable")
    places = {
        region_id: in_time[forecasts.region_id[in_time] == region_id] for region_id in region_ids
    }
    times = {
        region_id: [at.replace(tzinfo=UTC) for at in forecasts.t_rec[rows].tolist()]
        for region_id, rows in places.items()
    }
    return times, places


def _newer(samples: list[Sample], than: datetime | None) -> list[Sample]:
    return samples if than is None else [sample for sample in samples if sample[0] > than]


def _alert(
    config: AlertConfig,
    rule: Rule,
    region_id: int,
    episode: Episode,
    *,
    known: Mapping[str, Alert],
    issued: Mapping[datetime, datetime],
    now: datetime,
) -> Alert:
    """Update the alert of an episode; it stays equal if nothing changed.

    `issued` says when the forecasts of these times were issued.
    """
    id_ = alert_id(config.model_id, rule.event.name, region_id, episode.opened_at)
    before = known.get(id_)
    opened = before or Alert(
        alert_id=id_,
        region_id=region_id,
        model_id=config.model_id,
        event=rule.event.name,
        state=OPEN,
        severity=rule.severity,
        threshold=rule.on,
        off_threshold=rule.off,
        opened_at=episode.opened_at,
        opened_probability=episode.opened_probability,
        peak_at=episode.peak_at,
        peak_probability=episode.peak_probability,
        last_probability=episode.last_probability,
        last_over_at=episode.last_over_at,
        raised_at=issued.get(episode.opened_at) or max(issued.values()),
        changed_at=now,
    )
    state = CLOSED if not episode.is_open else ACKNOWLEDGED if opened.acknowledged_at else OPEN
    current = replace(
        opened,
        state=state,
        peak_at=episode.peak_at,
        peak_probability=episode.peak_probability,
        last_probability=episode.last_probability,
        last_over_at=episode.last_over_at,
        closed_at=episode.closed_at,
    )
    return current if current == before else replace(current, changed_at=now)


def _write_and_notify(
    connection: sa.Connection,
    config: AlertConfig,
    changed: Sequence[Alert],
    known: Mapping[str, Alert],
    *,
    event_at: datetime,
    now: datetime,
) -> None:
    write_alerts(connection, changed)
    changes: list[Change] = []
    for alert in changed:
        before = known.get(alert.alert_id)
        if before is None:
            changes.append((alert, _first_change(connection, alert)))
        if alert.state == CLOSED and (before is None or before.state != CLOSED):
            changes.append((alert, "closed"))
    enqueue(connection, changes, channels=config.channels, event_at=event_at, now=now)


def _first_change(connection: sa.Connection, alert: Alert) -> str:
    raised = find_event(alert.event)
    names = [event.within(raised.window).name for event in EVENTS]
    lower = names[: names.index(alert.event)]
    return "escalated" if is_any_open(connection, alert.region_id, lower) else "opened"


def judge_alerts(
    engine: sa.Engine, config: AlertConfig, *, now: datetime, event_at: datetime | None = None
) -> int:
    """Close and judge alerts by what is known now, and return how many have changed.

    `event_at` is the time of the Sun, where that is not now.
    """
    return transact(
        engine, partial(_judge_and_notify, config=config, now=now, event_at=event_at or now)
    )


def _judge_and_notify(
    connection: sa.Connection, *, config: AlertConfig, now: datetime, event_at: datetime
) -> int:
    changes = judge(connection, model_id=config.model_id, rules=config.rules, now=now)
    enqueue(connection, changes, channels=config.channels, event_at=event_at, now=now)
    return len(changes)


class AlertJudge:
    """Judges the alerts again whenever what they depend on has changed.

    Over ten years a judgement takes some tenths of a second. While records stream in, the judge
    rests after each one, so that judging takes no more than a twentieth of the time.
    """

    def __init__(self) -> None:
        self._judged: tuple[Any, ...] | None = None
        self._resting_until = 0.0

    def judge_if_changed(
        self,
        engine: sa.Engine,
        config: AlertConfig,
        *,
        now: datetime,
        event_at: datetime | None = None,
    ) -> int:
        """Judge if anything is new, and return how many alerts have changed."""
        began = time.monotonic()
        if began < self._resting_until:
            return 0
        with reading(engine) as connection:
            state = (str(engine.url), *judgement_inputs(connection, now=now))
        if state == self._judged:
            return 0
        changed = judge_alerts(engine, config, now=now, event_at=event_at)
        self._judged = state
        ended = time.monotonic()
        self._resting_until = ended + _REST_FACTOR * (ended - began)
        return changed
