"""The results of analyses in the page of their run, drawn from the files that jobs have made."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from lab_calls import Lab
from office import Office
from synthetic_windows import recipe_of_windows, write_recipe, write_windows

from app_dash.lab.analysis_figures import join
from app_dash.lab.network_explorer import NEIGHBOURS, NETWORK, THRESHOLD
from database.engine import writing
from database.lab.outputs import Output, put_output
from model_training.analysis.synthetic_quality import Nearness, Picture, Quality, Usefulness
from model_training.fitting.networks.samples import proposed_pairs, sample_network
from model_training.jobs.kinds import Job, execute
from model_training.journal import Journal


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders with the files of a job of each kind."""
    home = tmp_path_factory.mktemp("analyses")
    data = write_windows(home)
    recipe = write_recipe(home / "recipe.toml", recipe_of_windows()).read_text("utf-8")
    asked: dict[str, dict[str, Any]] = {
        "cluster": {"clusters": 2, "draws": 1, "part": "all"},
        "forecast": {"keywords": ["USFLUX"]},
        "network": {"most": 80, "threshold": 0.4},
    }
    for kind, parameters in asked.items():
        execute(Job(kind, recipe, parameters, data, home / kind, Journal()))
    estimate = {"value": 0.1, "low": -0.05, "high": 0.2}
    skill = {"with": estimate, "without": estimate, "difference": estimate, "n": 90, "n_events": 30}
    quality = Quality(
        n_synthetic=40,
        n_events=20,
        n_held_out_events=10,
        discriminative_score=0.12,
        predictive_error=0.5,
        predictive_error_of_real=0.4,
        trained_on_real=Usefulness(0.3, 0.2),
        trained_on_synthetic=Usefulness(0.25, None),
        nearness=Nearness(0.01, 1.0, 1.1),
        picture=Picture([0.6, 0.3], [[0.0, 1.0], [1.0, 0.0]], [[0.5, 0.5]]),
    )
    (home / "augment").mkdir()
    told = {"M1.0": {"skill": skill, "quality": quality.to_dict()}}
    (home / "augment/quality.json").write_bytes(orjson.dumps(told))
    return {kind: home / kind for kind in (*asked, "augment")}


def ended(lab: Lab, lab_folder: Path, kind: str, files: Path) -> str:
    """Have a run that has made the files of a folder."""
    run_id: str = lab.run("ann", kind=kind, start=True)["run_id"]
    lab.claimed(run_id, lab.worker(kind))
    with writing(lab.engine) as connection:
        for path in files.iterdir():
            content = path.read_bytes()
            sha256 = hashlib.sha256(content).hexdigest()
            kept = lab_folder / "lab/files" / sha256[:2] / sha256
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(content)
            now = datetime.now(UTC)
            put_output(connection, Output(run_id, path.name, "file", sha256, len(content), 1, now))
    lab.ended(run_id, "succeeded")
    return run_id


def test_clusters_are_drawn_with_the_sentence_that_says_what_they_are_worth(
    lab: Lab, office: Office, lab_folder: Path, made: dict[str, Path]
) -> None:
    found = orjson.loads((made["cluster"] / "clusters.json").read_bytes())
    there = f"/lab/runs/{ended(lab, lab_folder, 'cluster', made['cluster'])}?tab=result"

    page, of_class, of_one = (
        office.open(there + more, of="ann") for more in ("", "&show=class", "&show=1")
    )

    assert found["sentence"] in page
    assert "Component 1, " in page
    assert all(f"?tab=result&show={one['label']}" in page for one in found["clusters"])
    assert '"name": "event"' in of_class
    assert "Windows of cluster 1" in of_one
    assert "USFLUX [Mx]" in of_one
    assert "There is no such run" in office.open(there, of="ben")


def test_a_forecast_that_cannot_be_judged_says_so(
    lab: Lab, office: Office, lab_folder: Path, made: dict[str, Path]
) -> None:
    run_id = ended(lab, lab_folder, "forecast", made["forecast"])

    page = office.open(f"/lab/runs/{run_id}?tab=result", of="ann")

    assert "USFLUX in 12 h is not judged: 0 cases to learn from" in page
    assert "There is no forecast to draw." in page


def test_an_augmentation_shows_its_skill_its_quality_and_real_beside_synthetic_events(
    lab: Lab, office: Office, lab_folder: Path, made: dict[str, Path]
) -> None:
    run_id = ended(lab, lab_folder, "augment", made["augment"])

    page = office.open(f"/lab/runs/{run_id}?tab=result", of="ann")

    assert "0.10 (−0.05 … 0.20)" in page
    assert "TSS 0.25, BSS –" in page
    assert '"name": "synthetic"' in page


def test_the_sliders_draw_the_network_anew_and_files_that_are_not_there_are_said(
    lab: Lab, office: Office, lab_folder: Path, made: dict[str, Path], tmp_path: Path
) -> None:
    run_id = ended(lab, lab_folder, "network", made["network"])
    older = ended(lab, lab_folder, "network", tmp_path)

    page = office.open(f"/lab/runs/{run_id}?tab=result", of="ann")
    moved = moved_sliders(office, run_id, 0.7, 3)

    assert "Samples: threshold 0.4, 8 neighbours" in page
    assert "Assortativity" in page
    assert "Samples: threshold 0.7, 3 neighbours" in moved
    assert "is not among the files" in office.open(f"/lab/runs/{older}?tab=result", of="ann")
    assert "It cannot be drawn anew" in moved_sliders(office, older, 0.7, 3)


def moved_sliders(office: Office, run_id: str, threshold: float, neighbours: int) -> str:
    (output,) = (key for key in office.app.callback_map if f'"{NETWORK}"' in key)

    def part(kind: str, prop: str, **more: Any) -> dict[str, Any]:
        return {"id": {"type": kind, "run": run_id}, "property": prop} | more

    given = [part(THRESHOLD, "value", value=threshold), part(NEIGHBOURS, "value", value=neighbours)]
    changed = json.dumps(given[0]["id"], sort_keys=True, separators=(",", ":"))
    body = {
        "output": output,
        "outputs": part(NETWORK, "children"),
        "inputs": given,
        "state": [{"id": "theme", "property": "data", "value": "light"}],
        "changedPropIds": [f"{changed}.value"],
    }
    answer = office.browser("ann").post("/_dash-update-component", json=body)
    assert answer.status_code == 200, answer.text
    return answer.get_data(as_text=True)


@pytest.mark.parametrize(("threshold", "most"), [(0.3, 20), (0.5, 4), (0.8, 1)])
def test_a_network_drawn_anew_is_the_one_that_a_run_would_make(threshold: float, most: int) -> None:
    rows = np.random.default_rng(5).normal(size=(120, 12)).astype(np.float32)
    pairs, r = proposed_pairs(rows, threshold=0.3, max_neighbours=20)
    kept = {"x": [0.0] * len(rows), "pairs": pairs.ravel().tolist(), "correlations": r.tolist()}

    joined = join(kept, threshold=threshold, most=most)

    network = sample_network(rows, threshold=threshold, max_neighbours=most)
    assert sorted(joined.pairs.tolist()) == sorted(network.edges.tolist())
    assert joined.degrees.tolist() == network.degrees.tolist()


def test_analysis_lists_the_runs_of_one_kind_and_begins_one(lab: Lab, office: Office) -> None:
    for kind in ("cluster", "train"):
        lab.run("ann", kind=kind, start=True)

    page = office.open("/lab/analysis", of="ann")

    assert len(re.findall('"className": "run-name"', page)) == 1
    assert "/lab/new?kind=cluster" in page
    assert "No run matches these filters." in office.open("/lab/analysis?kind=augment", of="ann")
