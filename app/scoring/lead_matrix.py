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
from solar.bands import bounds_of
from solar.columns import nullable
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
    repaired: Mapping[str, bool],
) -> Row:
    """Return the forecasts from one record as the API shows them, window by window.

    Parameters
    ----------
    manifest : of the model, which holds its calibrations and bands
    repaired : by the name of a target, whether consistency moved it; absent where not known
    """
    values = np.array([[probabilities.get(target.name) for target in TARGETS]], float)
    columns = (values, *bounds_of(manifest, values, TARGETS))
    cells = zip(TARGETS, *(nullable(column[0]) for column in columns), strict=True)
    return {
        "region": region_id,
        "t_rec": t_rec,
        "model": model_id,
        "repaired": any(repaired.values()),
        "leads": [
            {
                "window": target.window.name,
                "valid_from": target.window.after(t_rec).start_at,
                "valid_to": target.window.after(t_rec).end_at,
                "event": target.goes_class,
                "p": p,
                "lower": lower,
                "upper": upper,
                "repaired": None if p is None else repaired.get(target.name),
            }
            for target, p, lower, upper in cells
        ],
    }


def repaired_targets(bits: int) -> dict[str, bool]:
    """Tell by the name of each target whether its bit is set, as `Scores` has them."""
    return {target.name: bool(bits >> place & 1) for place, target in enumerate(TARGETS)}


def repaired_of_day(
    manifest: Mapping[str, Any], probabilities: Probabilities, raw: Sequence[float | None]
) -> dict[str, bool]:
    """Tell which probabilities of the next 24 h consistency has moved from their calibration.

    Parameters
    ----------
    raw : before calibration, in the order of `EVENTS`
    """
    calibrations = {one["name"]: one.get("calibration") for one in manifest["events"]}
    repaired = {}
    for event, value in zip(EVENTS, raw, strict=True):
        p, calibration = probabilities.get(event.name), calibrations.get(event.name)
        if value is None or p is None or calibration is None:
            continue
        before = Calibration.model_validate(calibration).apply(np.array([value]))
        repaired[event.name] = abs(float(before[0]) - p) > _ROUNDING
    return repaired


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
            repaired=repaired_targets(bits),
        )
        for region_id, t_rec, row, bits in zip(
            forecasts.region_id.tolist(),
            forecasts.t_rec,
            values,
            forecasts.repaired.tolist(),
            strict=True,
        )
    ]
