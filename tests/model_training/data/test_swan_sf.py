from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from model_training.data.dataset import NO_RECORD
from model_training.data.loading import files_of, load
from model_training.data.swan_sf import FEATURES, read_name
from model_training.recipe.data import SwanSfConfig, WindowConfig
from solar.errors import InvalidInputError
from solar.sharp import BY_NAME

CONFIG = SwanSfConfig(layout="swan-sf", folder="training/swansf_samples")
HERE = SwanSfConfig(layout="swan-sf", folder="swan")
NAME = "M1.0@265_Primary_ar115_s2010-08-06T06_36_00_e2010-08-06T18_24_00.csv"


def write_instance(path: Path, *, steps: int = 3, **columns: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    frame = pd.DataFrame({name: np.arange(steps) + 1.0 for name in FEATURES})
    frame = frame.assign(QUALITY=0.0, XR_MAX=1e-3, MFLARE_label="M1.0").assign(**columns)
    frame.to_csv(path, sep="\t", index=False)


def test_each_instance_is_a_window_that_ends_at_the_time_in_its_name(shared_data: Path) -> None:
    found = load(CONFIG, shared_data)

    assert found.steps.shape == (12, 60)
    assert found.cadence_hours == pytest.approx(0.2)
    # 2013-10-11T23:24:00 TAI; TAI - UTC was 35 s.
    assert found.t_rec[0] == np.datetime64("2013-10-11T23:23:25", "us")
    assert found.region_id[0] == 3272


def test_the_class_in_the_name_is_the_truth_of_every_event(shared_data: Path) -> None:
    found = load(CONFIG, shared_data)

    # Three C, four M below M5, three B and two without a flare.
    counts = {event: int(truth.sum()) for event, truth in found.truth.items()}
    assert counts == {"C1.0": 7, "M1.0": 4, "M5.0": 0, "X1.0": 0}


def test_no_column_about_flares_or_x_rays_becomes_a_feature(shared_data: Path) -> None:
    found = load(CONFIG, shared_data)

    assert found.names == FEATURES
    assert set(found.names) <= set(BY_NAME)


def test_spoilt_steps_are_left_empty_and_counted(tmp_path: Path) -> None:
    write_instance(tmp_path / "swan" / NAME, QUALITY=[0.0, 65536.0, None])

    found = load(HERE, tmp_path)

    assert found.rejected == 2
    assert (found.steps == NO_RECORD).tolist() == [[False, True, True]]
    assert np.isnan(found.windows(["USFLUX"])[0, :, 0]).tolist() == [False, True, True]


def test_a_window_may_be_shortened_to_its_last_steps(shared_data: Path) -> None:
    found = load(CONFIG, shared_data, window=WindowConfig(steps=30))

    assert found.steps.shape == (12, 30)


def test_partition_folders_are_folds(tmp_path: Path) -> None:
    quiet = "FQ_ar1_s2010-08-06T06_36_00_e2010-08-06T18_24_00.csv"
    write_instance(tmp_path / "swan" / "partition1" / "FL" / NAME)
    write_instance(tmp_path / "swan" / "partition2" / "NF" / quiet)

    found = load(HERE, tmp_path)

    assert found.fold is not None
    assert found.fold.tolist() == [2, 1]
    assert found.region_id.tolist() == [1, 115]
    assert found.truth["M1.0"].tolist() == [0, 1]
    assert files_of(HERE, tmp_path)[0] == f"swan/partition1/FL/{NAME}"


@pytest.mark.parametrize("name", ["LICENCE.txt", "extracted_features.csv.gz", "lab[C]_id[].csv"])
def test_other_files_in_the_folder_are_no_instances(name: str) -> None:
    assert read_name(Path(name)) is None


def test_instances_of_different_lengths_are_refused(tmp_path: Path) -> None:
    write_instance(tmp_path / "swan" / NAME)
    write_instance(tmp_path / "swan" / NAME.replace("ar115", "ar116"), steps=4)

    with pytest.raises(InvalidInputError, match=r"differ in length \(\[3, 4\] steps\)"):
        load(HERE, tmp_path)


def test_an_instance_without_its_columns_is_named(tmp_path: Path) -> None:
    (tmp_path / "swan").mkdir()
    (tmp_path / "swan" / NAME).write_text("Timestamp\tTOTUSJH\n2010-08-06\t1\n")

    with pytest.raises(InvalidInputError, match=r"e2010-08-06T18_24_00\.csv is no SWAN-SF"):
        load(HERE, tmp_path)


def test_a_folder_of_pickles_is_refused_with_the_way_to_convert_them(tmp_path: Path) -> None:
    (tmp_path / "swan").mkdir()
    (tmp_path / "swan" / "Partition1.pkl").write_bytes(b"anything")

    with pytest.raises(InvalidInputError, match=r"np\.savez"):
        load(HERE, tmp_path)


def test_a_folder_without_instances_is_refused(tmp_path: Path) -> None:
    (tmp_path / "swan").mkdir()

    with pytest.raises(InvalidInputError, match="holds no SWAN-SF instance"):
        load(HERE, tmp_path)
