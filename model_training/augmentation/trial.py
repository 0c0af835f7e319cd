"""A trial of augmentation: what it does to the skill, and what its synthetic events are worth."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from model_training.augmentation.event_windows import Tamed, made_up_events
from model_training.augmentation.timegan.quality import Cases, assess
from model_training.choices.augmentation import TimeGanChoice
from model_training.choices.estimators import BlendChoice
from model_training.datasets import loading
from model_training.datasets.dataset import Dataset
from model_training.evidence import Evidence
from model_training.journal import Journal
from model_training.recipe import Recipe
from model_training.report.judgement import judge
from model_training.splits.parts import Fold, Split
from model_training.splits.splitting import split
from model_training.training import carry_through
from solar.errors import InvalidInputError

WITHOUT = "without augmentation"


def trial(recipe: Recipe, folder: Path, *, journal: Journal) -> dict[str, Any]:
    """Try the augmentation of a recipe on its validation folds; the test is left alone.

    Returns
    -------
    event -> ``skill``: Brier skill on validation with and without augmentation, both
    calibrated out of fold, and their paired difference; ``quality``: the quality report of
    the synthetic windows made for the last fold, for TimeGAN only.
    """
    choice = recipe.estimator
    if isinstance(choice, BlendChoice) or choice.augmentation is None:
        raise InvalidInputError(
            f"{recipe.name} has no [estimator.augmentation] to try; a blend is tried by its members"
        )
    everything = loading.load(recipe.data, folder, window=recipe.window)
    parts = split(everything, recipe.split, seed=recipe.seed)
    remedy = choice.augmentation
    return {
        event: {
            "skill": skill,
            "quality": _quality(recipe, parts.folds[-1], event, remedy, journal=journal)
            if isinstance(remedy, TimeGanChoice)
            else None,
        }
        for event, skill in _skill(recipe, parts, folder, journal).items()
    }


def _skill(recipe: Recipe, parts: Split, folder: Path, journal: Journal) -> dict[str, Any]:
    flares = loading.flares_of(recipe.data, folder)
    plain = recipe.model_copy(
        update={"estimator": recipe.estimator.model_copy(update={"augmentation": None})}
    )
    used = carry_through(recipe, parts, flares, journal.within("with"))
    unused = carry_through(plain, parts, flares, journal.within("without"))
    ours, theirs = (fitted.pool.calibrated(fitted.events) for fitted in (used, unused))
    found = {}
    for event in used.events:
        evidence = _evidence(used.pool.rows, event.name, ours[event.name], theirs[event.name])
        judged = judge(evidence)
        found[event.name] = {
            "with": asdict(judged.entrants["model"].scores["bss"]),
            "without": asdict(judged.entrants[WITHOUT].scores["bss"]),
            "difference": asdict(judged.differences[WITHOUT]["bss"]),
            "n": judged.n,
            "n_events": judged.n_events,
        }
    return found


def _evidence(cases: Dataset, event: str, own: Any, other: Any) -> Evidence:
    truth = cases.truth[event]
    known = ~np.isnan(truth)
    return Evidence(
        part="validation", event=event, region_id=cases.region_id[known],
        t_rec=cases.t_rec[known], outcome=truth[known], raw=own[known], calibrated=own[known],
        entrants={WITHOUT: other[known]}, threshold=0.5, n_unknown=int(np.sum(~known)),
    )  # fmt: skip


def _quality(
    recipe: Recipe, fold: Fold, event: str, choice: TimeGanChoice, *, journal: Journal
) -> dict[str, object]:
    (windows, outcome), (unseen, unseen_outcome) = (
        _known(part, event, recipe.features) for part in (fold.train, fold.held_out)
    )
    # The fit of this fold has just trained the same TimeGAN, whose checkpoint is taken up.
    fitted = replace(journal, resumes=True).within("with").within(f"fold {fold.name}").within(event)
    made = made_up_events(windows, outcome, choice=choice, seed=recipe.seed, journal=fitted)
    part = journal.within(f"quality {event}")
    tamed = Tamed.by(windows)
    return assess(
        tamed.apply(made), training=Cases(tamed.apply(windows), outcome),
        held_out=Cases(tamed.apply(unseen), unseen_outcome), seed=recipe.seed, journal=part,
    ).to_dict()  # fmt: skip


def _known(part: Dataset, event: str, features: tuple[str, ...]) -> tuple[Any, Any]:
    known = part.take(~np.isnan(part.truth[event]))
    return known.windows(features), known.truth[event]
