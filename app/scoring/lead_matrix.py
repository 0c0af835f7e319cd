"""The matrix of a region: the probability of each event in each window, from one record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from app.contract.responses import Row
from app.scoring.forecasts import IssuedForecasts
from model_training.artefact.artifact import Artifact
from model_training.artefact.calibration import Calibration
from solar.bands import band_of, consistent_bounds
from solar.columns import Floats, nullable
from solar.flares import EVENTS, LEADS, TARGETS
from solar.time import to_datetime

# By the name of a target.
Probabilities = Mapping[str, float | None]

# What a difference in the order of a sum may make.
_ROUNDING = 1e-9


def lead_matrix(
    region_id: int,
    t_rec: datetime,
    model_id: str,
    manifest: Mapping[str, Any],
    *,
    probabilities: Probabilities,
    raw: Sequence[float | None],
) -> Row:
    """Return the forecasts from one record as the API shows them, window by window.

    Parameters
    ----------
    manifest : of the model, which holds its calibrations and bands
    raw : before calibration, for the next 24 h in the order of `EVENTS`
    """
    values = np.array([probabilities.get(target.name) for target in TARGETS], float)
    cells = zip(TARGETS, *map(nullable, (values, *_bounds(manifest, values))), strict=True)
    return {
        "region": region_id,
        "t_rec": t_rec,
        "model": model_id,
        "repaired": is_repaired(manifest, probabilities, raw),
        "leads": [
            {
                "window": target.window.name,
                "valid_from": target.window.after(t_rec).start_at,
                "valid_to": target.window.after(t_rec).end_at,
                "event": target.goes_class,
                "p": p,
                "lower": lower,
                "upper": upper,
            }
            for target, p, lower, upper in cells
        ],
    }


def _bounds(manifest: Mapping[str, Any], probability: Floats) -> tuple[Floats, Floats]:
    """Return the bands (targets,) of the probabilities (targets,), NaN where there is none."""
    lower, upper = np.full_like(probability, np.nan), np.full_like(probability, np.nan)
    for place, target in enumerate(TARGETS):
        if (band := band_of(manifest, target.name)) is not None:
            lower[place], upper[place] = band.bounds(probability[place])
    of_row = consistent_bounds(lower[np.newaxis], upper[np.newaxis], TARGETS)
    return of_row[0][0], of_row[1][0]


def is_repaired(
    manifest: Mapping[str, Any], probabilities: Probabilities, raw: Sequence[float | None]
) -> bool:
    """Tell whether consistency has moved a probability of the next 24 h from its calibration.

    Raw probabilities of other windows are not stored: what moved these alone is not detected.
    """
    calibrations = {one["name"]: one.get("calibration") for one in manifest["events"]}
    for event, value in zip(EVENTS, raw, strict=True):
        p, calibration = probabilities.get(event.name), calibrations.get(event.name)
        if value is None or p is None or calibration is None:
            continue
        before = Calibration.model_validate(calibration).apply(np.array([value]))
        if abs(float(before[0]) - p) > _ROUNDING:
            return True
    return False


def lead_matrices(model: Artifact, forecasts: IssuedForecasts) -> list[Row]:
    """Return forecasts that are not stored as the API shows them, in their order."""
    manifest = model.manifest.model_dump(mode="json")
    targets = [target.name for target in (*EVENTS, *LEADS)]
    values = nullable(np.hstack([forecasts.calibrated, forecasts.leads]))
    return [
        lead_matrix(
            region_id,
            to_datetime(t_rec),
            model.model_id,
            manifest,
            probabilities=dict(zip(targets, row, strict=True)),
            raw=raw,
        )
        for region_id, t_rec, row, raw in zip(
            forecasts.region_id.tolist(),
            forecasts.t_rec,
            values,
            nullable(forecasts.raw),
            strict=True,
        )
    ]
