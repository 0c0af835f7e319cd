"""Time that passes on the clock of the store, without waiting for it."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from database.engine import writing
from database.schema.tables import shard_members, shared_sources


def let_pass(engine: sa.Engine, seconds: float) -> None:
    """Make all that leases remember so much older; a negative time is a step back of the clock."""
    remembered = (
        (shared_sources, ("began_at", "heard_at")),
        (shard_members, ("joined_at", "seen_at")),
    )
    with writing(engine) as connection:
        for table, names in remembered:
            for row in connection.execute(sa.select(table)).all():
                older = {name: row._mapping[name] - timedelta(seconds=seconds) for name in names}
                key = [column == row._mapping[column.name] for column in table.primary_key]
                connection.execute(sa.update(table).where(*key).values(older))
