"""Injected faults as senders report them, and what the product has said of each by now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from typing import Any, TypeVar

import sqlalchemy as sa

from database.clock.clock import LIVE_FOR, read_clock, usual_step
from database.models import live_model
from database.schema.fault_tables import injected_faults
from database.schema.tables import (
    ingest_flow,
    observations,
    predictions,
    regions,
    rejections,
    xray_flux,
)
from database.upsert import upsert
from solar.errors import ConflictError
from solar.flares import LIST_MAY_LAG
from solar.injected_faults import (
    InjectedFault,
    Kind,
    allotted,
    gap_noted_at,
    late_records,
    stale_at,
)
from solar.sharp import SIMULATED_SERIES
from solar.time import isoformat

# Two usual steps, and never less than this, make data stale.
LEAST_STALE = timedelta(minutes=12)
# The newest good X-ray minute may be as old as this.
XRAYS_MAY_LAG = timedelta(minutes=10)
MOST_FAULTS = 100
_DAY, _MINUTE = timedelta(days=1), timedelta(minutes=1)
_MISSING_STEPS = 1.5
_MOST_ROWS = 200_000
Selected = TypeVar("Selected", bound=sa.Select[Any])
_COLUMNS = tuple(column.name for column in injected_faults.columns)
_FLOW_SPAN = 60
# The field under which the rows of a kind are rejected.
_REJECTED_FIELD: Mapping[Kind, str] = {"corrupt": "lat_fwt", "quality": "quality"}


@dataclass(frozen=True)
class StoredFault:
    """A fault as its first sender has reported it; it concerns `affected` rows or flares."""

    fault: InjectedFault
    sender_id: str
    first_seen_at: datetime
    affected: int


@dataclass(frozen=True)
class Statement:
    """What the product has said of a fault, and the first time of the Sun at which it did.

    `at` is None where nothing was said, or where no time of the Sun belongs to it: counts are
    written at receipt.
    """

    said: tuple[str, ...] = ()
    at: datetime | None = None


def refuse_present(connection: sa.Connection, *, now: datetime) -> None:
    """Refuse faults in a store that shows the real Sun of today.

    Raises
    ------
    ConflictError
        When its clock is that on the wall and it has records of the last days that are not
        simulated.
    """
    if read_clock(connection).is_replay:
        return
    newest = connection.scalar(
        sa.select(sa.func.max(regions.c.last_t_rec)).where(regions.c.series != SIMULATED_SERIES)
    )
    if newest is not None and newest > now - LIVE_FOR:
        raise ConflictError(
            f"the store forecasts the present, last from a record of {isoformat(newest)}; faults"
            " are injected into a replay or a simulation in a store of its own"
        )


def store_faults(
    connection: sa.Connection,
    faults: Sequence[tuple[InjectedFault, int]],
    *,
    sender: str,
    now: datetime,
) -> int:
    """Store faults with how much each affects; return how many the store did not know."""
    table = injected_faults.c
    names = [fault.fault_id for fault, _ in faults]
    known = set(connection.scalars(sa.select(table.fault_id).where(table.fault_id.in_(names))))
    new = {fault.fault_id: (fault, n) for fault, n in faults if fault.fault_id not in known}
    rows = [
        (
            *(fault_id, fault.kind, fault.start_at, fault.end_at, fault.region),
            *(fault.amount, fault.seed, sender, now, n),
        )
        for fault_id, (fault, n) in sorted(new.items())
    ]
    # Of two senders with the same file the first one counts.
    upsert(connection, injected_faults, columns=_COLUMNS, rows=rows, keep=_COLUMNS[1:])
    return len(new)


def list_faults(
    connection: sa.Connection,
    *,
    until: datetime | None = None,
    limit: int = MOST_FAULTS,
    after: tuple[datetime, str] | None = None,
) -> list[StoredFault]:
    """Read the faults that have begun by a time of the Sun, or all, the earliest first."""
    table = injected_faults.c
    query = sa.select(injected_faults)
    if until is not None:
        query = query.where(table.from_at <= until)
    if after is not None:
        query = query.where(sa.tuple_(table.from_at, table.fault_id) > after)
    rows = connection.execute(query.order_by(table.from_at, table.fault_id).limit(limit))
    return [_stored(row) for row in rows]


def _stored(row: sa.Row[Any]) -> StoredFault:
    fault = InjectedFault(row.kind, row.from_at, row.to_at, row.region, row.amount, row.seed)
    return StoredFault(fault, row.sender_id, row.first_seen_at, row.n_affected)


def statements(
    connection: sa.Connection, faults: Sequence[StoredFault], *, now: datetime
) -> list[Statement]:
    """Return what the product has said of each fault up to `now`, a time of the Sun."""
    counts = _counts(connection, faults)
    return [_statement(connection, stored, counts, now=now) for stored in faults]


def _statement(
    connection: sa.Connection, stored: StoredFault, counts: Mapping[str, int], *, now: datetime
) -> Statement:
    fault, n = stored.fault, counts.get(stored.fault.fault_id)
    if n:
        return Statement((_several(n, *_COUNTED[fault.kind]),))
    look = _LOOKS.get(fault.kind)
    return Statement() if look is None else look(connection, fault, now)


def _several(n: int, noun: str, rest: str = "") -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}{rest}"


def _staleness(connection: sa.Connection, fault: InjectedFault, now: datetime) -> Statement:
    """Say when the newest record was older than two usual steps, by the forecasts' issue."""
    model = live_model(connection)
    if model is None:
        return Statement()
    table, end_at = predictions.c, fault.end_at + fault.delay
    issued_at = sa.func.min(table.issued_at).label("issued_at")
    query = (
        sa.select(table.t_rec, issued_at)
        .where(
            table.model_id == model.model_id,
            table.t_rec >= fault.start_at - _DAY,
            table.t_rec <= min(now, end_at + _DAY),
        )
        .group_by(table.t_rec)
        .limit(_MOST_ROWS)
    )
    arrivals = [(row.issued_at, row.t_rec) for row in connection.execute(query)]
    stale_after = max(2 * usual_step(connection, fault.start_at), LEAST_STALE)
    at = stale_at(arrivals, stale_after=stale_after, now=now)
    begun = next((each for each in at if fault.start_at <= each <= end_at + stale_after), None)
    said = ("silent sender, stale data",) if fault.kind == "silence" else ("stale data",)
    return Statement() if begun is None else Statement(said, begun)


def _lateness(connection: sa.Connection, fault: InjectedFault, now: datetime) -> Statement:
    """Say how many records came after a newer one of their region, and whether data were stale."""
    table = observations.c
    query = sa.select(table.region_id, table.t_rec, table.received_at).where(
        table.t_rec >= fault.start_at, table.t_rec <= min(now, fault.end_at + fault.delay)
    )
    rows = connection.execute(_of_region(query, table.region_id, fault).limit(_MOST_ROWS))
    n = late_records(
        [(row.region_id, row.t_rec, row.received_at) for row in rows], until=fault.end_at
    )
    stale = _staleness(connection, fault, now) if fault.kind == "late" else Statement()
    return Statement((*stale.said, _several(n, "row", " late")), stale.at) if n else stale


def _of_region(query: Selected, region_id: sa.Column[int], fault: InjectedFault) -> Selected:
    if fault.region is None:
        return query
    return query.where(region_id.in_((fault.region, -fault.region)))


def _gaps(connection: sa.Connection, fault: InjectedFault, now: datetime) -> Statement:
    """Say in how many regions a series breaks, and whether the data were stale meanwhile."""
    table = observations.c
    query = sa.select(table.region_id, table.t_rec).where(
        table.t_rec >= fault.start_at - _DAY, table.t_rec <= min(now, fault.end_at + _DAY)
    )
    ordered = _of_region(query, table.region_id, fault).order_by(table.region_id, table.t_rec)
    rows = connection.execute(ordered.limit(_MOST_ROWS))
    steps = _missing_after(connection, fault)
    noted = [
        noted_at
        for _, records in groupby(rows, key=lambda row: row.region_id)
        for noted_at in gap_noted_at([row.t_rec for row in records], fault, longest_step=steps)
    ]
    stale = _staleness(connection, fault, now)
    if not noted:
        return stale
    times = [at for at in (stale.at, min(noted)) if at is not None]
    regions_told = f"gap noted in {_several(len(noted), 'region')}"
    return Statement((*stale.said, regions_told), min(times))


def _missing_after(connection: sa.Connection, fault: InjectedFault) -> timedelta:
    return _MISSING_STEPS * usual_step(connection, fault.start_at)


def _fallback(connection: sa.Connection, fault: InjectedFault, now: datetime) -> Statement:
    """Say how many forecasts of the live model stand on a lower fallback level."""
    model = live_model(connection)
    start_at, end_at = fault.start_at, fault.end_at + fault.delay
    if fault.kind == "flare-list-delay":
        # A list that lags by less still counts as complete.
        start_at += LIST_MAY_LAG
    if model is None or (fault.delay and fault.delay <= LIST_MAY_LAG):
        return Statement()
    table = predictions.c
    query = sa.select(table.rung, sa.func.count(), sa.func.min(table.t_rec)).where(
        table.model_id == model.model_id,
        table.t_rec >= start_at,
        table.t_rec < end_at,
        table.t_rec <= now,
        table.rung != "full",
    )
    by_level = _of_region(query, table.region_id, fault).group_by(table.rung).order_by(table.rung)
    rows = connection.execute(by_level).all()
    said = tuple(f"fallback level {rung} in {_several(n, 'forecast')}" for rung, n, _ in rows)
    return Statement(said, min((first for _, _, first in rows), default=None))


def _missing_xrays(connection: sa.Connection, fault: InjectedFault, now: datetime) -> Statement:
    table = xray_flux.c
    query = sa.select(table.minute_at).where(
        table.minute_at >= fault.start_at - _DAY,
        table.minute_at <= min(now, fault.end_at + _DAY),
        table.flux_w_m2.is_not(None),
    )
    minutes = list(connection.scalars(query.order_by(table.minute_at).limit(_MOST_ROWS)))
    times = [last + XRAYS_MAY_LAG for last, following in pairwise([*minutes, now])
             if following - last > XRAYS_MAY_LAG]  # fmt: skip
    at = next((each for each in times if fault.start_at <= each <= fault.end_at), None)
    return Statement() if at is None else Statement(("X-rays missing",), at)


def _satellites(connection: sa.Connection, fault: InjectedFault, now: datetime) -> Statement:
    table = xray_flux.c
    query = (
        sa.select(table.minute_at, table.satellite)
        .where(
            table.minute_at >= fault.start_at - _MINUTE,
            table.minute_at <= min(now, fault.end_at),
        )
        .order_by(table.minute_at)
        .limit(_MOST_ROWS)
    )
    for before, after in pairwise(connection.execute(query)):
        if before.satellite != after.satellite:
            said = f"satellite {after.satellite} after {before.satellite}"
            return Statement((said,), after.minute_at)
    return Statement()


_Look = Callable[[sa.Connection, InjectedFault, datetime], Statement]
_LOOKS: Mapping[Kind, _Look] = {
    "gap": _gaps,
    "late": _lateness,
    "disorder": _lateness,
    "silence": _staleness,
    "missing-keywords": _fallback,
    "flare-list-delay": _fallback,
    "xrs-gap": _missing_xrays,
    "satellite-switch": _satellites,
}


# The words for the rows that are counted when they are received.
_COUNTED: Mapping[Kind, tuple[str, str]] = {
    "corrupt": ("row", " rejected"),
    "quality": ("row", " rejected"),
    "duplicate": ("duplicate", ""),
}


def _counts(connection: sa.Connection, faults: Sequence[StoredFault]) -> dict[str, int]:
    """Return the rows that were counted for each fault; those of one kind share them in turn."""
    counts: dict[str, int] = {}
    for kind in _COUNTED:
        alike = [stored for stored in faults if stored.fault.kind == kind]
        if alike:
            since = min(stored.first_seen_at for stored in alike)
            expected = {stored.fault.fault_id: _expected(stored) for stored in alike}
            counts |= allotted(_total(connection, kind, since), expected)
    return counts


def _total(connection: sa.Connection, kind: Kind, since: datetime) -> int:
    """Count the rows of a kind received since a time."""
    table = ingest_flow.c
    query = sa.select(sa.func.sum(table.duplicates)).where(
        table.span_seconds == _FLOW_SPAN, table.start_at >= since - _MINUTE
    )
    if kind in _REJECTED_FIELD:
        hour_at = since.replace(minute=0, second=0, microsecond=0)
        query = sa.select(sa.func.sum(rejections.c.n)).where(
            rejections.c.hour_at >= hour_at, rejections.c.path == _REJECTED_FIELD[kind]
        )
    return int(connection.scalar(query) or 0)


def _expected(stored: StoredFault) -> int:
    copies = stored.fault.amount if stored.fault.kind == "duplicate" else None
    return stored.affected * int(copies or 1)
