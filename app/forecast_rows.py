"""Forecast rows: what a model said of a batch, as rows for the store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app.nulls import nullable
from model_training.artifact import Scores


def forecast_rows(
    model_id: str, region_ids: Sequence[int], times: Sequence[datetime],
    *, scores: Scores, revisions: Sequence[int], now: datetime,
) -> list[tuple[Any, ...]]:  # fmt: skip
    """Return one row per observation in the order of `database.predictions.COLUMNS`."""
    columns = zip(
        region_ids, times, nullable(scores.calibrated), nullable(scores.raw),
        scores.rung.tolist(), scores.reason, nullable(scores.imputed_share), revisions,
        strict=True,
    )  # fmt: skip
    return [
        (region_id, t_rec, model_id, *calibrated, *raw, rung, reason, share, revision, now)
        for region_id, t_rec, calibrated, raw, rung, reason, share, revision in columns
    ]
