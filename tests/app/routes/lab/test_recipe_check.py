"""The check of a recipe for its form, and the schema that the form is drawn from."""

from __future__ import annotations

import json
import tomllib

import pytest
from lab_calls import GRU, RECIPE, Lab, add_dataset

from model_training.recipe.recipe import Recipe


def test_the_schema_tells_the_options_the_parameters_and_what_workers_offer(
    lab_sqlite: Lab,
) -> None:
    lab_sqlite.worker("train", "estimator:gru", queue="gpu.a.0")

    answer = lab_sqlite.call("vic", "GET", "/schema")
    told = answer.get_json()
    again = lab_sqlite.call(
        "vic", "GET", "/schema", headers={"If-None-Match": answer.headers["ETag"]}
    )

    assert told["recipe"] == Recipe.model_json_schema()
    assert told["parameters"]["network"]["properties"]["threshold"]["maximum"] == 1
    assert told["offers"]["queues"] == ["gpu.a.0"]
    assert "estimator:gru" in told["offers"]["offers"]
    assert (again.status_code, again.data) == (304, b"")


def test_the_check_tells_reach_split_toml_the_expected_time_and_the_same_run(
    lab_sqlite: Lab,
) -> None:
    found = {"first_at": "2010-05-01T00:00:00Z", "last_at": "2019-12-31T00:00:00Z", "folds": {}}
    small, large = (
        add_dataset(
            lab_sqlite.engine,
            lab_sqlite.ids["ann"],
            "rows.csv",
            "flares.parquet",
            rows=rows,
            name=f"rows {rows}",
            breakdown=json.dumps(found),
        )
        for rows in (100, 1000)
    )
    run = lab_sqlite.run(start=True, dataset_ids=[small])
    worker_id = lab_sqlite.worker("train", "estimator:logistic-regression")
    lab_sqlite.claimed(run["run_id"], worker_id)
    lab_sqlite.ended(run["run_id"], "succeeded")

    def check(**body: object) -> dict[str, object]:
        asked = {"document": RECIPE, "dataset_ids": [small]} | body
        answer: dict[str, object] = lab_sqlite.post("ann", "/recipes/check", asked)
        return answer

    other_seed = RECIPE.replace("seed = 7", "seed = 8")
    same, without = check(), check(dataset_ids=[])
    other = check(dataset_ids=[large], document=other_seed)

    assert same["same_as"] == [{"run_id": run["run_id"], "number": 1, "state": "succeeded"}]
    assert (other["same_as"], without["same_as"]) == ([], [])
    assert other["estimate_s"] == pytest.approx(10 * same["estimate_s"])  # type: ignore[operator]
    assert same["warnings"] == []
    derived = same["derived"]
    assert isinstance(derived, dict)
    assert (derived["reach_hours"], derived["embargo_hours"]) == (0, 24)
    assert derived["first_at"] == "2010-05-01T00:00:00Z"
    assert [lane["name"] for lane in derived["split"]] == ["Fold 2012", "Fold 2013", "Final"]
    assert derived["split"][1]["spans"][1] == {
        "part": "validation",
        "from_at": "2013-01-01T00:00:00Z",
        "to_at": "2014-01-01T00:00:00Z",
        "cases": None,
    }
    assert Recipe.model_validate(tomllib.loads(str(same["toml"]))).estimator.kind == (
        "logistic-regression"
    )


def test_parameters_files_and_what_no_worker_has_are_told_before_the_start(
    lab_sqlite: Lab,
) -> None:
    lab_sqlite.worker("train", "network", "estimator:svm")
    asked = {"document": RECIPE.replace("rows.csv", "none.csv"), "kind": "network"}
    asked |= {"dataset_ids": [lab_sqlite.dataset_id], "parameters": {"threshold": 2}}

    wrong = lab_sqlite.post("ann", "/recipes/check", asked)
    gru = lab_sqlite.post("ann", "/recipes/check", {"document": GRU})
    gpu = lab_sqlite.post("ann", "/recipes/check", {"document": RECIPE, "queue": "gpu"})
    foreign = lab_sqlite.call(
        "ben", "POST", "/recipes/check", json={"document": "", "dataset_ids": asked["dataset_ids"]}
    )
    scored = lab_sqlite.post(
        "ann", "/recipes/check", {"document": "", "kind": "evaluate", "parameters": {"run_id": "x"}}
    )

    assert [fault["path"] for fault in wrong["errors"]] == ["/data/rows", "parameters.threshold"]
    assert "no worker offers gru" in gru["warnings"][0]
    assert "no worker has gpu" in gpu["warnings"][0]
    assert foreign.status_code == 404
    assert [fault["path"] for fault in scored["errors"]] == ["parameters.run_id"]


def test_parts_that_the_source_made_are_told_with_their_cases(lab_sqlite: Lab) -> None:
    found = {"first_at": "2010-05-01", "last_at": "2019-12-31", "folds": {"0": 7, "1": 3}}
    document = RECIPE.split("[split]")[0] + (
        '[split]\nkind = "folds"\ntest_fold = 1\n[estimator]\nkind = "gru"\n'
    )
    dataset_id = add_dataset(
        lab_sqlite.engine,
        lab_sqlite.ids["ann"],
        "rows.csv",
        "flares.parquet",
        name="folds",
        breakdown=json.dumps(found),
    )

    asked = {"document": document, "dataset_ids": [dataset_id]}
    derived = lab_sqlite.post("ann", "/recipes/check", asked)["derived"]

    spans = [lane["spans"][0] for lane in derived["split"]]
    assert [(span["part"], span["cases"]) for span in spans] == [("validation", 7), ("test", 3)]
    assert derived["embargo_hours"] is None
