"""Calibration: a monotone 1-D map from raw to calibrated probability, kept as parameters."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict

from model_training.features import Floats

_CLIP = 1e-6
Kind = Literal["identity", "platt", "beta", "isotonic"]
KINDS: tuple[Kind, ...] = ("identity", "platt", "beta", "isotonic")


class Calibration(BaseModel):
    """The map as JSON holds it.

    ``identity``: p. ``platt``: sigmoid(a logit p + c), `parameters` = (a, c) with a >= 0.
    ``beta``: sigmoid(a ln p - b ln(1 - p) + c), `parameters` = (a, b, c) with a, b >= 0
    (Kull et al. 2017, doi 10.1214/17-EJS1338SI). ``isotonic``: linear between the knots
    (`raw`, `calibrated`), constant outside.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    parameters: tuple[float, ...] = ()
    raw: tuple[float, ...] = ()
    calibrated: tuple[float, ...] = ()

    def apply(self, probability: Floats) -> Floats:
        """Map (n,) raw to (n,) calibrated probabilities; NaN stays NaN."""
        if self.kind == "identity":
            return probability
        if self.kind == "isotonic":
            return np.interp(probability, self.raw, self.calibrated)
        *slopes, intercept = self.parameters
        return _sigmoid(_inputs(self.kind, probability) @ np.array(slopes) + intercept)

    def faults(self) -> list[str]:
        """List what keeps this from being a rising map of probabilities."""
        needed = {"identity": 0, "platt": 2, "beta": 3, "isotonic": 0}[self.kind]
        faults = []
        if len(self.parameters) != needed:
            faults.append(f"it takes {needed} parameters and has {len(self.parameters)}")
        elif not np.isfinite(self.parameters).all() or min(self.parameters[:-1], default=0) < 0:
            faults.append("parameters are finite, and all but the last at least 0")
        if self.kind != "isotonic" and (self.raw or self.calibrated):
            faults.append("raw and calibrated go with isotonic alone")
        if self.kind == "isotonic" and not self._rises():
            faults.append("raw rises, calibrated does not fall, both from 0 to 1 and equally long")
        return faults

    def _rises(self) -> bool:
        raw, calibrated = np.array(self.raw), np.array(self.calibrated)
        values = np.concatenate([raw, calibrated])
        return bool(
            0 < len(raw) == len(calibrated)
            and ((values >= 0) & (values <= 1)).all()
            and (np.diff(raw) > 0).all()
            and (np.diff(calibrated) >= 0).all()
        )


def fit(kind: Kind, probability: Floats, *, outcome: Floats) -> Calibration:
    """Fit a map on validation rows: (n,) raw probabilities and (n,) outcomes 0 or 1."""
    if kind == "identity":
        return Calibration(kind=kind)
    if kind == "isotonic":
        raw, calibrated = _pool_adjacent_violators(probability, outcome)
        return Calibration(kind=kind, raw=tuple(raw), calibrated=tuple(calibrated))
    parameters = _fit_logistic(_inputs(kind, probability), outcome)
    # A falling branch would break the order of the forecasts.
    if kind == "beta" and min(parameters[:2]) < 0:
        return fit("platt", probability, outcome=outcome)
    if kind == "platt" and parameters[0] < 0:
        parameters = np.array([0.0, _logit(np.mean(outcome))])
    return Calibration(kind=kind, parameters=tuple(float(value) for value in parameters))


def choose(probability: Floats, outcome: Floats, *, blocks: NDArray[np.int64]) -> Calibration:
    """Choose the kind of map with the lowest Brier score out of fold, and fit it on all rows.

    Parameters
    ----------
    probability, outcome : (n,) of the validation rows
    blocks : (n,) number of the stretch of time of each row; a fold is one block
    """
    errors = {
        kind: np.mean(
            (cross_fitted(kind, probability, outcome=outcome, blocks=blocks) - outcome) ** 2
        )
        for kind in KINDS
    }
    return fit(min(KINDS, key=lambda kind: errors[kind]), probability, outcome=outcome)


def cross_fitted(
    kind: Kind, probability: Floats, *, outcome: Floats, blocks: NDArray[np.int64]
) -> Floats:
    """Calibrate each block of rows with a map fitted on the other blocks."""
    calibrated = probability.copy()
    for block in np.unique(blocks):
        inside = blocks == block
        if 0 < outcome[~inside].sum() < np.count_nonzero(~inside):
            calibrated[inside] = fit(kind, probability[~inside], outcome=outcome[~inside]).apply(
                probability[inside]
            )
    return calibrated


def _inputs(kind: Kind, probability: Floats) -> Floats:
    if kind == "platt":
        return _logit(probability)[:, None]
    clipped = np.clip(probability, _CLIP, 1 - _CLIP)
    return np.stack([np.log(clipped), -np.log1p(-clipped)], axis=1)


def _logit(probability: ArrayLike) -> Floats:
    clipped = np.clip(probability, _CLIP, 1 - _CLIP)
    odds: Floats = np.log(clipped) - np.log1p(-clipped)
    return odds


def _sigmoid(score: Floats) -> Floats:
    return 1 / (1 + np.exp(-np.clip(score, -700, 700)))


def _fit_logistic(inputs: Floats, outcome: Floats) -> Floats:
    """Fit slopes and intercept by Newton steps; a trace of ridge keeps separable data finite."""
    design = np.column_stack([inputs, np.ones(len(inputs))])
    ridge = 1e-3 * np.eye(design.shape[1])
    prior = np.append(np.ones(inputs.shape[1]), 0.0)
    weights = prior
    for _ in range(100):
        probability = _sigmoid(design @ weights)
        gradient = design.T @ (probability - outcome) + ridge @ (weights - prior)
        spread = np.maximum(probability * (1 - probability), 1e-12)
        step = np.linalg.solve((design * spread[:, None]).T @ design + ridge, gradient)
        weights = weights - np.clip(step, -1, 1)
        if np.max(np.abs(step)) < 1e-10:
            break
    return weights


def _pool_adjacent_violators(probability: Floats, outcome: Floats) -> tuple[Floats, Floats]:
    # Equal forecasts are one pool from the start: no order of their rows tells them apart.
    raws, place, n_rows = np.unique(probability, return_inverse=True, return_counts=True)
    hits = np.bincount(place, outcome)
    pools: list[tuple[float, float, float]] = []
    for raw, hit, rows in zip(raws.tolist(), hits.tolist(), n_rows.tolist(), strict=True):
        # (sum of raw, sum of outcomes, rows): the knots are the means of the pools.
        pool = (raw * rows, hit, float(rows))
        while pools and pools[-1][1] * pool[2] >= pool[1] * pools[-1][2]:
            last = pools.pop()
            pool = (last[0] + pool[0], last[1] + pool[1], last[2] + pool[2])
        pools.append(pool)
    sums = np.array(pools)
    return sums[:, 0] / sums[:, 2], sums[:, 1] / sums[:, 2]
