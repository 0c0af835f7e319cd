"""Clusters of cases: which of them resemble each other, and whether that is more than chance.

Any data fall into clusters with a silhouette over 0, noise too. So the same method is tried on
the same values exchanged between the samples, and the two are compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.metrics import silhouette_samples

from model_training.analysis.block_means import block_means, plain, write_figures
from model_training.analysis.description import unit_of
from model_training.data import loading
from model_training.data.dataset import Dataset
from model_training.data.split import split
from model_training.features import Floats, Inputs, Integers
from model_training.fitting.preparation.pipeline import Preparation, fit_preparation
from model_training.journal import Journal
from model_training.recipe.estimators import members_of
from model_training.recipe.kinds import ClusterParameters
from model_training.recipe.recipe import Recipe
from solar.errors import InvalidInputError
from solar.skill import Estimate

CLUSTERS, FIGURES, WINDOWS = "clusters.csv", "clusters.json", "windows.json"
NOISE = -1
_STARTS = 10
# More dimensions are first turned into so many by PCA, as the authors of t-SNE do.
_TSNE_DIMENSIONS = 50
# What the windows of a page show: few enough for a page, whatever the recipe.
_MOST_CLUSTERS, _MOST_WINDOWS, _MOST_STEPS, _MOST_FEATURES = 20, 6, 60, 24


@dataclass(frozen=True)
class Samples:
    """Cases, their windows (n, steps, features), and what makes rows (n, d) of windows."""

    cases: Dataset
    windows: Inputs
    preparation: Preparation

    def rows(self, windows: Inputs) -> Floats:
        """Prepare windows, and lay all steps of each into one row."""
        return self.preparation.apply(windows).reshape(len(windows), -1).astype(float)


def cluster_recipe(
    recipe: Recipe, folder: Path, asked: ClusterParameters, *, out: Path, journal: Journal
) -> dict[str, Any]:
    """Group the cases of a recipe, whose paths start from `folder`, and write what was found.

    Returns
    -------
    what stands in `FIGURES`; `CLUSTERS` has the label, the place and the silhouette of each case,
    `WINDOWS` a few typical cases of each cluster

    Raises
    ------
    InvalidInputError
        With too few samples, or without the library that the picture needs.
    """
    samples = _samples(recipe, folder, asked, journal)
    rows = samples.rows(samples.windows)
    journal.turn_to(f"grouping {len(rows)} samples of {rows.shape[1]} values")
    labels = _grouped(rows, asked, recipe.seed)
    silhouettes = _silhouettes(rows, labels)
    chance = _by_chance(samples, asked, recipe.seed, journal)
    journal.turn_to("drawing the picture")
    places, explained = _places(rows, asked, recipe.seed)
    cases = samples.cases
    outcome = cases.truth.get(asked.event, np.full(len(cases), np.nan))
    figures = asked.model_dump(include={"method", "picture", "part", "event"}) | {
        "explained_variance": explained,
        "seed": recipe.seed,
        "features": list(recipe.features),
        "samples": len(rows),
        "noise": int(np.sum(labels == NOISE)),
        **_measured(labels, silhouettes, outcome, cases),
        "exchanged": chance,
    }
    figures |= _verdict(Estimate(**figures["silhouette"]), chance)
    out.mkdir(parents=True, exist_ok=True)
    at = np.datetime_as_string(cases.t_rec, unit="s", timezone="UTC")
    table = pd.DataFrame({"region": cases.region_id, "time": at, "label": labels})
    table = table.assign(x=places[:, 0], y=places[:, 1], outcome=outcome, silhouette=silhouettes)
    table.to_csv(out / CLUSTERS, index=False, float_format="%.6g")
    write_figures(out / FIGURES, figures)
    write_figures(out / WINDOWS, _typical(samples, rows, labels, outcome, recipe.features))
    return figures


def _samples(recipe: Recipe, folder: Path, asked: ClusterParameters, journal: Journal) -> Samples:
    journal.turn_to("reading the data")
    cases = loading.load(recipe.data, folder, window=recipe.window)
    if asked.part == "training":
        cases = split(cases, recipe.split, seed=recipe.seed).train
    if len(cases) > asked.most:
        rng = np.random.default_rng(recipe.seed)
        cases = cases.take(np.sort(rng.choice(len(cases), asked.most, replace=False)))
    windows = cases.windows(recipe.features)
    chosen, is_whole = members_of(recipe.estimator)[0].preparation, asked.samples == "windows"
    preparation = fit_preparation(chosen, windows, reads_windows=is_whole, takes_missing=False)
    kept = preparation.rows_kept(windows)
    named = "clusters" if asked.method == "kmeans" else "min_cluster_size"
    fewest = getattr(asked, named)
    if kept.sum() <= fewest:
        raise InvalidInputError(
            f"{kept.sum()} samples are too few for {asked.method} with {named} = {fewest}; take"
            ' part = "all", another way to meet missing values, or a smaller number'
        )
    return Samples(cases.take(kept), windows[kept], preparation)


def _grouped(rows: Floats, asked: ClusterParameters, seed: int) -> Integers:
    """Return the label of each row (n,), `NOISE` for none."""
    if asked.method == "kmeans":
        method = KMeans(n_clusters=asked.clusters, n_init=_STARTS, random_state=seed)
    else:
        fewest, near = asked.min_cluster_size, asked.min_samples
        method = HDBSCAN(min_cluster_size=fewest, min_samples=near, copy=True)
    return np.asarray(method.fit_predict(rows), np.int64)


def _silhouettes(rows: Floats, labels: Integers) -> Floats:
    """Return the silhouette of each row (n,); NaN for noise, and where there is one cluster."""
    grouped = labels != NOISE
    silhouettes = np.full(len(labels), np.nan)
    if 2 <= len(np.unique(labels[grouped])) < grouped.sum():
        silhouettes[grouped] = silhouette_samples(rows[grouped], labels[grouped])
    return silhouettes


def _by_chance(
    samples: Samples, asked: ClusterParameters, seed: int, journal: Journal
) -> list[float | None]:
    """Return the silhouette of each draw in which samples have exchanged their values.

    Each feature moves on its own, all steps of a window together: every feature keeps its values
    and its course, and what features have to do with each other is lost.
    """
    rng, steps = np.random.default_rng(seed), journal.steps("draw", asked.draws)
    windows, found = samples.windows, []
    for _ in range(asked.draws):
        journal.check()
        columns = [
            windows[rng.permutation(len(windows)), :, place] for place in range(windows.shape[2])
        ]
        rows = samples.rows(np.stack(columns, axis=2))
        silhouettes = _silhouettes(rows, _grouped(rows, asked, seed))
        known = silhouettes[np.isfinite(silhouettes)]
        found.append(float(known.mean()) if known.size else None)
        steps.advance()
    return found


def _verdict(silhouette: Estimate, chance: Sequence[float | None]) -> dict[str, Any]:
    """Say in one sentence whether the clusters are more than what exchanged values give."""
    if silhouette.value is None:
        text = "Fewer than two clusters were found, so there is no silhouette."
        return {"exceeds_chance": None, "sentence": text}
    most = max((one for one in chance if one is not None), default=None)
    least = silhouette.value if silhouette.low is None else silhouette.low
    exceeds = most is None or least > most
    bounds = "no interval: too few days"
    if silhouette.low is not None:
        bounds = f"95 % interval {silhouette.low:.3f} … {silhouette.high:.3f}"
    theirs = "no clusters" if most is None else f"up to {most:.3f}"
    text = (
        f"These clusters are {'more' if exceeds else 'not more'} than chance: their silhouette is"
        f" {silhouette.value:.3f} ({bounds}), and the same values exchanged between samples give"
        f" {theirs} in {len(chance)} draws."
    )
    if not exceeds:
        text += " A silhouette over 0 alone says nothing: clusters of noise have one too."
    return {"exceeds_chance": exceeds, "sentence": text}


def _measured(
    labels: Integers, silhouettes: Floats, outcome: Floats, cases: Dataset
) -> dict[str, Any]:
    """Measure all clusters together, and each: size, regions, silhouette, share of the event."""
    names = np.unique(labels[labels != NOISE])
    inside = labels[:, None] == names
    both = [silhouettes[:, None], outcome[:, None]]
    columns = [*both, *(np.where(inside, one, np.nan) for one in both)]
    overall, base_rate, *each = block_means(np.concatenate(columns, axis=1), cases.t_rec)
    clusters = [
        {
            "label": label,
            "samples": int(inside[:, place].sum()),
            "regions": len(np.unique(cases.region_id[inside[:, place]])),
            "silhouette": asdict(each[place]),
            "share": asdict(each[len(names) + place]),
        }
        for place, label in enumerate(names.tolist())
    ]
    return {"silhouette": asdict(overall), "base_rate": asdict(base_rate), "clusters": clusters}


def _places(rows: Floats, asked: ClusterParameters, seed: int) -> tuple[Floats, list[float] | None]:
    """Return points (n, 2), and for PCA the share of the variance that each axis explains."""
    if asked.picture == "pca":
        pca = PCA(n_components=min(2, *rows.shape), svd_solver="full")
        places, explained = pca.fit_transform(rows), pca.explained_variance_ratio_.tolist()
        return np.pad(places, ((0, 0), (0, 2 - places.shape[1]))), explained
    if min(rows.shape) > _TSNE_DIMENSIONS:
        rows = PCA(n_components=_TSNE_DIMENSIONS, svd_solver="full").fit_transform(rows)
    if asked.picture == "tsne":
        perplexity = min(asked.perplexity, (len(rows) - 1) / 3)
        tsne = TSNE(perplexity=perplexity, init="pca", random_state=seed)
        return np.asarray(tsne.fit_transform(rows), float), None
    return np.asarray(_umap().UMAP(random_state=seed).fit_transform(rows), float), None


def _umap() -> Any:
    # Imported when chosen: it is an extra, and takes seconds to load.
    try:
        import umap
    except ModuleNotFoundError as error:
        raise InvalidInputError(
            "picture umap needs umap-learn, which is not installed here; install"
            " flarewatch[analysis], or choose pca or tsne"
        ) from error
    return umap


def _typical(
    samples: Samples, rows: Floats, labels: Integers, outcome: Floats, names: Sequence[str]
) -> dict[str, Any]:
    """Return a few cases near the centre of each of the largest clusters, one of a region."""
    found, size = np.unique(labels, return_counts=True)
    largest = np.sort(found[np.argsort(-size, kind="stable")][:_MOST_CLUSTERS])
    steps = samples.windows.shape[1]
    shown = np.unique(np.linspace(0, steps - 1, min(steps, _MOST_STEPS)).round().astype(int))
    cases, cadence = samples.cases, samples.cases.cadence_hours

    def window(case: int) -> dict[str, Any]:
        values = samples.windows[case][shown, :_MOST_FEATURES].T.astype(float)
        event = outcome[case]
        return {
            "region": int(cases.region_id[case]),
            "time": str(np.datetime_as_string(cases.t_rec[case], unit="s", timezone="UTC")),
            "event": None if np.isnan(event) else bool(event),
            "values": [plain(column) for column in values],
        }

    return {
        "features": list(names[:_MOST_FEATURES]),
        "units": [unit_of(cases, name) for name in names[:_MOST_FEATURES]],
        "hours_before": [round((steps - 1 - int(step)) * cadence, 3) for step in shown],
        "clusters": [
            {"label": label, "windows": [window(case) for case in _nearest(samples, rows, members)]}
            for label in largest.tolist()
            for members in [np.flatnonzero(labels == label)]
        ],
    }


def _nearest(samples: Samples, rows: Floats, members: Integers) -> list[int]:
    distance = ((rows[members] - rows[members].mean(axis=0)) ** 2).sum(axis=1)
    ordered = members[np.argsort(distance, kind="stable")]
    _, first = np.unique(samples.cases.region_id[ordered], return_index=True)
    nearest: list[int] = ordered[np.sort(first)[:_MOST_WINDOWS]].tolist()
    return nearest
