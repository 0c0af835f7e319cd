from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np

from model_training import leakage
from model_training.datasets import Dataset
from model_training.recipe import SplitChoice
from model_training.splits import Split, split

CHOICE = SplitChoice(validation_years=(2012, 2013), test_from=date(2014, 1, 1))


def dataset(*rows: tuple[str, int]) -> Dataset:
    n = len(rows)
    return Dataset(
        features={"USFLUX": np.ones(n)},
        region_id=np.array([row[1] for row in rows], np.int64),
        t_rec=np.array([row[0] for row in rows], "datetime64[us]"),
        truth={"M1.0": np.zeros(n)},
        flared_before={"M1.0": np.zeros(n)},
    )


CLEAN = dataset(("2011-05-01", 1), ("2012-05-01", 2), ("2013-05-01", 3), ("2014-05-01", 4))


def audit(parts: Split, **seen: Dataset) -> leakage.LeakAudit:
    rows = {"fitted_on": parts.train, "calibrated_on": parts.validation} | seen
    return leakage.audit(parts, embargo_hours=CHOICE.embargo_hours, **rows)


def failed(parts: Split, **seen: Dataset) -> list[str]:
    return [check.name for check in audit(parts, **seen).checks if not check.passed]


def test_the_final_fit_takes_all_rows_before_the_test() -> None:
    parts = split(CLEAN, CHOICE)

    assert parts.train.region_id.tolist() == [1, 2, 3]
    assert parts.test.region_id.tolist() == [4]
    assert parts.left_out == 0


def test_each_year_is_held_out_from_the_rows_before_it() -> None:
    first, second = split(CLEAN, CHOICE).folds

    assert (first.train.region_id.tolist(), first.held_out.region_id.tolist()) == ([1], [2])
    assert (second.train.region_id.tolist(), second.held_out.region_id.tolist()) == ([1, 2], [3])


def test_the_validation_rows_are_those_of_all_folds_in_the_order_of_time() -> None:
    assert split(CLEAN, CHOICE).validation.region_id.tolist() == [2, 3]


def test_a_region_that_crosses_a_border_stays_on_the_side_where_it_began() -> None:
    rows = dataset(("2012-12-20", 1), ("2013-01-02", 1), ("2013-01-02", 2), ("2014-01-03", 2))

    parts = split(rows, CHOICE)

    first, second = parts.folds
    assert first.held_out.region_id.tolist() == [1]
    assert second.train.region_id.tolist() == [1]
    assert second.held_out.region_id.tolist() == [2]
    # Between no folds there is no border: the final fit takes both rows of region 1.
    assert parts.train.region_id.tolist() == [1, 1, 2]
    assert len(parts.test) == 0
    assert parts.left_out == 1


def test_windows_and_embargo_do_not_reach_over_a_border_of_a_fold() -> None:
    # 24 h window + 24 h embargo: midnight of 30 December is the last that fits.
    rows = dataset(("2012-12-30T00:00", 1), ("2012-12-30T00:12", 2))

    parts = split(rows, CHOICE)

    first, second = parts.folds
    assert first.held_out.region_id.tolist() == [1]
    assert second.train.region_id.tolist() == [1]
    assert parts.train.region_id.tolist() == [1, 2]


def test_windows_and_embargo_do_not_reach_into_the_test() -> None:
    parts = split(dataset(("2013-12-30T00:00", 1), ("2013-12-30T00:12", 2)), CHOICE)

    assert parts.train.region_id.tolist() == [1]
    assert parts.left_out == 1


def test_the_audit_passes_a_clean_split() -> None:
    assert audit(split(CLEAN, CHOICE)).passed


def test_the_audit_finds_a_test_region_among_the_training_rows() -> None:
    parts = replace(split(CLEAN, CHOICE), train=dataset(("2011-05-01", 4)))

    assert failed(parts) == ["no region is in train and test"]


def test_the_audit_finds_a_region_planted_in_a_fold() -> None:
    parts = split(CLEAN, CHOICE)
    planted = replace(parts.folds[0], train=dataset(("2011-05-01", 2)))

    found = failed(replace(parts, folds=(planted, parts.folds[1])))

    assert found == ["no region is in the fit of fold 2012 and fold 2012"]


def test_the_audit_finds_windows_that_overlap_in_a_fold() -> None:
    parts = split(CLEAN, CHOICE)
    too_late = replace(parts.folds[0], train=dataset(("2012-04-30T12:00", 9)))

    found = audit(replace(parts, folds=(too_late, parts.folds[1])))

    assert [check.detail for check in found.checks if not check.passed] == ["gap -12.0 h"]


def test_the_audit_finds_a_fold_that_holds_out_another_year() -> None:
    parts = split(CLEAN, CHOICE)
    wrong = replace(parts.folds[0], year=2010)

    assert failed(replace(parts, folds=(wrong, parts.folds[1]))) == [
        "fold 2010 holds out rows of 2010 only"
    ]


def test_the_audit_finds_an_estimator_that_saw_test_rows() -> None:
    found = audit(split(CLEAN, CHOICE), fitted_on=CLEAN)

    assert [check.detail for check in found.checks if not check.passed] == [
        "4 rows seen, 1 from elsewhere"
    ]


def test_the_audit_finds_a_calibration_that_saw_rows_of_no_fold() -> None:
    parts = split(CLEAN, CHOICE)

    assert failed(parts, calibrated_on=parts.train) == [
        "calibration and threshold saw rows of validation only"
    ]
