"""Pages of the store for a snapshot run: records, flares, regions and coverage of its time."""

from __future__ import annotations

import pyarrow as pa
import sqlalchemy as sa

from app.contract.lab import SnapshotParameters
from app.contract.responses import read_cursor, write_cursor
from database.lab.runs import SNAPSHOT, Run
from database.lab.snapshot import POSITIONS, snapshot_page
from solar.errors import NotFoundError
from solar.time import Window


def store_page(
    connection: sa.Connection, run: Run, table: str, cursor: str | None
) -> tuple[pa.Table, str | None]:
    """Read a page of a table of the store, and the cursor of the next one, None after the last.

    Raises NotFoundError for what the run does not ask.
    """
    if run.kind != SNAPSHOT or table not in POSITIONS:
        raise NotFoundError(f"a {run.kind} run reads no {table[:40]} of the store")
    asked = SnapshotParameters.model_validate(run.parameters)
    after = read_cursor(cursor, *POSITIONS[table])
    page = snapshot_page(connection, Window(asked.from_, asked.to), table, after=after)
    return page.rows, None if page.position is None else write_cursor(page.position)
