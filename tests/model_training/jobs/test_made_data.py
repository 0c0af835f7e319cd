"""From the store and from a data set to another one that is ready, by a worker over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from running_lab import OWNER, SECONDS, Lab, wait_until
from synthetic_windows import FEATURES, SMALL, recipe_of_windows, write_recipe

from database.engine import reading
from database.lab.datasets import Dataset, DatasetFilter, list_datasets


def ask(lab: Lab, method: str, path: str, body: Any = None) -> Any:
    answer = requests.request(method, f"{lab.address}/api/v1{path}", json=body, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


def child_of(lab: Lab, **body: Any) -> Dataset:
    """Start a run, and return the data set that it made once that has been looked into."""
    experiment = ask(lab, "POST", "/lab/experiments", {"name": "made"})["experiment_id"]
    run = ask(lab, "POST", "/lab/runs", {"experiment_id": experiment, "start": True} | body)
    assert lab.wait_for(run["run_id"], "succeeded", "failed").reason is None

    def child() -> Dataset:
        # From the store: over HTTP the worker would wait for these questions.
        with reading(lab.engine) as connection:
            listed = list_datasets(connection, OWNER, DatasetFilter(), limit=9)
        (found,) = (one for one in listed if one.made_by_run == run["run_id"])
        return found

    wait_until(lambda: child().state != "checking", seconds=SECONDS, about=lab.about)
    return child()


@pytest.mark.thorough
def test_a_snapshot_and_a_processed_set_become_data_sets_that_are_ready(lab: Lab) -> None:
    lab.steady_worker()
    row = {"harpnum": 3721, "noaa_ars": [11990], "quality": 0, "keywords": {"USFLUX": 2e22}}
    rows = [row | {"t_rec": f"2014-03-0{day}T00:00:00Z"} for day in (1, 2, 3)]
    ask(lab, "POST", "/observations", {"observations": rows})
    covers = {"from": "2014-02-01T00:00:00Z", "to": "2014-03-09T00:00:00Z"}
    ask(lab, "POST", "/flares", {"flares": [], "covers": covers, "source": "test"})
    parent = lab.read(lab.run(start=False)).dataset_ids[0]
    recipe = write_recipe(lab.folder / "processed.toml", recipe_of_windows(SMALL["svm"]))

    times = {"from": "2014-03-01T00:00:00Z", "to": "2014-03-03T00:00:00Z"}
    taken = child_of(lab, kind="snapshot", parameters=times)
    processed = child_of(
        lab,
        kind="process",
        dataset_ids=[parent],
        recipe=recipe.read_text(),
        parameters={"name": "mine"},
    )

    assert (taken.state, taken.rows, taken.reason) == ("ready", 2, None)
    assert taken.name == "Store, 2014-03-01 to 2014-03-03"
    assert (taken.layout or {})["labels"]["M1.0"] == "y24_M"
    assert (processed.state, processed.name, processed.parent) == ("ready", "mine", parent)
    names = {one["name"] for one in (processed.layout or {})["features"]}
    assert names >= {f"{name} last scaled" for name in FEATURES}
