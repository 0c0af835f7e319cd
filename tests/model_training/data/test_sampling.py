from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from model_training.data.dataset import Dataset
from model_training.data.flares import read_flares
from model_training.data.loading import files_of, load
from model_training.recipe.data import SharpConfig
from solar.flares import event
from solar.time import tai_to_utc
from solar.truth import reaches

RECIPE = Path(__file__).parents[3] / "model_training" / "recipes" / "blend.toml"
DATA = SharpConfig.model_validate(tomllib.loads(RECIPE.read_text("utf-8"))["data"])


@pytest.fixture(scope="module")
def daily(shared_data: Path) -> pd.DataFrame:
    return pd.read_parquet(shared_data / DATA.rows)


def quiet_after_a_flare(dataset: Dataset) -> int:
    quiet = dataset.truth["M1.0"] == 0
    return int(np.count_nonzero(quiet & (dataset.flared_before["M1.0"] == 1)))


def test_quiet_rows_of_the_daily_set_stand_at_the_end_of_the_day(daily: pd.DataFrame) -> None:
    time = daily["t_rec"][daily["label_m24"] == 0].dt.strftime("%H:%M")

    assert (time == "23:48").mean() > 0.9


def test_flaring_rows_of_the_daily_set_stand_a_day_before_a_flare(
    daily: pd.DataFrame, shared_data: Path
) -> None:
    flares = read_flares(shared_data / str(DATA.flares))
    is_m = reaches(flares.flux, event("M1.0").peak_flux_w_m2)
    flaring = daily[daily["label_m24"] == 1]

    hours = [
        (flares.peak_at[is_m & (flares.region_id == region)] - at) / np.timedelta64(1, "h")
        for region, at in zip(
            flaring["noaa_ar"], tai_to_utc(flaring["t_rec"].to_numpy()), strict=True
        )
    ]

    assert np.mean([np.any(np.abs(later - 24.3) < 1) for later in hours]) > 0.9


def test_without_repair_no_quiet_day_follows_an_m_flare(shared_data: Path) -> None:
    unrepaired = load(DATA.model_copy(update={"fill": None}), shared_data)

    assert quiet_after_a_flare(unrepaired) == 0


def test_with_repair_most_days_with_a_flare_are_followed_by_a_quiet_one(shared_data: Path) -> None:
    repaired = load(DATA, shared_data)

    followed = (repaired.flared_before["M1.0"] == 1) & (repaired.truth["M1.0"] == 1)
    assert quiet_after_a_flare(repaired) > np.count_nonzero(followed)


def test_every_file_that_is_read_is_named(shared_data: Path) -> None:
    assert files_of(DATA, shared_data) == (
        "training/daily_2010_2019.parquet", "sharp/series.parquet", "flares/goes_flares.parquet",
    )  # fmt: skip
