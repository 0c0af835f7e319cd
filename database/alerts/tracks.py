"""Alert tracks: the state of the alert rule for each region, kept between two records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from database.alerts.alerts import COLUMNS as ALERT_COLUMNS
from database.alerts.alerts import Alert, alert_id
from database.round_trips import as_utc, locking, read
from database.schema.tables import alert_tracks, alerts, predictions, regions
from database.upsert import upsert
from solar.alerting import Episode, Phase, Track

# Region and event.
Key = tuple[int, str]

_COLUMNS = tuple(column.name for column in alert_tracks.columns)
_REGIONS_PER_QUERY = 1_000
_WITH_ALERTS = str(
    sa.select(*alert_tracks.columns, *alerts.columns).select_from(
        alert_tracks.outerjoin(alerts, alerts.c.alert_id == alert_tracks.c.alert_id)
    )
)


def tracks_query(connection: sa.Connection, region_ids: Sequence[int]) -> str:
    """Return what `load_tracks` asks, to be read ahead."""
    ids = ",".join(map(str, sorted(region_ids)))
    return f"{_WITH_ALERTS} WHERE alert_tracks.region_id IN ({ids}){locking(connection)}"


def load_tracks(
    connection: sa.Connection, model_id: str, region_ids: Sequence[int]
) -> tuple[dict[Key, Track], dict[str, Alert]]:
    """Return the tracks of these regions that are not idle, and their alerts by id, locked."""
    tracks: dict[Key, Track] = {}
    known: dict[str, Alert] = {}
    for row in read(connection, tracks_query(connection, region_ids)):
        if row[1] != model_id:
            continue
        alert = _alert(row[len(_COLUMNS) :])
        tracks[row[0], row[2]] = _track(row, alert)
        if alert is not None:
            known[alert.alert_id] = alert
    return tracks, known


def _alert(values: Sequence[Any]) -> Alert | None:
    if values[0] is None:
        return None
    named = zip(ALERT_COLUMNS, values, strict=True)
    read_values: list[Any] = [as_utc(v) if v and name.endswith("_at") else v for name, v in named]
    return Alert(*read_values)


def _track(row: Sequence[Any], alert: Alert | None) -> Track:
    phase, last_t_rec, since_at, last_over_at = row[3:7]
    is_rising = phase == Phase.RISING
    return Track(
        as_utc(last_t_rec),
        rising_at=as_utc(since_at) if is_rising else None,
        last_over_at=as_utc(last_over_at) if is_rising and last_over_at else None,
        episode=None if alert is None else _episode(alert, is_open=phase == Phase.OPEN),
    )


def _episode(alert: Alert, *, is_open: bool) -> Episode:
    # An alert that was closed for silence goes on with the next record.
    first, peak, last = (
        0.0 if p is None else p
        for p in (alert.opened_probability, alert.peak_probability, alert.last_probability)
    )
    return Episode(
        alert.opened_at,
        first,
        alert.peak_at,
        peak,
        last,
        alert.last_over_at,
        closed_at=None if is_open else alert.closed_at,
    )


def store_tracks(
    connection: sa.Connection, model_id: str, tracks: Mapping[Key, Track | None]
) -> None:
    """Write the tracks; one that is None is deleted."""
    rows = [
        (
            region_id,
            model_id,
            event,
            track.phase.value,
            track.last_t_rec,
            _since(track),
            track.last_over_at,
            _alert_of(model_id, event, region_id, track),
        )
        for (region_id, event), track in sorted(tracks.items())
        if track is not None
    ]
    upsert(connection, alert_tracks, columns=_COLUMNS, rows=rows)
    for (region_id, event), track in sorted(tracks.items()):
        if track is None:
            key = (
                alert_tracks.c.region_id == region_id,
                alert_tracks.c.model_id == model_id,
                alert_tracks.c.event == event,
            )
            connection.execute(alert_tracks.delete().where(*key))


def _alert_of(model_id: str, event: str, region_id: int, track: Track) -> str | None:
    if track.episode is None:
        return None
    return alert_id(model_id, event, region_id, track.episode.opened_at)


def _since(track: Track) -> datetime:
    if track.rising_at is not None:
        return track.rising_at
    if track.episode is None:
        return track.last_t_rec
    return track.episode.closed_at or track.episode.opened_at


def newest_forecasts(
    connection: sa.Connection, model_id: str, region_ids: Sequence[int]
) -> dict[int, datetime]:
    """Return the time of the newest forecast that is stored for each region that has one."""
    table = predictions.c
    newest = (
        sa.select(table.t_rec)
        .where(table.region_id == regions.c.region_id, table.model_id == model_id)
        .order_by(table.t_rec.desc())
        .limit(1)
        .scalar_subquery()
    )
    newest_at: dict[int, datetime] = {}
    for start in range(0, len(region_ids), _REGIONS_PER_QUERY):
        chunk = region_ids[start : start + _REGIONS_PER_QUERY]
        query = sa.select(regions.c.region_id, newest).where(regions.c.region_id.in_(chunk))
        newest_at |= {
            region_id: at for region_id, at in connection.execute(query) if at is not None
        }
    return newest_at
