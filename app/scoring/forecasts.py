"""Issued forecasts: the scores of models for many records, as columns; rows on demand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from database.predictions.predictions import COLUMNS
from model_training.artefact.artifact import Scores
from solar.columns import Coded, Columns, Floats, Integers, Times, nullable
from solar.flares import EVENTS, LEADS, Event


@dataclass(frozen=True)
class IssuedForecasts(Columns):
    """n forecasts of any models; NaN is none.

    Parameters
    ----------
    region_id, revision : (n,) int64
    t_rec, issued_at : (n,) datetime64[us], UTC
    model_ids : (n,) ``name@version``
    calibrated, raw : (n, events) in the order of `EVENTS`
    leads : (n, leads) calibrated, in the order of `LEADS`
    repaired : (n,) as in `Scores`
    fallback_level, reason : (n,) as in `Scores`
    imputed_share : (n,)
    """

    region_id: Integers
    t_rec: Times
    model_ids: Coded[str]
    calibrated: Floats
    raw: Floats
    fallback_level: NDArray[np.str_]
    reason: NDArray[np.object_]
    imputed_share: Floats
    revision: Integers
    issued_at: Times
    leads: Floats
    repaired: Integers

    def probabilities(self, target: Event) -> Floats:
        """Return the calibrated probabilities (n,) of a target, NaN where there are none."""
        if target in EVENTS:
            return self.calibrated[:, EVENTS.index(target)]
        return self.leads[:, LEADS.index(target)]

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Yield rows in the order of the columns of the store, with None for NaN."""
        columns = zip(
            self.region_id.tolist(),
            _in_utc(self.t_rec),
            self.model_ids.rows(),
            nullable(self.calibrated),
            nullable(self.raw),
            self.fallback_level.tolist(),
            self.reason.tolist(),
            nullable(self.imputed_share),
            self.revision.tolist(),
            _in_utc(self.issued_at),
            strict=True,
        )
        for region_id, t_rec, model_id, calibrated, raw, *others in columns:
            yield (region_id, t_rec, model_id, *calibrated, *raw, *others)

    def of(self, model_id: str) -> IssuedForecasts:
        """Return the forecasts of one model."""
        is_of_model = self.model_ids.map(lambda name: name == model_id, bool)
        return self if is_of_model.all() else self.take(is_of_model)

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
            "issued_at": self._issued_at(),
        }
        return {name: columns[name] for name in COLUMNS}

    def lead_columns(self) -> dict[str, Any]:
        """Return the columns of other windows under their names in the store."""
        return {
            "region_id": self.region_id,
            "t_rec": self.t_rec,
            "model_id": self.model_ids.rows(),
            "revision": self.revision,
            **{lead.column: self.leads[:, at] for at, lead in enumerate(LEADS)},
            "issued_at": self._issued_at(),
            "repaired": self.repaired,
        }

    def _issued_at(self) -> Any:
        # One value for all is written faster.
        is_of_one_time = len(self) > 0 and bool((self.issued_at == self.issued_at[0]).all())
        return _in_utc(self.issued_at[:1])[0] if is_of_one_time else self.issued_at

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
    issued_at: Times,
) -> IssuedForecasts:
    """Return the scores of a model as the forecasts of the records it looked at, (n,) each."""
    return IssuedForecasts(
        region_id,
        t_rec,
        Coded.constant(model_id, len(region_id)),
        scores.calibrated,
        scores.raw,
        scores.fallback_level,
        np.array(scores.reason, object),
        scores.imputed_share,
        revision,
        issued_at,
        scores.leads if scores.leads.shape[1] else np.full((len(region_id), len(LEADS)), np.nan),
        scores.repaired,
    )


def join_forecasts(parts: Sequence[IssuedForecasts]) -> IssuedForecasts:
    """Concatenate the forecasts of a request, possibly none."""
    return IssuedForecasts.concatenate(parts) if parts else _no_forecasts()


def _no_forecasts() -> IssuedForecasts:
    none, values = np.empty(0, np.int64), np.empty((0, len(EVENTS)))
    leads = np.empty((0, len(LEADS)))
    times, texts = np.empty(0, "datetime64[us]"), np.empty(0, np.str_)
    reasons, shares = np.empty(0, object), np.empty(0)
    return IssuedForecasts(
        none,
        times,
        Coded(none, ()),
        values,
        values,
        texts,
        reasons,
        shares,
        none,
        times,
        leads,
        none,
    )


def _in_utc(times: Times) -> list[datetime]:
    return [at.replace(tzinfo=UTC) for at in times.tolist()]
