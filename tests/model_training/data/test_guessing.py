from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from model_training.data.guessing import guess
from model_training.data.loading import load
from model_training.recipe.data import SharpConfig
from solar.errors import InvalidInputError


@pytest.mark.parametrize(
    ("path", "layout"),
    [
        ("training/daily_2010_2019.parquet", "sharp"),
        ("sharp/hourly_2014.parquet", "sharp"),
        ("training/m24_96min", "m24"),
        ("training/x24_96min", "m24"),
        ("training/li2024_folds", "li2024"),
        ("training/swansf_samples", "swan-sf"),
        ("training/mcintosh_ar_days.csv.gz", "mcintosh"),
    ],
)
def test_every_layout_is_known_by_its_names(shared_data: Path, path: str, layout: str) -> None:
    found = guess(shared_data / path)

    assert found.layout == layout


def test_labels_and_flares_beside_the_data_are_found(shared_data: Path) -> None:
    found = guess(shared_data / "training" / "daily_2010_2019.parquet")

    assert isinstance(found, SharpConfig)
    assert found.labels == {"M1.0": "label_m24"}
    assert found.flares == "../flares/goes_flares.parquet"


def test_rows_without_any_truth_can_still_be_read(tmp_path: Path) -> None:
    rows = pd.DataFrame({"harpnum": [1], "t_rec": ["2014.03.01_00:00:35_TAI"], "USFLUX": [1e22]})
    rows.to_csv(tmp_path / "rows.csv", index=False)

    found = load(guess(tmp_path / "rows.csv"), tmp_path)

    assert found.truth == {}
    assert found.t_rec[0] == np.datetime64("2014-03-01", "us")


def test_unknown_columns_are_shown_with_the_options_that_declare_them(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1], "b": [2]}).to_csv(tmp_path / "rows.csv", index=False)

    with pytest.raises(InvalidInputError, match=r"columns a, b: .*region, time, time_scale"):
        guess(tmp_path / "rows.csv")


def test_arrays_are_shown_with_their_shapes_as_axes_cannot_be_seen(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", X=np.zeros((125, 6, 60)), y=np.zeros(125))

    with pytest.raises(InvalidInputError, match=r"X \(125, 6, 60\), y \(125,\); .*axes"):
        guess(tmp_path / "set.npz")


def test_a_pickle_is_not_even_guessed_at(tmp_path: Path) -> None:
    (tmp_path / "small.pickle").write_bytes(b"anything")

    with pytest.raises(InvalidInputError, match=r"np\.savez"):
        guess(tmp_path / "small.pickle")


def test_a_folder_of_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")

    with pytest.raises(InvalidInputError, match=r"no layout .*notes\.txt"):
        guess(tmp_path)


def test_a_path_to_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no file or folder"):
        guess(tmp_path / "nothing")
