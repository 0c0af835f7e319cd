"""The line: the queued runs in the order of queueing, and the runs that have a slot."""

from __future__ import annotations

import sqlalchemy as sa

from database.lab.runs import PUBLISHED, QUEUED, RUNNING, Run, as_run
from database.schema.lab_tables import runs

# Further back a place in the line is of no interest.
_MOST_PLACES = 2000


def waiting_runs(connection: sa.Connection, *, limit: int) -> list[Run]:
    """Return the queued runs of everybody, the oldest first."""
    query = sa.select(runs).where(*_is_queued()).order_by(runs.c.queued_at, runs.c.run_id)
    return [as_run(row) for row in connection.execute(query.limit(limit))]


def places(connection: sa.Connection) -> dict[str, int]:
    """Return the place of queued runs by the time of queueing, from 1.

    Whose turn it is depends on the owners as well, so that a run may come earlier or later.
    """
    query = sa.select(runs.c.run_id).where(*_is_queued())
    ordered = query.order_by(runs.c.queued_at, runs.c.run_id).limit(_MOST_PLACES)
    return {run_id: place for place, run_id in enumerate(connection.execute(ordered).scalars(), 1)}


def runs_in_slots(connection: sa.Connection) -> list[Run]:
    """Return the runs of everybody that workers have, by the time of their start."""
    query = (
        sa.select(runs)
        .where(runs.c.state.in_((PUBLISHED, RUNNING)), runs.c.deleted_at.is_(None))
        .order_by(runs.c.published_at)
    )
    return [as_run(row) for row in connection.execute(query)]


def _is_queued() -> tuple[sa.ColumnElement[bool], ...]:
    return runs.c.state == QUEUED, runs.c.deleted_at.is_(None)
