"""The assignment of flares: the stored region that a flare came from, and on what ground."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa

from database.harps import harps_by_noaa
from database.rollup_days import mark_stale
from database.schema.tables import flare_list_version, flares, observations, regions
from database.version_cache import renew_version
from solar.source_regions import NEIGHBOURHOOD, source_region
from solar.time import Window

_LIST_LENGTH = 1_000


class Ground(StrEnum):
    """Why a flare has its region, or none."""

    REPORTED = "reported"  # the source named the HARP
    HARP = "harp"  # the only possible HARP of its NOAA region
    NOAA = "noaa"  # no HARP is known, so the NOAA region is a region of its own
    AMBIGUOUS = "ambiguous"  # the first of several HARPs that are possible
    NONE = "none"  # no region was reported


@dataclass(frozen=True)
class Origin:
    """Where and when a flare was seen, as reported."""

    peak_at: datetime
    noaa_ar: int | None
    harpnum: int | None


@dataclass(frozen=True)
class Assignment:
    """The region of a flare, None where it is unknown, and the ground for it."""

    region_id: int | None
    ground: Ground


def assign(connection: sa.Connection, origins: Sequence[Origin]) -> list[Assignment]:
    """Find the region of each flare.

    A reported HARP is the source. Else the candidates are the HARPs of the NOAA region, and the
    region stored under the NOAA number while its HARP was unknown: see `source_region`.
    """
    candidates = _candidates(connection, origins)
    return [_assigned(connection, origin, candidates) for origin in origins]


def reassign(
    connection: sa.Connection, window: Window | None = None, *, noaa_ars: Set[int] | None = None
) -> int:
    """Assign flares anew, those that peak in `window` and of `noaa_ars`; return how many moved.

    Observations and HARP numbers may arrive after the flare did. The days whose
    verification a move changes become stale.
    """
    if noaa_ars is not None and not noaa_ars:
        return 0
    rows = connection.execute(_stored(window, noaa_ars)).all()
    assignments = assign(
        connection, [Origin(row.peak_at, row.noaa_ar, row.harpnum) for row in rows]
    )
    moved = [
        (row, assignment)
        for row, assignment in zip(rows, assignments, strict=True)
        if (row.region_id, row.assignment) != (assignment.region_id, assignment.ground)
    ]
    if moved:
        _write(connection, [(row.flare_id, assignment) for row, assignment in moved])
        mark_stale(connection, affected_days(row.peak_at for row, _ in moved))
    return len(moved)


def affected_days(peaks: Iterable[datetime]) -> set[date]:
    """Return the days of issue whose verification depends on one of the peaks, but for the last.

    From three days before, whose last cases have it on their third day, to the third day after,
    whose cases are no longer after quiet; `mark_stale` adds that last one.
    """
    return {at.date() + timedelta(days=offset) for at in peaks for offset in range(-3, 3)}


def _stored(window: Window | None, noaa_ars: Set[int] | None) -> sa.Select[tuple[object, ...]]:
    names = ("flare_id", "peak_at", "noaa_ar", "harpnum", "region_id", "assignment")
    query = sa.select(*(flares.c[name] for name in names))
    if window is not None:
        query = query.where(flares.c.peak_at >= window.start_at, flares.c.peak_at < window.end_at)
    if noaa_ars is not None:
        query = query.where(flares.c.noaa_ar.in_(sorted(noaa_ars)))
    return query


def _write(connection: sa.Connection, moved: Sequence[tuple[str, Assignment]]) -> None:
    statement = (
        sa.update(flares)
        .where(flares.c.flare_id == sa.bindparam("of_flare"))
        .values(region_id=sa.bindparam("to_region"), assignment=sa.bindparam("on_ground"))
    )
    parameters = [
        {"of_flare": flare_id, "to_region": a.region_id, "on_ground": a.ground.value}
        for flare_id, a in moved
    ]
    connection.execute(statement, parameters)
    renew_version(connection, flare_list_version)


def _candidates(connection: sa.Connection, origins: Sequence[Origin]) -> dict[int, list[int]]:
    noaa_ars = {o.noaa_ar for o in origins if o.noaa_ar is not None and o.harpnum is None}
    candidates: dict[int, list[int]] = defaultdict(list, harps_by_noaa(connection, noaa_ars))
    for region_id in _existing(connection, [-noaa_ar for noaa_ar in noaa_ars]):
        candidates[-region_id].append(region_id)
    return candidates


def _existing(connection: sa.Connection, region_ids: Sequence[int]) -> list[int]:
    existing: list[int] = []
    for start in range(0, len(region_ids), _LIST_LENGTH):
        chunk = region_ids[start : start + _LIST_LENGTH]
        query = sa.select(regions.c.region_id).where(regions.c.region_id.in_(chunk))
        existing += connection.execute(query).scalars()
    return existing


def _assigned(
    connection: sa.Connection, origin: Origin, candidates: dict[int, list[int]]
) -> Assignment:
    if origin.harpnum is not None:
        return Assignment(origin.harpnum, Ground.REPORTED)
    if origin.noaa_ar is None:
        return Assignment(None, Ground.NONE)
    possible = candidates.get(origin.noaa_ar) or [-origin.noaa_ar]
    if len(possible) == 1:
        return _of_one(possible[0])
    near = _observed_near(connection, possible, origin.peak_at)
    source = source_region(possible, near)
    return _of_one(source) if len(near) == 1 else Assignment(source, Ground.AMBIGUOUS)


def _of_one(region_id: int) -> Assignment:
    return Assignment(region_id, Ground.HARP if region_id > 0 else Ground.NOAA)


def _observed_near(
    connection: sa.Connection, region_ids: Sequence[int], peak_at: datetime
) -> list[int]:
    near = (
        observations.c.t_rec >= peak_at - NEIGHBOURHOOD,
        observations.c.t_rec <= peak_at + NEIGHBOURHOOD,
    )
    # One probe of the primary key per region, however long its history is.
    probes = (
        sa.select(observations.c.region_id)
        .where(observations.c.region_id == region_id, *near)
        .limit(1)
        for region_id in region_ids
    )
    return [
        region_id
        for probe in probes
        if (region_id := connection.execute(probe).scalar()) is not None
    ]
