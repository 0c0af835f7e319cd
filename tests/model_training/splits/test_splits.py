from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_world import recipe_of

from model_training.choices.split import (
    AnySplit,
    BlocksChoice,
    ChronologicalChoice,
    FoldsChoice,
    PartsChoice,
    RollingYearsChoice,
)
from model_training.datasets.dataset import TRAINING_ONLY, Dataset
from model_training.splits import leakage
from model_training.splits.parts import Split
from model_training.splits.splitting import split
from solar.errors import InvalidInputError

CHOICE = RollingYearsChoice(
    kind="rolling-years", validation_years=(2012, 2013), test_from=date(2014, 1, 1)
)
BLOCKS = BlocksChoice(kind="blocks", groups=3, test_group=1, block_days=30, embargo_hours=48)
HOUR = np.timedelta64(1, "h")


def dataset(*rows: tuple[str, int], steps: int = 1, fold: list[int] | None = None) -> Dataset:
    n = len(rows)
    return Dataset(
        records={"USFLUX": np.arange(n * steps) + 0.5},
        steps=np.arange(n * steps).reshape(n, steps),
        region_id=np.array([row[1] for row in rows], np.int64),
        t_rec=np.array([row[0] for row in rows], "datetime64[us]"),
        truth={"M1.0": np.zeros(n)},
        flared_before={"M1.0": np.zeros(n)},
        fold=None if fold is None else np.array(fold),
        cadence_hours=1.0,
    )


CLEAN = dataset(("2011-05-01", 1), ("2012-05-01", 2), ("2013-05-01", 3), ("2014-05-01", 4))


def audit(parts: Split, **seen: Dataset) -> leakage.LeakAudit:
    rows = {"fitted_on": parts.train, "calibrated_on": parts.validation, "everything": CLEAN}
    recipe = recipe_of("blend").model_copy(update={"keywords": ("USFLUX",), "history": ()})
    return leakage.audit(recipe, parts, **(rows | seen))


def failed(parts: Split, **seen: Dataset) -> list[str]:
    return [check.name for check in audit(parts, **seen).checks if not check.passed]


def stranger(at: str, region: int) -> Dataset:
    """A case whose record is none of those in CLEAN."""
    return replace(
        CLEAN.take(np.array([0])),
        region_id=np.array([region]), t_rec=np.array([at], "datetime64[us]"),
        records={"USFLUX": np.array([*CLEAN.records["USFLUX"], 99.0])}, steps=np.array([[4]]),
    )  # fmt: skip


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
    rows = dataset(
        ("2011-05-01", 9), ("2012-12-20", 1), ("2013-01-02", 1), ("2013-01-02", 2),
        ("2014-01-03", 2), ("2014-05-01", 4),
    )  # fmt: skip

    parts = split(rows, CHOICE)

    first, second = parts.folds
    assert first.held_out.region_id.tolist() == [1]
    assert second.train.region_id.tolist() == [9, 1]
    assert second.held_out.region_id.tolist() == [2]
    # Between no folds there is no border: the final fit takes both rows of region 1.
    assert parts.train.region_id.tolist() == [9, 1, 1, 2]
    assert parts.test.region_id.tolist() == [4]
    assert parts.left_out == 1


def test_windows_and_embargo_do_not_reach_over_a_border_of_a_fold() -> None:
    # 24 h window + 24 h embargo: midnight of 30 December is the last that fits.
    rows = dataset(
        ("2011-05-01", 8), ("2012-12-30T00:00", 1), ("2012-12-30T00:12", 2), ("2013-05-01", 3),
        ("2014-05-01", 4),
    )  # fmt: skip

    parts = split(rows, CHOICE)

    first, second = parts.folds
    assert first.held_out.region_id.tolist() == [1]
    assert second.train.region_id.tolist() == [8, 1]
    assert parts.train.region_id.tolist() == [8, 1, 2, 3]


def test_windows_and_embargo_do_not_reach_into_the_test() -> None:
    rows = dataset(
        ("2011-05-01", 8), ("2012-05-01", 9), ("2013-12-30T00:00", 1), ("2013-12-30T00:12", 2),
        ("2014-05-01", 4),
    )  # fmt: skip

    parts = split(rows, CHOICE)

    assert parts.train.region_id.tolist() == [8, 9, 1]
    assert parts.left_out == 1


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

    found = failed(replace(parts, test=copied), everything=copied)

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

    found = failed(split(slid, CHOICE), everything=slid)

    name = "no stretch of a window of train is in one of test"
    assert (name in found) is expected


@pytest.mark.parametrize("said", [0.0, -0.0, 3.0, np.nan])
def test_counts_classes_and_nothing_are_no_copies_of_each_other(said: float) -> None:
    alike = replace(CLEAN, records={"USFLUX": np.full(4, said)})

    assert failed(split(alike, CHOICE), everything=alike) == []


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
        leakage.gate(recipe_of("blend"), found)


def test_a_chronological_fit_sees_neither_validation_nor_test() -> None:
    choice = ChronologicalChoice(
        kind="chronological", validate_from=date(2013, 1, 1), test_from=date(2014, 1, 1)
    )

    parts = split(CLEAN, choice)

    assert parts.train.region_id.tolist() == [1, 2]
    assert parts.validation.region_id.tolist() == [3]
    assert parts.test.region_id.tolist() == [4]


def test_folds_of_the_source_are_held_out_in_turn() -> None:
    rows = dataset(*[("2012-05-01", region) for region in range(4)], fold=[0, 1, 2, 2])

    parts = split(rows, FoldsChoice(kind="folds", test_fold=1))

    assert parts.test.region_id.tolist() == [1]
    assert [fold.held_out.region_id.tolist() for fold in parts.folds] == [[0], [2, 3]]
    assert [fold.train.region_id.tolist() for fold in parts.folds] == [[2, 3], [0]]
    assert parts.train.region_id.tolist() == [0, 2, 3]


def test_parts_of_the_source_are_taken_as_they_are() -> None:
    rows = dataset(*[("2012-05-01", region) for region in range(3)], fold=[2, 0, 1])

    parts = split(rows, PartsChoice(kind="parts"))

    found = (parts.train, parts.validation, parts.test)
    assert [part.region_id.tolist() for part in found] == [[1], [2], [0]]


def test_groups_of_training_regions_are_forecast_from_the_other_groups() -> None:
    # Two rows of each of four training regions, one of validation and one of the test.
    rows = dataset(
        *[("2012-05-01", region) for region in (1, 1, 2, 2, 3, 3, 4, 4, 5, 6)],
        fold=[0] * 8 + [1, 2],
    )  # fmt: skip

    parts = split(rows, PartsChoice(kind="parts", training_groups=2))

    _, *inside = parts.folds
    assert [len(fold.held_out) for fold in inside] == [4, 4]
    for fold in inside:
        assert not np.intersect1d(fold.train.region_id, fold.held_out.region_id).size
    assert len(parts.validation) == 9
    assert parts.train.region_id.tolist() == [1, 1, 2, 2, 3, 3, 4, 4]


def test_a_region_that_the_source_has_under_two_numbers_is_not_fitted_and_tested() -> None:
    rows = dataset(
        *[("2012-05-01", region) for region in (1, 1, 2, 3, 4, 5)], fold=[0, 0, 0, 1, 2, 2]
    )
    # The second record of region 1 is that of region 5 in the test.
    records = {"USFLUX": np.array([0.5, 7.5, 2.5, 3.5, 4.5, 7.5])}

    parts = split(replace(rows, records=records), PartsChoice(kind="parts"))

    assert parts.train.region_id.tolist() == [2]
    assert parts.folds[0].train.region_id.tolist() == [2]
    assert parts.left_out == 2


def test_counts_that_happen_to_be_equal_are_no_copies() -> None:
    rows = dataset(*[("2012-05-01", region) for region in (1, 2, 3)], fold=[0, 1, 2])

    parts = split(
        replace(rows, records={"USFLUX": np.array([3.0, 3.0, 3.0])}), PartsChoice(kind="parts")
    )

    assert parts.train.region_id.tolist() == [1]


def test_a_set_without_folds_says_which_split_to_choose() -> None:
    with pytest.raises(InvalidInputError, match=r"choose split\.kind blocks or chronological"):
        split(CLEAN, FoldsChoice(kind="folds", test_fold=0))


def test_an_empty_part_is_named() -> None:
    with pytest.raises(InvalidInputError, match="leaves no case for test"):
        split(CLEAN.take(np.array([0, 1, 2])), CHOICE)


@given(seed=st.integers(0, 1000))
def test_blocks_keep_regions_and_windows_apart(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 600
    at = np.sort(rng.integers(0, 720 * 24, n))
    cases = dataset(
        *[(str(np.datetime64("2012-01-01T00") + hours * HOUR), 0) for hours in at], steps=25
    )
    # A region is seen for up to twelve days, so that many cross a border.
    cases = replace(cases, region_id=at // (12 * 24))

    parts = split(cases, BLOCKS, seed=seed)

    for other in (parts.train, *(fold.held_out for fold in parts.folds)):
        assert not np.intersect1d(parts.test.region_id, other.region_id).size
        gaps = np.abs(parts.test.t_rec[:, None] - other.t_rec[None, :]) / HOUR
        # Forecast window 24 h, embargo 48 h, observation window 24 h of one of the two.
        assert gaps.min() >= 24 + 48
    assert len(parts.train) + len(parts.test) + parts.left_out == n


@pytest.mark.parametrize("choice", [CHOICE, BLOCKS], ids=["rolling years", "blocks"])
def test_cases_for_training_only_are_judged_by_no_split(choice: AnySplit) -> None:
    at = np.datetime64("2011-01-05T00", "us") + 6 * np.arange(220) * np.timedelta64(1, "D")
    rows = dataset(*[(str(t), region) for region, t in enumerate(at)])
    rows = replace(rows, fold=np.where(np.arange(220) % 2, TRAINING_ONLY, 0))

    parts = split(rows, choice, seed=1)

    assert parts.test.is_own.all()
    assert parts.validation.is_own.all()
    assert not parts.train.is_own.all()
