"""A discrete-time hazard model: when the first flare after t peaks, and whether on a later day.

The hazard of a bin is the chance of a flare in it, given none since t. The chance of a flare in a
window from t on is 1 - prod(1 - hazard) over its bins, so that a longer window is never less
likely (Singer & Willett 1993, doi:10.3102/10769986018002155).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit, logit

from model_training.artefact.graph import Graph
from model_training.data.hazard_bins import (
    BIN_EDGES_HOURS,
    DAY,
    LATER_DAYS,
    N_HAZARDS,
    WINDOW_BINS,
    any_within,
    outcome_within,
)
from model_training.features import Floats, Inputs
from model_training.fitting.estimators.estimator import Classifier, both_classes
from model_training.journal import Journal
from solar.errors import InvalidInputError

# Weights change with the logarithm of the middle of a bin, which is 0 here.
_CENTRE_HOURS = 18.0
_MOST_STEPS = 100
_TOLERANCE = 1e-8
# Keeps the intercept of a bin without any event finite; it moves no other by a digit that counts.
_LEAST_PENALTY = 1e-6
# What a fit without any event on a later day begins at.
_LEAST_RATE = 1e-6


def log_time(edges_hours: Floats = BIN_EDGES_HOURS) -> Floats:
    """Return ln(middle / 18 h) of each bin, (bins,)."""
    times: Floats = np.log((edges_hours[1:] + edges_hours[:-1]) / 2 / _CENTRE_HOURS)
    return times


_LATER_TIMES = np.array([log_time()[WINDOW_BINS[name]].mean() for name in LATER_DAYS])


def at_risk(outcome: Floats) -> NDArray[np.bool_]:
    """Tell in which bins a row tells something (..., bins): until its event, or what is unknown."""
    quiet = np.cumprod(outcome == 0, axis=-1).astype(bool)
    before = np.concatenate([np.ones_like(quiet[..., :1]), quiet[..., :-1]], axis=-1)
    return before & ~np.isnan(outcome)


def any_within_to_onnx(graph: Graph, hazard: str, bins: slice) -> str:
    """Add `any_within` of (rows, bins) to the graph; return (rows, 1)."""
    first, last, axis = (graph.constant([n]) for n in (bins.start, bins.stop, 1))
    quiet = graph.node("Sub", graph.constant(1.0), graph.node("Slice", hazard, first, last, axis))
    none = graph.node("ReduceProd", quiet, axes=[1], keepdims=1)
    return graph.node("Sub", graph.constant(1.0), none)


@dataclass(frozen=True)
class Logits:
    """The log-odds of a flare in each of some bins: level + x slope.

    `weights` (f,) count in all bins, `weights_in_time` (f,) times ln(middle / 18 h); `intercepts`
    (bins,) are those of the first event, and `steps` (events,) lower them for the rarer ones.
    """

    log_times: Floats
    intercepts: Floats
    steps: Floats
    weights: Floats
    weights_in_time: Floats

    @property
    def slopes(self) -> Floats:
        """Return the slopes, (f, bins)."""
        slopes: Floats = self.weights[:, None] + self.weights_in_time[:, None] * self.log_times
        return slopes

    def levels(self, place: int) -> Floats:
        """Return the levels (bins,) of the `place`-th event."""
        levels: Floats = self.intercepts + self.steps[place]
        return levels


class HazardEstimator(Classifier):
    """Logistic hazards of one event, or of a ladder of rarer and rarer events with shared weights.

    logit h(bin, event) = intercept(bin) + step(event) + x (weights + weights_in_time ln(mid/18 h)).
    Intercepts and steps are free; both sets of weights are shrunk towards 0 alike. Steps never
    rise along the ladder, so that neither do the hazards. The chances of later days have the same
    form and weights of their own: there a case counts whatever flared before.

    Parameters
    ----------
    inverse_penalty : C, as of a logistic regression
    place : which event of the ladder `predict_proba` tells of
    """

    reads_windows: ClassVar[bool] = False
    takes_missing: ClassVar[bool] = False

    def __init__(self, *, inverse_penalty: float = 0.3, place: int = 0) -> None:
        self.inverse_penalty = inverse_penalty
        self.place = place

    def fit(
        self,
        X: Inputs,
        y: Floats,
        sample_weight: Floats | None = None,
        *,
        journal: Journal,
        is_added: NDArray[np.bool_] | None = None,
    ) -> Self:
        """Learn from outcomes (n, events, bins): 1, 0, or NaN where unknown.

        Where some rows are from another source, a weight for it is learned and then left out, so
        that forecasts are those of the main rows.
        """
        weight = np.ones(len(y)) if sample_weight is None else sample_weight
        inputs = X.astype(float)
        if is_added is not None:
            inputs = np.column_stack([inputs, is_added])
        first = y[..., :N_HAZARDS]
        later = np.stack([outcome_within(y, name) for name in LATER_DAYS], axis=-1)
        if not 0 < np.sum(first, where=at_risk(first)) < at_risk(first).sum():
            raise InvalidInputError(
                f"a hazard cannot be fitted on {len(y)} rows of one outcome; change [split] so that"
                " every fit has events"
            )
        told: list[Logits] = []
        for outcome, counted, times in (
            (first, at_risk(first), log_time()[:N_HAZARDS]),
            (later, ~np.isnan(later), _LATER_TIMES),
        ):
            counts = np.where(counted, weight[:, None, None], 0)
            likelihood = _Likelihood(inputs, outcome, counts, times)
            found, steps = likelihood.maximise(1 / self.inverse_penalty)
            journal.tell("regression", iterations=steps, at_most=_MOST_STEPS)
            told.append(likelihood.logits(found, n_inputs=X.shape[1]))
        self.first_, self.later_ = told
        return self

    def hazards(self, X: Inputs) -> Floats:
        """Return the hazard of each bin, then the chance of each later day, (n, columns)."""
        score = X.astype(float) @ self._slopes + self._levels
        hazard: Floats = expit(score)
        return hazard

    def predict_proba(self, X: Inputs) -> Floats:
        return both_classes(any_within(self.hazards(X), DAY))

    def hazards_to_onnx(self, graph: Graph, inputs: str) -> str:
        """Add the same to the graph; return (rows, columns)."""
        slopes, levels = graph.constant(self._slopes), graph.constant(self._levels)
        return graph.node("Sigmoid", graph.node("Gemm", inputs, slopes, levels))

    def to_onnx(self, graph: Graph, inputs: str) -> str:
        return any_within_to_onnx(graph, self.hazards_to_onnx(graph, inputs), DAY)

    @property
    def _slopes(self) -> Floats:
        return np.hstack([self.first_.slopes, self.later_.slopes])

    @property
    def _levels(self) -> Floats:
        return np.hstack([told.levels(self.place) for told in (self.first_, self.later_)])


@dataclass(frozen=True)
class _Likelihood:
    """The penalised likelihood of hazards.

    Its parameters are the intercepts (bins), the steps (events - 1), and both sets of weights.

    Parameters
    ----------
    inputs : (n, f)
    outcome : (n, events, bins) 1 or 0 where the weight is not 0
    weight : (n, events, bins)
    log_times : (bins,)
    """

    inputs: Floats
    outcome: Floats
    weight: Floats
    log_times: Floats

    def logits(self, found: Floats, *, n_inputs: int) -> Logits:
        """Read parameters, of the first inputs alone."""
        _, n_events, n_bins = self.weight.shape
        n_free = n_bins + n_events - 1
        weights, weights_in_time = found[n_free:].reshape(2, -1)[:, :n_inputs]
        steps = np.minimum.accumulate([0.0, *found[n_bins:n_free]])
        return Logits(self.log_times, found[:n_bins], steps, weights, weights_in_time)

    def maximise(self, penalty: float) -> tuple[Floats, int]:
        """Find the parameters by Newton's method, and the number of its steps."""
        _, n_events, n_bins = self.weight.shape
        parts = [self._of_bin(place) for place in range(n_bins)]
        shrunk = np.full(parts[0].shape[1], penalty)
        shrunk[: n_bins + n_events - 1] = _LEAST_PENALTY
        found = np.zeros(len(shrunk))
        # Not 0: where events are rare, the first step from there would go far beyond the goal.
        rate = np.sum(self.weight, where=self.outcome == 1) / max(self.weight.sum(), 1e-9)
        found[:n_bins] = logit(np.clip(rate, _LEAST_RATE, 1 - _LEAST_RATE))
        number, gain = 0, np.inf
        value = self._value(parts, found, shrunk)
        while gain > _TOLERANCE and number < _MOST_STEPS:
            number += 1
            slope, curvature = -shrunk * found, np.diag(shrunk)
            for place, part in enumerate(parts):
                first, second = self._derivatives(place, part @ found)
                slope += part.T @ first
                curvature += part.T @ second @ part
            step = np.linalg.solve(curvature, slope)
            gain = float(slope @ step)
            # Far from the goal a whole step may lead too far.
            while (
                reached := self._value(parts, found + step, shrunk)
            ) < value and gain > _TOLERANCE:
                step, gain = step / 2, gain / 2
            found, value = found + step, reached
        return found, number

    def _value(self, parts: Sequence[Floats], found: Floats, shrunk: Floats) -> float:
        """Return the logarithm of the likelihood, less the penalty."""
        value = -float(shrunk @ found**2) / 2
        for place, part in enumerate(parts):
            score, weight = self._scores(part @ found), self.weight[..., place]
            signed = np.where(self.outcome[..., place] == 1, score, -score)
            value += float(np.sum(weight * log_expit(signed)))
        return value

    def _scores(self, local: Floats) -> Floats:
        f = self.inputs.shape[1]
        scores: Floats = (self.inputs @ local[:f])[:, None] + local[f:]
        return scores

    def _of_bin(self, place: int) -> Floats:
        """Return what turns parameters into slopes (f) and levels (events) of one bin."""
        (_, n_events, n_bins), f = self.weight.shape, self.inputs.shape[1]
        slopes = np.hstack([np.eye(f), np.eye(f) * self.log_times[place]])
        levels = np.hstack([np.eye(n_bins)[[place] * n_events], np.eye(n_events)[:, 1:]])
        return np.block(
            [[np.zeros((f, levels.shape[1])), slopes], [levels, np.zeros((n_events, 2 * f))]]
        )

    def _derivatives(self, place: int, local: Floats) -> tuple[Floats, Floats]:
        """Return the slope and the curvature of one bin, by its slopes and levels."""
        weight, p = self.weight[..., place], expit(self._scores(local))
        excess = np.where(weight > 0, weight * (self.outcome[..., place] - p), 0)
        spread = weight * p * (1 - p)
        mixed = self.inputs.T @ spread
        whole = (self.inputs * spread.sum(axis=1)[:, None]).T @ self.inputs
        slope = np.concatenate([self.inputs.T @ excess.sum(axis=1), excess.sum(axis=0)])
        return slope, np.block([[whole, mixed], [mixed.T, np.diag(spread.sum(axis=0))]])
