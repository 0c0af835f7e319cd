"""Tables of runs, experiments, and the form of a new run."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lab_calls import RECIPE, Lab
from office import Office, message_of
from werkzeug.test import TestResponse


def new_run(
    office: Office, by: str, lab: Lab, of: str = "start a-key", **values: Any
) -> TestResponse:
    given = {
        "experiment": lab.experiment_id,
        "kind": "train",
        "recipe": RECIPE,
        "datasets": [lab.dataset_id],
        "queue": "cpu",
    }
    return office.press("lab", "new-run", of, by=by, pathname="/lab/new", **(given | values))


def there(answer: TestResponse) -> str:
    path: str = answer.get_json()["sideUpdate"]["url"]["pathname"]
    return path


def test_a_run_is_made_in_the_form_and_two_clicks_are_one_run(lab: Lab, office: Office) -> None:
    first = new_run(office, "ann", lab, tags="gru, day-end", note="first")
    again = new_run(office, "ann", lab)
    draft = new_run(office, "ann", lab, of="draft other-key")

    assert there(first) == there(again) != there(draft)
    run = lab.get("ann", there(first).removeprefix("/lab"))
    assert (run["state"], run["tags"], run["note"]) == ("queued", ["gru", "day-end"], "first")
    assert lab.get("ann", there(draft).removeprefix("/lab"))["state"] == "draft"


def test_a_new_experiment_is_begun_once_however_often_its_run_is_refused(
    lab: Lab, office: Office
) -> None:
    wrong = RECIPE.replace("seed = 7", 'seed = "x"')
    values = {"experiment": None, "new-name": "third"}
    refused = new_run(office, "ann", lab, recipe=wrong, **values)
    made = new_run(office, "ann", lab, **values)

    assert "seed" in message_of(refused)
    assert message_of(made) == ""
    names = [one["name"] for one in lab.get("ann", "/experiments")["items"]]
    assert names.count("third") == 1


def test_the_form_offers_what_there_is_and_begins_with_a_kept_recipe(
    lab: Lab, office: Office
) -> None:
    recipe_id = lab.run()["recipe_id"]

    page = office.open(f"/lab/new?recipe={recipe_id}&dataset={lab.dataset_id}", of="ann")

    for text in ("first", "daily v1", "logistic-regression", "Save draft"):
        assert text in page, text
    assert "daily v1" not in office.open("/lab/new", of="ben")
    again = new_run(office, "ann", lab, kept=recipe_id)
    changed = new_run(office, "ann", lab, of="draft b", kept=recipe_id, recipe=RECIPE + "\n")
    runs = [lab.get("ann", there(one).removeprefix("/lab")) for one in (again, changed)]
    assert [run["recipe_id"] == recipe_id for run in runs] == [True, False]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"experiment": None}, "Choose an experiment"),
        ({"kind": ""}, "Choose a kind"),
        ({"kind": "no"}, "kind"),
        ({"datasets": []}, "data set"),
        ({"kind": "network", "parameters": '{"threshold": "x"}'}, "threshold"),
        ({"parameters": "{"}, "load the page again"),
        ({"recipe": "x" * 500_001}, "at most 500,000"),
        ({"recipe": ["a", "list"]}, "cannot be read"),
    ],
    ids=str,
)
def test_what_the_form_lacks_is_said_beside_the_button(
    lab: Lab, office: Office, values: dict[str, Any], said: str
) -> None:
    answer = new_run(office, "ann", lab, **values)

    assert said in message_of(answer)
    assert lab.get("ann", "/runs")["items"] == []


def test_several_runs_are_stopped_at_once_and_each_refusal_is_said(
    lab: Lab, office: Office
) -> None:
    queued, draft = lab.run(start=True)["run_id"], lab.run()["run_id"]
    picks = {f"pick {run_id}": [run_id] for run_id in (queued, draft)}

    nothing = office.press("lab", "bulk", "stop", by="ann", pathname="/lab/runs")
    done = office.press("lab", "bulk", "stop", by="ann", pathname="/lab/runs", **picks)

    assert "Choose some" in message_of(nothing)
    assert message_of(done) == ""
    assert "Done for 1 of 2." in done.text
    assert "draft" in json.dumps(done.get_json()["sideUpdate"]["shown-once"])
    assert lab.get("ann", f"/runs/{queued}")["state"] == "cancelled"


def test_an_experiment_is_begun_changed_shared_archived_and_deleted(
    lab: Lab, office: Office
) -> None:
    values = {"experiment-name": "second", "experiment-text": "for <b>what</b>"}
    path = there(office.press("lab", "new-experiment", by="ann", pathname="/lab", **values))
    of = path.rpartition("/")[2]

    def press(action: str, **typed: Any) -> TestResponse:
        return office.press("lab", action, of, by="ann", pathname=path, **typed)

    changed = {"experiment-name": "renamed", "experiment-text": "", "experiment-tags": "a, b"}
    saved, shared, archived = press("experiment", **changed), press("share"), press("archive")

    assert [message_of(one) for one in (saved, shared, archived)] == [""] * 3
    page = office.open(path, of="ben")
    assert "renamed" in page
    assert "archived" in page
    assert "Delete" not in page
    foreign = office.press("lab", "delete-experiment", of, by="ben", pathname=path)
    assert message_of(foreign) != ""
    assert there(press("delete-experiment")) == "/lab/experiments"
    assert "renamed" not in office.open("/lab/experiments", of="ann")


def test_a_run_is_shared_and_made_private_again_on_its_page(lab: Lab, office: Office) -> None:
    of = lab.run()["run_id"]
    path = f"/lab/runs/{of}"

    def seen_after(action: str) -> bool:
        assert message_of(office.press("lab", action, of, by="ann", pathname=path)) == ""
        return "no such run" not in office.open(path, of="ben")

    assert [seen_after(action) for action in ("share-run", "unshare-run")] == [True, False]
    assert "Share" in office.open(path, of="ann")


def test_the_filters_and_the_order_are_in_the_address(lab: Lab, office: Office) -> None:
    lab.run(note="about keywords", tags=["gru"])
    lab.run(note="other", start=True)

    drafts, tagged, found, wrong = (
        office.open(f"/lab/runs?{search}", of="ann")
        for search in ("state=draft", "tag=gru", "text=about", "state=none&sort=no")
    )

    for page in (drafts, tagged, found):
        assert "about keywords" in page
        assert "other" not in page
    assert "The address cannot be read" in wrong
    assert "No run matches these filters." in office.open("/lab/runs?text=nowhere", of="ann")
    assert "There are no runs yet." in office.open("/lab/runs", of="ben")
    assert "about keywords" in office.open(f"/lab/experiments/{lab.experiment_id}", of="ann")


def test_a_table_is_sorted_and_narrowed_by_links_and_says_what_differs(
    lab: Lab, office: Office
) -> None:
    lab.run(note="about keywords", tags=["gru"])
    lab.run(note="other", recipe=RECIPE.replace("seed = 7", "seed = 8"))
    me = lab.ids["ann"]

    up, down = (office.open(f"/lab/runs?sort=made{more}", of="ann") for more in ("&up=true", ""))
    mine, none = (office.open(f"/lab/runs?owner={one}", of="ann") for one in (me, lab.ids["ben"]))
    scored = office.open("/lab/runs?least=0.2&event=C1.0", of="ann")
    experiment = office.open(f"/lab/experiments/{lab.experiment_id}", of="ann")

    assert up.index("about keywords") < up.index("other")
    assert down.index("other") < down.index("about keywords")
    assert "sort=owner" in mine
    assert f"?owner={me}" in mine
    assert "about keywords" in mine
    for page in (none, scored):
        assert "No run matches these filters." in page
    assert "seed 8" in experiment
    assert "Unlike the first" not in mine


def test_several_runs_are_tagged_and_several_experiments_archived(lab: Lab, office: Office) -> None:
    picks = {f"pick {lab.run()['run_id']}": ["x"]}
    tag = {"bulk-tag": "paper", **picks}
    picked = {f"pick {lab.experiment_id}": ["x"], "pick unknown": ["x"]}

    tagged = office.press("lab", "bulk", "tag", by="ann", pathname="/lab/runs", **tag)
    archived = office.press(
        "lab", "bulk-archive", "archive", by="ann", pathname="/lab/experiments", **picked
    )

    assert message_of(tagged) == ""
    assert [one["tags"] for one in lab.get("ann", "/runs")["items"]] == [["paper"]]
    assert "Done for 1 of 2." in archived.text
    opened = [
        office.open(f"/lab/experiments?state={state}&owner=me", of="ann")
        for state in ("open", "archived")
    ]
    assert [lab.experiment_id in page for page in opened] == [False, True]
