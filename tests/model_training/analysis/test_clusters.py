from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pytest
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import silhouette_score
from sklearn.preprocessing import StandardScaler
from synthetic_windows import PLAIN, recipe_of_windows, write_windows

from model_training.analysis.clusters import cluster_recipe
from model_training.journal import Journal
from model_training.recipe.kinds import ClusterParameters
from model_training.recipe.recipe import Recipe
from solar.errors import InvalidInputError

SCALED = PLAIN | {"preparation": {"missing": "mean", "scaling": "z-score"}}


def clustered(data: Path, out: Path, **asked: Any) -> dict[str, Any]:
    recipe = Recipe.model_validate(recipe_of_windows(SCALED))
    asked = {"part": "all", "draws": 2} | asked
    return cluster_recipe(
        recipe, data, ClusterParameters.model_validate(asked), out=out, journal=Journal()
    )


@pytest.mark.parametrize("method", ["kmeans", "hdbscan"])
def test_labels_and_places_are_those_of_the_steps_in_the_documentation(
    method: str, tmp_path: Path
) -> None:
    data = write_windows(tmp_path, missing=0)

    told = clustered(data, tmp_path / "out", method=method, clusters=3, min_cluster_size=5)

    # By hand, as docs/lab.md says; seed 4 is that of the recipe.
    windows = np.load(data / "windows.npz")["windows"].transpose(0, 2, 1)
    values = windows.reshape(-1, 3).astype(float)
    rows = StandardScaler().fit_transform(values).astype(np.float32).reshape(240, -1).astype(float)
    by_hand = (
        KMeans(n_clusters=3, n_init=10, random_state=4)
        if method == "kmeans"
        else HDBSCAN(min_cluster_size=5, copy=True)
    )
    labels = by_hand.fit_predict(rows)
    pca = PCA(n_components=2, svd_solver="full").fit(rows)
    table = pd.read_csv(tmp_path / "out/clusters.csv")
    assert table["label"].tolist() == labels.tolist()
    np.testing.assert_allclose(table[["x", "y"]], pca.transform(rows), atol=1e-4)
    grouped = labels >= 0
    expected = silhouette_score(rows[grouped], labels[grouped])
    assert told["silhouette"]["value"] == pytest.approx(expected, abs=1e-5)
    assert told["explained_variance"] == pytest.approx(pca.explained_variance_ratio_.tolist())


def test_clusters_of_noise_have_a_silhouette_over_0_and_are_said_to_be_chance(
    tmp_path: Path,
) -> None:
    data = write_windows(tmp_path)
    with np.load(data / "windows.npz") as file:
        arrays = dict(file)
    noise = np.random.default_rng(1).normal(size=arrays["windows"].shape)
    np.savez(data / "windows.npz", **(arrays | {"windows": noise.astype(np.float32)}))

    told = clustered(data, tmp_path / "out", samples="rows", draws=5)

    assert told["silhouette"]["low"] > 0
    assert told["exceeds_chance"] is False
    assert "These clusters are not more than chance" in told["sentence"]
    assert "clusters of noise have one too" in told["sentence"]


def test_clusters_that_exist_exceed_chance_and_tell_their_share_of_events(tmp_path: Path) -> None:
    data = write_windows(tmp_path)
    with np.load(data / "windows.npz") as file:
        arrays = dict(file)
    # Two groups far apart in all three features, and one of them flares.
    arrays["windows"] = arrays["windows"] + 20 * arrays["label"][:, None, None].astype(np.float32)
    np.savez(data / "windows.npz", **arrays)

    told = clustered(data, tmp_path / "out", clusters=2)

    assert told["exceeds_chance"] is True
    assert sorted(one["share"]["value"] for one in told["clusters"]) == [0, 1]
    assert told == orjson.loads((tmp_path / "out/clusters.json").read_bytes())
    shown = orjson.loads((tmp_path / "out/windows.json").read_bytes())
    assert [one["label"] for one in shown["clusters"]] == [0, 1]
    assert {len(window["values"]) for one in shown["clusters"] for window in one["windows"]} == {3}
    assert shown["hours_before"] == pytest.approx([1.4, 1.2, 1.0, 0.8, 0.6, 0.4, 0.2, 0])


def test_what_cannot_be_clustered_or_drawn_is_said_with_the_way_out(tmp_path: Path) -> None:
    data = write_windows(tmp_path, cases=60)

    with pytest.raises(InvalidInputError, match=r"flarewatch\[analysis\], or choose pca or tsne"):
        clustered(data, tmp_path / "out", picture="umap")
    with pytest.raises(InvalidInputError, match="samples are too few for hdbscan"):
        clustered(data, tmp_path / "out", method="hdbscan", min_cluster_size=100)
