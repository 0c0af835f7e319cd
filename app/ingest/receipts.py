"""Receipts: what became of the rows of a batch, put in the order of its request."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from app.ingest.batch import Batch, Rejection
from database.receipt import REJECTED, Receipt
from solar.time import to_datetime64


def receipt(
    batch: Batch,
    rejected: Sequence[Rejection],
    *,
    fates: Sequence[int],
    newest: Sequence[datetime | None],
    now: datetime,
    predictions: int,
    seconds: float,
) -> Receipt:
    """Lay out a request of n rows: those of `batch`, with `fates` and `newest`, and the rest.

    `newest` is the time of the newest record that each row's region had before, None without.
    """
    n = len(batch) + len(rejected)
    place = np.array(batch.index, np.int64)
    fate = np.full(n, REJECTED, np.int8)
    fate[place] = fates
    is_late = np.zeros(n, bool)
    is_late[place] = [
        before is not None and at < before for at, before in zip(batch.t_rec, newest, strict=True)
    ]
    latency = np.full(n, np.nan)
    latency[place] = (to_datetime64(now) - batch.times) / np.timedelta64(1, "s")
    return Receipt(fate, is_late, latency, predictions=predictions, seconds=seconds)
