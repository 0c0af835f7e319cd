from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

import model_training
from model_training.artefact import artifact
from model_training.data.dataset import Dataset
from model_training.data.flares import read_flares
from model_training.data.loading import load
from model_training.features import FlareHistory
from model_training.fitting.disk_activity import activity_of
from model_training.judging.evaluation import served_inputs
from model_training.judging.full_disk import (
    Agencies,
    DiskDays,
    disk_days,
    evidence_of_disk,
    flared,
    read_agencies,
)
from model_training.recipe.data import SharpConfig
from solar.errors import InvalidInputError
from solar.full_disk import disk_probability
from solar.probability import brier_skill

DAY = np.timedelta64(1, "D")
FLARES = FlareHistory(
    np.array(["2014-02-16T00:00", "2014-02-17T23:59:59", "2014-02-18T12:00"], "datetime64[us]"),
    np.array([1e-5, 5e-5, 9e-6]),
    np.array([0, 11974, 11974]),
)
# The same in a list that begins a year before and goes on after it.
LISTED = FlareHistory(
    np.array(["2013-01-01", *FLARES.peak_at.astype(str), "2014-04-01"], "datetime64[us]"),
    np.array([2e-6, *FLARES.flux, 2e-6]),
    np.zeros(5, np.int64),
)


def cases(*at: str, region_id: tuple[int, ...]) -> Dataset:
    n = len(at)
    return Dataset(
        records={"USFLUX": np.ones(n)},
        steps=np.arange(n)[:, None],
        region_id=np.array(region_id),
        t_rec=np.array(at, "datetime64[us]"),
        truth={},
        flared_before={},
    )


def test_a_day_counts_every_flare_that_peaks_in_it() -> None:
    days = np.datetime64("2014-02-15") + np.arange(4) * DAY

    assert flared(days, FLARES, "M1.0").tolist() == [0, 1, 1, 0]


def test_entrants_are_compared_on_the_days_that_all_of_them_cover() -> None:
    days = np.datetime64("2014-02-16") + np.arange(3) * DAY
    own = DiskDays(days[[0, 2]], np.array([0.1, 0.3]))
    agencies = Agencies({"SWPC": DiskDays(days[1:], np.array([0.6, 0.7]))})

    found = evidence_of_disk("M1.0", own, flares=LISTED, agencies=agencies)

    assert found.t_rec.astype("datetime64[D]").tolist() == days[1:].tolist()
    assert found.outcome.tolist() == [1, 0]
    # No region has a record on the 17th: its product is 0, and recent flares speak alone.
    assert found.entrants["product of regions"].tolist() == [0, 0.3]
    activity = found.entrants["recent flares"]
    odds = np.sqrt(0.3 / 0.7 * activity[1] / (1 - activity[1]))
    assert found.calibrated == pytest.approx([activity[0], odds / (1 + odds)])
    assert found.entrants["SWPC"].tolist() == [0.6, 0.7]
    assert found.entrants["persistence"].tolist() == [1, 1]
    # One day with a flare in the 120 days before the 17th, two before the 18th.
    assert found.entrants["climatology-120d"] == pytest.approx([1 / 120, 2 / 120])


def test_the_disk_takes_the_newest_forecast_of_each_region_in_the_six_hours_before() -> None:
    # 00:00 TAI of 16 February is 23:59:25 UTC of the day before.
    at = (
        "2014-02-15T23:59:25",
        "2014-02-15T22:00",
        "2014-02-15T18:01",
        "2014-02-15T18:00",
        "2014-02-16T01:00",
    )
    rows = cases(*at, region_id=(1, 1, 2, 3, 4))

    found = disk_days(rows, np.array([0.5, 0.9, 0.2, 0.9, 0.4]))

    # 1 - 0.5 x 0.8; the last one counts for no midnight within six hours.
    assert found.day.astype(str).tolist() == ["2014-02-16"]
    assert found.probability == pytest.approx([0.6])


def test_rows_a_day_apart_count_for_a_day() -> None:
    rows = cases("2014-02-15T14:00", "2014-02-15T23:48", region_id=(1, 2))

    found = disk_days(rows, np.array([0.5, 0.2]), memory=timedelta(days=1))

    assert found.probability == pytest.approx([0.6])


def test_a_withheld_forecast_leaves_the_one_before() -> None:
    rows = cases("2014-02-15T23:00", "2014-02-15T23:48", region_id=(1, 1))

    assert disk_days(rows, np.array([0.5, np.nan])).probability == pytest.approx([0.5])


def test_the_agencies_are_read_as_they_were_scored(shared_data: Path) -> None:
    found = read_agencies(shared_data / "moswoc_swpc_forecasts_ccby_mit", "M1.0").forecasts

    # First lines of the files: 60 % by both on 2014-01-01; the Met Office updated at 13:42.
    assert [float(one.probability[0]) for one in found.values()] == [0.6, 0.6]
    assert all(one.day[0] == np.datetime64("2014-01-01") for one in found.values())


def test_seventeen_systems_are_read_with_what_came(shared_data: Path) -> None:
    folder = shared_data / "agencies_2016_2017"

    complete, chosen = read_agencies(folder, "M1.0"), read_agencies(folder, "M1.0", ["MOSWOC"])

    # INDEX.md: 731 days, 26 with M1.0+; NOAA .886 and .333, MOSWOC .188 on its 723 days.
    assert set(complete.forecasts) == {"CLIM120", "DAFFS", "GDAFFS", "NICT", "NOAA", "SIDC"}
    assert complete.outcome is not None
    assert (len(complete.days), complete.outcome.probability.sum()) == (731, 26)
    for agencies, name, n, bss in ((complete, "NOAA", 731, 0.333), (chosen, "MOSWOC", 723, 0.188)):
        one, outcome = agencies.forecasts[name], agencies.outcome
        assert outcome is not None
        observed = outcome.probability[np.isin(outcome.day, one.day)]
        assert len(one.day) == n
        found = brier_skill(one.probability, observed, reference=observed.mean())
        assert found == pytest.approx(bss, abs=0.001)


def test_the_agencies_say_nothing_of_other_classes(shared_data: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"the agencies forecast M1\.0 and X1\.0"):
        read_agencies(tmp_path, "C1.0")
    with pytest.raises(InvalidInputError, match=r"these systems forecast M1\.0 and C1\.0"):
        read_agencies(shared_data / "agencies_2016_2017", "X1.0")
    with pytest.raises(InvalidInputError, match=r"no forecasts of NASA; there are AMOS, ASAP"):
        read_agencies(shared_data / "agencies_2016_2017", "M1.0", ["NASA"])


def test_recent_flares_alone_have_skill_in_2016_and_2017(shared_data: Path) -> None:
    agencies = read_agencies(shared_data / "agencies_2016_2017", "M1.0")
    flares = read_flares(shared_data / "flares/goes_flares.parquet", known_from="end")
    ends = DiskDays(agencies.days[[0, -1]], np.zeros(2))

    found = evidence_of_disk("M1.0", ends, flares=flares, agencies=agencies)

    score = brier_skill(
        found.entrants["recent flares"], found.outcome, reference=found.outcome.mean()
    )
    # SIDC .111, DAFFS .183, NOAA .333 on these 731 days, of which nothing was fitted.
    assert len(found) == 731
    assert score == pytest.approx(0.245, abs=0.002)


def test_regions_and_flares_together_beat_the_product_of_regions_in_spring_2014(
    shared_data: Path,
) -> None:
    model = artifact.load(Path(model_training.__file__).parent / "artifacts/blend-1.0.0")
    rows = SharpConfig(rows="sharp/hourly_2014.parquet", flares="flares/goes_flares.parquet")
    hourly = load(rows, shared_data)
    flares = read_flares(shared_data / "flares/goes_flares.parquet", known_from="end")
    place = model.manifest.event_names.index("M1.0")
    regions = disk_days(
        hourly, model.score_inputs(served_inputs(model, hourly)).calibrated[:, place]
    )
    counts = activity_of(flares).counts(regions.day.astype("datetime64[us]"))

    together = disk_probability("M1.0", regions.probability, counts)

    outcome = flared(regions.day, flares, "M1.0")
    skill = [
        brier_skill(one, outcome, reference=outcome.mean())
        for one in (regions.probability, together)
    ]
    # INDEX.md: 59 days, 24 of them with a flare; and 15 April, from the last hours of the 14th.
    assert (len(outcome), outcome.sum()) == (60, 24)
    assert skill == pytest.approx([-0.065, 0.123], abs=0.002)
