"""Agency forecasts: what others forecast for regions and for the full disk, to be scored too."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa

from database.harps import RegionName, resolve_many
from database.models import AGENCY, STAGES, find_model, register
from database.predictions.forecasts import Forecasts
from database.predictions.predictions import COLUMNS, supersede_model
from database.rollup_days import mark_exploration, mark_stale
from database.schema.tables import disk_forecasts, models, predictions
from database.upsert import upsert
from solar.errors import InvalidInputError
from solar.flares import EVENTS
from solar.time import Window, nearest_slot

# A later correction has seen some of what it forecasts.
GRACE = timedelta(hours=3)
RUNG = "full"

_DISK_COLUMNS = tuple(column.name for column in disk_forecasts.columns)
_N_EVENTS = len(EVENTS)

Probabilities = tuple[float | None, ...]
Key = tuple[datetime, int | None]


@dataclass(frozen=True)
class AgencyForecast:
    """A forecast for the 24 h from `valid_from`, of a region or, without a number, of the disk.

    `probabilities` are in the order of `EVENTS`, None where the agency gives none.
    """

    index: int
    valid_from: datetime
    noaa_ar: int | None
    probabilities: Probabilities
    issued_at: datetime


@dataclass(frozen=True)
class AgencyReport:
    """The counts of one call; `late` are the indexes of changes that came too late."""

    added: int
    revised: int
    unchanged: int
    late: tuple[int, ...]


@dataclass(frozen=True)
class _Stored:
    probabilities: Probabilities
    revision: int


def load_disk_forecasts(connection: sa.Connection, model_id: str, *, window: Window) -> Forecasts:
    """Read an agency's own forecasts of the full disk that begin in `window`; region_id is 0."""
    table = disk_forecasts.c
    valid_from = sa.type_coerce(table.valid_from, sa.types.NullType())
    rows = connection.execute(
        sa.select(valid_from, *(table[event.column] for event in EVENTS))
        .where(
            table.model_id == model_id,
            table.valid_from >= window.start_at,
            table.valid_from < window.end_at,
        )
        .order_by(table.valid_from)
    ).all()
    probability = np.array([row[1:] for row in rows], float).reshape(len(rows), _N_EVENTS)
    times = np.array([row[0] for row in rows], "datetime64[us]")
    return Forecasts(np.zeros(len(rows), np.int64), times, probability)


def store_forecasts(
    connection: sa.Connection, model_id: str, forecasts: Sequence[AgencyForecast], *, now: datetime
) -> AgencyReport:
    """Write an agency's forecasts and mark their days for verification.

    A region forecast is stored at the record time nearest to the begin of its window, like the
    models' forecasts that it is compared with. Several regions in one HARP are one forecast,
    1 - prod(1 - p): give all regions of a day in one call. A known forecast can be changed until
    `GRACE` after its window has begun; the earlier forecast of a region is kept as superseded.
    """
    _register_agency(connection, model_id, now=now)
    by_key = _by_key(connection, forecasts)
    known = _known(connection, model_id, list(by_key))
    changed = {
        key: one
        for key, one in by_key.items()
        if key not in known or known[key].probabilities != one.probabilities
    }
    late = {k for k, one in changed.items() if k in known and now > one.valid_from + GRACE}
    fresh = {key: one for key, one in changed.items() if key not in late}
    _write(connection, model_id, fresh, known, now=now)
    mark_stale(connection, {at.date() for at, _ in fresh})
    mark_exploration(connection, {at.date() for at, region_id in fresh if region_id is not None})
    revised = sum(key in known for key in fresh)
    return AgencyReport(
        added=len(fresh) - revised,
        revised=revised,
        unchanged=len(forecasts) - len(changed),
        late=tuple(sorted(changed[key].index for key in late)),
    )


def _register_agency(connection: sa.Connection, model_id: str, *, now: datetime) -> None:
    """Register the agency at its first forecast; the name of a served model is refused."""
    stage = connection.scalar(sa.select(models.c.stage).where(models.c.model_id == model_id))
    if stage == AGENCY:
        return
    if stage is not None:
        raise InvalidInputError(
            f"{find_model(connection, model_id).model_id} is a model that is served here"
            f" ({stage}); give the agency another name"
        )
    name, _, version = model_id.partition("@")
    events = [{"name": event.name, "threshold": None} for event in EVENTS]
    manifest = {"name": name, "version": version, "events": events, "origin": AGENCY}
    register(connection, manifest, sha256="", stage=STAGES[-1], now=now)


def _by_key(
    connection: sa.Connection, forecasts: Sequence[AgencyForecast]
) -> dict[Key, AgencyForecast]:
    """Give each forecast its key; of several for the same region or the disk the last counts."""
    last = {(one.valid_from, one.noaa_ar): one for one in forecasts}
    of_regions = [one for one in last.values() if one.noaa_ar is not None]
    names = [RegionName(None, (one.noaa_ar or 0,)) for one in of_regions]
    by_key: dict[Key, AgencyForecast] = {
        (one.valid_from, None): one for one in last.values() if one.noaa_ar is None
    }
    by_region = defaultdict(list)
    for one, region_id in zip(of_regions, resolve_many(connection, names), strict=True):
        by_region[nearest_slot(one.valid_from), region_id].append(one)
    for key, ones in by_region.items():
        by_key[key] = replace(ones[-1], probabilities=_union([o.probabilities for o in ones]))
    return by_key


def _union(rows: Sequence[Probabilities]) -> Probabilities:
    if len(rows) == 1:
        return rows[0]
    columns = ([p for p in column if p is not None] for column in zip(*rows, strict=True))
    return tuple(1 - math.prod(1 - p for p in column) if column else None for column in columns)


def _known(connection: sa.Connection, model_id: str, keys: Sequence[Key]) -> dict[Key, _Stored]:
    known: dict[Key, _Stored] = {}
    disk, region = disk_forecasts.c, predictions.c
    begins = [at for at, region_id in keys if region_id is None]
    of_disk = sa.select(disk.valid_from, *(disk[event.column] for event in EVENTS)).where(
        disk.model_id == model_id, disk.valid_from.in_(begins)
    )
    for at, *probabilities in connection.execute(of_disk):
        known[at, None] = _Stored(tuple(probabilities), 1)
    times = sorted({at for at, region_id in keys if region_id is not None})
    columns = (region[event.column] for event in EVENTS)
    of_regions = sa.select(region.t_rec, region.region_id, region.revision, *columns).where(
        region.model_id == model_id, region.t_rec.in_(times)
    )
    for at, region_id, revision, *probabilities in connection.execute(of_regions):
        known[at, region_id] = _Stored(tuple(probabilities), revision)
    return known


def _write(
    connection: sa.Connection,
    model_id: str,
    fresh: dict[Key, AgencyForecast],
    known: dict[Key, _Stored],
    *,
    now: datetime,
) -> None:
    disk: list[tuple[Any, ...]] = []
    rows: list[tuple[Any, ...]] = []
    replaced: list[tuple[int, datetime]] = []
    for (at, region_id), one in fresh.items():
        if region_id is None:
            disk.append((model_id, at, *one.probabilities, one.issued_at))
            continue
        revision = 1
        if (at, region_id) in known:
            replaced.append((region_id, at))
            revision += known[at, region_id].revision
        is_withheld = all(p is None for p in one.probabilities)
        reason = "the agency gave none" if is_withheld else None
        values = (*one.probabilities, *[None] * _N_EVENTS, RUNG, reason, None, revision)
        rows.append((region_id, at, model_id, *values, one.issued_at))
    supersede_model(connection, model_id, dict.fromkeys(replaced, now))
    upsert(connection, disk_forecasts, columns=_DISK_COLUMNS, rows=disk)
    rows.sort(key=lambda row: row[:2])
    upsert(connection, predictions, columns=COLUMNS, rows=rows)
