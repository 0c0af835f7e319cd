"""Conflicts: the accounts that lose when a batch comes, written down before they are gone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import sqlalchemy as sa

from app.ingest.batch import Batch
from app.ingest.standing import Standing
from database.observations.records import KEYWORD_COLUMNS
from database.observations.versions import (
    keep_replaced_versions,
    keep_superseded_arrivals,
    update_made_at,
)
from database.regions.regions import correct_positions
from solar.precedence import REASONS


def keep_conflicts(
    connection: sa.Connection, batch: Batch, region_ids: Sequence[int], found: Standing,
    *, sender_id: str, now: datetime,
) -> None:  # fmt: skip
    """Keep the losers of a batch and of the store, before the batch is written."""
    update_made_at(connection, found.redated, found.redated_at)
    if len(found.replaced):
        keep_replaced_versions(connection, found.replaced, found.replaced_grounds, now=now)
    if found.outranked:
        _keep_outranked(connection, batch, region_ids, found, sender_id=sender_id, now=now)


def _keep_outranked(
    connection: sa.Connection, batch: Batch, region_ids: Sequence[int], found: Standing,
    *, sender_id: str, now: datetime,
) -> None:  # fmt: skip
    lost = batch.take(found.outranked)
    columns = {
        "region_id": np.array([region_ids[row] for row in found.outranked], np.int64),
        "t_rec": lost.times,
        "content_hash": np.array(lost.content_hashes(), np.int64),
        "series": lost.series,
        "made_at": lost.made_at,
        "quality": lost.quality,
        "lon_fwt": lost.lon_fwt,
        "lat_fwt": lost.lat_fwt,
        **dict(zip(KEYWORD_COLUMNS, lost.keywords.T, strict=True)),
        "revision": None,
        "reason": [REASONS[ground] for ground in found.outranked_grounds],
        "sender_id": sender_id,
        "received_at": now,
        "lost_at": now,
    }
    keep_superseded_arrivals(connection, columns)


def correct_regions(connection: sa.Connection, region_ids: Sequence[int], found: Standing) -> None:
    """Show the regions of rows that lost where the records that hold put them."""
    correct_positions(connection, sorted({region_ids[row] for row in found.beaten}))
