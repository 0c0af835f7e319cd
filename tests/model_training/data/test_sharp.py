from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from model_training.data.dataset import Dataset
from model_training.data.loading import load
from model_training.recipe.data import AddedConfig, FillConfig, SharpConfig, WindowConfig
from solar.errors import InvalidInputError

CONFIG = SharpConfig(rows="rows.parquet", flares="flares.parquet", licence="made up")


def write(
    folder: Path, rows: list[dict[str, object]], flares: list[tuple[str, float, int]]
) -> None:
    pd.DataFrame(rows).to_parquet(folder / "rows.parquet")
    peak = pd.to_datetime([row[0] for row in flares], format="ISO8601")
    pd.DataFrame(
        {
            "start_time": peak - pd.Timedelta(minutes=5),
            "peak_time": peak,
            "noaa_ar": [row[2] for row in flares],
            "peak_flux_wm2": [row[1] for row in flares],
        }
    ).to_parquet(folder / "flares.parquet")


def row(t_rec: str, noaa_ar: int = 11990, **values: object) -> dict[str, object]:
    return {"noaa_ar": noaa_ar, "t_rec": pd.Timestamp(t_rec), "USFLUX": 1e22} | values


FLARES = [("2014-01-01", 1e-6, 1), ("2014-12-01", 1e-6, 1)]


def test_t_rec_is_read_as_tai_and_kept_as_utc(tmp_path: Path) -> None:
    write(tmp_path, [row("2014-03-01T00:00:35")], FLARES)

    found = load(CONFIG, tmp_path)

    # TAI - UTC was 35 s in 2014.
    assert found.t_rec[0] == np.datetime64("2014-03-01T00:00:00", "us")


def test_spoilt_and_unreadable_quality_is_refused_and_counted(tmp_path: Path) -> None:
    rows = [row(f"2014-03-0{day}", QUALITY=bad) for day, bad in ((1, 0.0), (2, 65536.0), (3, None))]
    write(tmp_path, rows, FLARES)

    found = load(CONFIG, tmp_path)

    assert len(found) == 1
    assert found.rejected == 2


def test_history_is_missing_before_the_flare_list_reaches_back_far_enough(tmp_path: Path) -> None:
    write(tmp_path, [row("2014-01-20"), row("2014-02-20"), row("2015-01-01")], FLARES)

    found = load(CONFIG, tmp_path)

    assert np.isnan(found.feature("FLARES_C_24H")).tolist() == [True, False, True]


def test_a_keyword_that_the_file_lacks_is_missing(tmp_path: Path) -> None:
    write(tmp_path, [row("2014-03-01")], FLARES)

    matrix = load(CONFIG, tmp_path).matrix(("USFLUX", "R_VALUE"))

    assert matrix[0, 0] == np.float32(1e22)
    assert np.isnan(matrix[0, 1])


def test_the_last_record_of_a_day_is_issued_at_its_end(tmp_path: Path) -> None:
    rows = [row("2014-03-01T06:00", USFLUX=1.0), row("2014-03-01T14:00", USFLUX=2.0)]
    write(tmp_path, rows, FLARES)

    found = load(CONFIG.model_copy(update={"issue": "day-end"}), tmp_path)

    assert found.feature("USFLUX").tolist() == [2.0]
    assert found.t_rec.tolist() == [np.datetime64("2014-03-01T23:47:25", "us").item()]


def test_quiet_days_after_a_flare_are_filled_in_from_rows_of_the_named_licence(
    tmp_path: Path,
) -> None:
    # M2 on 3 March: 3 March (M flare before, none after) is left out of the main rows.
    write(
        tmp_path,
        [row("2014-03-02T12:00"), row("2014-03-06T12:00")],
        [*FLARES, ("2014-03-03T10:00", 2e-5, 11990)],
    )
    extra = [
        row("2014-03-03T20:00", licence="MIT", LON_FWT=10.0),
        row("2014-03-03T21:00", licence="GPL-3.0", LON_FWT=10.0),
        row("2014-03-04T20:00", licence="MIT", LON_FWT=10.0),
        row("2014-03-03T20:00", 11999, licence="MIT", LON_FWT=10.0),
    ]
    pd.DataFrame(extra).to_parquet(tmp_path / "extra.parquet")
    fill = FillConfig(rows="extra.parquet", licence="MIT", event="M1.0")

    found = load(CONFIG.model_copy(update={"issue": "day-end", "fill": fill}), tmp_path)

    assert found.filled == 1
    assert found.t_rec[1] == np.datetime64("2014-03-03T23:47:25", "us")
    assert found.flared_before["M1.0"].tolist() == [0, 1, 0]
    assert found.truth["M1.0"].tolist() == [1, 0, 0]


def test_a_filled_day_lies_on_the_disk(tmp_path: Path) -> None:
    flares = [*FLARES, ("2014-03-03T10:00", 2e-5, 11990), ("2014-03-08T10:00", 2e-5, 11990)]
    write(tmp_path, [row("2014-03-02T12:00"), row("2014-03-06T12:00")], flares)
    extra = [
        row("2014-03-03T20:00", licence="MIT", LON_FWT=-75.0),
        row("2014-03-08T20:00", licence="MIT", LON_FWT=np.nan),
    ]
    pd.DataFrame(extra).to_parquet(tmp_path / "extra.parquet")
    fill = FillConfig(rows="extra.parquet", licence="MIT", event="M1.0")

    found = load(CONFIG.model_copy(update={"issue": "day-end", "fill": fill}), tmp_path)

    assert found.filled == 0


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"no rows\.parquet in the data folder"):
        load(CONFIG, tmp_path)


def test_rows_without_time_are_refused(tmp_path: Path) -> None:
    write(tmp_path, [{"noaa_ar": 1}], FLARES)

    with pytest.raises(InvalidInputError, match=r"rows\.parquet has no column t_rec"):
        load(CONFIG, tmp_path)


def test_a_column_may_stand_for_the_truth_of_an_event(tmp_path: Path) -> None:
    write(tmp_path, [row("2014-03-01", own=1), row("2014-03-02", own=0)], FLARES)

    found = load(CONFIG, tmp_path, labels={"M1.0": "own"})

    assert found.truth["M1.0"].tolist() == [1, 0]
    assert found.truth["C1.0"].tolist() == [0, 0]


def test_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    write(tmp_path, [row("2014-03-01")], FLARES)

    with pytest.raises(InvalidInputError, match=r"rows\.parquet has no column own"):
        load(CONFIG, tmp_path, labels={"M1.0": "own"})


def test_a_day_beside_a_flare_without_region_is_filled_in_whatever_its_truth(
    tmp_path: Path,
) -> None:
    flares = [*FLARES, ("2014-03-03T10:00", 2e-5, 11990), ("2014-03-04T10:00", 2e-5, 0)]
    write(tmp_path, [row("2014-03-02T12:00"), row("2014-03-06T12:00")], sorted(flares))
    extra = [row("2014-03-03T20:00", licence="MIT", LON_FWT=10.0)]
    pd.DataFrame(extra).to_parquet(tmp_path / "extra.parquet")
    fill = FillConfig(rows="extra.parquet", licence="MIT", event="M1.0")

    found = load(CONFIG.model_copy(update={"issue": "day-end", "fill": fill}), tmp_path)

    assert found.filled == 1
    assert np.isnan(found.truth["M1.0"]).tolist() == [False, True, False]


def hourly(shared_data: Path) -> tuple[Dataset, pd.DataFrame]:
    config = SharpConfig(
        rows="sharp/hourly_2014.parquet", flares="flares/goes_flares.parquet", licence="MIT"
    )
    table = pd.read_parquet(shared_data / config.rows)
    order = ["t_rec", "noaa_ar"]
    return load(config, shared_data), table.sort_values(order, kind="stable")


def test_labels_of_the_hourly_set_agree_with_those_it_carries(shared_data: Path) -> None:
    found, table = hourly(shared_data)

    known = ~np.isnan(found.truth["M1.0"])
    agree = (found.truth["M1.0"] == 1)[known] == table["y24_M"].to_numpy()[known]
    # The set labels by start time in (t, t + 24 h], we by peak in [t, t + 24 h).
    assert agree.mean() > 0.99


def test_leaving_out_unknown_hours_keeps_the_base_rate(shared_data: Path) -> None:
    found, table = hourly(shared_data)

    assert np.isnan(found.truth["C1.0"]).mean() > 0.3
    assert np.nanmean(found.truth["C1.0"]) == pytest.approx(table["y24_C"].mean(), abs=0.01)


def test_rows_named_by_harp_own_the_flares_of_all_its_noaa_regions(tmp_path: Path) -> None:
    write(tmp_path, [row("2014-03-01")], [FLARES[0], ("2014-03-01T05:00", 2e-5, 11991), FLARES[1]])
    harp_rows = pd.DataFrame([{"harpnum": 3000, "t_rec": "2014.03.01_00:00:35_TAI", "USFLUX": 1.0}])
    harp_rows.to_csv(tmp_path / "harps.csv", index=False)
    (tmp_path / "harps.txt").write_text("3000 11990,11991\n")
    config = CONFIG.model_copy(update={"rows": "harps.csv", "harps": "harps.txt"})

    found = load(config, tmp_path)

    assert found.region_id.tolist() == [3000]
    assert found.truth["M1.0"].tolist() == [1]


def test_rows_that_name_a_noaa_region_are_put_under_its_first_harp(tmp_path: Path) -> None:
    write(tmp_path, [row("2014-03-01"), row("2014-03-01", 11991), row("2014-03-02", 12000)], FLARES)
    (tmp_path / "harps.txt").write_text("3001 11990\n3000 11990,11991\n")
    config = CONFIG.model_copy(update={"harps": "harps.txt", "issue": "day-end"})

    found = load(config, tmp_path)

    # Two regions of one HARP are one region; that without a HARP keeps its number, negated.
    assert found.region_id.tolist() == [3000, -12000]


def test_added_rows_are_thinned_weigh_less_and_are_never_judged(tmp_path: Path) -> None:
    write(tmp_path, [row("2014-03-01T00:00")], FLARES)
    kept = {"licence": "MIT", "src": "before"}
    extra = [
        row("2014-03-02T00:30", USFLUX=1.0, **kept),
        row("2014-03-02T05:30", USFLUX=2.0, **kept),
        row("2014-03-02T06:30", USFLUX=3.0, **kept),
        row("2014-03-02T05:30", 11999, USFLUX=4.0, **kept),
        row("2014-03-02T05:40", licence="MIT", src="other"),
        row("2014-03-02T05:40", licence="GPL-3.0", src="before"),
    ]
    pd.DataFrame(extra).to_parquet(tmp_path / "extra.parquet")
    added = AddedConfig(rows="extra.parquet", licence="MIT", src="before", weight=0.25)

    found = load(CONFIG.model_copy(update={"added": added}), tmp_path)

    assert found.feature("USFLUX").tolist() == [1e22, 2, 4, 3]
    assert found.weight is not None
    assert found.weight.tolist() == [1, 0.25, 0.25, 0.25]
    assert found.is_scored.tolist() == [True, False, False, False]


def test_added_rows_of_a_source_that_is_not_there_are_refused(tmp_path: Path) -> None:
    write(tmp_path, [row("2014-03-01")], FLARES)
    pd.DataFrame([row("2014-03-02", licence="MIT", src="a")]).to_parquet(tmp_path / "extra.parquet")
    added = AddedConfig(rows="extra.parquet", licence="MIT", src="b")

    with pytest.raises(InvalidInputError, match="has no usable rows of src b"):
        load(CONFIG.model_copy(update={"added": added}), tmp_path)


def test_rows_named_by_harp_need_the_map(tmp_path: Path) -> None:
    write(tmp_path, [row("2014-03-01")], FLARES)
    pd.DataFrame([{"harpnum": 1, "t_rec": "2014-03-01"}]).to_csv(tmp_path / "h.csv", index=False)

    with pytest.raises(InvalidInputError, match=r"give data\.harps"):
        load(CONFIG.model_copy(update={"rows": "h.csv"}), tmp_path)


def test_rows_of_other_licences_are_not_read(tmp_path: Path) -> None:
    rows = [row("2014-03-01", licence="MIT"), row("2014-03-02", licence="GPL-3.0")]
    write(tmp_path, rows, FLARES)

    found = load(CONFIG.model_copy(update={"licences": ("MIT",)}), tmp_path)

    assert found.t_rec.tolist() == [np.datetime64("2014-02-28T23:59:25", "us").item()]
    with pytest.raises(InvalidInputError, match="no rows of licence CC0"):
        load(CONFIG.model_copy(update={"licences": ("CC0",)}), tmp_path)


def test_labels_of_the_choice_need_no_flare_list(tmp_path: Path) -> None:
    write(tmp_path, [row("2014-03-01", own=1), row("2014-03-02", own=0)], FLARES)
    config = CONFIG.model_copy(update={"flares": None, "labels": {"M1.0": "own"}})

    found = load(config, tmp_path)

    assert found.truth["M1.0"].tolist() == [1, 0]
    assert set(found.truth) == {"M1.0"}
    assert found.names == ("USFLUX",)


def test_a_set_without_a_usable_row_is_refused(tmp_path: Path) -> None:
    write(tmp_path, [row("2014-03-01", QUALITY=65536)], FLARES)

    with pytest.raises(InvalidInputError, match="no usable row"):
        load(CONFIG, tmp_path)


def test_windows_of_the_hourly_set_hold_the_hours_before(shared_data: Path) -> None:
    config = SharpConfig(rows="sharp/hourly_2014.parquet", flares="flares/goes_flares.parquet")
    window = WindowConfig(steps=24, cadence_hours=1.0, tolerance_hours=0.2, stride=6)

    found = load(config, shared_data, window=window)

    assert found.reach_hours == 23
    every = load(config, shared_data)
    last = found.steps[:, -1]
    assert (every.region_id[last] == found.region_id).all()
    for back in (1, 23):
        step = found.steps[:, -1 - back]
        there = step >= 0
        assert there.mean() > 0.7
        gap = every.t_rec[last[there]] - every.t_rec[step[there]]
        assert (every.region_id[step[there]] == found.region_id[there]).all()
        assert (gap == np.timedelta64(back, "h")).all()
