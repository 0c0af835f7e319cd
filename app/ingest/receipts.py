"""Receipts: what became of the rows of a batch, put in the order of its request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from app.ingest.batch import Batch, Rejection
from database.delivery.row_outcomes import REJECTED, RowOutcomes
from solar.time import to_datetime64


def receipt(
    batch: Batch,
    rejected: Sequence[Rejection],
    *,
    fates: Sequence[int] | NDArray[np.int64],
    region_ids: Sequence[int],
    newest: Mapping[int, datetime],
    now: datetime,
    predictions: int,
    seconds: float,
) -> RowOutcomes:
    """Lay out a request of n rows: those of `batch`, with `fates` and `region_ids`, and the rest.

    `newest` is the time of the newest record that a region had before; a new one has none.
    """
    n, place = len(batch) + len(rejected), batch.index
    fate = np.full(n, REJECTED, np.int8)
    fate[place] = fates
    is_late = np.zeros(n, bool)
    is_late[place] = batch.times < _newest_before(region_ids, newest)
    latency = np.full(n, np.nan)
    latency[place] = (to_datetime64(now) - batch.times) / np.timedelta64(1, "s")
    return RowOutcomes(fate, is_late, latency, predictions=predictions, seconds=seconds)


def _newest_before(
    region_ids: Sequence[int], newest: Mapping[int, datetime]
) -> NDArray[np.datetime64]:
    """Return the time of the newest record of each row's region, NaT without one."""
    different, of_row = np.unique(np.array(region_ids, np.int64), return_inverse=True)
    known = [newest.get(region_id) for region_id in different.tolist()]
    times = [None if at is None else at.replace(tzinfo=None) for at in known]
    return np.array(times, "datetime64[us]")[of_row]
