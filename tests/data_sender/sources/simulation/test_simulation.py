from __future__ import annotations

import signal
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
import pytest
from scipy.stats import rankdata

from data_sender.position import Position
from data_sender.rows import Rows
from data_sender.sources.simulation.region_fit import BEFORE, fit_files
from data_sender.sources.simulation.region_statistics import NAMES, load_statistics
from data_sender.sources.simulation.simulation import Simulation, Sun
from data_sender.xrays import XrayMinutes
from solar.time import parse_time

START = np.datetime64("2023-01-01", "us")
DAY = np.timedelta64(1, "D")


def _simulate(*, seed=1, regions=8.0, start=START, days=60.0, position=None):
    end = start + np.timedelta64(int(days * 86400), "s")
    simulation = Simulation(Sun(seed, regions, load_statistics()), start, end)
    chunks = list(simulation.chunks(position or Position()))
    rows = Rows.concatenate([chunk.rows for chunk in chunks])
    return rows, [flare for chunk in chunks for flare in chunk.flares]


def _first_records(rows):
    return rows.take(rows.times() == rows.t_rec)


@pytest.fixture(scope="module")
def season():
    rows, flares = _simulate()
    return _first_records(rows), flares


def test_the_same_seed_and_start_give_the_same_rows_and_flares():
    first, second, other = (_simulate(seed=seed, days=3) for seed in (5, 5, 6))

    assert first[0].observations() == second[0].observations()
    assert [flare.body for flare in first[1]] == [flare.body for flare in second[1]]
    assert first[0].observations() != other[0].observations()


def test_two_stretches_tell_the_same_where_they_overlap():
    long, _ = _simulate(days=4)
    short, _ = _simulate(start=START + DAY, days=2)

    inside = (long.t_rec >= START + DAY) & (long.t_rec < START + 3 * DAY)
    assert long.take(inside).observations() == short.observations()


def test_a_simulation_goes_on_at_its_position():
    whole, _ = _simulate(days=2)
    middle = whole.times()[len(whole) // 2]

    rest, flares = _simulate(days=2, position=Position(5, middle))

    assert rest.observations() == whole.take(whole.times() >= middle).observations()
    assert all(flare.ended_at >= middle for flare in flares)


def test_rows_are_simulated_hourly_fifths_in_order(season):
    rows, _ = season

    assert set(rows.series.rows()) == {"simulated"}
    assert rows.harpnum.min() >= 900_001
    assert min(numbers[0] for numbers in rows.noaa_ars.rows()) >= 90_001
    assert max(numbers[0] for numbers in rows.noaa_ars.rows()) <= 99_999
    assert (rows.quality == 0).all()
    assert set(rows.given_keywords()) == set(NAMES)
    assert rows.faults() == {}
    assert (np.diff(rows.t_rec) >= np.timedelta64(0)).all()
    # T_REC stands on 12-min slots of TAI, which is 37 s ahead since 2017.
    assert set(((rows.t_rec - START) / np.timedelta64(1, "s") % 720).tolist()) == {720.0 - 37.0}


def test_as_many_regions_are_on_the_disk_as_asked_for(season):
    rows, _ = season

    assert len(rows) / (60 * 120) == pytest.approx(8.0, rel=0.25)


def test_the_series_has_gaps(season):
    rows, _ = season
    steps = np.diff(np.unique(rows.t_rec)) / np.timedelta64(1, "m")

    assert (steps == 12).mean() > 0.98
    assert ((steps > 12) & (steps <= 120)).sum() > 4


def test_a_definitive_record_of_each_full_hour_comes_four_days_later_slightly_different():
    rows, _ = _simulate(days=6)
    first, later = _first_records(rows), rows.take(rows.times() != rows.t_rec)
    known = {
        (harp, at): values
        for harp, at, values in zip(
            first.harpnum.tolist(), first.t_rec.tolist(), first.keyword("USFLUX"), strict=True
        )
    }
    before = np.array(
        [known[key] for key in zip(later.harpnum.tolist(), later.t_rec.tolist(), strict=True)]
    )

    assert (later.times() - later.t_rec == 4 * DAY).all()
    assert (later.made_at > later.t_rec + DAY).all()
    assert (first.made_at == first.t_rec + np.timedelta64(30, "m")).all()
    # Two of six days are old enough, each with 24 full hours of 120 slots.
    assert len(later) == pytest.approx(len(first) * 2 / 6 / 5, rel=0.3)
    assert 0.003 < np.nanstd(later.keyword("USFLUX") / before) < 0.007


def test_x_ray_minutes_go_on_without_a_hole_from_the_day_before_the_first_record():
    simulation = Simulation(Sun(1, 8.0, load_statistics()), START, START + 3 * DAY)
    minutes = XrayMinutes.concatenate([c.minutes for c in simulation.chunks(Position())])
    later = Simulation(Sun(1, 8.0, load_statistics()), START + 2 * DAY, START + 3 * DAY)
    again = XrayMinutes.concatenate([c.minutes for c in later.chunks(Position())])

    assert minutes.times[0] == START - DAY
    assert (np.diff(minutes.times) == np.timedelta64(1, "m")).all()
    assert minutes.times[-1] == START + 3 * DAY - np.timedelta64(1, "m")
    np.testing.assert_array_equal(minutes.flux[1440 * 2 :], again.flux)


@pytest.mark.thorough
def test_the_committed_statistics_are_those_of_the_fit(shared_data):
    fitted = fit_files(
        shared_data / "training" / "daily_2010_2019.parquet",
        shared_data / "flares" / "goes_flares.parquet",
    )
    committed = load_statistics()

    for name in ("correlation", "limb", "flaring", "deviates", "keywords", "inborn"):
        known, found = getattr(committed, name), getattr(fitted, name)
        np.testing.assert_allclose(known, found, rtol=1e-3, atol=2e-3, err_msg=name)
    assert committed.provenance == fitted.provenance


def test_the_committed_quantiles_are_those_of_the_real_region_days_before_2014(shared_data):
    daily = pyarrow.parquet.read_table(shared_data / "training" / "daily_2010_2019.parquet")
    daily = daily.filter(pc.less(daily["t_rec"], pa.scalar(BEFORE.item())))
    committed = load_statistics()

    middle = committed.keywords.shape[1] // 2
    for place, name in enumerate(NAMES):
        median = np.nanmedian(daily[name].to_numpy())
        assert committed.keywords[place, middle] == pytest.approx(median, rel=1e-3, abs=1e-4), name


def test_the_keywords_have_the_correlation_of_the_fit(season):
    rows, _ = season
    near = rows.take(np.abs(rows.lon_fwt) < 30)
    values = np.stack([near.keyword(name) for name in NAMES], axis=1)
    values = rankdata(values[np.isfinite(values).all(axis=1)], axis=0)
    # Of normal deviates, that of ranks is 6/pi arcsin(r/2).
    expected = 6 / np.pi * np.arcsin(load_statistics().correlation / 2)

    assert np.abs(np.corrcoef(values, rowvar=False) - expected).mean() < 0.12


def test_flares_are_told_in_order_of_their_ends(season):
    _, flares = season

    ends = [flare.ended_at for flare in flares]
    assert all(before <= after for before, after in pairwise(ends))
    assert all(flare.body["flux_scale"] == "true" for flare in flares)


def test_a_bounded_simulation_is_sent_whole_and_then_ends(api, sender):
    status, summary, _ = sender.run(
        "simulate", "--start", "2024-05-01T00:00:00Z", "--duration", 2, "--seed", 4
    )

    assert status == 0
    assert summary["is_complete"]
    assert summary["accepted"] == len(api.stored) > 500
    assert {row["series"] for row in api.stored.values()} == {"simulated"}
    # Forecasts of the first records know the flares of the 120 days before.
    assert api.covers[0]["from"] == "2024-01-02T00:00:00Z"
    assert min(flare["peak"] for flare in api.flares) < "2024-01-10"
    assert api.covers[-1]["to"] > "2024-05-02T23:00:00Z"


def test_a_live_simulation_fills_the_past_and_stays_behind_the_clock(api, sender, wait_until):
    process = sender.start("simulate", "--history", 1, "--regions", 5)
    wait_until(lambda: len(api.stored) > 100)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=15)

    status = process.returncode
    now = parse_time(f"{np.datetime64('now')}Z")
    assert status == 0
    assert all(parse_time(t_rec) <= now for _, t_rec in api.stored)


def test_a_start_in_the_future_is_refused(sender):
    status, _, log = sender.run("simulate", "--start", "2999-01-01T00:00:00Z")

    assert status == 2
    assert "is in the future" in log


def test_a_restarted_simulation_leaves_no_hole_in_rows_or_coverage(api, sender):
    first = ("--start", "2024-05-01T00:00:00Z", "--seed", 4, "--batch", 7)
    sender.run("simulate", *first, "--duration", 1)
    sender.run("simulate", *first, "--duration", 2)
    stored = dict(api.stored)

    sender.run("simulate", *first, "--duration", 2, "--restart")

    assert api.stored == stored
    spans = api.covers[: [span["from"] for span in api.covers].index(api.covers[0]["from"], 1)]
    assert all(before["to"] == after["from"] for before, after in pairwise(spans))
    assert spans[-1]["to"] > "2024-05-02T22:00:00Z"
