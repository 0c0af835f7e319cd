"""On the simulated Sun the shipped models have the skill that they have on the real one.

No model is asked while it is simulated: here they are, afterwards. The law of the flares was
chosen on other seeds, and these were looked at once.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

import data_sender
from data_sender.sources.simulation.region_life import SLOTS_PER_DAY, SLOTS_PER_HOUR
from data_sender.sources.simulation.region_statistics import NAMES, load_statistics
from data_sender.sources.simulation.simulation import EPOCH, Sun
from model_training.artefact.artifact import load
from model_training.features import FlareHistory, history_features
from solar.bootstrap import block_weights
from solar.drift import DRIFT, WATCH, Reference, count, psi
from solar.flares import EVENTS

ARTIFACTS = Path("model_training/artifacts")
FIRST_DAY, DAYS = 5_000, 120
# M1.0+ flares come from few regions, so that their AUC needs many.
LONG_DAYS = 300
# Of these nothing was chosen but the tolerances below.
FIVE_SUNS = (51, 52, 53, 54, 55)
LIVE = "forecaster"
C1, M1, M5, X1 = range(len(EVENTS))
# AUC on hourly data of 2014 with HARP truth: C1.0+ about .83, M1.0+ .867 on months that were used
# for no choice (docs/results.md has .816 and .780 [.70, .85] for the spring).
REAL_AUC = {C1: 0.83, M1: 0.867}


class RegionHours(NamedTuple):
    """Records every 6 h within 70 deg of the centre: features, events (n, 4), day (n,)."""

    features: dict[str, np.ndarray]
    events: np.ndarray
    day: np.ndarray
    flares: np.ndarray


@cache
def region_hours(seed, days=DAYS):
    sun = Sun(seed, 8.0, load_statistics())
    births = sun.births()
    lives = [
        life for day in range(FIRST_DAY - 20, FIRST_DAY + days) for life in sun.lives(day, births)
    ]
    shown = [
        (life.slots >= FIRST_DAY * SLOTS_PER_DAY)
        & (life.slots < (FIRST_DAY + days - 1) * SLOTS_PER_DAY)
        & (life.slots % (6 * SLOTS_PER_HOUR) == 0)
        & (np.abs(life.lon_deg) <= 70)
        for life in lives
    ]
    region = np.concatenate(
        [np.full(k.sum(), x.harpnum) for x, k in zip(lives, shown, strict=True)]
    )
    slots = np.concatenate([x.slots[k] for x, k in zip(lives, shown, strict=True)])
    keywords = np.concatenate([x.keywords[k] for x, k in zip(lives, shown, strict=True)])
    flares = np.array(
        sorted(
            (f.peak_seconds, f.end_seconds, f.flux_w_m2, life.harpnum * f.is_located)
            for life in lives
            for f in life.flares
        )
    )
    at, peak, end = (
        EPOCH + seconds.astype("timedelta64[s]") for seconds in (slots * 720, *flares.T[:2])
    )
    history = FlareHistory(peak, flares[:, 2], flares[:, 3].astype(np.int64), end)
    known = np.ones(len(at), bool)
    features = dict(zip(NAMES, keywords.T, strict=True))
    features |= history_features(region, at, history, known=known)
    return RegionHours(features, _events(region, slots, flares), slots // SLOTS_PER_DAY, flares)


def _events(region, slots, flares):
    events = np.zeros((len(region), len(EVENTS)), bool)
    for number in np.unique(region):
        rows = region == number
        for place, event in enumerate(EVENTS):
            is_own = (flares[:, 3] == number) & (flares[:, 2] >= event.peak_flux_w_m2)
            peaks = flares[is_own, 0]
            first = np.searchsorted(peaks, slots[rows] * 720)
            events[rows, place] = np.searchsorted(peaks, slots[rows] * 720 + 86_400) > first
    return events


@cache
def together(seeds):
    parts = [region_hours(seed, LONG_DAYS) for seed in seeds]
    return RegionHours(
        {name: np.concatenate([p.features[name] for p in parts]) for name in parts[0].features},
        np.concatenate([p.events for p in parts]),
        # Days of two seeds are days of two Suns.
        np.concatenate([p.day + 10_000 * place for place, p in enumerate(parts)]),
        np.concatenate([p.flares for p in parts]),
    )


@cache
def model(name):
    return load(ARTIFACTS / f"{name}-1.0.0")


def forecasts(name, sun):
    return model(name).score(sun.features).calibrated


def flares_of(sun, event):
    return int(((sun.flares[:, 2] >= EVENTS[event].peak_flux_w_m2) & (sun.flares[:, 3] > 0)).sum())


def brier_skill(forecast, event):
    return 1 - np.mean((forecast - event) ** 2) / np.var(event)


def outside_bars(forecast, event, day, *, tolerance=0.005):
    """Return the bins whose observed frequency differs by more than days scatter (99 %)."""
    edges = np.array([0.0, 0.01, 0.03, 0.1, 0.2, 0.4, 0.6, 0.8, 1.01])
    place = np.digitize(forecast, edges) - 1
    blocks = np.unique(day // 14, return_inverse=True)[1]
    rng = np.random.default_rng(1)
    weights = block_weights(blocks.max() + 1, block_days=1, resamples=400, rng=rng)
    wrong = []
    for k in range(len(edges) - 1):
        rows = place == k
        if rows.sum() < 100:
            continue
        error = np.bincount(blocks[rows], (event - forecast)[rows], minlength=blocks.max() + 1)
        number = np.bincount(blocks[rows], minlength=blocks.max() + 1)
        drawn = (weights @ error) / np.maximum(weights @ number, 1)
        low, high = np.quantile(drawn, [0.005, 0.995])
        # Over 1,500 days the bars are so narrow that the model's own faults are seen.
        if not low - tolerance <= 0 <= high + tolerance:
            wrong.append((edges[k], round(error.sum() / number.sum(), 3)))
    return wrong


def largest_psi(sun):
    """Return how far the keyword that moved most lies from those of the training set."""
    reference = model("blend").manifest.reference
    moved = []
    for name in NAMES:
        known = reference.features.get(name)
        if known is not None:
            values = sun.features[name][np.isfinite(sun.features[name])]
            of_model = Reference(np.array(known.shares), reference.n)
            moved.append(psi(count(values, known.edges), of_model))
    return max(moved)


def test_the_simulation_imports_no_model():
    folder = Path(data_sender.__file__).parent
    for path in folder.rglob("*.py"):
        tree = ast.parse(path.read_text())
        names = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
        names |= {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}

        assert not any(name.startswith(("model_training", "onnx")) for name in names), path


def test_the_live_model_ranks_the_regions_of_one_sun_about_as_well_as_real_ones():
    sun = region_hours(FIVE_SUNS[0])
    forecast = forecasts(LIVE, sun)

    # One Sun of 120 days: AUC scatters by .025 (C1.0+) and .035 (M1.0+) between seeds.
    assert roc_auc_score(sun.events[:, C1], forecast[:, C1]) == pytest.approx(0.83, abs=0.06)
    assert roc_auc_score(sun.events[:, M1], forecast[:, M1]) == pytest.approx(0.867, abs=0.09)
    assert brier_skill(forecast[:, C1], sun.events[:, C1]) > 0.15


@pytest.mark.parametrize("event", [C1, M1])
def test_its_reliability_is_on_the_diagonal_within_bars(event):
    sun = region_hours(FIVE_SUNS[0])

    forecast = forecasts(LIVE, sun)[:, event]

    assert outside_bars(forecast, sun.events[:, event], sun.day, tolerance=0.03) == []


def test_keywords_do_not_drift_from_those_that_the_models_were_fitted_on():
    # A hundred regions are few; over five Suns it is below WATCH.
    assert largest_psi(region_hours(FIVE_SUNS[0])) < DRIFT


@pytest.mark.thorough
@pytest.mark.parametrize("name", [LIVE, "blend", "gradient-boosting", "logistic-regression"])
def test_over_five_suns_every_shipped_model_has_its_real_skill(name):
    sun = together(FIVE_SUNS)
    forecast = forecasts(name, sun)

    for event, real in REAL_AUC.items():
        assert flares_of(sun, event) >= 100
        found = roc_auc_score(sun.events[:, event], forecast[:, event])
        # M1.0+ comes from so few regions that five Suns scatter by .012 among each other.
        assert found == pytest.approx(real, abs=0.03 if event == C1 else 0.04)
    # M5.0+ and X1.0+ have too few flares for a statement.
    assert flares_of(sun, X1) < 100


@pytest.mark.thorough
def test_over_five_suns_the_live_model_is_reliable_and_no_keyword_drifts():
    sun = together(FIVE_SUNS)
    forecast = forecasts(LIVE, sun)

    wrong = [
        [edge for edge, _ in outside_bars(f, event, sun.day, tolerance=0.03)]
        for f, event in ((forecast[:, e], sun.events[:, e]) for e in (C1, M1))
    ]
    assert wrong == [[], []]
    assert largest_psi(sun) < WATCH


@pytest.mark.thorough
def test_over_five_suns_persistence_and_climatology_have_their_real_skill():
    sun = together(FIVE_SUNS)
    # Persistence on hourly_2014 (docs/results.md): AUC .729 and .618, BSS -.073 [-.23, .07] and
    # -.434 [-.88, -.12].
    for event, name, auc, low, high in (
        (C1, "FLARES_C_24H", 0.729, -0.23, 0.07),
        (M1, "FLARES_M_24H", 0.618, -0.88, -0.12),
    ):
        persistence = (sun.features[name] > 0).astype(float)
        assert roc_auc_score(sun.events[:, event], persistence) == pytest.approx(auc, abs=0.06)
        assert low < brier_skill(persistence, sun.events[:, event]) < high
        # The rate of the 60 days before, which knows nothing of the regions.
        climatology = _trailing_rate(sun, event)
        known = np.isfinite(climatology)
        assert -0.05 < brier_skill(climatology[known], sun.events[known, event]) < 0.02


def _trailing_rate(sun, event):
    rate = np.full(len(sun.day), np.nan)
    for day in np.unique(sun.day):
        before = (sun.day < day - 1) & (sun.day >= day - 60)
        if np.unique(sun.day[before]).size > 30:
            rate[sun.day == day] = sun.events[before, event].mean()
    return rate
