"""The leak audit: whether anything that is scored was seen before, checked on the rows used."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model_training.datasets import Dataset
from model_training.manifest import Check, LeakAudit
from model_training.splits import Fold, Split
from solar.flares import HORIZON


def audit(
    parts: Split, *, fitted_on: Dataset, calibrated_on: Dataset, embargo_hours: float
) -> LeakAudit:
    """Check a finished training run.

    Parameters
    ----------
    fitted_on : the rows handed to the estimator, which scales and imputes by them too
    calibrated_on : the rows handed to calibration and threshold, all forecast out of fold
    """
    checks = [
        *_apart("train", parts.train, "test", parts.test, embargo_hours),
        *_apart("validation", calibrated_on, "test", parts.test, embargo_hours),
        _seen_only("the estimator", fitted_on, "train", parts.train),
        _seen_only("calibration and threshold", calibrated_on, "validation", parts.validation),
    ]
    for fold in parts.folds:
        checks += _audit_fold(fold, embargo_hours)
    return LeakAudit(passed=all(check.passed for check in checks), checks=tuple(checks))


def _audit_fold(fold: Fold, embargo_hours: float) -> list[Check]:
    years = np.unique(fold.held_out.t_rec.astype("datetime64[Y]").astype(int) + 1970)
    only = Check(
        name=f"fold {fold.year} holds out rows of {fold.year} only",
        passed=not set(years.tolist()) - {fold.year},
        detail=f"years {', '.join(str(year) for year in years)}",
    )
    name = f"fold {fold.year}"
    return [*_apart(f"the fit of {name}", fold.train, name, fold.held_out, embargo_hours), only]


def _apart(
    first: str, one: Dataset, second: str, other: Dataset, embargo_hours: float
) -> list[Check]:
    return [
        _no_shared_region(first, one, second, other),
        _in_order(first, one, second, other, embargo_hours),
    ]


def _no_shared_region(first: str, one: Dataset, second: str, other: Dataset) -> Check:
    shared = np.intersect1d(one.region_id, other.region_id)
    return Check(
        name=f"no region is in {first} and {second}",
        passed=not shared.size,
        detail=f"{shared.size} shared" + (f", such as {shared[0]}" if shared.size else ""),
    )


def _in_order(
    first: str, one: Dataset, second: str, other: Dataset, embargo_hours: float
) -> Check:  # fmt: skip
    name = f"the windows of {first} close {embargo_hours:g} h before {second} begins"
    if not len(one) or not len(other):
        return Check(name=name, passed=True, detail="no rows")
    gap = (other.t_rec.min() - one.t_rec.max() - np.timedelta64(HORIZON)) / np.timedelta64(1, "h")
    return Check(name=name, passed=bool(gap >= embargo_hours), detail=f"gap {gap:.1f} h")


def _seen_only(who: str, seen: Dataset, part: str, allowed: Dataset) -> Check:
    strange = np.setdiff1d(_keys(seen), _keys(allowed)).size
    return Check(
        name=f"{who} saw rows of {part} only",
        passed=not strange,
        detail=f"{len(seen)} rows seen, {strange} from elsewhere",
    )


def _keys(dataset: Dataset) -> NDArray[np.void]:
    keys = np.empty(len(dataset), dtype=[("region", "<i8"), ("at", "<i8")])
    keys["region"], keys["at"] = dataset.region_id, dataset.t_rec.astype(np.int64)
    return keys
