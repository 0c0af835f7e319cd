from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model_training.datasets.dataset import Dataset
from model_training.features import FlareHistory
from model_training.results.disk import (
    DiskDays,
    DiskModel,
    disk_days,
    evidence_of_disk,
    fit_disk,
    flared,
    read_agencies,
)
from solar.errors import InvalidInputError

DAY = np.timedelta64(1, "D")
FLARES = FlareHistory(
    np.array(["2014-02-16T00:00", "2014-02-17T23:59:59", "2014-02-18T12:00"], "datetime64[us]"),
    np.array([1e-5, 5e-5, 9e-6]),
    np.array([0, 11974, 11974]),
)


def cases(*at: str) -> Dataset:
    n = len(at)
    return Dataset(
        records={"USFLUX": np.ones(n)},
        steps=np.arange(n)[:, None],
        region_id=np.arange(n),
        t_rec=np.array(at, "datetime64[us]"),
        truth={},
        flared_before={},
    )


def test_the_disk_takes_the_regions_at_midnight_together() -> None:
    # 00:00 TAI of 16 February is 23:59:25 UTC of the day before.
    rows = cases("2014-02-15T23:59:25", "2014-02-15T23:59:25", "2014-02-16T01:00")

    found = disk_days(rows, np.array([0.5, 0.2, 0.9]))

    # 1 - 0.5 x 0.8
    assert found.day.tolist() == [np.datetime64("2014-02-16").astype(object)]
    assert found.probability == pytest.approx([0.6])


def test_of_each_region_the_record_nearest_to_midnight_counts() -> None:
    rows = replace(
        cases("2014-02-15T23:48", "2014-02-16T00:00", "2014-02-16T00:12"),
        region_id=np.array([7, 7, 7]),
    )

    assert disk_days(rows, np.array([0.1, 0.3, 0.2])).probability == pytest.approx([0.3])


def test_a_region_without_a_forecast_adds_nothing() -> None:
    rows = cases("2014-02-16", "2014-02-16")

    assert disk_days(rows, np.array([0.5, np.nan])).probability == pytest.approx([0.5])


def test_a_day_counts_every_flare_that_peaks_in_it() -> None:
    days = np.datetime64("2014-02-15") + np.arange(4) * DAY

    assert flared(days, FLARES, "M1.0").tolist() == [0, 1, 1, 0]


def test_entrants_are_compared_on_the_days_that_all_of_them_cover() -> None:
    days = np.datetime64("2014-02-16") + np.arange(3) * DAY
    own = DiskDays(days, np.array([0.1, 0.2, 0.3]))
    agency = DiskDays(days[1:], np.array([0.6, 0.7]))
    # Weight 1 on the log-odds and none on activity gives the product of regions back.
    model = DiskModel("M1.0", np.array([1.0, 0.0]), 0.0, threshold=0.25)

    found = evidence_of_disk(model, own, FLARES, agencies={"SWPC": agency})

    assert found.outcome.tolist() == [1, 0]
    assert found.calibrated == pytest.approx([0.2, 0.3])
    assert found.entrants["SWPC"].tolist() == [0.6, 0.7]
    assert found.entrants["persistence"].tolist() == [1, 1]
    # One day with a flare in the 120 days before the 17th, two before the 18th.
    assert found.entrants["climatology-120d"] == pytest.approx([1 / 120, 2 / 120])


def test_the_aggregate_knows_no_flare_of_the_day_it_forecasts() -> None:
    day = DiskDays(np.array(["2014-02-17"], "datetime64[D]"), np.array([0.5]))
    model = DiskModel("M1.0", np.array([0.0, 1.0]), 0.0, threshold=0.5)

    # One M flare on the 16th; that of the 17th peaks after 00 UT. sigmoid(log(1 + 1/27)).
    assert model.forecast(day, FLARES) == pytest.approx([28 / 55])


def test_the_aggregate_takes_too_high_products_back() -> None:
    rng = np.random.default_rng(0)
    days = np.datetime64("2010-01-01") + np.arange(600) * DAY
    chance = rng.random(600)
    hit = days[rng.random(600) < chance / 2]
    flares = FlareHistory(hit.astype("datetime64[us]"), np.full(len(hit), 2e-5), np.zeros(len(hit)))
    own = DiskDays(days, chance)

    model = fit_disk(own, flares, "M1.0")

    assert model.forecast(own, flares).mean() == pytest.approx(len(hit) / 600, abs=0.02)
    assert 0 < model.threshold < 1


def test_the_agencies_are_read_as_they_were_scored(shared_data: Path) -> None:
    found = read_agencies(shared_data / "moswoc_swpc_forecasts_ccby_mit", "M1.0")

    # First lines of the files: 60 % by both on 2014-01-01; the Met Office updated at 13:42.
    assert [float(one.probability[0]) for one in found.values()] == [0.6, 0.6]
    assert all(one.day[0] == np.datetime64("2014-01-01") for one in found.values())


def test_the_agencies_say_nothing_of_other_classes(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"the agencies forecast M1\.0 and X1\.0"):
        read_agencies(tmp_path, "C1.0")
