"""Injected faults as senders report them, and what the product has said of each by now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from typing import Any

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
from solar.injected_faults import InjectedFault, Kind
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
    until: datetime,
    limit: int = MOST_FAULTS,
    after: tuple[datetime, str] | None = None,
) -> list[StoredFault]:
    """Read the faults that have begun by a time of the Sun, in the order of their beginning."""
    table = injected_faults.c
    query = sa.select(injected_faults).where(table.from_at <= until)
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
    fault, n = stored.fault, counts.get(stored.fault.fault_id, 0)
    if n:
        told = (f"{n} {_COUNTED[fault.kind][1]}",)
        seen = _seen(connection, fault, now=now)
        return Statement((*seen.said, *told), seen.at)
    return _seen(connection, fault, now=now)


def _seen(connection: sa.Connection, fault: InjectedFault, *, now: datetime) -> Statement:
    look = _LOOKS.get(fault.kind)
    return Statement() if look is None else look(connection, fault, now)


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


def _gaps(connection: sa.Connection, fault: InjectedFault, now: datetime) -> Statement:
    """Say in how many regions a series breaks, and whether the data were stale meanwhile."""
    table = observations.c
    query = sa.select(table.region_id, table.t_rec).where(
        table.t_rec >= fault.start_at - _DAY, table.t_rec <= min(now, fault.end_at + _DAY)
    )
    if fault.region is not None:
        query = query.where(table.region_id.in_((fault.region, -fault.region)))
    rows = connection.execute(query.order_by(table.region_id, table.t_rec).limit(_MOST_ROWS))
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
    regions_told = f"gap noted in {len(noted)} region{'' if len(noted) == 1 else 's'}"
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
    if fault.region is not None:
        query = query.where(table.region_id.in_((fault.region, -fault.region)))
    rows = connection.execute(query.group_by(table.rung).order_by(table.rung)).all()
    said = tuple(f"fallback level {rung} in {n} forecasts" for rung, n, _ in rows)
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
    "late": _staleness,
    "silence": _staleness,
    "missing-keywords": _fallback,
    "flare-list-delay": _fallback,
    "xrs-gap": _missing_xrays,
    "satellite-switch": _satellites,
}


def stale_at(
    arrivals: Iterable[tuple[datetime, datetime]], *, stale_after: timedelta, now: datetime
) -> list[datetime]:
    """Return when the data became stale, by when each time of record arrived.

    Parameters
    ----------
    arrivals : the time of arrival and that of the record, both of the Sun, in any order
    stale_after : the greatest age of the newest record that is not stale
    """
    ordered = sorted(arrivals)
    begun: list[datetime] = []
    newest: datetime | None = None
    followed_at = [*(arrived_at for arrived_at, _ in ordered), now][1:]
    for (arrived_at, t_rec), next_at in zip(ordered, followed_at, strict=True):
        newest = t_rec if newest is None else max(newest, t_rec)
        at = max(arrived_at, newest + stale_after)
        if at < next_at and newest + stale_after > arrived_at:
            begun.append(at)
    return begun


def gap_noted_at(
    times: Sequence[datetime], fault: InjectedFault, *, longest_step: timedelta
) -> list[datetime]:
    """Return the end of the first gap in the records of a region that touches a fault, if any."""
    ends = (
        following
        for last, following in pairwise(times)
        if following - last > longest_step and following > fault.start_at and last < fault.end_at
    )
    first = next(ends, None)
    return [] if first is None else [first]


# The counter of the flow that tells of a kind, or None for rejected rows, and the words for it.
_COUNTED: Mapping[Kind, tuple[str | None, str]] = {
    "corrupt": (None, "rows rejected"),
    "quality": (None, "rows rejected"),
    "duplicate": ("duplicates", "duplicates"),
    "late": ("late", "rows late"),
    "disorder": ("late", "rows late"),
}


def _counts(connection: sa.Connection, faults: Sequence[StoredFault]) -> dict[str, int]:
    """Return the rows that were counted for each fault; faults counted alike share them in turn."""
    counts: dict[str, int] = {}
    for counter in {_counter(stored.fault.kind) for stored in faults} - {None}:
        alike = [stored for stored in faults if _counter(stored.fault.kind) == counter]
        since = min(stored.first_seen_at for stored in alike)
        total = _total(connection, str(counter), since)
        counts |= allotted(total, {f.fault.fault_id: _expected(f) for f in alike})
    return counts


def _counter(kind: Kind) -> str | None:
    if kind in _REJECTED_FIELD:
        return f"rejected {_REJECTED_FIELD[kind]}"
    return _COUNTED[kind][0] if kind in _COUNTED else None


def _total(connection: sa.Connection, counter: str, since: datetime) -> int:
    field = counter.removeprefix("rejected ")
    if field != counter:
        hour_at = since.replace(minute=0, second=0, microsecond=0)
        query = sa.select(sa.func.sum(rejections.c.n)).where(
            rejections.c.hour_at >= hour_at, rejections.c.path == field
        )
    else:
        query = sa.select(sa.func.sum(ingest_flow.c[counter])).where(
            ingest_flow.c.span_seconds == _FLOW_SPAN, ingest_flow.c.start_at >= since - _MINUTE
        )
    return int(connection.scalar(query) or 0)


def _expected(stored: StoredFault) -> int:
    copies = stored.fault.amount if stored.fault.kind == "duplicate" else None
    return stored.affected * int(copies or 1)


def allotted(total: int, expected: Mapping[str, int]) -> dict[str, int]:
    """Share a count among faults in their order, to each what it is expected to have caused."""
    shares: dict[str, int] = {}
    for fault_id, most in expected.items():
        shares[fault_id] = min(total, most)
        total -= shares[fault_id]
    return shares
