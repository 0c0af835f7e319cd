from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from model_training.data.loading import load
from model_training.recipe.data import ColumnConfig, TableConfig, WindowConfig
from solar.errors import InvalidInputError

CONFIG = TableConfig(
    layout="table",
    rows="rows.csv",
    region="ar",
    time="when",
    time_scale="UTC",
    keywords={"flux": ColumnConfig(name="USFLUX"), "size": ColumnConfig(name="SIZE", unit="mm²")},
    labels={"M1.0": "flare"},
    fold="part",
)


def write(folder: Path, name: str = "rows.csv", **columns: object) -> None:
    frame = pd.DataFrame(
        {
            "ar": [2, 1, 1],
            "when": ["2014-03-01T02:00:00", "2014-03-01T01:00:00", "2014-03-01T00:00:00"],
            "flux": [3.0, 2.0, None],
            "size": [1, 2, 3],
            "flare": [1, 0, None],
            "part": [1, 0, 0],
        }
    ).assign(**columns)
    if name.endswith("parquet"):
        frame.to_parquet(folder / name)
    else:
        frame.to_csv(folder / name, index=False, sep="\t" if "tsv" in name else ",")


def changed(**options: object) -> TableConfig:
    return TableConfig.model_validate(CONFIG.model_dump() | options)


@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz", "rows.tsv", "rows.parquet"])
def test_declared_columns_become_features_in_order_of_time(tmp_path: Path, name: str) -> None:
    write(tmp_path, name)

    found = load(changed(rows=name), tmp_path)

    assert found.names == ("USFLUX", "SIZE")
    assert found.units == {"SIZE": "mm²"}
    assert found.feature("SIZE").tolist() == [3, 2, 1]
    assert found.region_id.tolist() == [1, 1, 2]
    np.testing.assert_array_equal(found.truth["M1.0"], [np.nan, 0, 1])
    assert found.fold is not None
    assert found.fold.tolist() == [0, 0, 1]


def test_tai_times_become_utc(tmp_path: Path) -> None:
    write(tmp_path)

    found = load(changed(time_scale="TAI"), tmp_path)

    assert found.t_rec[0] == np.datetime64("2014-02-28T23:59:25", "us")


def test_windows_are_cut_from_the_rows_of_a_region(tmp_path: Path) -> None:
    write(tmp_path)

    found = load(CONFIG, tmp_path, window=WindowConfig(steps=2, cadence_hours=1))

    np.testing.assert_array_equal(
        found.windows(["SIZE"])[:, :, 0], [[np.nan, 3], [3, 2], [np.nan, 1]]
    )


def test_another_label_column_may_be_named_for_an_evaluation(tmp_path: Path) -> None:
    write(tmp_path)

    found = load(CONFIG, tmp_path, labels={"C1.0": "part"})

    assert found.truth["C1.0"].tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"flare": [0, 1, 2]}, "column flare holds 2; truth is 1"),
        ({"flux": ["a", "b", "c"]}, "column flux is not numeric"),
        ({"ar": [1.5, 2, 3]}, "column ar must hold a whole number"),
        ({"when": ["soon", "later", "never"]}, "column when is not a time"),
        ({"when": ["2014-03-01", None, "2014-03-02"]}, "when is empty in some rows"),
    ],
)
def test_what_cannot_be_used_is_named(
    tmp_path: Path, columns: dict[str, object], message: str
) -> None:
    write(tmp_path, **columns)

    with pytest.raises(InvalidInputError, match=message):
        load(CONFIG, tmp_path)


def test_a_column_that_is_not_there_is_named_beside_those_that_are(tmp_path: Path) -> None:
    write(tmp_path)

    with pytest.raises(InvalidInputError, match=r"no column quality; it has ar, when, flux"):
        load(changed(keywords={"quality": {"name": "Q"}}), tmp_path)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("ar,when,flux,size,flare,part\n")

    with pytest.raises(InvalidInputError, match=r"rows\.csv holds no rows"):
        load(CONFIG, tmp_path)


def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.parquet").write_text("not this")

    with pytest.raises(InvalidInputError, match=r"rows\.parquet cannot be read"):
        load(changed(rows="rows.parquet"), tmp_path)


@pytest.mark.parametrize("name", ["x.pkl", "x.pickle", "x.joblib", "x.gpickle", "x.PKL"])
def test_a_pickle_is_refused_with_the_way_to_convert_it(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"anything")

    with pytest.raises(InvalidInputError, match=r"never opened here.*np\.savez"):
        load(changed(rows=name), tmp_path)


def test_labels_or_flares_must_give_the_truth() -> None:
    with pytest.raises(ValueError, match="must give the truth"):
        changed(labels={})


def test_an_event_that_is_not_forecast_has_no_label() -> None:
    with pytest.raises(ValueError, match=r"no event M2\.0"):
        changed(labels={"M2.0": "flare"})


def test_the_hourly_set_reads_alike_as_a_declared_table_by_harp(shared_data: Path) -> None:
    config = TableConfig(
        layout="table", rows="sharp/hourly_2014.parquet", region="harpnum", time="t_rec",
        time_scale="TAI", keywords={"USFLUX": ColumnConfig(name="USFLUX")},
        labels={"M1.0": "y24_M"}, flares="flares/goes_flares.parquet",
        harps="maps/all_harps_with_noaa_ars.txt",
    )  # fmt: skip

    found = load(config, shared_data)

    known = ~np.isnan(found.truth["M5.0"])
    labels = pd.read_parquet(shared_data / config.rows).sort_values(["t_rec", "harpnum"])
    agree = (found.truth["M5.0"] == 1)[known] == labels["y24_M5"].to_numpy()[known]
    assert agree.mean() > 0.99
    assert found.feature("FLARES_C_24H").sum() > 0
