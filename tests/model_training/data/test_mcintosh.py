from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model_training.data.dataset import Dataset
from model_training.data.loading import load
from model_training.data.mcintosh import CLASSES, UNCLASSED, code
from model_training.recipe.data import McIntoshConfig

CONFIG = McIntoshConfig(layout="mcintosh", rows="training/mcintosh_ar_days.csv.gz")


@pytest.fixture(scope="module")
def days(shared_data: Path) -> Dataset:
    return load(CONFIG, shared_data)


def test_there_are_sixty_classes() -> None:
    # McIntosh 1990: 60 of all combinations of the three letters occur.
    assert len(CLASSES) == len(set(CLASSES)) == 60


def test_a_class_is_a_number_and_what_is_none_has_a_number_of_its_own() -> None:
    assert code("Fkc ") == code("FKC") != UNCLASSED
    assert code("HXX") == UNCLASSED


def test_region_days_are_issued_at_half_past_midnight(days: Dataset) -> None:
    assert len(days) == 33516
    clock = days.t_rec - days.t_rec.astype("datetime64[D]")
    assert np.unique(clock) == np.timedelta64(30, "m")


def test_compact_complex_groups_flare_and_single_spots_do_not(days: Dataset) -> None:
    classes, truth = days.feature("MCINTOSH"), days.truth["M1.0"]

    # McIntosh 1990, table V, orders them so.
    assert truth[classes == code("FKC")].mean() > 0.3
    assert truth[classes == code("HSX")].mean() < 0.01


def test_what_flared_before_is_the_count_of_the_row_of_the_day_before(days: Dataset) -> None:
    region = days.region_id == days.region_id[days.truth["X1.0"] == 1][0]
    one = days.take(region)

    truth, before = one.truth["X1.0"], one.flared_before["X1.0"]
    follows = np.diff(one.t_rec) == np.timedelta64(1, "D")
    assert before[0] == 0
    assert before[1:][follows].tolist() == truth[:-1][follows].tolist()


def test_flare_history_is_added_where_a_flare_list_is_given(shared_data: Path) -> None:
    found = load(CONFIG.model_copy(update={"flares": "flares/goes_flares.parquet"}), shared_data)

    known = ~np.isnan(found.feature("FLARES_C_24H"))
    # The list begins in 2010 and reaches back 27 days.
    assert found.t_rec[known].min() >= np.datetime64("2010-01-28")
