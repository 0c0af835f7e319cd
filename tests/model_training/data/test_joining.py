from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model_training.data.flares import by_harp, harps_of
from model_training.features import FlareHistory
from solar.errors import InvalidInputError

T = np.datetime64("2014-03-10T00:00:00", "us")
HOUR = np.timedelta64(1, "h")


def flares(*rows: tuple[float, float, int]) -> FlareHistory:
    hour, flux, region = zip(*rows, strict=True)
    return FlareHistory(T + (np.array(hour) * HOUR), np.array(flux), np.array(region))


def seen(*rows: tuple[int, float]) -> tuple[np.ndarray, np.ndarray]:
    harpnum, hour = zip(*rows, strict=True)
    return np.array(harpnum), T + np.array(hour) * HOUR


def test_a_harp_owns_the_flares_of_all_its_noaa_regions(tmp_path: Path) -> None:
    (tmp_path / "harps.txt").write_text(" HARPNUM  NOAA_ARS\n 393 11169,11171\n")
    pairs = harps_of(tmp_path / "harps.txt")
    listed = flares((1, 1e-5, 11169), (2, 1e-6, 11171), (3, 1e-6, 0), (4, 1e-6, 9))

    owned = by_harp(listed, pairs, seen((393, 0))).flares

    assert owned.region_id.tolist() == [393, 393, 0, -9]
    assert owned.peak_at.tolist() == listed.peak_at.tolist()


@pytest.mark.parametrize(
    ("rows", "owner"),
    [([(394, 24)], 394), ([(394, 25)], 393), ([(393, -25), (394, -3)], 394),
     ([(393, 1), (394, -3)], 393), ([(394, -30), (394, -24), (394, 40)], 394)],
)  # fmt: skip
def test_of_several_harps_the_one_observed_within_a_day_owns_the_flare_else_the_first(
    rows: list[tuple[int, float]], owner: int
) -> None:
    pairs = np.array([[394, 11169], [393, 11169]])

    owned = by_harp(flares((0, 1e-5, 11169)), pairs, seen(*rows))

    assert owned.flares.region_id.tolist() == [owner]


def test_a_flare_is_one_flare_of_one_harp_and_of_the_disk() -> None:
    listed = flares((-1000, 1e-7, 9), (-2, 1e-5, 11169), (30, 1e-7, 9))
    pairs = np.array([[393, 11169], [394, 11169]])
    cases = seen((393, -12), (394, -12), (393, 0), (394, 0))

    found = by_harp(listed, pairs, cases).history(*cases)

    assert found["FLARES_M_24H"].tolist() == [0, 0, 1, 0]
    assert found["DISK_FLARES_M_24H"].tolist() == [0, 0, 1, 1]


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
