"""The commands that study data before training: networks, and a trial of augmentation."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import orjson
import pytest
from synthetic_windows import GAN, PLAIN, SMOTE, recipe_of_windows, write_recipe, write_windows
from words import Captured, complaint, said

from model_training.__main__ import main


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_windows(tmp_path_factory.mktemp("data"))


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    return write_recipe(tmp_path / "recipe.toml", recipe_of_windows())


def test_networks_writes_graphs_pictures_and_statistics(
    recipe: Path, data: Path, tmp_path: Path, capsys: Captured
) -> None:
    to = tmp_path / "networks"

    told = said(capsys, "networks", recipe, "--data", data, "--to", to, "--max-neighbours", "5")

    figures = orjson.loads(told)
    assert figures == orjson.loads((to / "networks.json").read_bytes())
    assert figures["samples"]["nodes"] == 240
    assert figures["samples"]["degree"]["max"] <= 5
    assert set(figures["keywords"]) == {"event", "no event"}
    for name in ("samples", "keywords-event", "keywords-no-event"):
        assert (to / f"{name}.svg").read_text("utf-8").startswith("<?xml")
        assert orjson.loads((to / f"{name}.json").read_bytes())
    assert nx.read_graphml(to / "samples.graphml").number_of_nodes() == 240
    assert nx.read_graphml(to / "keywords-event.graphml").number_of_nodes() == 3


def test_networks_draws_at_most_as_many_samples_as_asked(
    recipe: Path, data: Path, tmp_path: Path, capsys: Captured
) -> None:
    told = said(capsys, "networks", recipe, "--data", data, "--to", tmp_path, "--most", "50")

    assert orjson.loads(told)["samples"]["nodes"] == 50


def test_cluster_and_forecast_say_in_words_what_their_files_hold(
    recipe: Path, data: Path, tmp_path: Path, capsys: Captured
) -> None:
    places = ["--data", data, "--to", tmp_path / "out"]

    clusters = said(capsys, "cluster", recipe, *places, "--clusters", "2", "--draws", "1")
    forecast = said(capsys, "forecast", recipe, *places, "--keywords", "USFLUX", "--trees", "2")
    refused = complaint(capsys, "cluster", recipe, *places, "--clusters", "1")

    assert "chance: their silhouette is" in clusters
    # The regions of this set have one case each.
    assert "USFLUX in 24 h is not judged: 0 cases to learn from and 0 to score." in forecast
    assert "--clusters: Input should be greater than or equal to 2" in refused


def test_networks_names_the_events_that_the_data_tell(
    recipe: Path, data: Path, tmp_path: Path, capsys: Captured
) -> None:
    told = complaint(capsys, "networks", recipe, "--data", data, "--event", "X1.0")

    assert "the data set does not tell X1.0; choose the event from M1.0" in told


def test_augment_tells_the_skill_with_and_without_and_the_quality(
    data: Path, tmp_path: Path, capsys: Captured
) -> None:
    recipe = write_recipe(tmp_path / "gan.toml", recipe_of_windows(PLAIN | {"augmentation": GAN}))

    told = said(capsys, "augment", recipe, "--data", data, "--runs", tmp_path / "runs")

    found = orjson.loads(told)["M1.0"]
    skill, quality = found["skill"], found["quality"]
    assert skill["difference"]["value"] == pytest.approx(
        skill["with"]["value"] - skill["without"]["value"], abs=2e-5
    )
    assert quality["n_synthetic"] > 0
    assert 0 <= quality["discriminative_score"] <= 0.5
    assert quality["predictive_error"] > 0
    assert quality["trained_on_synthetic"]["bss"] < 1
    assert 0 <= quality["nearness"]["share_of_copies"] <= 1
    assert (tmp_path / "runs" / "windows-0.0.1-augmentation" / "events.jsonl").is_file()


def test_augment_tells_the_skill_of_smote(data: Path, tmp_path: Path, capsys: Captured) -> None:
    recipe = write_recipe(
        tmp_path / "smote.toml", recipe_of_windows(PLAIN | {"augmentation": SMOTE})
    )

    told = said(capsys, "augment", recipe, "--data", data, "--runs", tmp_path / "runs")

    assert orjson.loads(told)["M1.0"]["quality"] is None
    assert orjson.loads(told)["M1.0"]["skill"]["n_events"] > 0


def test_augment_refuses_a_recipe_without_augmentation(
    recipe: Path, data: Path, tmp_path: Path, capsys: Captured
) -> None:
    told = complaint(capsys, "augment", recipe, "--data", data, "--runs", tmp_path / "runs")

    assert "has no [estimator.augmentation] to try" in told


@pytest.mark.parametrize(
    ("option", "value"),
    [("--threshold", "1.5"), ("--threshold", "nan"), ("--max-neighbours", "0"), ("--most", "-3")],
)
def test_networks_refuses_what_is_out_of_range(
    option: str, value: str, recipe: Path, capsys: Captured
) -> None:
    with pytest.raises(SystemExit):
        main(["networks", str(recipe), f"{option}={value}"])

    assert f"argument {option}: {value!r} is no" in capsys.readouterr().err
