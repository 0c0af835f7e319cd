"""Alerting at ingest: the new forecasts of the live model against the rules of each region."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import sqlalchemy as sa

from app.alerts.rules import load_rules
from app.ingest.coded import Integers
from app.ingest.forecasts import Forecasts
from app.ingest.nulls import nullable
from app.scoring import Lineup
from app.settings import ApiSettings
from database.alerts.alerts import (
    ACKNOWLEDGED,
    CLOSED,
    OPEN,
    Alert,
    alert_id,
    is_any_open,
    write_alerts,
)
from database.alerts.outcomes import Change
from database.alerts.tracks import Key, load_tracks, newest_forecasts, store_tracks
from database.notifications import enqueue
from solar.alerting import Episode, Rule, Sample, Track, follow
from solar.flares import EVENTS


@dataclass(frozen=True)
class Watch:
    """Whose forecasts raise alerts, by which rules, and on which channels people are told."""

    model_id: str
    rules: tuple[Rule, ...]
    channels: tuple[str, ...] = ()


def watch_of(settings: ApiSettings, lineup: Lineup) -> Watch:
    """Have the live model watched by the rules of the settings."""
    live = lineup.live
    thresholds = {event.name: event.threshold for event in live.manifest.events}
    rules = load_rules(settings.alert_rules, thresholds)
    return Watch(live.model_id, rules, tuple(settings.notice_channels))


def raise_alerts(
    connection: sa.Connection, watch: Watch, forecasts: Forecasts, *, now: datetime
) -> None:
    """Open, prolong and close the alerts of the regions that were forecast.

    Called before `forecasts` are stored and with their regions locked, in the transaction
    that stores them: of two senders with the same records the second finds the alert there.
    """
    own = forecasts.of(watch.model_id)
    if not len(own) or not watch.rules:
        return
    region_ids = np.unique(own.region_id).tolist()
    tracks, known = load_tracks(connection, watch.model_id, region_ids)
    concerned = _concerned(watch.rules, own, tracks)
    if not concerned:
        return
    times, places = _by_region(own, {region_id for region_id, _ in concerned})
    new = {region_id for region_id, rule in concerned if _key(region_id, rule) not in tracks}
    newest = newest_forecasts(connection, watch.model_id, sorted(new))
    moved: dict[Key, Track | None] = {}
    found: list[Alert] = []
    for region_id, rule in concerned:
        key = _key(region_id, rule)
        probabilities = own.calibrated[places[region_id], EVENTS.index(rule.event)]
        samples = list(zip(times[region_id], nullable(probabilities), strict=True))
        if key not in tracks:
            samples = _newer(samples, newest.get(region_id))
        moved[key], episodes = follow(rule, tracks.get(key), samples)
        found += [_alert(watch, rule, region_id, e, known=known, now=now) for e in episodes]
    store_tracks(connection, watch.model_id, moved)
    _tell(connection, watch, [a for a in found if a != known.get(a.alert_id)], known, now=now)


def _key(region_id: int, rule: Rule) -> Key:
    return region_id, rule.event.name


def _concerned(
    rules: Sequence[Rule], forecasts: Forecasts, tracks: Collection[Key]
) -> list[tuple[int, Rule]]:
    """Name the regions that a rule must look at: those that reach it, and those on a track."""
    found: list[tuple[int, Rule]] = []
    for rule in rules:
        reached = forecasts.calibrated[:, EVENTS.index(rule.event)] >= rule.on
        region_ids = set(np.unique(forecasts.region_id[reached]).tolist())
        region_ids |= {region_id for region_id, event in tracks if event == rule.event.name}
        found += [(region_id, rule) for region_id in sorted(region_ids)]
    return found


def _by_region(
    forecasts: Forecasts, region_ids: Collection[int]
) -> tuple[dict[int, list[datetime]], dict[int, Integers]]:
    """Return the times of each region's forecasts in their order, and the places of these."""
    in_time = np.argsort(forecasts.t_rec, kind="stable")
    places = {
        region_id: in_time[forecasts.region_id[in_time] == region_id] for region_id in region_ids
    }
    times = {
        region_id: [at.replace(tzinfo=UTC) for at in forecasts.t_rec[own].tolist()]
        for region_id, own in places.items()
    }
    return times, places


def _newer(samples: list[Sample], than: datetime | None) -> list[Sample]:
    return samples if than is None else [sample for sample in samples if sample[0] > than]


def _alert(
    watch: Watch, rule: Rule, region_id: int, episode: Episode,
    *, known: Mapping[str, Alert], now: datetime,
) -> Alert:  # fmt: skip
    """Bring the alert of an episode up to date; one in which nothing changed stays equal."""
    name = alert_id(watch.model_id, rule.event.name, region_id, episode.opened_at)
    before = known.get(name)
    opened = before or Alert(
        alert_id=name, region_id=region_id, model_id=watch.model_id, event=rule.event.name,
        state=OPEN, severity=rule.severity, threshold=rule.on, off_threshold=rule.off,
        opened_at=episode.opened_at, opened_probability=episode.opened_probability,
        peak_at=episode.peak_at, peak_probability=episode.peak_probability,
        last_probability=episode.last_probability, last_over_at=episode.last_over_at,
        raised_at=now, changed_at=now,
    )  # fmt: skip
    state = CLOSED if not episode.is_open else ACKNOWLEDGED if opened.acknowledged_at else OPEN
    moved = replace(
        opened, state=state, peak_at=episode.peak_at, peak_probability=episode.peak_probability,
        last_probability=episode.last_probability, last_over_at=episode.last_over_at,
        closed_at=episode.closed_at,
    )  # fmt: skip
    return moved if moved == before else replace(moved, changed_at=now)


def _tell(
    connection: sa.Connection, watch: Watch, changed: Sequence[Alert],
    known: Mapping[str, Alert], *, now: datetime,
) -> None:  # fmt: skip
    write_alerts(connection, changed)
    changes: list[Change] = []
    for alert in changed:
        before = known.get(alert.alert_id)
        if before is None:
            changes.append((alert, _opening(connection, alert)))
        if alert.state == CLOSED and (before is None or before.state != CLOSED):
            changes.append((alert, "closed"))
    enqueue(connection, changes, channels=watch.channels, now=now)


def _opening(connection: sa.Connection, alert: Alert) -> str:
    names = [event.name for event in EVENTS]
    lower = names[: names.index(alert.event)]
    return "escalated" if is_any_open(connection, alert.region_id, lower) else "opened"
