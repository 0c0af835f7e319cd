from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from split_cases import BLOCKS, CHOICE, CLEAN, HOUR, dataset

from model_training.data.dataset import TRAINING_ONLY
from model_training.data.split import split
from model_training.recipe.split import (
    AnySplit,
    ChronologicalConfig,
    FoldsConfig,
    PartsConfig,
)
from solar.errors import InvalidInputError


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


def test_a_chronological_fit_sees_neither_validation_nor_test() -> None:
    config = ChronologicalConfig(
        kind="chronological", validate_from=date(2013, 1, 1), test_from=date(2014, 1, 1)
    )

    parts = split(CLEAN, config)

    assert parts.train.region_id.tolist() == [1, 2]
    assert parts.validation.region_id.tolist() == [3]
    assert parts.test.region_id.tolist() == [4]


def test_folds_of_the_source_are_held_out_in_turn() -> None:
    rows = dataset(*[("2012-05-01", region) for region in range(4)], fold=[0, 1, 2, 2])

    parts = split(rows, FoldsConfig(kind="folds", test_fold=1))

    assert parts.test.region_id.tolist() == [1]
    assert [fold.held_out.region_id.tolist() for fold in parts.folds] == [[0], [2, 3]]
    assert [fold.train.region_id.tolist() for fold in parts.folds] == [[2, 3], [0]]
    assert parts.train.region_id.tolist() == [0, 2, 3]


def test_parts_of_the_source_are_taken_as_they_are() -> None:
    rows = dataset(*[("2012-05-01", region) for region in range(3)], fold=[2, 0, 1])

    parts = split(rows, PartsConfig(kind="parts"))

    found = (parts.train, parts.validation, parts.test)
    assert [part.region_id.tolist() for part in found] == [[1], [2], [0]]


def test_groups_of_training_regions_are_forecast_from_the_other_groups() -> None:
    # Two rows of each of four training regions, one of validation and one of the test.
    rows = dataset(
        *[("2012-05-01", region) for region in (1, 1, 2, 2, 3, 3, 4, 4, 5, 6)],
        fold=[0] * 8 + [1, 2],
    )  # fmt: skip

    parts = split(rows, PartsConfig(kind="parts", training_groups=2))

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

    parts = split(replace(rows, records=records), PartsConfig(kind="parts"))

    assert parts.train.region_id.tolist() == [2]
    assert parts.folds[0].train.region_id.tolist() == [2]
    assert parts.left_out == 2


def test_counts_that_happen_to_be_equal_are_no_copies() -> None:
    rows = dataset(*[("2012-05-01", region) for region in (1, 2, 3)], fold=[0, 1, 2])

    parts = split(
        replace(rows, records={"USFLUX": np.array([3.0, 3.0, 3.0])}), PartsConfig(kind="parts")
    )

    assert parts.train.region_id.tolist() == [1]


def test_a_set_without_folds_says_which_split_to_choose() -> None:
    with pytest.raises(InvalidInputError, match=r"choose split\.kind blocks or chronological"):
        split(CLEAN, FoldsConfig(kind="folds", test_fold=0))


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


@pytest.mark.parametrize("config", [CHOICE, BLOCKS], ids=["rolling years", "blocks"])
def test_cases_for_training_only_are_judged_by_no_split(config: AnySplit) -> None:
    at = np.datetime64("2011-01-05T00", "us") + 6 * np.arange(220) * np.timedelta64(1, "D")
    rows = dataset(*[(str(t), region) for region, t in enumerate(at)])
    rows = replace(rows, fold=np.where(np.arange(220) % 2, TRAINING_ONLY, 0))

    parts = split(rows, config, seed=1)

    assert parts.test.is_scored.all()
    assert parts.validation.is_scored.all()
    assert not parts.train.is_scored.all()
