"""The storing of flares: new ones are added, known ones revised under the id they have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime

import sqlalchemy as sa

from database.flares.assignment import Assignment, Origin, affected_days, assign
from database.flares.coverage import cover
from database.tables import flares
from database.upsert import upsert
from database.verification.stale_days import mark_stale
from solar.flares import FluxScale, peak_flux
from solar.time import Window

_LIST_LENGTH = 1_000
_COLUMNS = tuple(column.name for column in flares.columns)


@dataclass(frozen=True)
class FlareRecord:
    """One flare as a source reports it; None is unknown, `repairs` says what was mended."""

    start_at: datetime
    peak_at: datetime
    end_at: datetime | None
    goes_class: str
    flux_scale: FluxScale
    noaa_ar: int | None = None
    harpnum: int | None = None
    satellite: str | None = None
    repairs: str | None = None


@dataclass(frozen=True)
class FlareReport:
    """What became of the records of one call."""

    added: int
    revised: int
    unchanged: int


@dataclass(frozen=True)
class _Known:
    flare_id: str
    revision: int
    record: FlareRecord


def store_flares(
    connection: sa.Connection,
    records: Sequence[FlareRecord],
    *,
    source: str,
    covers: Window | None,
    now: datetime,
) -> FlareReport:
    """Add or revise flares, assign them to regions and mark the days they concern.

    A record is a known flare when it has its start and also its NOAA region, its peak, or
    no region on one side; two different records of one call are two flares. What a
    revision leaves unknown keeps its old value. A record whose start was corrected cannot be
    recognised and counts as another flare.

    Parameters
    ----------
    covers : the stretch in which the list is complete, if the source says so
    """
    known = _stored(connection, {record.start_at for record in records})
    written: dict[str, _Known] = {}
    taken: set[str] = set()
    peaks: list[datetime] = []
    added = unchanged = 0
    for record in records:
        old = _recognised(record, known[record.start_at], taken=taken)
        new = _merged(record, old, known[record.start_at])
        if old and new.record == replace(old.record, repairs=new.record.repairs):
            taken.add(old.flare_id)
            unchanged += 1
            continue
        taken.add(new.flare_id)
        added += old is None
        peaks += [record.peak_at, *([old.record.peak_at] if old else [])]
        known[record.start_at][new.flare_id] = written[new.flare_id] = new
    _write(connection, list(written.values()), source=source, now=now)
    mark_stale(connection, affected_days(peaks))
    if covers is not None:
        cover(connection, covers, source=source)
    return FlareReport(added, len(records) - unchanged - added, unchanged)


def _stored(
    connection: sa.Connection, starts: Iterable[datetime]
) -> defaultdict[datetime, dict[str, _Known]]:
    wanted = sorted(starts)
    names = [field.name for field in fields(FlareRecord)]
    found: defaultdict[datetime, dict[str, _Known]] = defaultdict(dict)
    for first in range(0, len(wanted), _LIST_LENGTH):
        query = sa.select(
            flares.c.flare_id, flares.c.revision, *(flares.c[name] for name in names)
        ).where(flares.c.start_at.in_(wanted[first : first + _LIST_LENGTH]))
        for flare_id, revision, *values in connection.execute(query):
            record = FlareRecord(*values)
            scale = FluxScale(record.flux_scale)
            known = _Known(flare_id, revision, replace(record, flux_scale=scale))
            found[record.start_at][flare_id] = known
    return found


def _recognised(record: FlareRecord, known: dict[str, _Known], *, taken: set[str]) -> _Known | None:
    def likeness(other: FlareRecord) -> tuple[bool, bool, bool]:
        same_region = record.noaa_ar == other.noaa_ar
        is_open = record.noaa_ar is None or other.noaa_ar is None
        return same_region, record.peak_at == other.peak_at, is_open

    alike = [(likeness(k.record), k.flare_id) for k in known.values() if any(likeness(k.record))]
    possible = [(how, flare_id) for how, flare_id in alike if flare_id not in taken or all(how[:2])]
    return known[max(possible)[1]] if possible else None


def _merged(record: FlareRecord, old: _Known | None, known: dict[str, _Known]) -> _Known:
    if old is None:
        return _Known(_new_id(record.start_at, taken=len(known)), 1, record)
    merged = replace(
        record,
        end_at=record.end_at or old.record.end_at,
        noaa_ar=record.noaa_ar or old.record.noaa_ar,
        harpnum=record.harpnum or old.record.harpnum,
        satellite=record.satellite or old.record.satellite,
    )
    return _Known(old.flare_id, old.revision + 1, merged)


def _new_id(start_at: datetime, *, taken: int) -> str:
    fraction = f".{start_at.microsecond:06d}" if start_at.microsecond else ""
    another = f"-{taken + 1}" if taken else ""
    return f"{start_at:%Y%m%dT%H%M%S}{fraction}Z{another}"


def _write(
    connection: sa.Connection, flares_: Sequence[_Known], *, source: str, now: datetime
) -> None:
    origins = [Origin(f.record.peak_at, f.record.noaa_ar, f.record.harpnum) for f in flares_]
    assigned = assign(connection, origins)
    rows = [
        _row(flare, assignment, source=source, now=now)
        for flare, assignment in zip(flares_, assigned, strict=True)
    ]
    upsert(connection, flares, columns=_COLUMNS, rows=rows)


def _row(
    flare: _Known, assignment: Assignment, *, source: str, now: datetime
) -> tuple[object, ...]:
    record = flare.record
    return (
        flare.flare_id, record.start_at, record.peak_at, record.end_at, record.goes_class,
        peak_flux(record.goes_class), record.flux_scale.value, record.noaa_ar, record.harpnum,
        assignment.region_id, assignment.ground.value, record.satellite, source, record.repairs,
        flare.revision, now,
    )  # fmt: skip
