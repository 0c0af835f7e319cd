"""A made-up world of regions that flare by flux, and recipes for it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from model_training.recipe.data import SharpConfig
from model_training.recipe.estimators import (
    AnyEstimator,
    BlendConfig,
    GradientBoostingConfig,
    LogisticRegressionConfig,
)
from model_training.recipe.recipe import MissingnessConfig, Recipe
from model_training.recipe.split import RollingYearsConfig

KEYWORDS = ("USFLUX", "TOTUSJH", "MEANALP", "SHRGT45")
HISTORY = ("FLARES_C_24H", "HOURS_SINCE_C", "DISK_FLARES_C_24H")


def write_world(folder: Path) -> None:
    """Write 240 regions of 8 days each, one beginning every sixth day, that flare by flux."""
    rng = np.random.default_rng(5)
    rows, flares = [], []
    for number in range(240):
        start = pd.Timestamp("2010-01-05") + pd.Timedelta(days=6 * number)
        strength = rng.normal()
        for day in range(8):
            t_rec = start + pd.Timedelta(days=day, hours=12)
            rows.append(
                {
                    "noaa_ar": 11000 + number,
                    "t_rec": t_rec,
                    "QUALITY": 0,
                    "USFLUX": 1e22 * np.exp(strength + 0.1 * rng.normal()),
                    "TOTUSJH": 1e3 * np.exp(strength + 0.5 * rng.normal()),
                    "MEANALP": 0.02 * rng.normal(),
                    "SHRGT45": 30 + 10 * rng.normal(),
                }
            )
            for _ in range(rng.poisson(0.6 * np.exp(strength))):
                flux = 1e-6 * 10 ** rng.exponential(0.35)
                flares.append((t_rec + pd.Timedelta(hours=24 * rng.random()), flux, number))
    pd.DataFrame(rows).to_parquet(folder / "rows.parquet")
    pd.DataFrame(
        {
            "start_time": [peak - pd.Timedelta(minutes=5) for peak, _, _ in flares],
            "peak_time": [peak for peak, _, _ in flares],
            "noaa_ar": [11000 + number for _, _, number in flares],
            "peak_flux_wm2": [flux for _, flux, _ in flares],
        }
    ).to_parquet(folder / "flares.parquet")


REGRESSION = LogisticRegressionConfig(kind="logistic-regression", inverse_penalty=1.0)
TREES = GradientBoostingConfig(
    kind="gradient-boosting", trees=20, learning_rate=0.1, leaves=4, rows_per_leaf=10,
    l2=1.0, features_per_tree=1.0,
)  # fmt: skip
ESTIMATORS: dict[str, AnyEstimator] = {
    "logistic-regression": REGRESSION,
    "gradient-boosting": TREES,
    "blend": BlendConfig(kind="blend", members=(REGRESSION, TREES)),
}


def recipe_of(kind: str) -> Recipe:
    return Recipe(
        name=kind,
        version="0.1.0",
        description="a small model of a made-up world",
        seed=1,
        keywords=KEYWORDS,
        history=HISTORY,
        events=("C1.0", "M1.0", "X1.0"),
        data=SharpConfig(rows="rows.parquet", flares="flares.parquet", licence="made up"),
        split=RollingYearsConfig(
            kind="rolling-years", validation_years=(2011, 2012), test_from=date(2013, 1, 1)
        ),
        hiding=MissingnessConfig(copy_weight=0.5, keyword_share=0.2, history_share=0.3),
        estimator=ESTIMATORS[kind],
    )
