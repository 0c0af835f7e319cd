"""Refits: the model fitted again on other days, and the bands that follow from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from model_training.artefact import calibration
from model_training.artefact.manifest import EventModel
from model_training.data.dataset import Dataset
from model_training.data.split import Split
from model_training.features import FlareHistory, Floats, Integers
from model_training.fitting import forecaster
from model_training.fitting.forecaster import Plan
from model_training.fitting.out_of_fold import OutOfFold, blocks_of
from model_training.journal import Journal
from model_training.recipe.recipe import Recipe
from solar.bands import Band
from solar.errors import InvalidInputError
from solar.flares import event

PART = "band"
_PERCENTILES = (5.0, 95.0)
# More cases change no percentile of a group, and cost memory.
_MOST_CASES = 20_000
# Where groups of cases end in the order of their probability: finer where this is high and rare.
_GROUP_ENDS = np.concatenate([np.linspace(0.0, 0.9, 13), 1 - 0.1 * 0.5 ** np.arange(1, 8)])
_FEWEST_CASES = 10
_CLIP = 1e-6
_DECIMALS = 6

# In fewer a draw often has no event, and says little of the others.
FEWEST_BLOCKS = 5

# How often each block of 27 days was drawn; cases, and the event of which they must have some.
Taken = Mapping[int, int]
Needed = tuple[Dataset, str]


@dataclass(frozen=True)
class Fitted:
    """What was fitted once, and is fitted again on other days."""

    recipe: Recipe
    parts: Split
    plan: Plan
    flares: FlareHistory | None
    out_of_fold: OutOfFold


def fit_bands(
    fitted: Fitted, targets: Sequence[EventModel], *, journal: Journal
) -> dict[str, Band]:
    """Fit again as the recipe says, and return the band of each target by its name.

    Each refit draws blocks of 27 days from all days before the test, with replacement. Each fold
    is fitted on the drawn training cases, and the calibration on the drawn validation cases. A
    target has no band where its events in validation lie in fewer than `FEWEST_BLOCKS` blocks, or
    where no refit moves it, as one that is derived and keeps its calibration.

    Raises
    ------
    InvalidInputError
        When the events of a fit lie in fewer than `FEWEST_BLOCKS` blocks.
    """
    config, rows = fitted.recipe.band, fitted.out_of_fold.rows
    calibrated = [one for one in targets if _blocks_of_events(rows, one.name) >= FEWEST_BLOCKS]
    chosen = [one for one in targets if one in calibrated or not _is_fitted(one)]
    if config.kind == "none" or not chosen:
        return {}
    needed = [(rows, one.name) for one in calibrated]
    needed += _fits(fitted) if config.kind == "model" else []
    again = _forecasts_again(fitted, chosen, needed, journal)
    bands = {
        one.name: _band(
            one.calibration.apply(fitted.out_of_fold.raw[again.shown, one.column]),
            again.probability[one.name].astype(float),
            kind=config.kind,
        )
        for one in chosen
    }
    return {name: band for name, band in bands.items() if band is not None}


@dataclass(frozen=True)
class _Again:
    """Probabilities (refits, k) of the k validation cases at `shown`, by target."""

    shown: Integers
    probability: Mapping[str, NDArray[np.float32]]


def _forecasts_again(
    fitted: Fitted, targets: Sequence[EventModel], needed: Sequence[Needed], journal: Journal
) -> _Again:
    config, rows, raw = fitted.recipe.band, fitted.out_of_fold.rows, fitted.out_of_fold.raw
    rng = np.random.default_rng(fitted.recipe.seed)
    shown = np.sort(rng.permutation(len(rows))[:_MOST_CASES])
    again = {one.name: np.empty((config.refits, len(shown)), np.float32) for one in targets}
    steps = journal.steps("refit", config.refits)
    for number in range(config.refits):
        journal.check()
        taken = _draw([rows, *(fold.train for fold in fitted.parts.folds)], needed, rng)
        if config.kind == "model":
            raw = _forecast(fitted, taken, journal)
        for one in targets:
            again[one.name][number] = _calibrated(one, raw[:, one.column], rows, taken)[shown]
        steps.advance()
    return _Again(shown, again)


def _fits(fitted: Fitted) -> list[Needed]:
    """Return the training cases of each fit and each event of it, if these lie in enough blocks."""
    fits = [(fold.train, name) for fold in fitted.parts.folds for name in fitted.plan.fitted]
    for part, name in fits:
        n_blocks = _blocks_of_events(part, name)
        if n_blocks < FEWEST_BLOCKS:
            raise InvalidInputError(
                f"{fitted.recipe.name}: {name}+ flares lie in {n_blocks} stretches of 27 days of a"
                f" fit, and {FEWEST_BLOCKS} are needed to fit it again on other days; train on"
                ' more days, or choose band.kind = "calibration" or "none"'
            )
    return fits


def _draw(parts: Sequence[Dataset], needed: Sequence[Needed], rng: np.random.Generator) -> Taken:
    """Draw blocks, until all cases that are needed have both outcomes: hardly ever twice."""
    numbers = np.unique(np.concatenate([blocks_of(part) for part in parts]))
    while True:
        drawn, counts = np.unique(rng.choice(numbers, len(numbers)), return_counts=True)
        taken = dict(zip(drawn.tolist(), counts.tolist(), strict=True))
        if all(_has_both(_truth(part, name)[_rows(part, taken)]) for part, name in needed):
            return taken


def _blocks_of_events(part: Dataset, name: str) -> int:
    """Count the blocks with an event, or those with a quiet case where these are fewer."""
    blocks, truth = blocks_of(part), _truth(part, name)
    return min(len(np.unique(blocks[truth == outcome])) for outcome in (0, 1))


def _is_fitted(target: EventModel) -> bool:
    return target.calibration.kind != "identity"


def _truth(part: Dataset, name: str) -> Floats:
    return part.outcome(event(name))


def _has_both(truth: Floats) -> bool:
    return bool((truth == 1).any() and (truth == 0).any())


def _rows(part: Dataset, taken: Taken) -> Integers:
    """Return the rows of the drawn blocks, each as often as its block, in their order."""
    numbers, block = np.unique(blocks_of(part), return_inverse=True)
    times = np.array([taken.get(number, 0) for number in numbers.tolist()])
    return np.repeat(np.arange(len(part)), times[block])


def _forecast(fitted: Fitted, taken: Taken, journal: Journal) -> Floats:
    """Forecast the validation cases, out of fold, (n, columns), by models of the drawn days."""
    # The curves and checkpoints of these fits are of no use to the reader of the run.
    silent = Journal(stop=journal.stop)
    raw = []
    for fold in fitted.parts.folds:
        model = forecaster.fit(
            fitted.recipe,
            fold.train.take(_rows(fold.train, taken)),
            plan=fitted.plan,
            flares=fitted.flares,
            until=fold.until,
            journal=silent,
        )
        windows = fold.held_out.windows(fitted.recipe.features)
        raw.append(np.hstack([model.predict(windows), model.predict_windows(windows)]))
    return np.vstack(raw)


def _calibrated(target: EventModel, raw: Floats, rows: Dataset, taken: Taken) -> Floats:
    """Calibrate (n,) by a map of the same kind, fitted on the drawn cases whose truth is known."""
    drawn, truth = _rows(rows, taken), _truth(rows, target.name)
    drawn = drawn[~np.isnan(truth[drawn])]
    if not _is_fitted(target):
        return target.calibration.apply(raw)
    kind = target.calibration.kind
    return calibration.fit(kind, raw[drawn], outcome=truth[drawn]).apply(raw)


def _band(p: Floats, again: Floats, *, kind: Literal["model", "calibration"]) -> Band | None:
    """Read the band off (n,) probabilities and the (refits, n) of the same cases.

    A knot is the mean over a group of cases that are neighbours in p, of p and of the percentiles
    of each case. None where the refits differ in nothing, or p is the same for all.
    """
    lower, upper = np.percentile(again, _PERCENTILES, axis=0)
    order = np.argsort(p, kind="stable")
    ends = np.unique((_GROUP_ENDS * len(p)).astype(int))
    ends = np.append(ends[len(p) - ends >= _FEWEST_CASES], len(p))
    groups = [order[first:end] for first, end in pairwise(ends.tolist())]
    knots = np.array([[column[one].mean() for one in groups] for column in (p, lower, upper)])
    p, lower, upper = _with_ends(knots, np.array([p.min(), p.max()])).round(_DECIMALS)
    kept = np.append(np.diff(p) > 0, True)
    p, lower, upper = p[kept], lower[kept], upper[kept]
    lower, upper = np.minimum(np.maximum.accumulate(lower), p), np.maximum.accumulate(upper)
    upper = np.maximum(upper, p)
    if len(p) < 2 or (lower == upper).all():
        return None
    p_knots, lower_knots, upper_knots = (tuple(one.tolist()) for one in (p, lower, upper))
    return Band(p_knots, lower_knots, upper_knots, kind, len(again))


def _with_ends(knots: Floats, ends: Floats) -> Floats:
    """Add the least and the greatest p, as far in log-odds from their bounds as the next knot."""
    odds = np.log(clipped := np.clip(knots, _CLIP, 1 - _CLIP)) - np.log1p(-clipped)
    p = np.clip(ends, _CLIP, 1 - _CLIP)
    shift = odds[:, [0, -1]] - odds[:1, [0, -1]]
    outer = 1 / (1 + np.exp(-(np.log(p) - np.log1p(-p) + shift)))
    return np.column_stack([outer[:, 0], knots, outer[:, 1]])
