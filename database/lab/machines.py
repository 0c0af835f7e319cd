"""Machines: what each host has, and how much of it was in use over the last day."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from database.schema.lab_tables import machine_samples
from database.upsert import upsert
from solar.machine import MachineSample

# A host is sampled so often; what several workers on it say within that time is one sample.
EVERY = timedelta(seconds=10)
KEPT = timedelta(days=1)
# A day is shown by the means of so many seconds: 360 points.
STRETCH_SECONDS = 240
_SHORT = timedelta(hours=1)
_MOST_HOSTS = 50
_MEASURED = ("cpu", "memory_used", "disk_used", "gpu")
_COLUMNS = tuple(column.name for column in machine_samples.columns)


@dataclass(frozen=True)
class Machine:
    """A host: its newest sample, and what was in use over a time.

    `series` holds columns of equal length: ``at``, and ``cpu``, ``memory_used``, ``disk_used`` and
    ``gpu`` (None where there is none). Where the host was silent there is no point.
    """

    host: str
    seen_at: datetime
    facts: dict[str, Any]
    series: dict[str, list[Any]]


def add_sample(
    connection: sa.Connection, host: str, sample: MachineSample, *, now: datetime
) -> None:
    """Store a sample of a host, one in each `EVERY`, and forget those older than `KEPT`."""
    seconds = EVERY.total_seconds()
    at = datetime.fromtimestamp(now.timestamp() // seconds * seconds, now.tzinfo)
    uses = [gpu.use for gpu in sample.gpus if gpu.use is not None]
    facts = asdict(sample)
    row = {
        "host": host,
        "at": at,
        "stretch": int(at.timestamp()) // STRETCH_SECONDS,
        "gpu": sum(uses) / len(uses) if uses else None,
        "facts": json.dumps(facts),
    } | {name: facts[name] for name in _MEASURED[:-1]}
    upsert(
        connection,
        machine_samples,
        columns=_COLUMNS,
        rows=[tuple(row[name] for name in _COLUMNS)],
    )
    if int(at.timestamp()) % STRETCH_SECONDS == 0:
        connection.execute(machine_samples.delete().where(machine_samples.c.at < now - KEPT))


def list_machines(connection: sa.Connection, *, span: timedelta, now: datetime) -> list[Machine]:
    """Return the hosts seen within a day, by name, with what was in use over `span`.

    Up to an hour it is every sample, beyond that the means of stretches of four minutes.
    """
    table = machine_samples.c
    last = (
        sa.select(table.host, sa.func.max(table.at).label("at"))
        .where(table.at > now - KEPT)
        .group_by(table.host)
        .limit(_MOST_HOSTS)
        .subquery()
    )
    is_newest = sa.and_(last.c.host == table.host, last.c.at == table.at)
    newest = sa.select(table.host, table.at, table.facts).join(last, is_newest).order_by(table.host)
    series = _series(connection, span=span, now=now)
    return [
        Machine(host, at, json.loads(facts), _columns(series.get(host, [])))
        for host, at, facts in connection.execute(newest)
    ]


def _series(
    connection: sa.Connection, *, span: timedelta, now: datetime
) -> dict[str, list[Sequence[Any]]]:
    table = machine_samples.c
    measured = [table[name] for name in _MEASURED]
    is_shown = table.at > now - span
    if span <= _SHORT:
        query = sa.select(table.host, table.at, *measured).where(is_shown).order_by(table.at)
    else:
        means = [sa.func.avg(column) for column in measured]
        begin = sa.func.min(table.at).label("at")
        query = sa.select(table.host, begin, *means).where(is_shown)
        query = query.group_by(table.host, table.stretch).order_by(table.stretch)
    found: dict[str, list[Sequence[Any]]] = {}
    for host, *values in connection.execute(query):
        found.setdefault(host, []).append(values)
    return found


def _columns(rows: list[Sequence[Any]]) -> dict[str, list[Any]]:
    """Return rows as columns; a database may answer means as decimal numbers."""
    at, *measured = zip(*rows, strict=True) if rows else [()] * (1 + len(_MEASURED))
    plain = [[None if one is None else float(one) for one in column] for column in measured]
    return {"at": list(at), **dict(zip(_MEASURED, plain, strict=True))}
