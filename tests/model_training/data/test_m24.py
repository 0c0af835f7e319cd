from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from model_training.data.dataset import NO_RECORD, Dataset
from model_training.data.loading import files_of, load
from model_training.recipe.data import M24Config, WindowConfig
from solar.errors import InvalidInputError

FLARES = "flares/goes_flares.parquet"
CONFIG = M24Config(
    layout="m24",
    folder="training/m24_96min",
    flares=FLARES,
    harps="maps/all_harps_with_noaa_ars.txt",
)


@pytest.fixture(scope="module")
def m24(shared_data: Path) -> Dataset:
    return load(CONFIG, shared_data, window=WindowConfig(steps=16, cadence_hours=1.6))


def test_the_folds_of_the_files_share_no_region(m24: Dataset) -> None:
    assert m24.fold is not None
    assert np.bincount(m24.fold).tolist() == [20407, 21493, 20710, 21854]
    pairs = np.unique(np.stack([m24.region_id, m24.fold]), axis=1)
    assert pairs.shape[1] == len(np.unique(m24.region_id))


def test_line_of_sight_values_have_names_of_their_own(m24: Dataset) -> None:
    assert {"USFLUX", "R_VALUE", "MEANGBZ"}.isdisjoint(m24.names)
    assert m24.units["LOS_USFLUX"] == "Mx, line of sight"


def test_a_window_of_a_day_is_cut_from_samples_of_the_same_harp(m24: Dataset) -> None:
    whole = (m24.steps != NO_RECORD).all(axis=1)

    assert whole.mean() > 0.7
    windows = m24.take(whole).windows(["LOS_USFLUX"])[:, :, 0]
    # Unsigned flux changes by a tenth in 96 min, but is another one in another region.
    assert np.median(np.abs(np.diff(np.log(windows), axis=1))) < 0.02


def test_the_listed_index_is_that_of_the_flare_list(m24: Dataset) -> None:
    listed, own = m24.feature("FLARE_INDEX_24H_LISTED"), m24.feature("FLARE_INDEX_24H")
    flaring = listed > 1

    assert np.median(own[flaring] / listed[flaring]) == pytest.approx(1, abs=0.01)


def test_the_set_leaves_out_quiet_samples_after_an_m_flare(m24: Dataset) -> None:
    before, after = m24.flared_before["M1.0"] == 1, m24.truth["M1.0"] == 1

    assert np.count_nonzero(before & after) > 900
    assert np.count_nonzero(before & ~after) < 20


def test_its_source_laid_tai_labels_on_utc_flares_and_closed_the_window_at_both_ends(
    shared_data: Path,
) -> None:
    table = pd.concat(
        [pd.read_parquet(shared_data / CONFIG.folder / f"sharp_{n}.parquet") for n in range(4)]
    )
    flares = pd.read_parquet(shared_data / FLARES)
    lines = (shared_data / str(CONFIG.harps)).read_text().splitlines()[1:]
    pairs = [(int(h), int(ar)) for h, ars in map(str.split, lines) for ar in ars.split(",")]
    owned = flares[flares["peak_flux_wm2"] >= 1e-5].merge(
        pd.DataFrame(pairs, columns=["arpnum", "noaa_ar"])
    )
    both = table.assign(t=pd.to_datetime(table["t_end"])).merge(owned, on="arpnum")
    minutes = (both["start_time"] - both["t"]).dt.total_seconds() / 60

    assert both["label"][minutes == 0].tolist() == [True] * 5
    assert both["label"][minutes == 1440].tolist() == [True] * 2


def test_the_truth_is_the_label_of_the_files(m24: Dataset) -> None:
    assert set(m24.truth) == {"M1.0"}
    assert np.count_nonzero(m24.truth["M1.0"]) == 2130


def test_mdi_samples_are_read_without_a_flare_list(shared_data: Path) -> None:
    config = M24Config(layout="m24", folder=CONFIG.folder, instrument="smarp")

    found = load(config, shared_data)

    assert len(found) == 165151
    assert not found.flared_before
    assert files_of(config, shared_data)[-1] == "training/m24_96min/smarp_4.parquet"


def test_the_x_class_samples_name_their_own_event(shared_data: Path) -> None:
    config = M24Config(layout="m24", folder="training/x24_96min", event="X1.0")

    assert np.count_nonzero(load(config, shared_data).truth["X1.0"]) == 223


def test_a_folder_without_folds_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(InvalidInputError, match=r"holds no sharp_0\.parquet"):
        load(M24Config(layout="m24", folder="empty"), tmp_path)


def test_flares_without_a_harp_map_are_refused() -> None:
    with pytest.raises(ValueError, match="give harps as well"):
        M24Config(layout="m24", folder="x", flares="flares.parquet")


def test_tarps_are_not_looked_up_in_a_harp_map() -> None:
    with pytest.raises(ValueError, match="TARPs"):
        M24Config(layout="m24", folder="x", instrument="smarp", flares="f", harps="h")
