"""The forecasts that people acted on: of the model that was live when each was issued."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from database.models import ModelRow, StageRow
from database.regions.timeline import ForecastLine, joined
from solar.flares import EVENTS
from solar.time import to_datetime64


@dataclass(frozen=True)
class Issued:
    """A line of forecasts (n,) with the `thresholds` (n, 4) valid for each, NaN where none is."""

    line: ForecastLine
    thresholds: NDArray[np.float64]


def issued(
    lines: Mapping[str, ForecastLine], history: Sequence[StageRow], models: Sequence[ModelRow]
) -> Issued:
    """Join the forecasts of the models that were live, each while it was.

    Parameters
    ----------
    history : when each model began to be live, the oldest first; before the first one, its
        model counts as live
    """
    began = list(dict.fromkeys(row.model_id for row in history))
    parts = [
        lines[model_id].where(_is_live(lines[model_id], history, model_id))
        for model_id in began
        if model_id in lines
    ]
    line = _in_order(joined(parts))
    frozen = {model.model_id: _thresholds(model) for model in models}
    unknown = np.full(len(EVENTS), np.nan)
    found = [frozen.get(model_id, unknown) for model_id in line.model_ids]
    return Issued(line, np.array(found, np.float64).reshape(-1, len(EVENTS)))


def _thresholds(model: ModelRow) -> NDArray[np.float64]:
    return np.array([model.thresholds.get(event.name) for event in EVENTS], np.float64)


def _is_live(line: ForecastLine, history: Sequence[StageRow], model_id: str) -> NDArray[np.bool_]:
    began = np.array([to_datetime64(row.from_at) for row in history], "datetime64[us]")
    mine = np.array([row.model_id == model_id for row in history])
    standing = np.searchsorted(began, line.issued_at, side="right") - 1
    return np.asarray(mine[np.maximum(standing, 0)], np.bool_)


def _in_order(line: ForecastLine) -> ForecastLine:
    """Sort by time; of two forecasts for one time that of the later model stands."""
    order = np.argsort(line.t_rec, kind="stable")
    is_last = np.ones(len(order), bool)
    is_last[:-1] = line.t_rec[order][1:] != line.t_rec[order][:-1]
    return line.where(order[is_last])
