from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import pandas as pd
import pytest

from model_training.analysis.keyword_forecast import QUANTILES, forecast_recipe, pinball
from model_training.journal import Journal
from model_training.recipe.kinds import ForecastParameters
from model_training.recipe.recipe import Recipe
from solar.errors import InvalidInputError

DAYS, REGIONS = 40, 24
RECIPE = {
    "name": "keywords",
    "version": "0.0.1",
    "description": "made-up keywords",
    "seed": 3,
    "keywords": ["TOTUSJH", "TOTPOT", "USFLUX"],
    "events": ["M1.0"],
    "data": {
        "layout": "table",
        "rows": "rows.csv",
        "region": "region",
        "time": "at",
        "time_scale": "UTC",
        "labels": {"M1.0": "flared"},
        "keywords": {
            "known": {"name": "TOTUSJH", "unit": "G²/m"},
            "turned": {"name": "TOTPOT", "unit": "erg/cm"},
            "drive": {"name": "USFLUX", "unit": "Mx"},
        },
    },
    "window": {"tolerance_hours": 1},
    "split": {
        "kind": "chronological",
        "validate_from": "2013-06-01",
        "test_from": "2013-09-01",
        "embargo_hours": 24,
    },
    "estimator": {"kind": "logistic-regression"},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows of regions in 2013, of which the last ones are the test.

    What drives a region today is what TOTUSJH gains by tomorrow. For TOTPOT that holds in
    training only; in the test it is the opposite.
    """
    rng = np.random.default_rng(2)
    tables = []
    for number in range(REGIONS):
        first = np.datetime64(
            "2013-01-01" if number < 12 else "2013-10-01" if number < 23 else "2013-07-01"
        )
        drive = rng.normal(size=DAYS)
        gained = np.concatenate([[0], drive[:-1].cumsum()])
        tables.append(
            pd.DataFrame(
                {
                    "region": 11000 + number,
                    "at": first + np.arange(DAYS).astype("timedelta64[D]"),
                    "known": 10 * gained,
                    "turned": np.where(number < 12, 10, -10) * gained,
                    "drive": drive,
                    "flared": (rng.random(DAYS) < 0.3).astype(int),
                }
            )
        )
    folder = tmp_path_factory.mktemp("keywords")
    pd.concat(tables).to_csv(folder / "rows.csv", index=False)
    return folder


def test_a_forecast_says_where_it_is_better_and_where_worse_than_persistence(
    data: Path, tmp_path: Path
) -> None:
    asked = ForecastParameters(
        keywords=("TOTUSJH", "TOTPOT"),
        horizons_hours=(24,),
        trees=60,
        learning_rate=0.2,
        rows_per_leaf=10,
    )

    told = forecast_recipe(
        Recipe.model_validate(RECIPE), data, asked, out=tmp_path, journal=Journal()
    )

    better, worse = told["results"]
    assert better["sentence"].startswith("TOTUSJH in 24 h is better than persistence: pinball")
    assert worse["sentence"].startswith("TOTPOT in 24 h is worse than persistence: pinball")
    # The last day of each of the eleven regions of the test has no next day.
    assert (better["n"], told["test_cases"]) == (11 * (DAYS - 1), 11 * DAYS)
    assert better["coverage"]["90"]["value"] > 0.5 > worse["coverage"]["90"]["value"]
    assert told["split"] == "by region and time"
    rows = pd.read_parquet(tmp_path / "forecasts.parquet")
    quantiles = rows[["q05", "q25", "q50", "q75", "q95"]].to_numpy()
    assert (np.diff(quantiles, axis=1) >= 0).all()
    assert rows["observed"].isna().sum() == 2 * 11
    fan = orjson.loads((tmp_path / "fans.json").read_bytes())[0]
    assert (fan["keyword"], len(fan["valid_at"])) == ("TOTUSJH", DAYS - 1)
    assert fan["observed"][0] == fan["persistence"][1]


def test_what_the_data_do_not_have_or_cannot_judge_is_said(data: Path, tmp_path: Path) -> None:
    recipe = Recipe.model_validate(RECIPE)
    far = ForecastParameters(keywords=("TOTPOT",), horizons_hours=(1.0,), trees=1)

    told = forecast_recipe(recipe, data, far, out=tmp_path, journal=Journal())

    # No row follows an hour later.
    assert told["results"][0]["verdict"] == "not judged: 0 cases to learn from and 0 to score"
    assert told["results"][0]["pinball"]["model"] == {"value": None, "low": None, "high": None}
    with pytest.raises(InvalidInputError, match="the data set has no AREA_ACR; choose among"):
        forecast_recipe(
            recipe,
            data,
            ForecastParameters(keywords=("AREA_ACR",)),
            out=tmp_path,
            journal=Journal(),
        )


def test_the_pinball_score_is_that_of_the_definition() -> None:
    # By hand, 12 observed and 10 forecast by each: q (12 - 10), on average 2 x 0.5.
    assert pinball(np.full((1, 5), 10.0), np.array([12.0])).tolist() == pytest.approx([1.0])
    # Above the observed by 1 at each: the mean of 1 - q.
    assert pinball(np.full((1, 5), 10.0), np.array([9.0])).tolist() == pytest.approx(
        [1 - np.mean(QUANTILES)]
    )
