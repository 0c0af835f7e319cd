"""The manifest of a training run, filled in from what the run used and computed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from model_training import plugins
from model_training.artefact import reference
from model_training.artefact.manifest import (
    GRAPH,
    EventModel,
    Feature,
    FoldRecord,
    LeakAudit,
    Manifest,
    Part,
    Repaired,
    Source,
    SplitRecord,
)
from model_training.artefact.reference import TrainingReference
from model_training.data import loading
from model_training.data.dataset import Dataset
from model_training.data.files import sha256
from model_training.data.split import Split
from model_training.features import FlareHistory, Floats, kind, unit
from model_training.fitting.out_of_fold import OutOfFold, calibrated_as_served
from model_training.recipe.estimators import PluginConfig, members_of
from model_training.recipe.recipe import Recipe
from solar.consistency import consistent
from solar.errors import InvalidInputError
from solar.flares import event
from solar.time import isoformat, to_datetime
from solar.windows import DAY

_LIBRARIES = (
    "numpy",
    "scikit-learn",
    "lightgbm",
    "imbalanced-learn",
    "gensim",
    "node2vec",
    "torch",
    "onnx",
    "onnxmltools",
    "onnxruntime",
)
# A forecast that moves further is another one than the model made; of so many cases it may.
FAR, MOST_MOVED_FAR = 0.02, 0.2
_SCORE_NOTES = {
    "validation": "each fold forecast by a model fitted without it, the folds pooled, calibrated"
    " without the 27-day block of the row; calibration and thresholds were chosen on these rows",
    "selection": "of several models the one with the highest M1.0 bss on validation is live, then"
    " the one with the highest mean bss over all events",
    "test": "as served, by the model fitted on the training rows; used for no choice",
    "interval": "95 %, block bootstrap of 27 days, 1000 resamples",
    "bss": "reference: base rate of the scored cases; every entrant is scored on the same cases",
    "climatology": "event rate over regions of the trailing days with a closed window",
    "persistence": "1 where the region had such a flare in the last 24 h, else 0",
    "plain-regression": "logistic regression with C = 1 on the inputs and cases of the model",
}


@dataclass(frozen=True)
class Run:
    """The data and results of a run, before it is scored."""

    recipe: Recipe
    parts: Split
    events: tuple[EventModel, ...]
    targets: tuple[EventModel, ...]
    audit: LeakAudit
    parity: float
    dataset: Dataset
    flares: FlareHistory | None
    out_of_fold: OutOfFold
    graph: bytes


def describe(run: Run, folder: Path) -> Manifest:
    """Fill in the manifest, but for the scores, which need the artefact itself.

    Raises
    ------
    InvalidInputError
        When too many validation cases contradict themselves.
    """
    recipe, forecasts = run.recipe, calibrated_as_served(run.events, run.out_of_fold.raw)
    digest = hashlib.sha256(run.graph).hexdigest()
    return Manifest(
        format=2 if run.targets else 1,
        name=recipe.name,
        version=recipe.version,
        made_by="flarewatch",
        description=recipe.description,
        estimator=recipe.estimator.kind,
        horizon_hours=DAY.validity.days * 24,
        window_length=run.dataset.window_length,
        cadence_seconds=round(run.dataset.cadence_hours * 3600),
        tolerance_seconds=round(recipe.window.tolerance_hours * 3600),
        max_missing_share=_max_missing_share(recipe),
        events=run.events,
        targets=run.targets,
        features=tuple(_feature(name, run.dataset) for name in recipe.features),
        scored_graph=digest,
        sources=_sources(run, folder),
        split=_describe_split(run),
        leak_audit=run.audit,
        parity=float(f"{run.parity:.1e}"),
        scores={},
        score_notes=_SCORE_NOTES,
        reference=_reference(run, forecasts),
        repaired=gate_repairs(
            recipe.name, repairs((*run.events, *run.targets), run.out_of_fold.raw)
        ),
        recipe=recipe.model_dump(mode="json"),
        libraries={name: version(name) for name in (*_LIBRARIES, *_plugin_packages(recipe))},
        files={GRAPH: digest},
    )


def _max_missing_share(recipe: Recipe) -> float:
    """Return 0 where a member leaves incomplete cases out, so that none is forecast either."""
    members = members_of(recipe.estimator)
    drops = any(member.preparation.missing == "drop" for member in members)
    return 0.0 if drops else recipe.max_missing_share


def _plugin_packages(recipe: Recipe) -> list[str]:
    """Name the packages of the imputers and estimators that are not ours."""
    used = {
        plugins.find(plugins.ESTIMATORS, member.plugin).package
        for member in members_of(recipe.estimator)
        if isinstance(member, PluginConfig)
    }
    used |= {
        plugins.find(plugins.IMPUTERS, member.preparation.imputer).package
        for member in members_of(recipe.estimator)
        if member.preparation.imputer is not None
    }
    return sorted(used)


def _reference(run: Run, forecasts: Mapping[str, Floats]) -> TrainingReference:
    """Describe the features at t of the training cases, and the out-of-fold forecasts."""
    training = run.parts.train.take(run.parts.train.is_scored)
    features = {name: training.feature(name) for name in run.recipe.features}
    return reference.describe(features, predictions=forecasts)


def repairs(targets: Sequence[EventModel], raw: Floats) -> Repaired | None:
    """Count the cases (n, columns) whose calibrated forecasts are moved to be consistent.

    None where all targets are of 24 h, of which the rarer is only lowered to the more frequent.
    """
    definitions = [event(target.name) for target in targets]
    if all(one.window == DAY for one in definitions):
        return None
    columns = [target.calibration.apply(raw[:, target.column]) for target in targets]
    calibrated = np.stack(columns, axis=1)
    moved = np.abs(consistent(calibrated, definitions) - calibrated).max(axis=1)
    return Repaired(
        n=len(moved),
        share=round(float((moved > 0).mean()), 6),
        share_far=round(float((moved > FAR).mean()), 6),
        far=FAR,
    )


def gate_repairs(name: str, repaired: Repaired | None) -> Repaired | None:
    """Refuse a model whose windows and events contradict each other too often and too far."""
    if repaired is not None and repaired.share_far > MOST_MOVED_FAR:
        raise InvalidInputError(
            f"{name}: {repaired.share_far:.0%} of {repaired.n:,} validation cases are moved by more"
            f" than {FAR:g} to be consistent, at most {MOST_MOVED_FAR:.0%} may be: the windows and"
            ' events contradict each other; choose calibration = "platt", one estimator for all'
            " windows, or more validation cases"
        )
    return repaired


def _feature(name: str, dataset: Dataset) -> Feature:
    known = kind(name) != "other"
    measured_in = unit(name) if known else dataset.units.get(name, "")
    return Feature(name=name, unit=measured_in, kind=kind(name))


def _sources(run: Run, folder: Path) -> tuple[Source, ...]:
    data, filled = run.recipe.data, run.dataset.filled
    fill, added = (getattr(data, name, None) for name in ("fill", "added"))
    n_added = int(np.count_nonzero(~run.dataset.is_scored)) if added else 0
    licences = {
        getattr(data, "flares", None): "NOAA/GOES facts",
        getattr(data, "harps", None): "JSOC",
    }
    rows = {getattr(data, "rows", None): run.dataset.n_records - filled - n_added}
    if fill is not None:
        licences[fill.rows] = f"{fill.licence} (other rows not read)"
        rows[fill.rows] = filled
    if added is not None:
        licences[added.rows] = f"{added.licence} (other rows not read)"
        rows[added.rows] = rows.get(added.rows, 0) + n_added
    return tuple(
        Source(
            file=name,
            rows=rows.get(name),
            licence=licences.get(name, data.licence),
            sha256=sha256(folder / name),
        )
        for name in loading.files_of(data, folder)
    )


def _describe_split(run: Run) -> SplitRecord:
    return SplitRecord(
        choice=run.recipe.split.model_dump(mode="json"),
        left_out=run.parts.left_out,
        rejected=run.dataset.rejected,
        filled=run.dataset.filled,
        train=_describe(run.parts.train),
        folds=tuple(
            FoldRecord(
                name=fold.name, train=_describe(fold.train), held_out=_describe(fold.held_out)
            )
            for fold in run.parts.folds
        ),
        validation=_describe(run.parts.validation),
        test=_describe(run.parts.test),
    )


def _describe(part: Dataset) -> Part:
    first, last = part.t_rec.min(), part.t_rec.max()
    return Part(
        rows=len(part),
        regions=len(np.unique(part.region_id)),
        first_at=isoformat(to_datetime(first)),
        last_at=isoformat(to_datetime(last)),
        events={name: int(np.nansum(truth)) for name, truth in part.truth.items()},
        unknown={name: int(np.isnan(truth).sum()) for name, truth in part.truth.items()},
    )
