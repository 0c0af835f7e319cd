"""A recipe that finds skill in what cannot be known is refused, and the exchange leaves no more."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from synthetic_windows import GAN, SMALL, recipe_of_windows, write_windows

from model_training.artefact.manifest import Manifest
from model_training.data import loading
from model_training.data.dataset import NO_RECORD, Dataset
from model_training.data.split import split
from model_training.journal import Journal, Stop, StoppedError, progress_of
from model_training.judging import noise_test
from model_training.recipe.recipe import Recipe
from model_training.training import train
from solar.errors import InvalidInputError

KEYWORDS = ["USFLUX", "TOTUSJH", "TOTPOT", "MEANGBZ", "SHRGT45", "SAVNCPP"]


@pytest.fixture
def cases() -> Dataset:
    """Make 40 regions of up to 9 records every 12 h, in windows of 3 that share records."""
    rng = np.random.default_rng(8)
    region = np.repeat(np.arange(40), rng.integers(1, 10, 40))
    n = len(region)
    steps = np.arange(n)[:, None] - np.array([2, 1, 0])
    steps[(steps < 0) | (region[steps] != region[:, None])] = NO_RECORD
    values = rng.normal(size=(2, n))
    values[:, rng.random(n) < 0.3] = np.nan
    return Dataset(
        records={"USFLUX": values[0], "FLARES_C_24H": np.round(values[1])},
        steps=steps,
        region_id=region,
        t_rec=np.datetime64("2013-01-01", "us") + np.arange(n) * np.timedelta64(12, "h"),
        # What is exchanged can be told by its own region.
        truth={"C1.0": region.astype(float), "M1.0": region + 0.5},
        flared_before={},
    )


def write_missing(folder: Path, *, of_events: float) -> Path:
    """Write noise of which a share of the last steps is missing, by default a tenth."""
    write_windows(folder, cases=900, missing=0.0)
    with np.load(folder / "windows.npz") as file:
        arrays = dict(file)
    rng = np.random.default_rng(5)
    windows = rng.normal(size=arrays["windows"].shape).astype(np.float32)
    share = np.where(arrays["label"] == 1, of_events, 0.1)
    windows[rng.random(900) < share, 1, -1] = np.nan
    np.savez(folder / "windows.npz", **(arrays | {"windows": windows}))
    return folder


def windows_recipe(estimator: dict[str, Any], **changes: Any) -> Recipe:
    return Recipe.model_validate(recipe_of_windows(estimator, **changes))


def three_days(issue: str) -> Recipe:
    """Return a GRU on the three days before t of the daily rows, as somebody would write it."""
    return Recipe.model_validate(
        {
            "name": "gru-3d",
            "version": "0.0.1",
            "description": "GRU on three days",
            "seed": 1,
            "keywords": KEYWORDS,
            "events": ["M1.0"],
            "data": {
                "rows": "training/daily_2010_2019.parquet",
                "flares": "flares/goes_flares.parquet",
                "issue": issue,
            },
            "window": {"steps": 3, "cadence_hours": 24},
            "split": {
                "kind": "rolling-years",
                "validation_years": [2012, 2013],
                "test_from": "2014-01-01",
                "embargo_hours": 72,
            },
            "estimator": {"kind": "gru", "layers": 1, "hidden": 24, "epochs": 12},
        }
    )


def trials_of(recipe: Recipe, folder: Path) -> tuple[noise_test.NoiseTrial, ...]:
    dataset = loading.load(recipe.data, folder, window=recipe.window)
    parts = split(dataset, recipe.split, seed=recipe.seed)
    return noise_test.run(recipe, parts, journal=Journal())


def test_exchanged_inputs_keep_times_regions_what_is_missing_and_every_value(
    cases: Dataset,
) -> None:
    names = tuple(cases.records)

    changed = noise_test.exchange_inputs(cases, names, rng=np.random.default_rng(1))

    assert (changed.t_rec == cases.t_rec).all()
    assert (changed.region_id == cases.region_id).all()
    assert (changed.steps == cases.steps).all()
    assert (np.isnan(changed.windows(names)) == np.isnan(cases.windows(names))).all()
    assert changed.truth is cases.truth
    for name in names:
        before, after = cases.records[name], changed.records[name]
        assert np.array_equal(np.sort(before), np.sort(after), equal_nan=True)
        assert np.mean(before == after) < 0.5


def test_every_input_is_exchanged_on_its_own(cases: Dataset) -> None:
    flux = cases.records["USFLUX"]
    alike = replace(cases, records={"USFLUX": flux, "TOTPOT": flux})

    changed = noise_test.exchange_inputs(alike, tuple(alike.records), rng=np.random.default_rng(1))

    assert np.nanmean(changed.records["USFLUX"] == changed.records["TOTPOT"]) < 0.1


@pytest.mark.parametrize("seed", range(20))
def test_exchanged_outcomes_stay_together_and_none_comes_from_its_own_region(
    cases: Dataset, seed: int
) -> None:
    changed = noise_test.exchange_outcomes(cases, rng=np.random.default_rng(seed))

    assert changed is not None
    assert (np.sort(changed.truth["C1.0"]) == np.sort(cases.truth["C1.0"])).all()
    assert (changed.truth["M1.0"] == changed.truth["C1.0"] + 0.5).all()
    assert (changed.truth["C1.0"] != cases.region_id).all()
    assert changed.records is cases.records


def test_outcomes_move_as_the_sequences_of_regions(cases: Dataset) -> None:
    changed = noise_test.exchange_outcomes(cases, rng=np.random.default_rng(3))

    assert changed is not None
    # A border inside a region costs one change more than regions that were exchanged whole.
    changes = np.count_nonzero(np.diff(changed.truth["C1.0"]))
    assert changes <= 2 * len(np.unique(cases.region_id))


def test_a_region_with_most_of_the_cases_has_none_to_exchange_with(cases: Dataset) -> None:
    one = replace(cases, region_id=np.where(np.arange(len(cases)) < 3, 1, 2))

    assert noise_test.exchange_outcomes(one, rng=np.random.default_rng(0)) is None


def test_regions_are_drawn_whole_with_their_windows(cases: Dataset) -> None:
    drawn = noise_test.some_regions(cases, 50, rng=np.random.default_rng(2))
    kept = noise_test.only_used_records(drawn)

    assert 50 <= len(drawn) < 60
    for region in np.unique(drawn.region_id):
        assert np.sum(drawn.region_id == region) == np.sum(cases.region_id == region)
    names = tuple(cases.records)
    assert kept.n_records == len(drawn)
    assert np.array_equal(kept.windows(names), drawn.windows(names), equal_nan=True)


def test_a_recipe_that_what_is_missing_tells_the_outcome_is_refused_before_its_fits(
    tmp_path: Path,
) -> None:
    write_missing(tmp_path, of_events=0.7)
    journal = Journal(tmp_path / "run")

    with pytest.raises(
        InvalidInputError,
        match=r"the noise test failed: inputs exchanged, M1\.0\+ BSS 0\.\d+ \(97\.5 % interval"
        r" 0\.\d+ … 0\.\d+\) on 300 cases with \d+ events; which steps or values are missing tells"
        r' the outcome.*data\.issue = "day-end"',
    ):
        train(windows_recipe(SMALL["logistic-regression"]), tmp_path, journal=journal)

    lines = (tmp_path / "run" / "events.jsonl").read_text("utf-8").splitlines()
    told = [json.loads(line) for line in lines if '"place":"noise test"' in line]
    assert [one["event"] for one in told if "of" not in one] == ["inputs", "outcomes"]
    # Its steps are told from the first moment on.
    assert [(one["step"], one["of"]) for one in told if "of" in one] == [(0, 2), (1, 2), (2, 2)]
    share, doing, _ = progress_of(lines)
    # It is the first of five parts: two folds, the final fit and the scores follow.
    assert (share, doing) == (0.2, "noise test: trial 2 of 2")
    # Nothing was fitted after them.
    assert [json.loads(line) for line in lines[-len(told) :]] == told


@pytest.mark.parametrize("kind", ["logistic-regression", "gradient-boosting"])
def test_what_is_missing_at_random_is_no_reason_to_refuse(kind: str, tmp_path: Path) -> None:
    write_missing(tmp_path, of_events=0.1)

    trials = trials_of(windows_recipe(SMALL[kind]), tmp_path)

    assert [trial.exchanged for trial in trials] == ["inputs", "outcomes"]
    assert all(trial.passed and trial.bss is not None for trial in trials)


def test_too_few_events_are_not_judged_and_pass(tmp_path: Path) -> None:
    write_windows(tmp_path, cases=90)

    trials = trials_of(windows_recipe(SMALL["climatology"]), tmp_path)

    assert all(trial.passed and trial.bss is None for trial in trials)
    assert "5 events in 30 cases of the test, at least 10 needed" in noise_test.sentence(trials[0])


def test_more_events_make_each_interval_wider(tmp_path: Path) -> None:
    write_windows(tmp_path)
    with np.load(tmp_path / "windows.npz") as file:
        np.savez(tmp_path / "windows.npz", common=file["label"], **file)
    recipe = recipe_of_windows(SMALL["climatology"], events=["C1.0", "M1.0"])
    recipe["data"]["labels"] |= {"C1.0": "common"}

    trials = trials_of(Recipe.model_validate(recipe), tmp_path)

    assert [trial.level for trial in trials] == [1 - 0.05 / 4] * 4


def test_timegan_is_left_out_for_the_noise_test(tmp_path: Path) -> None:
    write_windows(tmp_path)
    endless = SMALL["logistic-regression"] | {"augmentation": GAN | {"iterations": 50_000}}

    trials = trials_of(windows_recipe(endless), tmp_path)

    assert all(trial.bss is not None for trial in trials)


def test_a_stop_ends_the_noise_test(tmp_path: Path) -> None:
    write_windows(tmp_path)
    recipe = windows_recipe(SMALL["logistic-regression"])
    parts = split(loading.load(recipe.data, tmp_path, window=recipe.window), recipe.split)

    with pytest.raises(StoppedError):
        noise_test.run(recipe, parts, journal=Journal(stop=Stop(is_requested=True)))


def test_a_manifest_from_before_has_no_noise_test_and_loads(manifest: Manifest) -> None:
    assert manifest.leak_audit is not None
    assert manifest.leak_audit.passed
    assert manifest.leak_audit.noise == ()


def test_a_gru_on_the_daily_rows_as_published_is_refused(shared_data: Path) -> None:
    with pytest.raises(InvalidInputError, match="noise test failed: inputs exchanged"):
        train(three_days("record"), shared_data)


def test_the_same_gru_at_the_end_of_the_day_passes(shared_data: Path) -> None:
    trials = trials_of(three_days("day-end"), shared_data)

    assert all(trial.passed and trial.bss is not None for trial in trials)
