"""Forecast rows: what a model said of some records, as rows for the store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from app.ingest.nulls import nullable
from app.ingest.windows import Integers
from database.observations import Key, Records
from model_training.artifact import Scores


def forecast_rows(
    model_id: str, keys: Sequence[Key],
    *, scores: Scores, revisions: Sequence[int], now: datetime,
) -> list[tuple[Any, ...]]:  # fmt: skip
    """Return one row per forecast in the order of `database.predictions.COLUMNS`."""
    columns = zip(
        keys, nullable(scores.calibrated), nullable(scores.raw),
        scores.rung.tolist(), scores.reason, nullable(scores.imputed_share), revisions,
        strict=True,
    )  # fmt: skip
    return [
        (*key, model_id, *calibrated, *raw, rung, reason, share, revision, now)
        for key, calibrated, raw, rung, reason, share, revision in columns
    ]


def keys_of(records: Records, places: Integers) -> list[Key]:
    """Return the region and the time of some records as the store names them."""
    times = (at.replace(tzinfo=UTC) for at in records.t_rec[places].tolist())
    return list(zip(records.region_id[places].tolist(), times, strict=True))
