"""Experiments and recipes: who sees them, what changes, and what is wrong with a recipe where."""

from __future__ import annotations

import pytest
from lab_calls import GRU, RECIPE, Lab

from app.lab.checks import check_recipe

NPZ = """
[data]
layout = "windows"
file = "windows.npz"
windows = "x"
axes = ["cases", "steps", "features"]
features = [{ name = "TOTUSJH" }, { name = "USFLUX", units = "Mx" }]
cadence_hours = 0.2
labels = { "M1.0" = "y" }
[split]
"""
WINDOWS = RECIPE.split("[data]")[0] + NPZ + RECIPE.split("[split]")[1]


BAD = [
    ("name = ", "", "recipe is not TOML"),
    (RECIPE.replace("seed", "seed = 1\nseeds"), "/seeds", "Extra inputs are not permitted"),
    (RECIPE.replace("seed = 7", ""), "/seed", "Field required"),
    (RECIPE + "penalties = 1", "/estimator/penalties", "Extra inputs"),
    (RECIPE + '"a/b~c" = 1', "/estimator/a~1b~0c", "Extra inputs"),
    (RECIPE + "inverse_penalty = -1", "/estimator/inverse_penalty", "greater than"),
    (RECIPE + "preparation.scaling = 'big'", "/estimator/preparation/scaling", "z-score"),
    (RECIPE.replace('"logistic-regression"', '"magic"'), "/estimator", "magic"),
    (WINDOWS, "/data/features/1/units", "Extra inputs"),
    (WINDOWS.replace(', units = "Mx"', "").replace('windows = "x"', ""), "/data/windows", "req"),
    (RECIPE + "[window]\nsteps = 61", "/split/embargo_hours", "must be at least 36"),
    (RECIPE + "penalty = 'l1'", "/estimator/penalty", "penalty l1 needs one of the solvers"),
    (RECIPE.replace('"rows.csv"', '"/etc/passwd"'), "/data/rows", "leads out of the data set"),
    (RECIPE.replace('"flares.parquet"', '"a/../../b"'), "/data/flares", "leads out"),
    (RECIPE.replace('"rows.csv"', "'C:\\rows.csv'"), "/data/rows", "leads out"),
    (
        RECIPE + "[data.added]\nrows = '/x.parquet'\nlicence = 'MIT'\nsrc = 'a'",
        "/data/added/rows",
        "leads out",
    ),
    (RECIPE.replace("Two", "Two\u202e"), "", "U+202E"),
    (RECIPE + "[repeat]\nkey = 'seed'\nvalues = [1, 2]", "/repeat", "clone it for each value"),
]


@pytest.mark.parametrize(("document", "path", "message"), BAD)
def test_what_is_wrong_with_a_recipe_is_named_by_its_place(
    document: str, path: str, message: str
) -> None:
    verdict = check_recipe(document)

    assert verdict.recipe is None
    assert [fault.path for fault in verdict.faults] == [path]
    assert message in verdict.faults[0].message


def test_a_recipe_that_cannot_be_used_is_not_kept(lab_sqlite: Lab) -> None:
    document = RECIPE + "penalties = 1\ninverse_penalty = -1"

    checked = lab_sqlite.post("ann", "/recipes/check", {"document": document})
    kept = lab_sqlite.call("ann", "POST", "/recipes", json={"document": document})

    assert (checked["ok"], checked["recipe"], checked["needs"]) == (False, None, [])
    assert len(checked["errors"]) == 2
    assert (kept.status_code, kept.get_json()["errors"]) == (422, checked["errors"])
    assert lab_sqlite.get("ann", "/recipes")["items"] == []


def test_a_sound_recipe_comes_back_with_every_option_and_what_it_needs(lab_sqlite: Lab) -> None:
    timegan = GRU + '[estimator.augmentation]\nkind = "timegan"\n'
    blend = RECIPE.split("[estimator]")[0] + (
        '[estimator]\nkind = "blend"\n[[estimator.members]]\nkind = "svm"\n'
        '[[estimator.members]]\nkind = "gradient-boosting"\n'
    )

    checked = [
        lab_sqlite.post("ann", "/recipes/check", {"document": document})
        for document in (RECIPE, timegan, blend)
    ]

    assert [one["errors"] for one in checked] == [[], [], []]
    assert [one["needs"] for one in checked] == [
        ["train", "estimator:logistic-regression"],
        ["train", "estimator:gru"],
        ["train", "estimator:gradient-boosting", "estimator:svm"],
    ]
    assert checked[0]["recipe"]["estimator"]["inverse_penalty"] == 1.0


def test_a_kept_recipe_is_found_again_and_names_its_parent(lab: Lab) -> None:
    first = lab.post("ann", "/recipes", {"document": RECIPE})
    second = lab.post(
        "ann",
        "/recipes",
        {
            "document": GRU,
            "name": "recurrent",
            "visibility": "shared",
            "parent": first["recipe_id"],
        },
    )
    foreign = lab.call(
        "ben", "POST", "/recipes", json={"document": GRU, "parent": first["recipe_id"]}
    )

    assert (first["name"], second["parent"]) == ("small", first["recipe_id"])
    assert lab.get("ann", f"/recipes/{first['recipe_id']}")["document"] == RECIPE
    assert [item["name"] for item in lab.get("ben", "/recipes")["items"]] == ["recurrent"]
    assert len(lab.get("ann", "/recipes?owner=me")["items"]) == 2
    assert [item["name"] for item in lab.get("ann", "/recipes?text=SMA")["items"]] == ["small"]
    assert foreign.status_code == 404


def test_an_experiment_is_changed_archived_and_shared_by_its_owner_alone(lab: Lab) -> None:
    path = f"/experiments/{lab.experiment_id}"
    hidden = lab.call("ben", "GET", path)
    changes = {"name": "second", "tags": ["x"], "is_archived": True, "visibility": "shared"}

    changed = lab.call("ann", "PATCH", path, json=changes).get_json()
    by_others = [lab.call("ben", way, path, json={"name": "b"}) for way in ("PATCH", "DELETE")]
    run = lab.call("ben", "POST", "/runs", json=lab.body())

    assert hidden.status_code == 404
    assert (changed["name"], changed["tags"], changed["visibility"]) == ("second", ["x"], "shared")
    assert changed["archived_at"] is not None
    assert changed["owner"] == {"id": lab.ids["ann"], "name": "Ann"}
    assert [answer.status_code for answer in (*by_others, run)] == [403] * 3
    assert lab.get("vic", path)["name"] == "second"
    assert lab.get("ann", "/experiments?archived=false")["items"] == []
    assert len(lab.get("ann", "/experiments?text=sec&archived=true")["items"]) == 1
    assert (
        lab.call("ann", "PATCH", path, json={"is_archived": False}).get_json()["archived_at"]
        is None
    )


def test_an_experiment_goes_into_the_trash_with_its_runs_once_none_is_under_way(lab: Lab) -> None:
    run = lab.run(start=True)
    lab.run()
    path = f"/experiments/{lab.experiment_id}"
    counted = lab.get("ann", path)["runs"]

    busy = lab.call("ann", "DELETE", path)
    lab.post("ann", f"/runs/{run['run_id']}/stop")
    deleted = lab.call("ann", "DELETE", path)

    assert counted == {"queued": 1, "draft": 1}
    assert busy.status_code == 409
    assert "are under way: 1; stop them first" in busy.get_json()["detail"]
    assert deleted.get_json() == {"deleted": lab.experiment_id, "bytes": 0}
    assert lab.call("ann", "GET", path).status_code == 404
    assert lab.get("ann", "/runs")["items"] == lab.get("ann", "/line")["items"] == []


def test_pages_of_experiments_follow_each_other(lab: Lab) -> None:
    for name in "bcd":
        lab.post("ann", "/experiments", {"name": name})

    first = lab.get("ann", "/experiments?limit=2")
    second = lab.get("ann", f"/experiments?limit=2&cursor={first['next_cursor']}")

    names = [item["name"] for page in (first, second) for item in page["items"]]
    assert sorted(names) == ["b", "c", "d", "first"]
    assert second["next_cursor"] is None


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_an_address_that_is_no_identifier_leads_to_nothing(lab: Lab, method: str) -> None:
    body = {"json": {"name": "other"}} if method == "PATCH" else {}

    assert lab.call("ann", method, "/experiments/é", **body).status_code == 404
