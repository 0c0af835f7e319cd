"""Scores of probability forecasts, case by case: Brier, Murphy's terms, ROC, precision-recall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from solar.bins import sums

Floats = NDArray[np.float64]

# Further out the log-odds of one day would outweigh all others in the fit of the full disk.
_LEAST = 1e-4


@dataclass(frozen=True)
class Murphy:
    """The Brier score in three terms: brier = reliability - resolution + uncertainty.

    Reference: Murphy 1973, doi 10.1175/1520-0450(1973)012<0595:ANVPOT>2.0.CO;2.
    """

    reliability: float
    resolution: float
    uncertainty: float

    @property
    def brier(self) -> float:
        """The sum of the terms."""
        return self.reliability - self.resolution + self.uncertainty


@dataclass(frozen=True)
class Curve:
    """A curve over falling thresholds (yes is p >= threshold); `x` and `y` are (k,) shares.

    ROC: x = POFD, y = recall. Precision-recall: x = recall, y = precision.
    """

    thresholds: Floats
    x: Floats
    y: Floats


def brier(probability: ArrayLike, observed: ArrayLike) -> float | None:
    """Mean squared error of the probability, mean((p - o)^2).

    Range 0 to 1, perfect 0; None without cases. Synonym: half of Brier's own score of 1950.
    """
    p, o = _pair(probability, observed)
    return float(np.mean((p - o) ** 2)) if p.size else None


def brier_skill(
    probability: ArrayLike, observed: ArrayLike, *, reference: ArrayLike
) -> float | None:
    """Brier skill score 1 - brier/brier(reference), against a reference that must be named.

    Parameters
    ----------
    reference : (n,) or () float
        What the other forecaster said: its probabilities on the same cases, or one number such
        as the base rate of the scored cases (sample climatology).

    Range to 1, no skill 0, perfect 1, no lower end; None without cases or when the reference
    is perfect.
    """
    p, o = _pair(probability, observed)
    other = np.broadcast_to(np.asarray(reference, float), o.shape)
    own, theirs = brier(p, o), brier(other, o)
    return None if own is None or not theirs else 1 - own / theirs


def murphy(probability: ArrayLike, observed: ArrayLike) -> Murphy | None:
    """Split the Brier score by unique forecast value, so that the identity holds exactly."""
    p, o = _pair(probability, observed)
    if not p.size:
        return None
    values, group = np.unique(p, return_inverse=True)
    n, events = (sums(group, weights, length=len(values)) for weights in (np.ones_like(o), o))
    return murphy_terms(n, events, forecast=values)


def murphy_terms(n: Floats, events: Floats, *, forecast: Floats) -> Murphy:
    """Compute Murphy's terms from (k,) counts, events and forecast values; n must be > 0."""
    total, base_rate, frequency = n.sum(), events.sum() / n.sum(), events / n
    return Murphy(
        reliability=float((n * (forecast - frequency) ** 2).sum() / total),
        resolution=float((n * (frequency - base_rate) ** 2).sum() / total),
        uncertainty=float(base_rate * (1 - base_rate)),
    )


def roc_curve(probability: ArrayLike, observed: ArrayLike) -> Curve | None:
    """Recall against POFD from (0, 0) to (1, 1); None unless both classes occur."""
    thresholds, hits, false_alarms = _cumulated(probability, observed)
    if not hits.size or not hits[-1] or not false_alarms[-1]:
        return None
    return Curve(
        np.append(np.inf, thresholds),
        np.append(0.0, false_alarms / false_alarms[-1]),
        np.append(0.0, hits / hits[-1]),
    )


def auc(probability: ArrayLike, observed: ArrayLike) -> float | None:
    """Chance that an event had the higher probability than a non-event, a tie counting half.

    The area under the ROC curve. Range 0 to 1, no skill 0.5, perfect 1; None unless both
    classes occur. Reference: Mason & Graham 2002, doi 10.1256/003590002320603584.
    """
    curve = roc_curve(probability, observed)
    return None if curve is None else float(np.trapezoid(curve.y, curve.x))


def precision_recall_curve(probability: ArrayLike, observed: ArrayLike) -> Curve | None:
    """Precision against recall over falling thresholds; None without events."""
    thresholds, hits, false_alarms = _cumulated(probability, observed)
    if not hits.size or not hits[-1]:
        return None
    return Curve(thresholds, hits / hits[-1], hits / (hits + false_alarms))


def average_precision(probability: ArrayLike, observed: ArrayLike) -> float | None:
    """Precision averaged over the steps of recall, without interpolation.

    Range 0 to 1, perfect 1; an unskilled forecast has the base rate. None without events.
    """
    curve = precision_recall_curve(probability, observed)
    return None if curve is None else float(np.sum(np.diff(curve.x, prepend=0.0) * curve.y))


def best_tss(probability: ArrayLike, observed: ArrayLike) -> tuple[float, float] | None:
    """Find the greatest TSS over all thresholds and the highest threshold that reaches it.

    For choosing a threshold on validation cases; on the cases it is chosen on it flatters.
    """
    curve = roc_curve(probability, observed)
    if curve is None:
        return None
    tss = curve.y - curve.x
    best = int(np.argmax(np.isclose(tss[1:], tss[1:].max(), rtol=0, atol=1e-12))) + 1
    return float(tss[best]), float(curve.thresholds[best])


def full_disk(probability: ArrayLike) -> float:
    """Chance of an event anywhere, from the (regions,) chances taken as independent.

    1 - prod(1 - p); 0 without regions; NaN when a region has NaN.
    """
    return float(1 - np.prod(1 - np.asarray(probability, float)))


def calibrated_disk(
    product: ArrayLike, flares_per_day: ArrayLike, weights: ArrayLike, intercept: float
) -> Floats:
    """Chance of an event anywhere, from that of independent regions and from recent activity.

    sigmoid(weights[0] logit(product) + weights[1] log(1 + flares_per_day) + intercept), with the
    weights of a fit on past days: it takes back that regions are not independent and adds what
    has no record, such as the limb.

    Parameters
    ----------
    product : (n,) or () what `full_disk` gives
    flares_per_day : of the same shape; flares of at least the class that peaked anywhere in the
        27 days before t, divided by 27
    weights : (2,)

    Returns
    -------
    Of the same shape; NaN where an input is NaN.
    """
    score = disk_inputs(product, flares_per_day) @ np.asarray(weights, float) + intercept
    return np.asarray(1 / (1 + np.exp(-score)))


def disk_inputs(product: ArrayLike, flares_per_day: ArrayLike) -> Floats:
    """Stack what the weights of `calibrated_disk` multiply, (..., 2): log-odds and log activity."""
    chance = np.clip(np.asarray(product, float), _LEAST, 1 - _LEAST)
    activity = np.log1p(np.asarray(flares_per_day, float))
    return np.stack([np.log(chance / (1 - chance)), activity], axis=-1)


def _pair(probability: ArrayLike, observed: ArrayLike) -> tuple[Floats, Floats]:
    return np.asarray(probability, float), np.asarray(observed, float)


def _cumulated(probability: ArrayLike, observed: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Count hits and false alarms at every distinct forecast value, from the highest down."""
    p, o = _pair(probability, observed)
    values, group = np.unique(p, return_inverse=True)
    n, events = (sums(group, weights, length=len(values)) for weights in (np.ones_like(o), o))
    hits, yes = np.cumsum(events[::-1]), np.cumsum(n[::-1])
    return values[::-1], hits, yes - hits
