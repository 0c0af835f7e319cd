"""Every record of a selection, however many, in order of time and with bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from database.engine import reading
from database.exploration.records import records
from database.exploration.selection import Selection, conditions, source
from database.tables import observations, predictions, regions

BATCH = 2_000


@dataclass(frozen=True)
class Position:
    """The key of the last record that was read."""

    t_rec: datetime
    region_id: int


def batches(engine: sa.Engine, selection: Selection) -> Iterator[list[dict[str, Any]]]:
    """Yield the records from old to new; no connection is held between two batches.

    Each record has the names of `selection.COLUMNS` and is a key of its own, so
    what is written meanwhile is neither read twice nor makes another record fall out.
    """
    position: Position | None = None
    while True:
        with reading(engine) as connection:
            found = batch(connection, selection, after=position)
        if found:
            yield found
        if len(found) < BATCH:
            return
        position = Position(found[-1]["t_rec"], found[-1]["region_id"])


def batch(
    connection: sa.Connection, selection: Selection, *, after: Position | None
) -> list[dict[str, Any]]:
    """Read up to `BATCH` records behind a position."""
    statement = (
        records()
        .select_from(source(selection, observations, regions))
        .where(*conditions(selection))
        .order_by(predictions.c.t_rec, predictions.c.region_id)
        .limit(BATCH)
    )
    if after is not None:
        # The first condition alone lets the index find its start; OR would not.
        statement = statement.where(
            predictions.c.t_rec >= after.t_rec,
            sa.or_(predictions.c.t_rec > after.t_rec, predictions.c.region_id > after.region_id),
        )
    return [dict(row) for row in connection.execute(statement).mappings()]
