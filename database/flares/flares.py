"""The flare list: what was observed, in which class, on which flux scale and in which region.

New flares are added, known ones revised under the id they have.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from database.flares.assignment import Assignment, Origin, affected_days, assign
from database.flares.coverage import cover, covered_windows
from database.rollup_days import mark_stale
from database.schema.tables import flare_list_version, flares, regions
from database.upsert import upsert
from database.version_cache import renew_version
from solar.flares import Event, FluxScale, peak_flux
from solar.flares import event as event_named
from solar.full_disk import REACH_DAYS, WEAKEST_CLASS, DiskActivity
from solar.time import Window
from solar.truth import Truth, least_flux

# So far back flares count for a full-disk forecast.
ACTIVITY_REACH = timedelta(days=REACH_DAYS)
_LIST_LENGTH = 1_000
_COLUMNS = tuple(column.name for column in flares.columns)


@dataclass(frozen=True)
class Flare:
    """One stored flare; `region_id` is None where its region is unknown."""

    flare_id: str
    start_at: datetime
    peak_at: datetime
    end_at: datetime | None
    goes_class: str
    peak_flux_w_m2: float
    flux_scale: str
    noaa_ar: int | None
    harpnum: int | None
    region_id: int | None
    assignment: str
    satellite: str | None
    source: str
    repairs: str | None
    revision: int
    updated_at: datetime


@dataclass(frozen=True)
class FlareColumns:
    """Flares as columns: `peak_at` (m,) datetime64[us] UTC ascending, `flux` (m,) W m-2,
    `region_id` (m,) int64 with 0 for a flare without a region.

    `noaa_ar` (m,) is the number that the region was found by, 0 where none was needed or known.
    """

    peak_at: NDArray[np.datetime64]
    flux: NDArray[np.float64]
    region_id: NDArray[np.int64]
    noaa_ar: NDArray[np.int64]

    def truth(self, covered: Sequence[Window]) -> Truth:
        """Return the truth of any window, with the list complete over the `covered` stretches."""
        return Truth(self.peak_at, self.flux, self.region_id, covered)


@dataclass(frozen=True)
class FlarePhases(FlareColumns):
    """Flares with their phases: `start_at` and `end_at` (m,) datetime64[us] UTC.

    A flare without an end has that of its peak.
    """

    start_at: NDArray[np.datetime64]
    end_at: NDArray[np.datetime64]


@dataclass(frozen=True)
class FlareRecord:
    """One flare as a source reports it; None is unknown, `repairs` lists what was repaired."""

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
    """The number of records of one call that were added, revised or unchanged."""

    added: int
    revised: int
    unchanged: int


_FIELDS = tuple(field.name for field in fields(Flare))


def _as_read(time: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Read a time as the driver gives it: text or naive datetime; numpy understands both."""
    return sa.type_coerce(time, sa.types.NullType())


_HISTORY = sa.select(
    _as_read(flares.c.peak_at).label("peak_at"),
    flares.c.peak_flux_w_m2,
    flares.c.region_id,
    sa.case((flares.c.harpnum.is_(None), flares.c.noaa_ar)),
).order_by(flares.c.peak_at)


def flare_history(
    connection: sa.Connection, window: Window, *, min_flux: float | None = None
) -> FlareColumns:
    """Return the flares that peak in `window`, of at least `min_flux` [W m-2] if given."""
    query = _HISTORY.where(*_peaking_in(window))
    if min_flux is not None:
        query = query.where(flares.c.peak_flux_w_m2 >= min_flux)
    return _columns(connection.execute(query).all())


def flare_phases(connection: sa.Connection, window: Window) -> FlarePhases:
    """Return the flares that peak in `window`, with their start and end."""
    end = sa.func.coalesce(flares.c.end_at, flares.c.peak_at)
    query = _HISTORY.add_columns(_as_read(flares.c.start_at), _as_read(end))
    rows: Sequence[Any] = connection.execute(query.where(*_peaking_in(window))).all()
    start_at, end_at = (np.array([row[at] for row in rows], "datetime64[us]") for at in (4, 5))
    return FlarePhases(**vars(_columns(rows)), start_at=start_at, end_at=end_at)


def _columns(rows: Sequence[Any]) -> FlareColumns:
    return FlareColumns(
        np.array([row[0] for row in rows], "datetime64[us]"),
        np.array([row[1] for row in rows], float),
        np.array([row[2] or 0 for row in rows], np.int64),
        np.array([row[3] or 0 for row in rows], np.int64),
    )


def flare_days(
    connection: sa.Connection, window: Window, *, min_flux: float, hours: int = 24
) -> NDArray[np.datetime64]:
    """Return the UTC days in whose first `hours` a flare of at least `min_flux` [W m-2] peaked."""
    # Every database writes a time with its day first, and then the hour.
    day, hour = (
        sa.func.substr(flares.c.peak_at, start, length, type_=sa.types.NullType())
        for start, length in ((1, 10), (12, 2))
    )
    query = sa.select(day).where(*_peaking_in(window), flares.c.peak_flux_w_m2 >= min_flux)
    if hours < 24:
        query = query.where(hour < f"{hours:02}")
    days = connection.execute(query.distinct()).scalars().all()
    return np.sort(np.array(days, "datetime64[D]"))


def flares_changed_at(connection: sa.Connection) -> datetime | None:
    """Return when a flare was last listed or revised, None without one."""
    changed_at: datetime | None = connection.scalar(sa.select(sa.func.max(flares.c.updated_at)))
    return changed_at


def list_flares(
    connection: sa.Connection,
    *,
    window: Window,
    region_id: int | None = None,
    min_flux: float | None = None,
    limit: int,
    after: tuple[datetime, str] | None = None,
) -> list[Flare]:
    """Return up to `limit` flares in order of peak; `after` is (peak_at, flare_id) of the last."""
    query = sa.select(*(flares.c[name] for name in _FIELDS)).where(*_peaking_in(window))
    if region_id is not None:
        query = query.where(flares.c.region_id == region_id)
    if min_flux is not None:
        query = query.where(flares.c.peak_flux_w_m2 >= min_flux)
    if after is not None:
        at, flare_id = after
        later = sa.and_(flares.c.peak_at == at, flares.c.flare_id > flare_id)
        query = query.where(flares.c.peak_at >= at, sa.or_(flares.c.peak_at > at, later))
    ordered = query.order_by(flares.c.peak_at, flares.c.flare_id).limit(limit)
    return [Flare(*row) for row in connection.execute(ordered)]


def next_flare_start(
    connection: sa.Connection, event: Event, *, after: datetime, until: datetime | None = None
) -> datetime | None:
    """Return when the first flare of an event begins later than `after`, None without one."""
    start = flares.c.start_at
    query = sa.select(sa.func.min(start)).where(
        start > after, flares.c.peak_flux_w_m2 >= least_flux(event.peak_flux_w_m2)
    )
    if until is not None:
        query = query.where(flares.c.peak_at <= until)
    first: datetime | None = connection.scalar(query)
    return first


def flux_scales(connection: sa.Connection, window: Window) -> list[str]:
    """Return the flux scales used in `window`; one score must not mix two of them."""
    probes = (
        sa.select(flares.c.flux_scale)
        .where(*_peaking_in(window), flares.c.flux_scale == scale.value)
        .limit(1)
        for scale in FluxScale
    )
    return [scale for probe in probes if (scale := connection.execute(probe).scalar())]


def _peaking_in(window: Window) -> tuple[sa.ColumnElement[bool], ...]:
    return flares.c.peak_at >= window.start_at, flares.c.peak_at < window.end_at


def disk_activity(connection: sa.Connection, window: Window) -> DiskActivity:
    """Return the flares that the full-disk forecasts of times in `window` are to count."""
    reach = Window(window.start_at - ACTIVITY_REACH, window.end_at)
    end = _as_read(sa.func.coalesce(flares.c.end_at, flares.c.peak_at))
    query = sa.select(_as_read(flares.c.peak_at), end, flares.c.peak_flux_w_m2)
    strong = flares.c.peak_flux_w_m2 >= least_flux(event_named(WEAKEST_CLASS).peak_flux_w_m2)
    rows = connection.execute(query.where(*_peaking_in(reach), strong).order_by(flares.c.peak_at))
    peak_at, end_at, flux = list(zip(*rows.all(), strict=True)) or [()] * 3
    return DiskActivity(
        np.array(peak_at, "datetime64[us]"),
        np.array(end_at, "datetime64[us]"),
        np.array(flux, float),
        covered_windows(connection),
    )


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
    no region on one side; two different records of one call are two flares. Values that a
    revision leaves unknown stay. A record whose start was corrected cannot be recognised and
    counts as another flare.

    Parameters
    ----------
    covers : the stretch in which the list is complete, if known
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
    mark_stale(connection, affected_days(peaks) | _days_of_activity(connection, peaks))
    if covers is not None:
        cover(connection, covers, source=source)
    return FlareReport(added, len(records) - unchanged - added, unchanged)


def _days_of_activity(connection: sa.Connection, peaks: Iterable[datetime]) -> set[date]:
    """Return the days with records whose full-disk forecasts count one of the peaks.

    A list that comes in the order of time has none of them: its flares are followed by no record.
    """
    newest: datetime | None = connection.scalar(sa.select(sa.func.max(regions.c.last_t_rec)))
    if newest is None:
        return set()
    last = newest.date()
    return {
        first + timedelta(days=offset)
        for first in {at.date() for at in peaks}
        for offset in range(min((last - first).days, REACH_DAYS) + 1)
    }


def _stored(
    connection: sa.Connection, starts: Iterable[datetime]
) -> defaultdict[datetime, dict[str, _Known]]:
    wanted = sorted(starts)
    names = [field.name for field in fields(FlareRecord)]
    stored: defaultdict[datetime, dict[str, _Known]] = defaultdict(dict)
    for first in range(0, len(wanted), _LIST_LENGTH):
        query = sa.select(
            flares.c.flare_id, flares.c.revision, *(flares.c[name] for name in names)
        ).where(flares.c.start_at.in_(wanted[first : first + _LIST_LENGTH]))
        for flare_id, revision, *values in connection.execute(query):
            record = FlareRecord(*values)
            scale = FluxScale(record.flux_scale)
            known = _Known(flare_id, revision, replace(record, flux_scale=scale))
            stored[record.start_at][flare_id] = known
    return stored


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
    if rows:
        upsert(connection, flares, columns=_COLUMNS, rows=rows)
        renew_version(connection, flare_list_version)


def _row(
    flare: _Known, assignment: Assignment, *, source: str, now: datetime
) -> tuple[object, ...]:
    record = flare.record
    return (
        flare.flare_id,
        record.start_at,
        record.peak_at,
        record.end_at,
        record.goes_class,
        peak_flux(record.goes_class),
        record.flux_scale.value,
        record.noaa_ar,
        record.harpnum,
        assignment.region_id,
        assignment.ground.value,
        record.satellite,
        source,
        record.repairs,
        flare.revision,
        now,
    )
