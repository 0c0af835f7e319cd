"""Out-of-fold forecasts: each validation case forecast by a model fitted without its fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model_training.artefact import calibration
from model_training.artefact.manifest import EventModel
from model_training.data.dataset import Dataset
from model_training.data.split import Fold, Split
from model_training.features import FlareHistory, Floats
from model_training.fitting import forecaster
from model_training.fitting.forecaster import Forecaster, Plan
from model_training.journal import Journal
from model_training.recipe.recipe import Recipe
from solar.bootstrap import BLOCK_DAYS


@dataclass(frozen=True)
class OutOfFold:
    """Rows and their raw probabilities (n, columns of the graph), all out of fold.

    Calibration, thresholds and the choice between models rest on these rows alone. `last` is the
    model of the last fold.
    """

    rows: Dataset
    raw: Floats
    last: Forecaster

    def calibrated(self, events: Sequence[EventModel]) -> dict[str, Floats]:
        """Calibrate each event (n,) by a map fitted without the 27-day block of the case.

        As when served, no event is likelier than the one before it. NaN where the truth is
        unknown.
        """
        columns = {}
        bound = np.full(len(self.rows), np.inf)
        for event in events:
            column = self._calibrated(event)
            bound = np.fmin(bound, column)
            columns[event.name] = np.where(np.isnan(column), np.nan, bound)
        return columns

    def _calibrated(self, event: EventModel) -> Floats:
        truth = self.rows.truth[event.name]
        known = ~np.isnan(truth)
        column = np.full(len(truth), np.nan)
        column[known] = calibration.cross_fitted(
            event.calibration.kind,
            self.raw[known, event.column],
            outcome=truth[known],
            blocks=self.blocks[known],
        )
        return column

    @property
    def blocks(self) -> NDArray[np.int64]:
        """The number of the solar rotation of each row, whose rows stay together (n,)."""
        return blocks_of(self.rows)


def blocks_of(cases: Dataset) -> NDArray[np.int64]:
    """Return the number of the solar rotation of each case, (n,)."""
    days: NDArray[np.int64] = cases.t_rec.astype("datetime64[D]").astype(np.int64)
    return days // BLOCK_DAYS


def calibrated_as_served(events: Sequence[EventModel], raw: Floats) -> dict[str, Floats]:
    """Calibrate raw probabilities (n, columns) by the frozen maps, event -> (n,).

    As in the artefact, no event is likelier than the one before it.
    """
    columns = [event.calibration.apply(raw[:, event.column]) for event in events]
    lowered = np.minimum.accumulate(columns)
    return {event.name: column for event, column in zip(events, lowered, strict=True)}


def place_of(fold: Fold) -> str:
    """Return what a journal calls the fit of a fold."""
    return f"fold {fold.name}"


def forecast_folds(
    recipe: Recipe, parts: Split, *, plan: Plan, flares: FlareHistory | None, journal: Journal
) -> OutOfFold:
    """Fit once for every fold, and forecast its held-out cases."""
    raw = []
    for number, fold in enumerate(parts.folds, start=1):
        part = journal.within(place_of(fold))
        part.turn_to(
            f"fitting {len(fold.train)} cases, forecasting {len(fold.held_out)}"
            f" ({number} of {len(parts.folds)})"
        )
        model = forecaster.fit(
            recipe,
            fold.train,
            plan=plan,
            flares=flares,
            until=fold.until,
            journal=part,
            held_out=fold.held_out,
        )
        windows = fold.held_out.windows(recipe.features)
        raw.append(np.hstack([model.predict(windows), model.predict_windows(windows)]))
    return OutOfFold(parts.validation, np.vstack(raw), model)
