"""Region reports: how an agency describes a region at a time, its class and its spots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime

import sqlalchemy as sa

from database.schema.tables import region_reports
from database.upsert import upsert
from solar.time import Window

COLUMNS: tuple[str, ...] = tuple(str(column.name) for column in region_reports.columns)
_KEYS_PER_QUERY = 500

Place = tuple[datetime, int, str]


@dataclass(frozen=True)
class RegionReport:
    """One region at one time; the position is Stonyhurst with west positive, None is unknown."""

    source: str
    noaa_ar: int
    observed_at: datetime
    lon_deg: float | None
    lat_deg: float | None
    area_msh: float | None
    spot_class: str | None
    mag_class: str | None
    spots: int | None

    @property
    def key(self) -> tuple[str, int, datetime]:
        """The key of the report."""
        return self.source, self.noaa_ar, self.observed_at


@dataclass(frozen=True)
class ReportCount:
    """The number of reports of one call that were added, revised or unchanged."""

    added: int
    revised: int
    unchanged: int


def store_reports(
    connection: sa.Connection, reports: Sequence[RegionReport], *, now: datetime
) -> ReportCount:
    """Write reports; a known one is replaced, of two with the same key the last is written."""
    last = {report.key: report for report in reports}
    known = _known(connection, list(last.values()))
    changed = [report for key, report in last.items() if known.get(key) != report]
    rows = [(*astuple(report), now) for report in changed]
    upsert(connection, region_reports, columns=COLUMNS, rows=rows)
    revised = sum(report.key in known for report in changed)
    return ReportCount(len(changed) - revised, revised, len(reports) - len(changed))


def _known(
    connection: sa.Connection, reports: Sequence[RegionReport]
) -> dict[tuple[str, int, datetime], RegionReport]:
    known = {}
    times = sorted({report.observed_at for report in reports})
    for start in range(0, len(times), _KEYS_PER_QUERY):
        chunk = times[start : start + _KEYS_PER_QUERY]
        query = sa.select(*(region_reports.c[name] for name in COLUMNS[:-1]))
        for row in connection.execute(query.where(region_reports.c.observed_at.in_(chunk))):
            report = RegionReport(*row)
            known[report.key] = report
    return known


def list_reports(
    connection: sa.Connection,
    *,
    window: Window,
    noaa_ar: int | None = None,
    limit: int,
    after: Place | None = None,
) -> list[dict[str, object]]:
    """Read the reports of a window in the order of time, number and source.

    `after` is the time, number and source of the last report already read.
    """
    table = region_reports.c
    query = sa.select(region_reports).where(
        table.observed_at >= window.start_at, table.observed_at < window.end_at
    )
    if noaa_ar is not None:
        query = query.where(table.noaa_ar == noaa_ar)
    if after is not None:
        query = query.where(_is_behind(after))
    order = (table.observed_at, table.noaa_ar, table.source)
    rows = connection.execute(query.order_by(*order).limit(limit))
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


def _is_behind(after: Place) -> sa.ColumnElement[bool]:
    table, (at, noaa_ar, source) = region_reports.c, after
    same_region = sa.and_(table.noaa_ar == noaa_ar, table.source > source)
    same_time = sa.and_(table.observed_at == at, sa.or_(table.noaa_ar > noaa_ar, same_region))
    # The first condition adds nothing, but it is the one that an index can use.
    return sa.and_(table.observed_at >= at, sa.or_(table.observed_at > at, same_time))
