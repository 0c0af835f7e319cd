"""Forecasts of keywords: quantiles of what a keyword will be, beside persistence.

Boosted trees learn the quantiles of the change from t to the horizon, one model for each keyword,
horizon and quantile. Persistence is the value at t; its bands are those of the changes in training.
"""

from __future__ import annotations

from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from model_training.analysis.block_means import block_means, plain, write_figures
from model_training.analysis.description import unit_of
from model_training.data import loading
from model_training.data.dataset import NO_RECORD, Dataset
from model_training.data.split import split
from model_training.features import Floats, Inputs, Integers
from model_training.fitting.preparation.pipeline import Preparation, fit_preparation
from model_training.journal import Journal
from model_training.recipe.estimators import members_of
from model_training.recipe.kinds import ForecastParameters
from model_training.recipe.recipe import Recipe
from solar.errors import InvalidInputError
from solar.skill import Estimate

FIGURES, ROWS, FANS = "forecast.json", "forecasts.parquet", "fans.json"
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_FEWEST = 50
_LONGEST_FAN = 100
_SCORES = ("model", "persistence", "difference", "coverage_90", "coverage_50")


@dataclass(frozen=True)
class Part:
    """Cases of a part of the split, with the inputs (n, k) of the trees."""

    cases: Dataset
    inputs: Inputs

    def following(self, hours: float, tolerance_hours: float) -> Integers:
        """Return the place (n,) of the case of the same region so much later, or `NO_RECORD`.

        It is looked for within the part, so that no part knows what another one holds.
        """
        at, region = self.cases.t_rec, self.cases.region_id
        ahead, near = (pd.Timedelta(hours=one) for one in (hours, min(tolerance_hours, hours / 2)))
        later = pd.DataFrame({"at": at, "region": region, "place": np.arange(len(at))})
        wanted = pd.DataFrame({"at": at + ahead.to_timedelta64(), "region": region})
        found = pd.merge_asof(
            wanted, later, on="at", by="region", direction="nearest", tolerance=near
        )
        return found["place"].fillna(NO_RECORD).to_numpy(np.int64)


@dataclass(frozen=True)
class Target:
    """A keyword at a horizon: `now` and `then` (n,) of the cases of a part, NaN unknown."""

    now: Floats
    then: Floats

    @property
    def known(self) -> Integers:
        """The places of the cases whose change is known."""
        return np.flatnonzero(np.isfinite(self.now) & np.isfinite(self.then))


def forecast_recipe(
    recipe: Recipe, folder: Path, asked: ForecastParameters, *, out: Path, journal: Journal
) -> dict[str, Any]:
    """Forecast keywords of the test cases of a recipe, whose paths start from `folder`.

    Returns
    -------
    what stands in `FIGURES`; `ROWS` has every forecast beside what was observed, `FANS` a stretch
    of them for each keyword and horizon

    Raises
    ------
    InvalidInputError
        When the data set lacks a keyword.
    """
    journal.turn_to("reading the data")
    cases = loading.load(recipe.data, folder, window=recipe.window)
    keywords = asked.keywords or recipe.keywords
    absent = [name for name in keywords if name not in cases.names]
    if absent:
        raise InvalidInputError(
            f"the data set has no {', '.join(absent)}; choose among {', '.join(cases.names)}"
        )
    parts = split(cases, recipe.split, seed=recipe.seed)
    train, test = _prepared(recipe, parts.train, parts.test)
    steps = journal.steps("fit", len(keywords) * len(asked.horizons_hours) * len(QUANTILES))
    out.mkdir(parents=True, exist_ok=True)
    results, fans = [], []
    with pq.ParquetWriter(out / ROWS, _SCHEMA, compression="zstd") as rows:
        for hours in asked.horizons_hours:
            near = recipe.window.tolerance_hours
            later, later_test = (part.following(hours, near) for part in (train, test))
            for keyword in keywords:
                learned = _target(train, keyword, later)
                scored = _target(test, keyword, later_test)
                journal.turn_to(f"{keyword} in {hours:g} h")
                quantiles, usual = _fitted(
                    train, learned, test, scored, asked, seed=recipe.seed, ended=steps.advance
                )
                case = {"keyword": keyword, "unit": unit_of(cases, keyword), "horizon_hours": hours}
                results.append(case | _scored(case, quantiles, usual, scored, learned, test.cases))
                fans.append(case | _fan(quantiles, scored, test.cases, hours))
                rows.write_table(_rows(case, quantiles, scored, test.cases))
    figures = {
        "quantiles": QUANTILES,
        "seed": recipe.seed,
        "split": "by region and time" if parts.by_time else "by region",
        "training_cases": len(train.cases),
        "test_cases": len(test.cases),
        "results": results,
    }
    write_figures(out / FIGURES, figures)
    (out / FANS).write_bytes(orjson.dumps(fans))
    return figures


def _prepared(recipe: Recipe, train: Dataset, test: Dataset) -> tuple[Part, Part]:
    """Fit the preparation on training cases alone; trees take what is missing as it is."""
    chosen, windows = members_of(recipe.estimator)[0].preparation, train.windows(recipe.features)
    preparation = fit_preparation(chosen, windows, reads_windows=False, takes_missing=True)
    return _part(recipe, preparation, train), _part(recipe, preparation, test)


def _part(recipe: Recipe, preparation: Preparation, cases: Dataset) -> Part:
    windows = cases.windows(recipe.features)
    kept = preparation.rows_kept(windows)
    return Part(cases.take(kept), preparation.apply(windows[kept]))


def _target(part: Part, keyword: str, places: Integers) -> Target:
    now = part.cases.feature(keyword)
    return Target(now, np.where(places == NO_RECORD, np.nan, now[places]))


def _fitted(
    train: Part,
    learned: Target,
    test: Part,
    scored: Target,
    asked: ForecastParameters,
    *,
    seed: int,
    ended: Any,
) -> tuple[Floats, Floats]:
    """Return the quantiles (n, 5) of test cases, and those (5,) of the changes in training."""
    known = learned.known
    if len(known) > asked.most:
        known = np.sort(np.random.default_rng(seed).choice(known, asked.most, replace=False))
    change = learned.then[known] - learned.now[known]
    if len(known) < _FEWEST:
        nothing = np.full(len(QUANTILES), np.nan)
        return np.tile(nothing, (len(scored.now), 1)), nothing
    # The trees count in single precision, in which a flux in Mx has no differences left.
    spread = float(change.std()) or 1.0
    columns = []
    for quantile in QUANTILES:
        model = lightgbm.LGBMRegressor(
            objective="quantile",
            alpha=quantile,
            n_estimators=asked.trees,
            learning_rate=asked.learning_rate,
            num_leaves=asked.leaves,
            min_child_samples=asked.rows_per_leaf,
            random_state=seed,
            n_jobs=1,
            deterministic=True,
            force_row_wise=True,
            verbose=-1,
        )
        model.fit(train.inputs[known].astype(float), change / spread)
        columns.append(model.booster_.predict(test.inputs.astype(float)))
        ended()
    # Quantiles that were fitted apart may cross; in order they are no worse.
    ordered = np.sort(np.stack(columns, axis=1), axis=1) * spread
    return scored.now[:, None] + ordered, np.quantile(change, QUANTILES)


def _scored(
    case: dict[str, Any],
    quantiles: Floats,
    usual: Floats,
    scored: Target,
    learned: Target,
    cases: Dataset,
) -> dict[str, Any]:
    """Score quantiles beside those of persistence on the same cases: pinball and coverage."""
    known = scored.known
    observed, ours = scored.then[known], quantiles[known]
    theirs = scored.now[known, None] + usual
    model, persistence = pinball(ours, observed), pinball(theirs, observed)
    inside = [(ours[:, i] <= observed) & (observed <= ours[:, j]) for i, j in ((0, 4), (1, 3))]
    within = [np.where(np.isnan(ours[:, 0]), np.nan, one) for one in inside]
    values = np.stack([model, persistence, model - persistence, *within], axis=1)
    told = dict(zip(_SCORES, block_means(values, cases.t_rec[known]), strict=True))
    n_train, n = len(learned.known), len(known)
    verdict = _verdict(told["difference"], n_train, n)
    return {
        "n_train": n_train,
        "n": n,
        "pinball": {name: asdict(told[name]) for name in _SCORES[:3]},
        "coverage": {"90": asdict(told["coverage_90"]), "50": asdict(told["coverage_50"])},
        "verdict": verdict,
        "sentence": _sentence(case, verdict, told),
    }


def pinball(quantiles: Floats, observed: Floats) -> Floats:
    """Return the mean pinball score (n,) of quantiles (n, 5): 0 is perfect, in the unit observed.

    For the quantile q it is q (y - f) where y is above f, else (1 - q)(f - y); NaN stays NaN.
    Reference: Koenker & Bassett 1978, doi:10.2307/1913643.
    """
    above = observed[:, None] - quantiles
    level = np.array(QUANTILES)
    mean: Floats = np.maximum(level * above, (level - 1) * above).mean(axis=1)
    return mean


def _verdict(difference: Estimate, n_train: int, n: int) -> str:
    if difference.value is None:
        return f"not judged: {n_train} cases to learn from and {n} to score"
    if difference.low is None or difference.high is None:
        return "not judged: too few days for an interval"
    if difference.low > 0:
        return "worse than persistence"
    return "better than persistence" if difference.high < 0 else "no better than persistence"


def _sentence(case: dict[str, Any], verdict: str, told: dict[str, Estimate]) -> str:
    start = f"{case['keyword']} in {case['horizon_hours']:g} h is {verdict}"
    model, persistence, difference, *bands = (told[name] for name in _SCORES)
    if difference.value is None or difference.low is None:
        return f"{start}."
    shares = [[round(100 * (bound or 0)) for bound in astuple(one)] for one in bands]
    held = " and ".join(
        f"{value} % ({low} … {high} %) of cases in the {name} % band"
        for name, (value, low, high) in zip((90, 50), shares, strict=True)
    )
    return (
        f"{start}: pinball score {model.value:.3g} against {persistence.value:.3g}, difference"
        f" {difference.value:.2g} ({difference.low:.2g} … {difference.high:.2g}); {held}."
    )


_SCHEMA = pa.schema(
    [
        ("region", pa.int64()),
        ("time", pa.timestamp("us", tz="UTC")),
        ("keyword", pa.string()),
        ("horizon_hours", pa.float64()),
        *((f"q{100 * quantile:02.0f}", pa.float64()) for quantile in QUANTILES),
        ("observed", pa.float64()),
        ("persistence", pa.float64()),
    ]
)


def _rows(case: dict[str, Any], quantiles: Floats, scored: Target, cases: Dataset) -> pa.Table:
    n = len(cases)
    named = [[case["keyword"]] * n, np.full(n, case["horizon_hours"])]
    columns = [cases.region_id, cases.t_rec, *named, *quantiles.T, scored.then, scored.now]
    arrays = [
        pa.array(column, type=field.type, from_pandas=True)
        for column, field in zip(columns, _SCHEMA, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=_SCHEMA)


def _fan(quantiles: Floats, scored: Target, cases: Dataset, hours: float) -> dict[str, Any]:
    """Return the last forecasts of the region with the most of them that could be scored."""
    known = scored.known
    if not len(known) or np.isnan(quantiles[known]).all():
        return {"region": None, "valid_at": [], "quantiles": [], "observed": [], "persistence": []}
    regions, count = np.unique(cases.region_id[known], return_counts=True)
    region = int(regions[np.argmax(count)])
    shown = known[cases.region_id[known] == region][-_LONGEST_FAN:]
    at = cases.t_rec[shown] + pd.Timedelta(hours=hours).to_timedelta64()
    return {
        "region": region,
        "valid_at": np.datetime_as_string(at, unit="s", timezone="UTC").tolist(),
        "quantiles": [plain(row) for row in quantiles[shown]],
        "observed": plain(scored.then[shown]),
        "persistence": plain(scored.now[shown]),
    }
