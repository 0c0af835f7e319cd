"""Folds of regions: other rows, each region forecast by a fit that learned from the others too.

What a model loses because it never saw the time of the rows that it is judged on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_training.artefact import graph
from model_training.artefact.artifact import Artifact
from model_training.artefact.calibration import Calibration
from model_training.artefact.inference import GraphInference
from model_training.data import loading
from model_training.data.dataset import NO_RECORD, Dataset
from model_training.data.split import Fold, groups_of_regions, without_copies
from model_training.features import FlareHistory
from model_training.fitting import forecaster
from model_training.fitting.forecaster import Forecaster, make_plan
from model_training.fitting.out_of_fold import calibrated_as_served
from model_training.journal import Journal
from model_training.judging.evaluation import (
    PLAIN,
    ReferenceForecasts,
    evidence_of_test,
    with_windows,
)
from model_training.judging.evidence import Evidence
from model_training.judging.own_cases import OwnCases
from model_training.recipe.recipe import Recipe
from solar.errors import InvalidInputError
from solar.time import to_datetime
from solar.windows import DAY

_DAY = np.timedelta64(DAY.validity)


def evidence_of_region_folds(
    own: OwnCases, cases: Dataset, *, folds: int, weight: float, journal: Journal
) -> tuple[Evidence, ...]:
    """Forecast each region by the recipe of a model, fitted without that region.

    The fit has the rows of the recipe from before the day on which `cases` begin, less the
    embargo, whatever part they are of, and at `weight` the cases of the other folds. Calibration
    and thresholds are those of the model. The plain regression is fitted on the same rows.

    Raises
    ------
    InvalidInputError
        When there are fewer regions than folds, or no row of the recipe lies before the cases.
    """
    n_regions = len(np.unique(cases.region_id))
    if n_regions < folds:
        raise InvalidInputError(
            f"the rows have {n_regions} regions, too few for {folds} folds; lower --folds"
        )
    parts = groups_of_regions(cases, folds, seed=own.recipe.seed)
    flares = loading.flares_of(own.recipe.data, own.folder)
    before, until = _before(own, cases)
    found = []
    for number, fold in enumerate(parts, start=1):
        journal.turn_to(f"fitting without {len(fold.held_out)} cases ({number} of {folds})")
        training = _training(own.recipe, before, fold, weight)
        found.append(_evidence_of_fold(own, training, fold.held_out, flares, until, journal))
    return tuple(map(_joined, zip(*found, strict=True)))


def _before(own: OwnCases, cases: Dataset) -> tuple[Dataset, datetime]:
    """Return the rows of a recipe that come before the day on which cases begin, and that day."""
    recipe, rows = own.recipe, own.dataset
    begins = cases.t_rec.min().astype("datetime64[D]").astype("datetime64[us]")
    embargo = np.timedelta64(round(3600 * (recipe.embargo_hours or recipe.horizon_hours)), "s")
    before = rows.take(rows.t_rec + _DAY + embargo <= begins)
    if not len(before):
        raise InvalidInputError(
            f"{recipe.name} has no row before {begins} to be fitted on; give later rows with --on"
        )
    return before, to_datetime(begins)


def _training(recipe: Recipe, before: Dataset, fold: Fold, weight: float) -> Dataset:
    """Join the rows from before and those of the other folds, without the regions held out."""
    is_apart = ~np.isin(before.region_id, fold.held_out.region_id)
    earlier = without_copies(before.take(is_apart), fold.held_out)
    others = without_copies(fold.train, fold.held_out)
    parts = (earlier, replace(others, weight=np.full(len(others), weight)))
    records = {
        name: np.concatenate(
            [part.records.get(name, np.full(part.n_records, np.nan)) for part in parts]
        )
        for name in recipe.features
    }
    shifted = np.where(others.steps == NO_RECORD, NO_RECORD, others.steps + earlier.n_records)
    return replace(
        earlier,
        records=records,
        steps=np.concatenate([earlier.steps, shifted]),
        region_id=np.concatenate([part.region_id for part in parts]),
        t_rec=np.concatenate([part.t_rec for part in parts]),
        truth={
            name: np.concatenate([part.truth[name] for part in parts]) for name in recipe.events
        },
        flared_before={},
        by_bin={
            name: np.concatenate([part.by_bin[name] for part in parts]) for name in earlier.by_bin
        },
        fold=np.concatenate(
            [np.zeros(len(p), np.int64) if p.fold is None else p.fold for p in parts]
        ),
        weight=np.concatenate([np.ones(len(p)) if p.weight is None else p.weight for p in parts]),
    )


def _evidence_of_fold(
    own: OwnCases,
    training: Dataset,
    held_out: Dataset,
    flares: FlareHistory | None,
    until: datetime,
    journal: Journal,
) -> tuple[Evidence, ...]:
    plan = make_plan(own.recipe, own.parts)

    def fit(recipe: Recipe) -> Forecaster:
        return forecaster.fit(
            recipe, training, plan=plan, flares=flares, until=until, journal=journal
        )

    manifest = own.model.manifest
    fitted = fit(own.recipe).to_onnx(
        steps=manifest.window_length, features=len(own.recipe.features)
    )
    content = graph.to_bytes(graph.named(fitted, own.recipe.features))
    reference = None
    if own.recipe.estimator != PLAIN:
        plain = fit(own.recipe.model_copy(update={"estimator": PLAIN}))
        raw = plain.predict(held_out.windows(own.recipe.features))
        identity = {"calibration": Calibration(kind="identity")}
        uncalibrated = [event.model_copy(update=identity) for event in manifest.events]
        reference = ReferenceForecasts(calibrated_as_served(uncalibrated, raw), thresholds={})
    return evidence_of_test(
        Artifact(manifest, GraphInference(manifest, content)),
        with_windows(held_out),
        past=with_windows(own.dataset),
        reference=reference,
    )


def _joined(parts: Sequence[Evidence]) -> Evidence:
    """Put the evidence of one event from every fold together."""

    def joined(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(part, name) for part in parts])

    first = parts[0]
    return replace(
        first,
        region_id=joined("region_id"),
        t_rec=joined("t_rec"),
        outcome=joined("outcome"),
        raw=joined("raw"),
        calibrated=joined("calibrated"),
        entrants={
            name: np.concatenate([part.entrants[name] for part in parts]) for name in first.entrants
        },
        n_unknown=sum(part.n_unknown for part in parts),
    )
