"""Platt's map from a margin to the probability of the event."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from model_training.features import Floats


@dataclass(frozen=True)
class PlattMap:
    """sigmoid(slope · margin + intercept), never falling: slope >= 0.

    Reference: Platt 1999, Probabilistic outputs for support vector machines.
    """

    slope: float
    intercept: float

    def apply(self, margin: Floats) -> Floats:
        """Map (n,) margins to (n,) probabilities."""
        probability: Floats = expit(self.slope * margin + self.intercept)
        return probability


def fit_map(margin: Floats, outcome: Floats, *, stands_for: Floats, weight: Floats) -> PlattMap:
    """Fit the map by likelihood.

    Each row counts `stands_for` times, the rows of its class that were left out around it
    included, and with its `weight`. Platt's targets, a pseudo-row away from 0 and 1, keep the
    slope finite when the classes are apart. Margins that fall with the outcome give slope 0:
    the same probability for all, the (weighted) event rate.
    """
    events, quiet = (float(stands_for[outcome == value].sum()) for value in (1, 0))
    target = np.where(outcome == 1, (events + 1) / (events + 2), 1 / (quiet + 2))
    share = stands_for * weight / np.sum(stands_for * weight)
    scale = float(margin.std()) or 1.0
    design = np.stack([margin / scale, np.ones_like(margin)], axis=1)

    def loss(parameters: Floats) -> tuple[float, Floats]:
        score = design @ parameters
        entropy = np.logaddexp(0, score) - target * score
        return float(share @ entropy), design.T @ (share * (expit(score) - target))

    found = minimize(
        loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B",
        bounds=[(0, None), (None, None)], options={"ftol": 1e-14, "gtol": 1e-9},
    )  # fmt: skip
    # As a drawing holds them, so that it computes the same.
    slope, intercept = np.float32(found.x[0] / scale), np.float32(found.x[1])
    return PlattMap(float(slope), float(intercept))
