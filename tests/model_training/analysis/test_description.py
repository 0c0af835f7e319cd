from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pandas as pd
import pytest

from model_training.analysis.description import Description, describe, text
from model_training.data.dataset import Dataset, points
from model_training.data.guessing import guess
from model_training.data.loading import load
from model_training.recipe.data import WindowConfig


def small() -> Dataset:
    flux = np.array([1.0, 2.0, 3.0, np.nan, 5.0])
    return Dataset(
        records={"USFLUX": flux, "TWICE": 2 * flux, "OTHER": np.array([3.0, 1, 4, 1, 5])},
        steps=np.array([[-1, 0], [0, 1], [1, 2], [-1, 3]]),
        region_id=np.array([7, 7, 7, 8]),
        t_rec=np.array(
            ["2013-12-31T22", "2013-12-31T23", "2014-01-01T00", "2014-01-01T06"], "datetime64[us]"
        ),
        truth={"M1.0": np.array([1, 0, 0, np.nan])},
        flared_before={},
        units={"OTHER": "mm²"},
        cadence_hours=1.0,
    )


def series(**records: np.ndarray) -> Dataset:
    """One record an hour of each of two regions, in the order of time."""
    n = len(next(iter(records.values())))
    kept, steps = points(records, n)
    return Dataset(
        records=kept,
        steps=steps,
        region_id=np.arange(n) % 2,
        t_rec=np.datetime64("2014-01-01", "us") + np.arange(n) // 2 * np.timedelta64(1, "h"),
        truth={},
        flared_before={},
    )


def plain(found: Description) -> bytes:
    return orjson.dumps(found.to_dict(), option=orjson.OPT_NON_STR_KEYS)


def test_shape_span_and_cadence_are_told() -> None:
    found = describe(small())

    assert (found.cases, found.steps, found.records, found.regions) == (4, 2, 4, 2)
    assert (found.first_at, found.last_at) == ("2013-12-31T22:00:00Z", "2014-01-01T06:00:00Z")
    assert found.step_hours == 1.0
    assert found.without_record == 0.25


def test_missing_values_are_told_overall_by_region_and_by_year() -> None:
    found = describe(small())

    flux = found.features[0]
    # Of eight steps two have no record and one has no value; region 8 has neither.
    assert flux.missing == 3 / 8
    assert (flux.worst_region, flux.missing_in_worst_region) == (8, 1.0)
    assert flux.missing_by_year == {2013: 1 / 4, 2014: 2 / 4}


def test_quartiles_are_those_of_the_records_used() -> None:
    spread = describe(small()).features[0].spread

    assert spread is not None
    assert (spread.minimum, spread.median, spread.maximum) == (1, 2, 3)


def test_units_come_from_the_set_or_the_keyword_table() -> None:
    assert [item.unit for item in describe(small()).features] == ["Mx", "unknown", "mm²"]


def test_class_balance_counts_the_unknown() -> None:
    (balance,) = describe(small()).events

    assert (balance.events, balance.none, balance.unknown) == (1, 2, 1)


def test_features_that_say_the_same_are_named() -> None:
    found = describe(small())

    assert [(pair.one, pair.other) for pair in found.close_pairs] == [("USFLUX", "TWICE")]
    assert found.close_pairs[0].correlation == pytest.approx(1)


def test_a_feature_without_any_value_is_described_too() -> None:
    nothing = describe(small().take(np.array([3])), names=["USFLUX"])

    assert nothing.features[0].spread is None
    assert nothing.correlation == ((None,),)
    assert " -  " in text(nothing)


def test_a_description_is_plain_json() -> None:
    found = describe(small())

    told = orjson.loads(plain(found))

    assert told["features"][0]["missing_by_year"] == {"2013": 0.25, "2014": 0.5}
    assert told["overlap"]["overlapping"] == 3


def test_the_table_has_a_line_for_every_feature_and_event() -> None:
    shown = text(describe(small()))

    for part in ("USFLUX", "TWICE", "OTHER", "mm²", "M1.0", "33.33%", "3 of 4 windows overlap"):
        assert part in shown


def test_the_real_hourly_set_is_broken_down(shared_data: Path) -> None:
    path = shared_data / "sharp" / "hourly_2014.parquet"
    window = WindowConfig(steps=24, cadence_hours=1.0, tolerance_hours=0.2)

    found = describe(load(guess(path), path.parent, window=window))

    assert found.step_hours == 1.0
    # Its own labels: 495 hours before an M flare.
    assert next(item.events for item in found.events if item.event == "M1.0") == 495
    assert found.overlap.shared > 8500
    assert {"TOTUSJZ", "TOTUSJH"} in [{pair.one, pair.other} for pair in found.close_pairs]


def test_genuine_swan_sf_windows_overlap(shared_data: Path) -> None:
    path = shared_data / "training" / "swansf_samples"

    found = describe(load(guess(path), path.parent))

    # Three pairs of files of the same HARP lie 3, 10 and 4 hours apart, of 12 hours each.
    assert found.overlap.copied == 6


def test_folds_rejected_rows_and_missing_years_have_lines_of_their_own() -> None:
    dataset = replace(small(), fold=np.array([0, 0, 1, 1]), rejected=3, filled=2)

    shown = text(describe(dataset))

    assert "cases by fold: 0: 2, 1: 2" in shown
    assert "3 records rejected for QUALITY, 2 filled in" in shown
    assert "missing by year\nfeature  2013  2014\nUSFLUX    25%   50%" in shown


def test_a_set_without_truth_says_how_to_name_one() -> None:
    assert "no truth: name a flare list or labels" in text(describe(replace(small(), truth={})))


def test_missing_values_are_told_of_twelve_parts_of_the_time() -> None:
    # Eight hours: the case after one hour lies in the second part, two in the fourth, the last.
    found = describe(small()).features[0].missing_by_part

    assert (found[0], found[1], found[3], found[11]) == (0.5, 0, 0, 1)
    assert [share is None for share in found].count(True) == 8


def test_values_are_counted_in_equal_parts_of_their_range_and_of_its_logarithm() -> None:
    values = np.array([1.0, 1.5, 10.0, np.nan, np.inf, 100.0, 1e6])
    dataset = series(SKEWED=values, SIGNED=-values, SAME=np.full(7, 2.0))

    skewed, signed, same = (one.histogram for one in describe(dataset).features)

    assert skewed is not None
    assert skewed.log is not None
    # Six decades in 24 parts: four of them a decade.
    assert {place: n for place, n in enumerate(skewed.log) if n} == {0: 2, 4: 1, 8: 1, 23: 1}
    assert (skewed.linear[0], skewed.linear[23], sum(skewed.linear)) == (4, 1, 5)
    assert skewed.is_skewed
    assert signed is not None
    assert (signed.log, signed.is_skewed) == (None, False)
    assert same is not None
    assert (same.log, sum(same.linear)) == (None, 7)


def test_a_series_is_correlated_with_its_past() -> None:
    rng = np.random.default_rng(4)
    now = rng.normal(size=400)
    # An hour later the other feature of the same region has the value of this one.
    later = np.append([0.0, 0.0], now[:-2])

    first, second = describe(series(NOW=now, LATER=later)).lagged

    assert (first.hours, first.cases, second.hours, second.cases) == (1, 398, 5, 390)
    assert first.correlation[1][0] == 1
    assert abs(first.correlation[0][1] or 1) < 0.2
    assert abs(second.correlation[1][0] or 1) < 0.2


def test_windows_are_correlated_with_their_earlier_steps() -> None:
    values = np.random.default_rng(4).normal(size=240)
    one_each = series(VALUE=values).take(np.arange(40))
    dataset = replace(one_each, steps=np.arange(240).reshape(40, 6))

    lagged = describe(dataset).lagged

    assert [(one.hours, one.cases) for one in lagged] == [(0.2, 40), (1.0, 40)]
    before = pd.Series(values[4::6]).corr(pd.Series(values[5::6]), method="spearman")
    assert lagged[0].correlation[0][0] == pytest.approx(before, abs=5e-4)


def test_a_set_that_was_chosen_around_flares_gives_no_base_rate() -> None:
    n = 400
    flares, quiet = (np.arange(n) < share * n for share in (0.3, 0.05))
    chosen = replace(series(A=np.arange(n, dtype=float)), truth={"M1.0": flares.astype(float)})

    found = describe(chosen)

    assert found.balance_remark is not None
    assert "3 to 6 % have an M1.0+" in found.balance_remark
    assert found.balance_remark in text(found)
    assert found.events[0].regions == 2
    assert (found.region_cases.least, found.region_cases.most) == (200, 200)
    assert describe(replace(chosen, truth={"M1.0": quiet.astype(float)})).balance_remark is None


def test_a_large_set_is_drawn_from_and_a_wide_one_stays_small() -> None:
    n = 60_000
    rng = np.random.default_rng(4)
    narrow = series(A=rng.normal(size=n), B=rng.normal(size=n))
    wide = series(**{f"FEATURE_{place}": rng.lognormal(size=200) for place in range(61)})

    found, again, broad = describe(narrow), describe(narrow), describe(wide)

    assert (found.sample.records, found.sample.cases, found.records) == (50_000, 5_000, n)
    histogram = found.features[0].histogram
    assert histogram is not None
    assert sum(histogram.linear) == 50_000
    assert found == again
    assert (len(broad.correlation), len(broad.features), len(broad.lagged)) == (60, 61, 2)
    assert "of the first 60 features" in text(broad)
    assert len(plain(broad)) < 200_000
