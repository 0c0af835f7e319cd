"""The leak audit: whether anything that is scored was seen before, checked on the cases used."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from model_training.artefact.manifest import Check, LeakAudit, NoiseTrial
from model_training.data.dataset import NO_RECORD, Dataset
from model_training.data.overlap import runs_in_common
from model_training.data.split import Split, is_distinctive
from model_training.features import kind
from model_training.recipe.recipe import Recipe
from solar.errors import InvalidInputError
from solar.time import isoformat, to_datetime, to_datetime64
from solar.windows import DAY

# Of windows of hundreds of values this many take some hundred MB.
_CASES_AT_A_TIME = 20_000


@dataclass(frozen=True)
class _Pair:
    """Two parts that must not share data, and their names."""

    first_name: str
    first: Dataset
    second_name: str
    second: Dataset


def audit(
    recipe: Recipe,
    parts: Split,
    *,
    dataset: Dataset,
    fitted_on: Dataset,
    calibrated_on: Dataset,
    noise: tuple[NoiseTrial, ...] = (),
) -> LeakAudit:
    """Check a training run.

    Parameters
    ----------
    dataset : the data set as it was read, before any case was augmented
    fitted_on : the cases handed to the estimator, which scales and imputes by them too
    calibrated_on : the cases handed to calibration and threshold, all forecast out of fold
    noise : the noise test of the recipe on these parts, kept beside the checks
    """
    pairs = [
        _Pair("train", parts.train, "test", parts.test),
        _Pair("validation", calibrated_on, "test", parts.test),
        *(
            _Pair(f"the fit of fold {fold.name}", fold.train, f"fold {fold.name}", fold.held_out)
            for fold in parts.folds
        ),
    ]
    checks = [
        check for pair in pairs for check in _separation_checks(pair, recipe, by_time=parts.by_time)
    ]
    checks += [
        _seen_only("the estimator", fitted_on, "train", parts.train),
        _seen_only("calibration and threshold", calibrated_on, "validation", parts.validation),
        _none_synthetic("validation", calibrated_on, dataset),
        _none_synthetic("test", parts.test, dataset),
    ]
    passed = all(check.passed for check in checks) and all(trial.passed for trial in noise)
    return LeakAudit(passed=passed, checks=tuple(checks), noise=noise)


def gate(recipe: Recipe, report: LeakAudit) -> LeakAudit:
    """Return the report of an audit that passed.

    Raises
    ------
    InvalidInputError
        With every check that failed.
    """
    failed = [f"{check.name}: {check.detail}" for check in report.checks if not check.passed]
    if failed:
        raise InvalidInputError(f"{recipe.name}: the leak audit failed; {'; '.join(failed)}")
    return report


def audit_elsewhere(
    fitted_until: datetime | None, cases: Dataset, *, dataset: Dataset
) -> LeakAudit:
    """Check cases against the statements of a model's maker about its training.

    What cannot be detected: a maker who used later data than `fitted_until` says.
    """
    if fitted_until is None:
        detail = "the manifest has no fitted_until, the time before which all lies that was used"
        return LeakAudit(
            passed=False,
            checks=(
                Check(name="the maker says until when data were used", passed=False, detail=detail),
            ),
        )
    checks = (
        _after(fitted_until, cases),
        _no_region_before(fitted_until, cases, dataset),
    )
    return LeakAudit(passed=all(check.passed for check in checks), checks=checks)


def _after(fitted_until: datetime, cases: Dataset) -> Check:
    reach = np.timedelta64(round(cases.reach_hours * 3600), "s")
    first = to_datetime(cases.t_rec.min() - reach)
    return Check(
        name="every window of the cases begins after all that the maker has used",
        passed=first >= fitted_until,
        detail=f"used until {isoformat(fitted_until)} by the maker's word, first window from"
        f" {isoformat(first)}",
    )


def _no_region_before(fitted_until: datetime, cases: Dataset, dataset: Dataset) -> Check:
    early = dataset.region_id[dataset.t_rec < to_datetime64(fitted_until)]
    shared = np.intersect1d(early, cases.region_id)
    return Check(
        name="no region of the cases has records from before that time",
        passed=not shared.size,
        detail=f"{shared.size} have" + (f", such as {shared[0]}" if shared.size else ""),
    )


def _separation_checks(pair: _Pair, recipe: Recipe, *, by_time: bool) -> list[Check]:
    measured = _measured_features(pair.first, recipe.features)
    checks = [_no_shared_region(pair), _no_shared_record(pair), _no_copy(pair, measured)]
    if pair.first.window_length > 1 and measured:
        checks.append(_no_overlap(pair, measured))
    if by_time and recipe.embargo_hours is not None:
        checks.append(_apart_in_time(pair, recipe.embargo_hours))
    return checks


def _measured_features(part: Dataset, features: Sequence[str]) -> list[str]:
    """Return the features that were measured, not counted or taken from a flare list."""
    return [
        name
        for name in features
        if kind(name) != "history"
        and name in part.records
        and is_distinctive(part.records[name]).any()
    ]


def _no_shared_region(pair: _Pair) -> Check:
    shared = np.intersect1d(pair.first.region_id, pair.second.region_id)
    return Check(
        name=f"no region is in {pair.first_name} and {pair.second_name}",
        passed=not shared.size,
        detail=f"{shared.size} shared" + (f", such as {shared[0]}" if shared.size else ""),
    )


def _no_shared_record(pair: _Pair) -> Check:
    shared = np.intersect1d(pair.first.steps, pair.second.steps)
    n_shared = int(np.count_nonzero(shared != NO_RECORD))
    return Check(
        name=f"no record is in windows of {pair.first_name} and of {pair.second_name}",
        passed=not n_shared,
        detail=f"{n_shared} shared",
    )


def _no_copy(pair: _Pair, measured: Sequence[str]) -> Check:
    n_copies = len(_contents(pair.first, measured) & _contents(pair.second, measured))
    return Check(
        name=f"no window of {pair.first_name} is repeated in {pair.second_name}",
        passed=not n_copies,
        detail=f"{n_copies} repeated",
    )


def _no_overlap(pair: _Pair, measured: Sequence[str]) -> Check:
    """Find windows that overlap without sharing records, as in a set that copies each window."""
    n_runs = runs_in_common(pair.first, pair.second, measured)
    return Check(
        name=f"no stretch of a window of {pair.first_name} is in one of {pair.second_name}",
        passed=not n_runs,
        detail=f"{n_runs} in common",
    )


def _contents(part: Dataset, measured: Sequence[str]) -> set[bytes]:
    """Return a digest of the measured values of each window that are distinctive."""
    digests: set[bytes] = set()
    for first in range(0, len(part), _CASES_AT_A_TIME):
        cases = part.take(np.arange(first, min(first + _CASES_AT_A_TIME, len(part))))
        # Minus zero becomes zero.
        windows = cases.windows(measured).reshape(len(cases), -1) + np.float32(0)
        distinctive = windows[is_distinctive(windows).any(axis=1)]
        digests |= {hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in distinctive}
    return digests


def _apart_in_time(pair: _Pair, embargo_hours: float) -> Check:
    name = (
        f"{embargo_hours:g} h lie between the windows of {pair.first_name} and {pair.second_name}"
    )
    if not len(pair.first) or not len(pair.second):
        return Check(name=name, passed=True, detail="no cases")
    gap = (_nearest(pair) - np.timedelta64(DAY.validity)) / np.timedelta64(1, "h")
    return Check(name=name, passed=bool(gap >= embargo_hours), detail=f"at least {gap:.1f} h")


def _nearest(pair: _Pair) -> np.timedelta64:
    times = np.sort(pair.first.t_rec)
    after = np.searchsorted(times, pair.second.t_rec)
    later = np.abs(times[np.minimum(after, len(times) - 1)] - pair.second.t_rec)
    earlier = np.abs(pair.second.t_rec - times[np.maximum(after - 1, 0)])
    nearest: np.timedelta64 = np.minimum(earlier, later).min()
    return nearest


def _seen_only(reader: str, seen: Dataset, part: str, allowed: Dataset) -> Check:
    foreign = int(np.setdiff1d(_keys(seen), _keys(allowed)).size)
    return Check(
        name=f"{reader} saw rows of {part} only",
        passed=not foreign,
        detail=f"{len(seen)} rows" + (f", {foreign} of another part" if foreign else ""),
    )


def _none_synthetic(name: str, part: Dataset, dataset: Dataset) -> Check:
    synthetic = int(np.setdiff1d(_keys(part), _keys(dataset)).size)
    return Check(
        name=f"no synthetic case is in {name}",
        passed=not synthetic,
        detail=f"{len(part)} cases" + (f", {synthetic} not in the data set" if synthetic else ""),
    )


def _keys(part: Dataset) -> NDArray[np.void]:
    return np.rec.fromarrays([part.region_id, part.t_rec.astype(np.int64)])
