"""Server processes: the processes that score records, and which line-up each of them serves."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from database.engine import store_time
from database.schema.lifecycle_tables import server_processes
from database.upsert import upsert

API, CONSUMER = "api", "consumer"
# A process that has been silent for so long is gone.
SILENCE = timedelta(seconds=30)
_FORGOTTEN_AFTER = timedelta(days=1)
_MOST = 1_000
_LONGEST_FAULT, _LONGEST_HOST = 1_000, 255


@dataclass(frozen=True)
class ServerProcess:
    """A worker of the API, or a consumer; times are by the clock of the store.

    `line_up` is the number of the line-up that it serves, None for the stage file of its own
    folder; `fault` says why that is not the newest one.
    """

    process_id: str
    kind: str
    host: str
    pid: int
    line_up: int | None
    fault: str | None
    began_at: datetime
    seen_at: datetime


def note_process(
    connection: sa.Connection,
    process_id: str,
    *,
    kind: str,
    host: str,
    pid: int,
    line_up: int | None,
    fault: str | None,
) -> None:
    """Write that a process lives and what it serves; who has been gone for a day is forgotten."""
    now = store_time(connection)
    seen_at = server_processes.c.seen_at
    connection.execute(server_processes.delete().where(seen_at < now - _FORGOTTEN_AFTER))
    short = None if fault is None else fault[:_LONGEST_FAULT]
    process = ServerProcess(process_id, kind, host[:_LONGEST_HOST], pid, line_up, short, now, now)
    columns = asdict(process)
    upsert(
        connection,
        server_processes,
        columns=tuple(columns),
        rows=[tuple(columns.values())],
        keep=("began_at",),
    )


def forget_process(connection: sa.Connection, process_id: str) -> None:
    """Delete the row of a process that ends."""
    is_it = server_processes.c.process_id == process_id
    connection.execute(server_processes.delete().where(is_it))


def list_processes(connection: sa.Connection) -> list[ServerProcess]:
    """Return the processes that are not gone, the oldest first."""
    c = server_processes.c
    query = sa.select(server_processes).where(c.seen_at >= store_time(connection) - SILENCE)
    rows = connection.execute(query.order_by(c.began_at, c.process_id).limit(_MOST))
    return [ServerProcess(*row) for row in rows]
