from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import model_training
from model_training.artefact import artifact
from model_training.artefact.manifest import DiskMap
from model_training.data.flares import read_flares
from model_training.data.loading import load
from model_training.features import FlareHistory
from model_training.fitting.disk_map import DiskDays, disk_days, forecast
from model_training.judging.evaluation import served_inputs
from model_training.judging.full_disk import evidence_of_disk, flared, read_agencies
from model_training.recipe.data import SharpConfig
from solar.errors import InvalidInputError
from solar.probability import brier_skill

DAY = np.timedelta64(1, "D")
FLARES = FlareHistory(
    np.array(["2014-02-16T00:00", "2014-02-17T23:59:59", "2014-02-18T12:00"], "datetime64[us]"),
    np.array([1e-5, 5e-5, 9e-6]),
    np.array([0, 11974, 11974]),
)


def test_a_day_counts_every_flare_that_peaks_in_it() -> None:
    days = np.datetime64("2014-02-15") + np.arange(4) * DAY

    assert flared(days, FLARES, "M1.0").tolist() == [0, 1, 1, 0]


def test_entrants_are_compared_on_the_days_that_all_of_them_cover() -> None:
    days = np.datetime64("2014-02-16") + np.arange(3) * DAY
    own = DiskDays(days, np.array([0.1, 0.2, 0.3]))
    agency = DiskDays(days[1:], np.array([0.6, 0.7]))
    # Weight 1 on the log-odds and none on activity gives the product of regions back.
    disk = DiskMap(
        weights=(1.0, 0.0), intercept=0.0, threshold=0.25, n_days=9, n_events=5, fitted_on=""
    )

    found = evidence_of_disk(disk, "M1.0", own, flares=FLARES, agencies={"SWPC": agency})

    assert found.outcome.tolist() == [1, 0]
    assert found.calibrated == pytest.approx([0.2, 0.3])
    assert found.entrants["SWPC"].tolist() == [0.6, 0.7]
    assert found.entrants["persistence"].tolist() == [1, 1]
    # One day with a flare in the 120 days before the 17th, two before the 18th.
    assert found.entrants["climatology-120d"] == pytest.approx([1 / 120, 2 / 120])


def test_the_agencies_are_read_as_they_were_scored(shared_data: Path) -> None:
    found = read_agencies(shared_data / "moswoc_swpc_forecasts_ccby_mit", "M1.0")

    # First lines of the files: 60 % by both on 2014-01-01; the Met Office updated at 13:42.
    assert [float(one.probability[0]) for one in found.values()] == [0.6, 0.6]
    assert all(one.day[0] == np.datetime64("2014-01-01") for one in found.values())


def test_the_agencies_say_nothing_of_other_classes(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"the agencies forecast M1\.0 and X1\.0"):
        read_agencies(tmp_path, "C1.0")


def test_the_calibrated_disk_beats_the_product_of_all_regions_in_spring_2014(
    shared_data: Path,
) -> None:
    model = artifact.load(Path(model_training.__file__).parent / "artifacts/blend-1.0.0")
    rows = SharpConfig(rows="sharp/hourly_2014.parquet", flares="flares/goes_flares.parquet")
    cases, flares = load(rows, shared_data), read_flares(shared_data / "flares/goes_flares.parquet")
    place = [event.name for event in model.manifest.events].index("M1.0")
    days = disk_days(cases, model.score_inputs(served_inputs(model, cases)).calibrated[:, place])

    calibrated = forecast(model.manifest.disk["M1.0"], "M1.0", days, flares=flares)

    outcome = flared(days.day, flares, "M1.0")
    skill = [
        brier_skill(one, outcome, reference=outcome.mean())
        for one in (days.probability, calibrated)
    ]
    # INDEX.md: 59 days, 24 of them with a flare.
    assert (len(outcome), outcome.sum()) == (59, 24)
    assert skill == pytest.approx([-0.066, 0.172], abs=0.001)
