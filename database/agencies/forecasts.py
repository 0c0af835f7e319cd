"""Agency forecasts: what others forecast for regions and for the full disk, to be scored too."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from database.exploration.days import mark_exploration
from database.models import AGENCY, STAGES, find_model, register
from database.predictions import COLUMNS
from database.regions.harps import RegionName, resolve_many
from database.tables import disk_forecasts, models, predictions, superseded_predictions
from database.upsert import upsert
from database.verification.stale_days import mark_stale
from solar.errors import InvalidInputError
from solar.flares import EVENTS
from solar.time import nearest_slot

# A correction that comes later has seen some of what it forecasts.
GRACE = timedelta(hours=3)
RUNG = "full"

_DISK_COLUMNS = tuple(column.name for column in disk_forecasts.columns)
_N = len(EVENTS)

Probabilities = tuple[float | None, ...]
Key = tuple[datetime, int | None]


@dataclass(frozen=True)
class AgencyForecast:
    """A forecast for the 24 h from `valid_from`, of a region or, without a number, of the disk.

    `probabilities` are in the order of `EVENTS`, None where the agency says nothing.
    """

    index: int
    valid_from: datetime
    noaa_ar: int | None
    probabilities: Probabilities
    issued_at: datetime


@dataclass(frozen=True)
class AgencyReport:
    """What became of forecasts; `late` are the indexes of changes that came too late."""

    added: int
    revised: int
    unchanged: int
    late: tuple[int, ...]


@dataclass(frozen=True)
class _Stored:
    probabilities: Probabilities
    revision: int


def store_forecasts(
    connection: sa.Connection, model_id: str, forecasts: Sequence[AgencyForecast], *, now: datetime
) -> AgencyReport:
    """Write an agency's forecasts and mark their days for verification.

    A region forecast stands at the record time nearest to the begin of its window, where the
    models' forecasts stand that it is compared with. Several regions in one HARP are one
    forecast, 1 - prod(1 - p): give all regions of a day in one call. A known forecast can be
    changed until `GRACE` after its window has begun; what was said of a region before is kept.
    """
    _enrol(connection, model_id, now=now)
    wanted = _placed(connection, forecasts)
    known = _known(connection, model_id, list(wanted))
    changed = {
        key: one
        for key, one in wanted.items()
        if key not in known or known[key].probabilities != one.probabilities
    }
    late = {k for k, one in changed.items() if k in known and now > one.valid_from + GRACE}
    fresh = {key: one for key, one in changed.items() if key not in late}
    _write(connection, model_id, fresh, known, now=now)
    mark_stale(connection, {at.date() for at, _ in fresh})
    mark_exploration(connection, {at.date() for at, region_id in fresh if region_id is not None})
    revised = sum(key in known for key in fresh)
    return AgencyReport(
        len(fresh) - revised, revised, len(forecasts) - len(changed),
        tuple(sorted(changed[key].index for key in late)),
    )  # fmt: skip


def _enrol(connection: sa.Connection, model_id: str, *, now: datetime) -> None:
    """Register the agency at its first word; a model of this house is not spoken for."""
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


def _placed(
    connection: sa.Connection, forecasts: Sequence[AgencyForecast]
) -> dict[Key, AgencyForecast]:
    """Give each forecast its key; of the same region or the disk given twice the last counts."""
    named = {(one.valid_from, one.noaa_ar): one for one in forecasts}
    of_regions = [one for one in named.values() if one.noaa_ar is not None]
    names = [RegionName(None, (one.noaa_ar or 0,)) for one in of_regions]
    found: dict[Key, AgencyForecast] = {
        (one.valid_from, None): one for one in named.values() if one.noaa_ar is None
    }
    together = defaultdict(list)
    for one, region_id in zip(of_regions, resolve_many(connection, names), strict=True):
        together[nearest_slot(one.valid_from), region_id].append(one)
    for key, ones in together.items():
        found[key] = replace(ones[-1], probabilities=_union([o.probabilities for o in ones]))
    return found


def _union(said: Sequence[Probabilities]) -> Probabilities:
    if len(said) == 1:
        return said[0]
    columns = ([p for p in column if p is not None] for column in zip(*said, strict=True))
    return tuple(1 - math.prod(1 - p for p in column) if column else None for column in columns)


def _known(connection: sa.Connection, model_id: str, keys: Sequence[Key]) -> dict[Key, _Stored]:
    found: dict[Key, _Stored] = {}
    disk, region = disk_forecasts.c, predictions.c
    begins = [at for at, region_id in keys if region_id is None]
    of_disk = sa.select(disk.valid_from, *(disk[event.column] for event in EVENTS)).where(
        disk.model_id == model_id, disk.valid_from.in_(begins)
    )
    for at, *said in connection.execute(of_disk):
        found[at, None] = _Stored(tuple(said), 1)
    times = sorted({at for at, region_id in keys if region_id is not None})
    columns = (region[event.column] for event in EVENTS)
    of_regions = sa.select(region.t_rec, region.region_id, region.revision, *columns).where(
        region.model_id == model_id, region.t_rec.in_(times)
    )
    for at, region_id, revision, *said in connection.execute(of_regions):
        found[at, region_id] = _Stored(tuple(said), revision)
    return found


def _write(
    connection: sa.Connection, model_id: str, fresh: dict[Key, AgencyForecast],
    known: dict[Key, _Stored], *, now: datetime,
) -> None:  # fmt: skip
    disk: list[tuple[Any, ...]] = []
    rows: list[tuple[Any, ...]] = []
    for (at, region_id), one in fresh.items():
        if region_id is None:
            disk.append((model_id, at, *one.probabilities, one.issued_at))
            continue
        revision = known[at, region_id].revision + 1 if (at, region_id) in known else 1
        unsaid = None if any(p is not None for p in one.probabilities) else "the agency gave none"
        rows.append((region_id, at, model_id, *one.probabilities, *[None] * _N, RUNG, unsaid,
                     None, revision, one.issued_at))  # fmt: skip
    _supersede(connection, model_id, [key for key in fresh if key in known], now=now)
    upsert(connection, disk_forecasts, columns=_DISK_COLUMNS, rows=disk)
    rows.sort(key=lambda row: row[:2])
    upsert(connection, predictions, columns=COLUMNS, rows=rows)


def _supersede(
    connection: sa.Connection, model_id: str, keys: Sequence[Key], *, now: datetime
) -> None:
    table, wanted = predictions.c, set(keys)
    query = sa.select(*(table[name] for name in COLUMNS)).where(
        table.model_id == model_id, table.t_rec.in_(sorted({at for at, _ in keys}))
    )
    rows = [
        (*row, now) for row in connection.execute(query) if (row.t_rec, row.region_id) in wanted
    ]
    columns = (*COLUMNS, "superseded_at")
    upsert(connection, superseded_predictions, columns=columns, rows=rows)
