"""Forecasts: the scores of models for many records, as columns; rows are made on demand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.contract.columns import Bools, Coded, Floats, Integers, Times, nullable
from database.predictions.predictions import COLUMNS
from model_training.artefact.artifact import Scores
from solar.flares import EVENTS


@dataclass(frozen=True)
class Forecasts:
    """n forecasts, all issued at the same time; NaN is none.

    Parameters
    ----------
    region_id, revision : (n,) int64
    t_rec : (n,) datetime64[us], UTC
    model_ids : (n,) ``name@version``
    calibrated, raw : (n, events) in the order of `EVENTS`
    fallback_level, reason : (n,) as in `Scores`
    imputed_share : (n,)
    """

    region_id: Integers
    t_rec: Times
    model_ids: Coded[str]
    calibrated: Floats
    raw: Floats
    fallback_level: NDArray[np.str_]
    reason: list[str | None]
    imputed_share: Floats
    revision: Integers
    issued_at: datetime

    def __len__(self) -> int:
        return len(self.region_id)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Yield rows in the order of the columns of the store, with None for NaN."""
        times = [at.replace(tzinfo=UTC) for at in self.t_rec.tolist()]
        columns = zip(
            self.region_id.tolist(),
            times,
            self.model_ids.rows(),
            nullable(self.calibrated),
            nullable(self.raw),
            self.fallback_level.tolist(),
            self.reason,
            nullable(self.imputed_share),
            self.revision.tolist(),
            strict=True,
        )
        for region_id, t_rec, model_id, calibrated, raw, *others in columns:
            yield (region_id, t_rec, model_id, *calibrated, *raw, *others, self.issued_at)

    def of(self, model_id: str) -> Forecasts:
        """Return the forecasts of one model."""
        names = np.array([name == model_id for name in self.model_ids.values], np.bool_)
        return self if names.all() else self.where(names[self.model_ids.codes])

    def where(self, chosen: Bools) -> Forecasts:
        """Return the chosen (n,) forecasts, in this order."""
        rows = np.flatnonzero(chosen)
        return Forecasts(
            self.region_id[rows],
            self.t_rec[rows],
            self.model_ids.take(rows),
            self.calibrated[rows],
            self.raw[rows],
            self.fallback_level[rows],
            [self.reason[row] for row in rows.tolist()],
            self.imputed_share[rows],
            self.revision[rows],
            self.issued_at,
        )

    def columns(self) -> dict[str, Any]:
        """Return the columns under their names in the store, in the order of its table."""
        calibrated = {event.column: self.calibrated[:, at] for at, event in enumerate(EVENTS)}
        raw = {f"{event.column}_raw": self.raw[:, at] for at, event in enumerate(EVENTS)}
        columns = {
            "region_id": self.region_id,
            "t_rec": self.t_rec,
            "model_id": self.model_ids.rows(),
            **calibrated,
            **raw,
            "rung": self.fallback_level,
            "reason": self.reason,
            "imputed_share": self.imputed_share,
            "revision": self.revision,
            "issued_at": self.issued_at,
        }
        return {name: columns[name] for name in COLUMNS}

    def days(self) -> list[Any]:
        """Return the UTC days of the forecasts, each once."""
        days: list[Any] = np.unique(self.t_rec.astype("datetime64[D]")).tolist()
        return days


def forecasts_of(
    model_id: str,
    region_id: Integers,
    t_rec: Times,
    *,
    scores: Scores,
    revision: Integers,
    now: datetime,
) -> Forecasts:
    """Return the scores of a model as the forecasts of the records it looked at, (n,) each."""
    return Forecasts(
        region_id,
        t_rec,
        Coded((model_id,), np.zeros(len(region_id), np.int64)),
        scores.calibrated,
        scores.raw,
        scores.fallback_level,
        scores.reason,
        scores.imputed_share,
        revision,
        now,
    )


def join_forecasts(parts: Sequence[Forecasts], *, now: datetime) -> Forecasts:
    """Concatenate the forecasts of a request, possibly none."""
    none = np.empty(0, np.int64)
    values = np.empty((0, len(EVENTS)))
    blank = Forecasts(
        none,
        np.empty(0, "datetime64[us]"),
        Coded((), none),
        values,
        values,
        np.empty(0, np.str_),
        [],
        np.empty(0),
        none,
        now,
    )
    all_parts = [blank, *parts]

    def column(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(part, name) for part in all_parts])

    return Forecasts(
        column("region_id"),
        column("t_rec"),
        Coded.of([model_id for part in parts for model_id in part.model_ids.rows()]),
        column("calibrated"),
        column("raw"),
        column("fallback_level"),
        [reason for part in parts for reason in part.reason],
        column("imputed_share"),
        column("revision"),
        now,
    )
