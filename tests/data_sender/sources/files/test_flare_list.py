from __future__ import annotations

import numpy as np
import pytest

from data_sender.sources.files.replay import read_flares
from solar.errors import InvalidInputError

HEADER = "start_time,peak_time,end_time,goes_class,noaa_ar\n"


def test_a_flare_over_midnight_ends_after_it_began(tmp_path):
    path = tmp_path / "flares.csv"
    path.write_text(
        HEADER + "2023-12-30 23:56:00,2023-12-30 00:06:00,2023-12-30 00:15:00,C1.8,13536\n"
    )

    (flare,) = read_flares(path)

    assert flare.body == {
        "start": "2023-12-30T23:56:00Z", "peak": "2023-12-31T00:06:00Z",
        "end": "2023-12-31T00:15:00Z", "goes_class": "C1.8", "flux_scale": "true",
        "noaa_ar": 13536,
    }  # fmt: skip


def test_an_end_minutes_before_the_peak_is_no_end_a_day_later(tmp_path):
    path = tmp_path / "flares.csv"
    path.write_text(HEADER + "2023-12-30 10:00:00,2023-12-30 10:20:00,2023-12-30 10:10:00,C1.8,\n")

    (flare,) = read_flares(path)

    assert flare.body["end"] == flare.body["peak"] == "2023-12-30T10:20:00Z"
    assert flare.ended_at == np.datetime64("2023-12-30T10:20")


def test_a_list_without_satellites_changes_its_flux_scale_with_goes_16(tmp_path):
    path = tmp_path / "flares.csv"
    path.write_text(
        HEADER
        + "2019-12-08 01:00:00,2019-12-08 01:05:00,2019-12-08 01:10:00,B1.0,\n"
        + "2019-12-10 01:00:00,2019-12-10 01:05:00,2019-12-10 01:10:00,B1.0,\n"
    )

    flares = read_flares(path)

    assert [flare.body["flux_scale"] for flare in flares] == ["operational_pre16", "true"]


@pytest.mark.parametrize(
    ("satellite", "scale"),
    [("GOES-15", "operational_pre16"), ("GOES-16", "true"), ("G16", "true"), ("16", "true"),
     ("EOS-16", "operational_pre16")],
)  # fmt: skip
def test_the_flux_scale_is_that_of_the_satellite_if_it_is_a_goes(tmp_path, satellite, scale):
    path = tmp_path / "flares.csv"
    path.write_text(
        HEADER.replace("\n", ",OBS\n")
        + f"2018-12-08 01:00:00,2018-12-08 01:05:00,2018-12-08 01:10:00,B1.0,,{satellite}\n"
    )

    (flare,) = read_flares(path)

    assert flare.body["flux_scale"] == scale


def test_a_list_without_classes_is_refused(tmp_path):
    path = tmp_path / "flares.csv"
    path.write_text("start,peak,end\n2019-12-08,2019-12-08,2019-12-08\n")

    with pytest.raises(InvalidInputError, match="no column goes_class"):
        read_flares(path)


def test_the_real_list_is_in_order_of_the_ends(shared_data):
    flares = read_flares(shared_data / "flares" / "goes_flares.parquet")

    ends = [flare.ended_at for flare in flares]
    assert len(flares) == 30407
    assert ends == sorted(ends)
    assert all(flare.body["start"] <= flare.body["peak"] <= flare.body["end"] for flare in flares)
