from __future__ import annotations

import signal
from itertools import pairwise

import numpy as np
import pyarrow.parquet
import pytest

from data_sender.position import Position
from data_sender.rows import Rows
from data_sender.sources.simulation.region_statistics import (
    NAMES,
    compress,
    fit_files,
    load_statistics,
)
from data_sender.sources.simulation.simulation import Simulation, Sun
from solar.time import parse_time

START = np.datetime64("2023-01-01", "us")
DAY = np.timedelta64(1, "D")


def _simulate(*, seed=1, regions=8.0, start=START, days=300.0, position=None):
    end = start + np.timedelta64(int(days * 86400), "s")
    simulation = Simulation(Sun(seed, regions, load_statistics()), start, end)
    chunks = list(simulation.chunks(position or Position()))
    rows = Rows.concatenate([chunk.rows for chunk in chunks])
    return rows, [flare for chunk in chunks for flare in chunk.flares]


@pytest.fixture(scope="module")
def year():
    return _simulate()


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
    middle = whole.t_rec[len(whole) // 2]

    rest, flares = _simulate(days=2, position=Position(5, middle))

    assert rest.observations() == whole.take(whole.t_rec >= middle).observations()
    assert all(flare.ended_at >= middle for flare in flares)


def test_rows_are_simulated_hourly_fifths_in_order(year):
    rows, _ = year

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


def test_as_many_regions_are_on_the_disk_as_asked_for(year):
    rows, _ = year

    assert len(rows) / (300 * 120) == pytest.approx(8.0, rel=0.25)


def test_the_series_has_gaps(year):
    rows, _ = year
    steps = np.diff(np.unique(rows.t_rec)) / np.timedelta64(1, "m")

    assert (steps == 12).mean() > 0.98
    assert ((steps > 12) & (steps <= 120)).sum() > 20


def test_medians_are_within_a_factor_of_two_of_the_real_series(year, shared_data):
    rows, _ = year
    real = pyarrow.parquet.read_table(shared_data / "sharp" / "hourly_2014.parquet")
    daily = pyarrow.parquet.read_table(shared_data / "training" / "daily_2010_2019.parquet")

    for name in NAMES:
        if name.startswith(("MEANJ", "MEANALP")):
            continue  # they scatter around 0, where a ratio says nothing
        source = real if name in real.column_names else daily
        ratio = np.nanmedian(rows.keyword(name)) / np.nanmedian(source[name].to_numpy())
        assert 0.5 < ratio < 2.0, name


def test_correlations_are_those_of_the_fit(year):
    rows, _ = year
    values = compress(np.stack([rows.keyword(name) for name in NAMES], axis=1))
    simulated = np.corrcoef(values[np.isfinite(values).all(axis=1)], rowvar=False)
    statistics = load_statistics()
    scale = np.outer(statistics.deviation, statistics.deviation)

    assert np.abs(simulated - statistics.covariance / scale).mean() < 0.08


def test_flares_are_as_frequent_as_on_the_real_sun():
    rows, flares = _simulate(regions=24.0, days=400, seed=3)
    days = rows.t_rec.astype("datetime64[D]").astype(np.int64)
    seen = set(zip(rows.harpnum.tolist(), days.tolist(), strict=True))
    flaring = {"C": set(), "M": set(), "X": set()}
    for flare in flares:
        body = flare.body
        key = (body["harpnum"], int(np.datetime64(body["peak"][:10]).astype(np.int64)))
        for letter in "CMX"[: "CMX".index(body["goes_class"][0]) + 1]:
            flaring[letter].add(key)

    share = {letter: len(days & seen) / len(seen) for letter, days in flaring.items()}

    # hourly_2014: C+ 30 %, M+ 5.8 %, X+ 0.56 % of the rows in the next 24 h.
    assert 0.22 < share["C"] < 0.38
    assert 0.03 < share["M"] < 0.08
    assert 0.002 < share["X"] < 0.012


def test_flares_are_told_in_order_of_their_ends(year):
    _, flares = year

    ends = [flare.ended_at for flare in flares]
    assert all(before <= after for before, after in pairwise(ends))
    assert all(flare.body["flux_scale"] == "true" for flare in flares)


def test_the_committed_statistics_are_those_of_the_fit(shared_data):
    fitted = fit_files(
        [shared_data / "sharp" / "hourly_2014.parquet"],
        shared_data / "training" / "daily_2010_2019.parquet",
    )
    committed = load_statistics()

    np.testing.assert_allclose(committed.mean, fitted.mean, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(committed.covariance, fitted.covariance, rtol=1e-3, atol=1e-5)
    assert committed.provenance == fitted.provenance


def test_a_bounded_simulation_is_sent_whole_and_then_ends(api, sender):
    status, summary, _ = sender.run(
        "simulate", "--start", "2024-05-01T00:00:00Z", "--duration", 2, "--seed", 4
    )

    assert status == 0
    assert summary["is_complete"]
    assert summary["accepted"] == len(api.stored) > 500
    assert {row["series"] for row in api.stored.values()} == {"simulated"}
    assert api.covers[0]["from"] == "2024-05-01T00:00:00Z"
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
