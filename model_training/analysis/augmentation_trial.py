"""A trial of augmentation: what it does to the skill, and what its synthetic events are worth."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from model_training.analysis.synthetic_quality import Cases, assess
from model_training.data import loading
from model_training.data.dataset import Dataset
from model_training.data.split import Fold, Split, split
from model_training.fitting.augmentation.timegan import AsinhScale, synthetic_events
from model_training.fitting.out_of_fold import place_of
from model_training.journal import Journal
from model_training.judging.evidence import Evidence
from model_training.judging.judgement import judge
from model_training.recipe.estimators import BlendConfig, TimeGanConfig
from model_training.recipe.recipe import Recipe
from model_training.training import fit_recipe, refuse_what_the_data_lack
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
    config = recipe.estimator
    if isinstance(config, BlendConfig) or config.augmentation is None:
        raise InvalidInputError(
            f"{recipe.name} has no [estimator.augmentation] to try; a blend is tried by its members"
        )
    journal.turn_to("reading the data")
    dataset = loading.load(recipe.data, folder, window=recipe.window)
    refuse_what_the_data_lack(recipe, dataset)
    parts = split(dataset, recipe.split, seed=recipe.seed)
    augmentation = config.augmentation
    judged = recipe.events if isinstance(augmentation, TimeGanConfig) else ()
    journal.tell_parts(["with", "without", *(_place_of_quality(event) for event in judged)])
    return {
        event: {
            "skill": skill,
            "quality": _quality(recipe, parts.folds[-1], event, augmentation, journal=journal)
            if isinstance(augmentation, TimeGanConfig)
            else None,
        }
        for event, skill in _skill(recipe, parts, folder, journal).items()
    }


def _skill(recipe: Recipe, parts: Split, folder: Path, journal: Journal) -> dict[str, Any]:
    flares = loading.flares_of(recipe.data, folder)
    plain = recipe.model_copy(
        update={"estimator": recipe.estimator.model_copy(update={"augmentation": None})}
    )
    used = fit_recipe(recipe, parts, flares, journal.within("with"))
    unused = fit_recipe(plain, parts, flares, journal.within("without"))
    with_augmentation, without = (
        fitted.out_of_fold.calibrated(fitted.events) for fitted in (used, unused)
    )
    skill_by_event = {}
    for event in used.events:
        evidence = _evidence(
            used.out_of_fold.rows, event.name, with_augmentation[event.name], without[event.name]
        )
        judgement = judge(evidence)
        skill_by_event[event.name] = {
            "with": asdict(judgement.entrants["model"].scores["bss"]),
            "without": asdict(judgement.entrants[WITHOUT].scores["bss"]),
            "difference": asdict(judgement.differences[WITHOUT]["bss"]),
            "n": judgement.n,
            "n_events": judgement.n_events,
        }
    return skill_by_event


def _evidence(cases: Dataset, event: str, augmented: Any, plain: Any) -> Evidence:
    truth = cases.truth[event]
    known = ~np.isnan(truth)
    return Evidence(
        part="validation",
        event=event,
        region_id=cases.region_id[known],
        t_rec=cases.t_rec[known],
        outcome=truth[known],
        raw=augmented[known],
        calibrated=augmented[known],
        entrants={WITHOUT: plain[known]},
        threshold=0.5,
        n_unknown=int(np.sum(~known)),
    )


def _quality(
    recipe: Recipe, fold: Fold, event: str, config: TimeGanConfig, *, journal: Journal
) -> dict[str, object]:
    (windows, outcome), (unseen, unseen_outcome) = (
        _known(part, event, recipe.features) for part in (fold.train, fold.held_out)
    )
    # The fit of this fold has just trained the same TimeGAN, whose checkpoint is taken up.
    fitted = replace(journal, resumes=True).within("with").within(place_of(fold)).within(event)
    synthetic = synthetic_events(windows, outcome, config=config, seed=recipe.seed, journal=fitted)
    part = journal.within(_place_of_quality(event))
    part.turn_to(f"judging {len(synthetic)} synthetic events")
    tamed = AsinhScale.by(windows)
    return assess(
        tamed.apply(synthetic),
        training=Cases(tamed.apply(windows), outcome),
        held_out=Cases(tamed.apply(unseen), unseen_outcome),
        seed=recipe.seed,
        journal=part,
    ).to_dict()


def _place_of_quality(event: str) -> str:
    return f"quality {event}"


def _known(part: Dataset, event: str, features: tuple[str, ...]) -> tuple[Any, Any]:
    known = part.take(~np.isnan(part.truth[event]))
    return known.windows(features), known.truth[event]
