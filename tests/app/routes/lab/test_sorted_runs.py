"""Tables of runs: sorted by any column, found by what they hold, several changed at once."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from lab_calls import GRU, RECIPE, SHA, Lab

from database.engine import writing
from database.lab.outputs import Output, put_output
from database.schema.lab_tables import runs

T0 = datetime(2026, 1, 1, tzinfo=UTC)
# By run: state, minutes from begin to end, minute of the end, BSS of M1.0.
FACTS: list[tuple[str, int | None, int | None, float | None]] = [
    ("succeeded", 5, 50, 0.2),
    ("draft", None, None, None),
    ("failed", 60, 70, -0.1),
    ("succeeded", 1, 30, 0.3),
]
SORTS = ("made", "ended", "name", "state", "took", "bss", "owner")


@pytest.fixture
def four(lab: Lab) -> list[str]:
    """Have four runs, the third of Ben, whose recipes are named é, small, Über and small."""
    made = []
    for i, name in enumerate(("é", "small", "Über", "small")):
        who = "ben" if i == 2 else "ann"
        recipe = RECIPE.replace('"small"', f'"r{i}"').replace("seed = 7", f"seed = {7 + i % 2}")
        kept = lab.post(who, "/recipes", {"document": recipe, "name": name})
        body = lab.body(recipe=None, recipe_id=kept["recipe_id"], note=f"try {i}")
        if who == "ben":
            body = body | _of_ben(lab)
        made.append(lab.post(who, "/runs", body)["run_id"])
        lab.call(who, "PATCH", f"/runs/{made[-1]}", json={"visibility": "shared"})
    with writing(lab.engine) as connection:
        for run_id, facts in zip(made, FACTS, strict=True):
            connection.execute(runs.update().where(runs.c.run_id == run_id), _values(*facts))
    return made


def _of_ben(lab: Lab) -> dict[str, Any]:
    with writing(lab.engine) as connection:
        connection.execute(sa.text("UPDATE datasets SET visibility = 'shared'"))
    return {"experiment_id": lab.post("ben", "/experiments", {"name": "b"})["experiment_id"]}


def _values(state: str, took: int | None, ended: int | None, bss: float | None) -> dict[str, Any]:
    end = None if ended is None else T0 + timedelta(minutes=ended)
    return {
        "state": state,
        "ended_at": end,
        "started_at": end and end - timedelta(minutes=took or 0),
        "headline": json.dumps({"M1.0": {"bss": bss, "low": None, "high": None}}),
    }


def places(lab: Lab, made: list[str], query: str) -> list[int]:
    return [made.index(one["run_id"]) for one in lab.get("ann", f"/runs?{query}")["items"]]


def test_a_list_is_sorted_by_any_column_page_by_page_with_what_has_no_value_at_the_end(
    lab: Lab, four: list[str]
) -> None:
    order = {
        sort: (places(lab, four, f"sort={sort}"), places(lab, four, f"sort={sort}&up=true"))
        for sort in ("ended", "took", "bss", "made")
    }

    assert order == {
        "ended": ([2, 0, 3, 1], [3, 0, 2, 1]),
        "took": ([2, 0, 3, 1], [3, 0, 2, 1]),
        "bss": ([3, 0, 2, 1], [2, 0, 3, 1]),
        "made": ([3, 2, 1, 0], [0, 1, 2, 3]),
    }
    assert places(lab, four, "sort=state&up=true") == [1, 0, 3, 2]
    assert places(lab, four, "sort=owner&up=true") == [0, 1, 3, 2]

    for sort, up in itertools.product(SORTS, ("true", "false")):
        query, listed = f"sort={sort}&up={up}", []
        cursor: str | None = ""
        while cursor is not None:
            at = f"&cursor={cursor}" if cursor else ""
            answer = lab.get("ann", f"/runs?{query}&limit=2{at}")
            listed += [four.index(one["run_id"]) for one in answer["items"]]
            cursor = answer["next_cursor"]
        assert listed == places(lab, four, query), query
    foreign = lab.get("ann", "/runs?sort=bss&limit=1")["next_cursor"]
    assert lab.call("ann", "GET", f"/runs?sort=made&cursor={foreign}").status_code == 422


FOUND = {
    "text=Ber": [2],
    "text=Ben": [2],
    "text=try+1": [1],
    "text=seed": [],
    "text=train": [3, 2, 1, 0],
    "bss_min=M1.0:0.2": [3, 0],
    "bss_min=M1.0:-0.1": [3, 2, 0],
    "bss_min=C1.0:-9": [],
    "recipe=seed+%3D+8": [3, 1],
    "estimator=logistic-regression": [3, 2, 1, 0],
    "estimator=logistic": [],
    # SQLite folds the case of ASCII alone.
    "text=%C3%9CbeR": [2],
}


def test_runs_are_found_by_name_owner_note_score_and_recipe(lab: Lab, four: list[str]) -> None:
    assert {query: places(lab, four, query) for query in FOUND} == FOUND


def test_a_list_cannot_be_asked_for_by_what_there_is_not(lab_sqlite: Lab) -> None:
    for query in ("bss_min=M1.0", "bss_min=Z:1", "bss_min=M1.0:x", "sort=size"):
        answer = lab_sqlite.call("ann", "GET", f"/runs?{query}")

        assert answer.status_code == 422
        assert answer.get_json()["errors"][0]["path"] == query.partition("=")[0]


def test_runs_of_an_experiment_say_what_the_first_has_otherwise(lab_sqlite: Lab) -> None:
    lab = lab_sqlite
    first = lab.run()["run_id"]
    longer = RECIPE + "inverse_penalty = 2.0"
    clone = lab.post("ann", f"/runs/{first}/clone", {"recipe": longer.replace("= 7", "= 8")})
    network = lab.run(kind="network", parameters={"event": "C1.0"})["run_id"]

    listed = lab.get("ann", f"/runs?experiment={lab.experiment_id}")["items"]
    differs = {one["run_id"]: one["differs"] for one in listed}

    assert differs[first] == {}
    assert differs[clone["run_id"]] == {"seed": 8, "estimator.inverse_penalty": 2.0}
    assert differs[network]["event"] == "C1.0"
    assert {one["differs"] is None for one in lab.get("ann", "/runs")["items"]} == {True}
    recipe = lab.get("ann", f"/recipes/{clone['recipe_id']}")
    assert recipe["differs"] == {"seed": [7, 8], "estimator.inverse_penalty": [None, 2.0]}
    first_recipe = lab.get("ann", f"/runs/{first}")["recipe_id"]
    assert lab.get("ann", f"/recipes/{first_recipe}")["differs"] is None


def test_tags_of_several_runs_change_at_once_and_deleting_says_the_bytes(lab: Lab) -> None:
    ids = [lab.run(tags=["a"])["run_id"], lab.run(recipe=GRU)["run_id"]]
    with writing(lab.engine) as connection:
        for name, size in (("report.html", 5), ("scores.json", 7)):
            put_output(connection, Output(ids[0], name, "report", SHA, size, 1, T0))

    def bulk(action: str, **more: str) -> Any:
        return lab.post("ann", "/runs/bulk", {"ids": ids, "action": action, **more})["items"]

    bulk("tag", tag="b")
    bulk("untag", tag="a")

    assert [one["tags"] for one in lab.get("ann", "/runs")["items"]] == [["b"], ["b"]]
    assert lab.get("ann", f"/runs/{ids[0]}")["bytes"] == 12
    assert lab.get("ann", f"/experiments/{lab.experiment_id}")["bytes"] == 12
    assert [one["bytes"] for one in bulk("delete")] == [12, 0]
    without = lab.call("ann", "POST", "/runs/bulk", json={"ids": ids, "action": "tag"})
    assert without.status_code == 422
    assert "tag" in without.text
    gone = lab.call("ann", "DELETE", f"/experiments/{lab.experiment_id}").get_json()
    assert gone == {"deleted": lab.experiment_id, "bytes": 0}
