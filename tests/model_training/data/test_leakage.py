from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_world import recipe_of
from split_cases import CHOICE, CLEAN, dataset

from model_training.data import leak_audit
from model_training.data.dataset import Dataset
from model_training.data.split import Split, split
from solar.errors import InvalidInputError


def audit(parts: Split, **seen: Dataset) -> leak_audit.LeakAudit:
    rows = {"fitted_on": parts.train, "calibrated_on": parts.validation, "dataset": CLEAN}
    recipe = recipe_of("blend").model_copy(update={"keywords": ("USFLUX",), "history": ()})
    return leak_audit.audit(recipe, parts, **(rows | seen))


def failed(parts: Split, **seen: Dataset) -> list[str]:
    return [check.name for check in audit(parts, **seen).checks if not check.passed]


def stranger(at: str, region: int) -> Dataset:
    """A case whose record is none of those in CLEAN."""
    return replace(
        CLEAN.take(np.array([0])),
        region_id=np.array([region]), t_rec=np.array([at], "datetime64[us]"),
        records={"USFLUX": np.array([*CLEAN.records["USFLUX"], 99.0])}, steps=np.array([[4]]),
    )  # fmt: skip


def test_the_audit_passes_a_clean_split() -> None:
    assert audit(split(CLEAN, CHOICE)).passed


def test_the_audit_finds_a_test_region_among_the_training_rows() -> None:
    parts = replace(split(CLEAN, CHOICE), train=stranger("2011-05-01", 4))

    assert failed(parts, fitted_on=parts.train) == ["no region is in train and test"]


def test_the_audit_finds_a_region_planted_in_a_fold() -> None:
    parts = split(CLEAN, CHOICE)
    planted = replace(parts.folds[0], train=stranger("2011-05-01", 2))

    found = failed(replace(parts, folds=(planted, parts.folds[1])))

    assert found == ["no region is in the fit of fold 2012 and fold 2012"]


def test_the_audit_finds_windows_that_come_too_near_in_a_fold() -> None:
    parts = split(CLEAN, CHOICE)
    too_late = replace(parts.folds[0], train=stranger("2012-04-30T12:00", 9))

    found = audit(replace(parts, folds=(too_late, parts.folds[1])))

    assert [check.detail for check in found.checks if not check.passed] == ["at least -12.0 h"]


def test_the_audit_finds_a_record_in_windows_of_both_sides() -> None:
    parts = split(CLEAN, CHOICE)
    reaching = replace(parts.test, steps=np.array([[2, 3]]))

    assert "no record is in windows of train and of test" in failed(replace(parts, test=reaching))


def test_the_audit_finds_a_window_that_was_copied_into_the_test() -> None:
    parts = split(CLEAN, CHOICE)
    copied = replace(stranger("2014-05-01", 4), records={"USFLUX": np.array([0.5] * 5)})

    found = failed(replace(parts, test=copied), dataset=copied)

    assert "no window of train is repeated in test" in found


@pytest.mark.parametrize(("divisor", "expected"), [(7.0, True), (1.0, False)])
def test_the_audit_finds_windows_that_overlap_without_sharing_records(
    divisor: float, expected: bool
) -> None:
    cases = dataset(
        ("2011-05-01", 1), ("2012-05-01", 2), ("2013-05-01", 3), ("2014-05-01", 4), steps=8
    )
    values = np.arange(32.0)
    values[24:] = np.arange(3.0, 11.0)
    # Whole numbers are counts, which are alike by accident.
    slid = replace(cases, records={"USFLUX": values / divisor})

    found = failed(split(slid, CHOICE), dataset=slid)

    name = "no stretch of a window of train is in one of test"
    assert (name in found) is expected


@pytest.mark.parametrize("said", [0.0, -0.0, 3.0, np.nan])
def test_counts_classes_and_nothing_are_no_copies_of_each_other(said: float) -> None:
    alike = replace(CLEAN, records={"USFLUX": np.full(4, said)})

    assert failed(split(alike, CHOICE), dataset=alike) == []


def test_the_audit_finds_an_estimator_that_saw_test_rows() -> None:
    found = audit(split(CLEAN, CHOICE), fitted_on=CLEAN)

    assert [check.detail for check in found.checks if not check.passed] == [
        "4 rows, 1 of another part"
    ]


def test_the_audit_finds_a_calibration_that_saw_rows_of_no_fold() -> None:
    parts = split(CLEAN, CHOICE)

    assert failed(parts, calibrated_on=parts.train) == [
        "calibration and threshold saw rows of validation only"
    ]


def test_the_audit_finds_synthetic_cases_in_the_test() -> None:
    parts = replace(split(CLEAN, CHOICE), test=stranger("2014-06-01", 77))

    assert failed(parts) == ["no synthetic case is in test"]


def test_a_failed_audit_ends_the_run_with_every_reason() -> None:
    found = audit(split(CLEAN, CHOICE), fitted_on=CLEAN)

    with pytest.raises(InvalidInputError, match=r"leak audit failed; the estimator saw rows of"):
        leak_audit.gate(recipe_of("blend"), found)
