from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from model_training.data.loading import load
from model_training.recipe.data import Li2024Config, WindowConfig
from solar.errors import InvalidInputError

CONFIG = Li2024Config(layout="li2024", folder="training/li2024_folds", number=3)


def test_parts_are_folds_and_every_row_is_a_case(shared_data: Path) -> None:
    found = load(CONFIG, shared_data)

    assert found.fold is not None
    assert np.bincount(found.fold).tolist() == [6920, 2280, 2240]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        shared = np.intersect1d(
            found.region_id[found.fold == one], found.region_id[found.fold == other]
        )
        assert not shared.size


def test_scaled_keywords_are_not_called_by_the_name_of_the_raw_ones(shared_data: Path) -> None:
    found = load(CONFIG, shared_data)

    assert all(name.startswith("Z_") for name in found.names)
    assert set(found.units.values()) == {"standard deviations"}
    assert set(found.truth) == {"M1.0"}


def test_windows_of_forty_steps_are_cut_within_a_region(shared_data: Path) -> None:
    window = WindowConfig(steps=40, cadence_hours=0.6, tolerance_hours=0.05)

    found = load(CONFIG, shared_data, window=window)

    assert found.steps.shape == (11440, 40)
    # Of 40 rows in a row the first has 1 step, the last all 40: 20.5 of 40 on average, less gaps.
    assert 0.40 < np.mean(found.steps >= 0) < 20.5 / 40


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "li").mkdir()
    for part in ("train", "valid", "test"):
        frame = pd.DataFrame({"AR": [1], "Level": [0], "time": [201001010000]})
        frame.to_parquet(tmp_path / "li" / f"{part}_data_0.parquet")

    with pytest.raises(InvalidInputError, match="has no column ABSNJZH, AREA_ACR"):
        load(Li2024Config(layout="li2024", folder="li", number=0), tmp_path)


def test_a_split_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"no li/train_data_0\.parquet"):
        load(Li2024Config(layout="li2024", folder="li", number=0), tmp_path)
