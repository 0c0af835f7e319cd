"""The record of a training run: its manifest, filled in from what was used and found."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from model_training import datasets
from model_training.artifact import GRAPH
from model_training.datasets import Dataset
from model_training.features import kind, unit
from model_training.manifest import (
    EventModel,
    Feature,
    FoldRecord,
    LeakAudit,
    Manifest,
    Part,
    Source,
    SplitRecord,
)
from model_training.pool import Pool
from model_training.recipe import Recipe, midnight
from model_training.splits import Split
from solar.flares import HORIZON
from solar.sharp import CADENCE_SECONDS
from solar.time import isoformat, to_datetime

_LIBRARIES = ("numpy", "scikit-learn", "lightgbm", "onnx", "onnxmltools", "onnxruntime")
_SCORE_NOTES = {
    "validation": "each year forecast by a model fitted before it, the years pooled, calibrated"
    " without the 27-day block of the row; calibration and thresholds were chosen on these rows",
    "selection": "of several models the one with the highest M1.0 bss on validation is live, then"
    " the one with the highest mean bss over all events",
    "test": "as served, by the model fitted on all rows before; used for no choice",
    "interval": "95 %, block bootstrap of 27 days, 1000 resamples",
    "bss": "reference: base rate of the scored cases; bss_vs_NAME: that entrant, same cases",
    "climatology": "event rate over regions of the trailing days with a closed window",
    "persistence": "1 where the region had such a flare in the last 24 h, else 0",
}


@dataclass(frozen=True)
class Run:
    """What a run used and found, before it is scored."""

    recipe: Recipe
    parts: Split
    events: tuple[EventModel, ...]
    audit: LeakAudit
    parity: float
    everything: Dataset
    n_flares: int
    pool: Pool
    graph: bytes


def describe(run: Run, folder: Path) -> Manifest:
    """Fill in the manifest, but for the scores, which need the artefact itself."""
    recipe = run.recipe
    return Manifest(
        name=recipe.name,
        version=recipe.version,
        description=recipe.description,
        estimator=recipe.estimator.kind,
        horizon_hours=HORIZON.days * 24,
        cadence_seconds=CADENCE_SECONDS,
        events=run.events,
        features=tuple(
            Feature(name=name, unit=unit(name), kind=kind(name)) for name in recipe.features
        ),
        sources=_sources(run, folder),
        split=_describe_split(run),
        leak_audit=run.audit,
        parity=float(f"{run.parity:.1e}"),
        scores={},
        score_notes=_SCORE_NOTES,
        recipe=recipe.model_dump(mode="json"),
        libraries={name: version(name) for name in _LIBRARIES},
        files={GRAPH: hashlib.sha256(run.graph).hexdigest()},
    )


def _sources(run: Run, folder: Path) -> tuple[Source, ...]:
    data, filled = run.recipe.data, run.everything.filled
    used = [(data.rows, data.licence, len(run.everything) - filled)]
    if data.fill:
        used.append((data.fill.rows, f"{data.fill.licence} (other rows not read)", filled))
    used.append((data.flares, "NOAA/GOES facts", run.n_flares))
    return tuple(
        Source(file=name, rows=rows, licence=licence, sha256=datasets.sha256(folder / name))
        for name, licence, rows in used
    )


def _describe_split(run: Run) -> SplitRecord:
    return SplitRecord(
        issue=run.recipe.data.issue,
        embargo_hours=run.recipe.split.embargo_hours,
        test_from=isoformat(midnight(run.recipe.split.test_from)),
        left_out=run.parts.left_out,
        rejected=run.everything.rejected,
        filled=run.everything.filled,
        train=_describe(run.parts.train),
        folds=tuple(
            FoldRecord(
                year=fold.year, train=_describe(fold.train), held_out=_describe(fold.held_out)
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
