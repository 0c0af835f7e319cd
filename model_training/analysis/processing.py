"""Processing: the cases of a recipe, prepared or augmented, as files that are read as a data set.

Each step is fitted on training cases alone.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from model_training.data import loading
from model_training.data.dataset import Dataset, parts_of_one
from model_training.data.declared import write_windows
from model_training.data.split import Split, split
from model_training.features import Floats, Inputs, Integers
from model_training.fitting.augmentation.resampling import smote
from model_training.fitting.model import estimator_class
from model_training.fitting.preparation.pipeline import Preparation, fit_preparation
from model_training.fitting.preparation.scaling import Scaled
from model_training.journal import Journal
from model_training.recipe.estimators import (
    BlendConfig,
    PreparationConfig,
    Single,
    SmoteConfig,
    TimeGanConfig,
)
from model_training.recipe.recipe import Recipe
from model_training.recipe.split import BlocksConfig, FoldsConfig, PartsConfig
from model_training.training import refuse_what_the_data_lack
from solar.errors import InvalidInputError
from solar.flares import EVENTS

# What a run makes here becomes a data set.
DATA = "data"
PROCESSING = "processing.json"
_TRAINING, _VALIDATION, _TEST = range(3)
# Those that leave no value missing, so that something lies between two windows.
_FILLING = ("mean", "linear", "last")


def process(recipe: Recipe, folder: Path, *, out: Path, journal: Journal) -> dict[str, Any]:
    """Write the inputs of the estimator of a recipe, and the parameters of each step.

    The folds of ``data/processed.npz`` are those of a split of kind ``parts``: training,
    validation and test; with a split that holds out fold after fold they are its folds, the test
    the last of them. Cases of none of them are left out.

    Returns
    -------
    What ``processing.json`` says: cases of each fold, what the steps were fitted on, the features
    and the steps with their parameters.

    Raises
    ------
    InvalidInputError
        For a blend, and where the data set lacks what the recipe names.
    """
    config = _single(recipe)
    names = config.inputs or recipe.features
    n, parts = _parts(recipe, folder, journal)
    fitted_on, cases, folds = _dealt(recipe, parts)
    kind = estimator_class(config)
    journal.turn_to(f"fitting the steps on {len(fitted_on)} cases")
    reads = {"reads_windows": kind.reads_windows, "takes_missing": kind.takes_missing}
    preparation = fit_preparation(config.preparation, fitted_on.windows(names), **reads)
    windows = cases.windows(names)
    kept = preparation.rows_kept(windows)
    cases = replace(cases, fold=folds).take(kept)
    journal.turn_to(f"processing {len(cases)} cases")
    made = _made_names(config.preparation, preparation, names)
    write_windows(out / DATA / "processed.npz", cases, preparation.apply(windows[kept]), made)
    at = fitted_on.t_rec
    told = {
        "cases": {str(fold): int(np.sum(cases.fold == fold)) for fold in np.unique(folds)},
        "left_out": n - len(cases),
        "fitted_on": {"cases": len(fitted_on), "first": str(at.min()), "last": str(at.max())},
        "features": list(made),
        "steps": _steps(preparation, names),
    }
    # Of a feature that did not vary the spread is infinite, which JSON has no number for: null.
    option = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    (out / PROCESSING).write_bytes(orjson.dumps(told, option=option, default=str))
    return told


def _single(recipe: Recipe) -> Single:
    if isinstance(recipe.estimator, BlendConfig):
        raise InvalidInputError(
            f"{recipe.name} is a blend, each member of which prepares its inputs itself; take the"
            " recipe of one member"
        )
    return recipe.estimator


def _parts(recipe: Recipe, folder: Path, journal: Journal) -> tuple[int, Split]:
    """Return how many cases there are, and their parts."""
    journal.turn_to("reading the data")
    dataset = loading.load(recipe.data, folder, window=recipe.window)
    refuse_what_the_data_lack(recipe, dataset)
    told = {event: dataset.truth[event] for event in recipe.events}
    return len(dataset), split(replace(dataset, truth=told), recipe.split, seed=recipe.seed)


def _dealt(recipe: Recipe, parts: Split) -> tuple[Dataset, Dataset, Integers]:
    """Return what steps are fitted on, all cases, and the fold (n,) of each."""
    held = [fold.held_out for fold in parts.folds]
    config = recipe.split
    holds_out_each = isinstance(config, FoldsConfig | BlocksConfig) or (
        isinstance(config, PartsConfig) and config.training_groups > 0
    )
    if holds_out_each:
        dealt, fitted_on = [*held, parts.test], _scored(parts.train)
        folds = list(range(len(dealt)))
    else:
        # The first fold is forecast from what lies before all of them.
        fitted_on = _scored(parts.folds[0].train)
        dealt = [fitted_on, *held, parts.test]
        folds = [_TRAINING, *[_VALIDATION] * len(held), _TEST]
    return fitted_on, parts_of_one(dealt), np.repeat(folds, [len(part) for part in dealt])


def _scored(part: Dataset) -> Dataset:
    """Leave out the cases of another instrument, which are on another scale."""
    return part.take(part.is_scored)


def _made_names(
    config: PreparationConfig, preparation: Preparation, names: tuple[str, ...]
) -> tuple[str, ...]:
    """Name the processed features; one that is scaled is no longer the keyword of its name."""
    made = preparation.names(names)
    if config.scaling == "none":
        return made
    flags = {f"{name} missing" for name in made}
    return tuple(name if name in flags else f"{name} scaled" for name in made)


def _steps(preparation: Preparation, names: tuple[str, ...]) -> list[dict[str, Any]]:
    told = []
    for step in preparation.steps:
        told.append({"step": type(step).__name__, **_parameters(step, names)})
        names = step.names(names)
    return told


def _parameters(step: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """Return the parameters of a step, those of a feature by its name."""
    told: dict[str, Any] = {}
    for name, value in vars(step).items():
        if isinstance(value, np.ndarray):
            told[name] = dict(zip(names, value.tolist(), strict=True))
        elif name == "steps" and isinstance(value, tuple):
            told[name] = [{"step": type(one).__name__, **_parameters(one, names)} for one in value]
        else:
            told[name] = value
    return told


def write_augmented(
    recipe: Recipe, folder: Path, *, event: str, out: Path, journal: Journal
) -> None:
    """Write the training cases of a recipe with synthetic ones of an event after them.

    ``data/augmented.npz`` has them in the units of the data set, and an array ``synthetic`` of 0
    and 1. A synthetic case is a region of its own with a negative number, at the time of the first
    case. Of rarer events than its own nothing is known.

    Raises
    ------
    InvalidInputError
        Where the recipe makes no synthetic cases, or forecasts no such event.
    """
    config = _single(recipe)
    makes_some = isinstance(config.augmentation, SmoteConfig | TimeGanConfig)
    if not makes_some or event not in recipe.events:
        raise InvalidInputError(
            f"{recipe.name} makes no synthetic {event} cases to keep; choose smote or timegan as"
            f" its augmentation, and one of its events: {', '.join(recipe.events)}"
        )
    names = config.inputs or recipe.features
    _, parts = _parts(recipe, folder, journal)
    train = _scored(parts.train)
    real = train.take(~np.isnan(train.truth[event]))
    windows, outcome = real.windows(names), real.truth[event]
    journal.turn_to(f"making synthetic {event} cases from {int(outcome.sum())} real ones")
    synthetic = _synthetic(config, windows, outcome, seed=recipe.seed, journal=journal)
    journal.turn_to(f"writing {len(windows)} real and {len(synthetic)} synthetic cases")
    made = _with_synthetic(real, event, len(synthetic))
    flags = np.repeat(np.array([0, 1], np.uint8), [len(windows), len(synthetic)])
    every, path = np.concatenate([windows, synthetic]), out / DATA / "augmented.npz"
    write_windows(path, made, every, names, synthetic=flags)


def _synthetic(
    config: Single, windows: Inputs, outcome: Floats, *, seed: int, journal: Journal
) -> Inputs:
    """Make the synthetic cases that the augmentation of an estimator adds."""
    augmentation = config.augmentation
    if isinstance(augmentation, TimeGanConfig):
        # Imported when chosen: torch takes a second, and SMOTE does without it.
        from model_training.fitting.augmentation.timegan import synthetic_events

        kept = journal.within("kept")
        return synthetic_events(windows, outcome, config=augmentation, seed=seed, journal=kept)
    if not isinstance(augmentation, SmoteConfig):
        return windows[:0]
    chosen = config.preparation
    if chosen.missing not in _FILLING:
        chosen = chosen.model_copy(update={"missing": "mean"})
    scaled = fit_preparation(chosen, windows, reads_windows=True, takes_missing=False)
    made = smote(scaled.apply(windows), outcome, config=augmentation, seed=seed)
    synthetic = made.inputs[made.synthetic]
    return next(
        (step.invert(synthetic) for step in scaled.steps if isinstance(step, Scaled)), synthetic
    )


def _with_synthetic(real: Dataset, event: str, n: int) -> Dataset:
    """Put n synthetic cases after the real ones."""
    ranks = {one.name: rank for rank, one in enumerate(EVENTS)}
    lowest = min(0, int(real.region_id.min(initial=0)))
    truth = {
        name: np.append(column, np.full(n, 1.0 if ranks[name] <= ranks[event] else np.nan))
        for name, column in real.truth.items()
    }
    return replace(
        real,
        region_id=np.append(real.region_id, lowest - 1 - np.arange(n)),
        t_rec=np.append(real.t_rec, np.full(n, real.t_rec.min())),
        truth=truth,
        fold=None,
    )
