"""Reissue: forecasts of one model that are made again because a record came late."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from database.observations import Key, combinations
from database.predictions import COLUMNS
from database.tables import predictions, superseded_predictions
from database.upsert import upsert

_REVISION = COLUMNS.index("revision")


def reissue(
    connection: sa.Connection, model_id: str, keys: Sequence[Key], *, now: datetime
) -> dict[Key, int]:
    """Keep what a model forecast for these regions and times before it is replaced.

    Returns
    -------
    the revision that the next forecast of each key has; keys without a forecast are absent
    """
    wanted, table = set(keys), predictions.c
    following: dict[Key, int] = {}
    for region_ids, times in combinations(sorted(wanted)):
        query = sa.select(*(table[name] for name in COLUMNS)).where(
            table.region_id.in_(region_ids), table.t_rec.in_(times), table.model_id == model_id
        )
        rows = [(*row, now) for row in connection.execute(query) if tuple(row[:2]) in wanted]
        upsert(connection, superseded_predictions, columns=(*COLUMNS, "superseded_at"), rows=rows)
        following |= {(row[0], row[1]): row[_REVISION] + 1 for row in rows}
    return following
