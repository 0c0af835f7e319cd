from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from data_sender.sources.files.tables import read_rows
from solar.errors import InvalidInputError


def _csv(path, text):
    path.write_bytes(gzip.compress(text.encode()) if path.name.endswith(".gz") else text.encode())
    return path


# TAI - UTC: 34 s until 2012-06-30, 35 s until 2015-06-30, 36 s until 2016-12-31, then 37 s.
@pytest.mark.parametrize(
    ("label", "utc"),
    [
        ("2012.06.30_23:00:00_TAI", "2012-06-30T22:59:26"),
        ("2014.03.01_00:00:00_TAI", "2014-02-28T23:59:25"),
        ("2016.01.01_00:12:00_TAI", "2016-01-01T00:11:24"),
        ("2017.09.06_12:00_TAI", "2017-09-06T11:59:23"),
        ("2014-03-01 00:00:00", "2014-02-28T23:59:25"),
        ("2014-03-01T00:00:00Z", "2014-03-01T00:00:00"),
    ],
)
def test_times_of_a_csv_become_utc(tmp_path, label, utc):
    path = _csv(tmp_path / "rows.csv", f"T_REC,HARPNUM,USFLUX\n{label},1,1e22\n")

    rows = read_rows(path)

    assert rows.t_rec[0] == np.datetime64(utc)


def test_a_time_zone_in_a_parquet_file_is_believed(tmp_path):
    at = np.array(["2014-03-01T00:00:00"], "datetime64[us]")
    times = pa.array(at).cast(pa.timestamp("us", "UTC"))
    path = tmp_path / "rows.parquet"
    pyarrow.parquet.write_table(pa.table({"t_rec": times, "harpnum": [1], "USFLUX": [1e22]}), path)

    assert read_rows(path).t_rec[0] == at[0]


def test_a_csv_of_jsoc_is_read_with_gaps_hexadecimal_quality_and_several_regions(tmp_path):
    path = _csv(
        tmp_path / "jsoc.csv.gz",
        "T_REC,HARPNUM,NOAA_ARS,QUALITY,USFLUX,R_VALUE,LON_FWT,CRPIX1\n"
        '2014.03.01_00:00:00_TAI,3721,"11990,11991",0x00010000,MISSING,0,-12.5,7\n'
        "2014.03.01_00:12:00_TAI,3721,,,1e22,,,7\n",
    )

    rows = read_rows(path)

    assert rows.noaa_ars.rows() == [(11990, 11991), ()]
    np.testing.assert_array_equal(rows.quality, [0x10000, np.nan])
    np.testing.assert_array_equal(rows.keyword("USFLUX"), [np.nan, 1e22])
    np.testing.assert_array_equal(rows.keyword("R_VALUE"), [0.0, np.nan])
    assert set(rows.given_keywords()) == {"USFLUX", "R_VALUE"}


def test_infinity_in_a_csv_stays_infinite(tmp_path):
    path = _csv(tmp_path / "rows.csv", "T_REC,HARPNUM,USFLUX\n2014.03.01_00:00:00_TAI,1,inf\n")

    assert read_rows(path).faults() == {0: "USFLUX is inf: JSON carries finite numbers only"}


def test_a_file_without_sharp_keywords_is_refused(tmp_path):
    path = _csv(tmp_path / "rows.csv", "T_REC,HARPNUM,CRPIX1\n2014.03.01_00:00:00_TAI,1,7\n")

    with pytest.raises(InvalidInputError, match=r"rows\.csv cannot be read: it has no SHARP"):
        read_rows(path)


def test_times_before_1972_are_refused(tmp_path):
    path = _csv(tmp_path / "rows.csv", "T_REC,HARPNUM,USFLUX\n1970.01.01_00:00:00_TAI,1,1e22\n")

    with pytest.raises(InvalidInputError, match="before 1972"):
        read_rows(path)


def test_the_daily_file_gives_regions_by_noaa_number_and_quality(shared_data):
    rows = read_rows(shared_data / "training" / "daily_2010_2019.parquet")

    assert len(rows) == 8417
    assert rows.has_quality.all()
    assert rows.harpnum.max() == 0
    assert len(rows.given_keywords()) == 25
    assert rows.faults() == {}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_what_the_api_exports_is_read_as_it_was_sent(tmp_path: Path, kind: str) -> None:
    exported = pd.DataFrame(
        {
            "region": [3894, -12018],
            "t_rec": pd.to_datetime(["2014-03-29T16:00:00Z"] * 2),
            "series": ["hmi.sharp_cea_720s", "unstated"],
            "quality": [1024.0, None],
            "USFLUX": [1.28e22, None],
            "revision": [1, 2],
        }
    )
    path = tmp_path / f"march.{kind}"
    exported.to_csv(path, index=False) if kind == "csv" else exported.to_parquet(path)

    rows = read_rows(path)

    assert rows.harpnum.tolist() == [3894, 0]
    assert rows.noaa_ars.rows() == [(), (12018,)]
    assert (rows.t_rec == np.datetime64("2014-03-29T16:00:00")).all()
    assert rows.has_quality.tolist() == [True, False]
    assert rows.series.rows() == ["hmi.sharp_cea_720s", "unstated"]


def test_a_column_called_region_means_nothing_beside_a_harp_number(tmp_path: Path) -> None:
    path = tmp_path / "named.csv"
    path.write_text("HARPNUM,REGION,T_REC,USFLUX\n3894,the big one,2014-03-29T16:00:00Z,1e22\n")

    assert read_rows(path).harpnum.tolist() == [3894]
