from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model_training.data.flares import RegionFlares, by_harp, harps_of
from model_training.features import FlareHistory
from solar.errors import InvalidInputError

T = np.datetime64("2014-03-10T00:00:00", "us")
HOUR = np.timedelta64(1, "h")


def flares(*rows: tuple[float, float, int]) -> FlareHistory:
    hour, flux, region = zip(*rows, strict=True)
    return FlareHistory(T + (np.array(hour) * HOUR), np.array(flux), np.array(region))


def test_a_harp_owns_the_flares_of_all_its_noaa_regions(tmp_path: Path) -> None:
    (tmp_path / "harps.txt").write_text(" HARPNUM  NOAA_ARS\n 393 11169,11171\n 394 11169\n")
    pairs = harps_of(tmp_path / "harps.txt")

    owned = by_harp(flares((1, 1e-5, 11169), (2, 1e-6, 11171), (3, 1e-6, 0), (4, 1e-6, 9)), pairs)

    assert owned.region_id.tolist() == [393, 394, 393, 0, -9]
    assert ((owned.peak_at - T) // HOUR).tolist() == [1, 1, 2, 3, 4]


def test_a_flare_that_two_harps_own_is_one_flare_of_the_disk() -> None:
    listed = flares((-1000, 1e-7, 9), (-2, 1e-5, 11169), (30, 1e-7, 9))
    joined = RegionFlares(listed, by_harp(listed, np.array([[393, 11169], [394, 11169]])))

    found = joined.history(np.array([393, 394]), np.array([T, T]))

    assert found["FLARES_M_24H"].tolist() == [1, 1]
    assert found["DISK_FLARES_M_24H"].tolist() == [1, 1]


def test_a_broken_line_of_the_harp_map_is_named(tmp_path: Path) -> None:
    (tmp_path / "harps.txt").write_text("393 11169\nnonsense\n")

    with pytest.raises(
        InvalidInputError, match=r"harps\.txt: line 2 .*'nonsense'; expected a HARPNUM"
    ):
        harps_of(tmp_path / "harps.txt")


def test_an_empty_harp_map_is_refused(tmp_path: Path) -> None:
    (tmp_path / "harps.txt").write_text("HARPNUM NOAA_ARS\n")

    with pytest.raises(InvalidInputError, match="holds no HARP"):
        harps_of(tmp_path / "harps.txt")
