"""Tables of runs, experiments, and the form of a new run."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from component_tree import words
from lab_calls import RECIPE, Lab
from office import Office, message_of
from werkzeug.test import TestResponse

from app_dash.lab.answers import Check, Fault, Run, Score
from app_dash.lab.new_run import verdict
from app_dash.lab.query import RunsQuery
from app_dash.lab.runs import sorted_runs
from solar.time import parse_time

NOW = parse_time("2026-11-30T08:00:00Z")


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

    for text in ("first", "daily v1", "logistic-regression", "Keep as draft"):
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
        ({"kind": "no"}, "Choose a kind"),
        ({"datasets": []}, "data set"),
        ({"kind": "network", "parameter threshold": "x"}, "is no number"),
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


def test_a_recipe_is_checked_with_each_fault_at_its_place(lab: Lab, office: Office) -> None:
    def check(document: str, *, by: str = "ann") -> TestResponse:
        body = {
            "output": "lab-verdict.children",
            "outputs": {"id": "lab-verdict", "property": "children"},
            "inputs": [{"id": "lab-to-check", "property": "data", "value": document}],
            "changedPropIds": ["lab-to-check.data"],
        }
        return office.browser(by).post("/_dash-update-component", json=body)

    good, bad, empty = check(RECIPE), check(RECIPE.replace("7", '"x"')), check(" ")

    assert "can be used" in good.text
    assert "/seed" in json.dumps(bad.get_json())
    assert "checked while you type" in empty.text
    assert check(RECIPE, by="vic").status_code == 403
    drawn = verdict(Check(ok=False, errors=[Fault(path="/a", message="<b>")]))
    assert "1 to correct/a <b>" in words(drawn)


def test_several_runs_are_stopped_at_once_and_each_refusal_is_said(
    lab: Lab, office: Office
) -> None:
    queued, draft = lab.run(start=True)["run_id"], lab.run()["run_id"]
    picks = {f"pick {run_id}": [run_id] for run_id in (queued, draft)}

    nothing = office.press("lab", "bulk", "stop", by="ann", pathname="/lab/runs")
    done = office.press("lab", "bulk", "stop", by="ann", pathname="/lab/runs", **picks)

    assert "Choose some runs" in message_of(nothing)
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


def test_runs_are_sorted_by_any_column_and_those_without_a_value_stand_last() -> None:
    def run(number: int, bss: float | None, minutes: int | None) -> Run:
        headline = None if bss is None else {"M1.0": Score(bss=bss)}
        ended = None if minutes is None else NOW + timedelta(minutes=minutes)
        return Run(
            run_id=str(number), number=number, headline=headline, started_at=NOW, ended_at=ended
        )

    runs = [run(1, 0.2, 5), run(2, None, None), run(3, -0.1, 60), run(4, 0.3, 1)]

    def order(**query: Any) -> list[int]:
        return [one.number for one in sorted_runs(runs, RunsQuery(**query))]

    assert order() == [4, 3, 2, 1]
    assert order(sort="bss") == [4, 1, 3, 2]
    assert order(sort="bss", up=True) == [3, 1, 4, 2]
    assert order(sort="took") == [3, 1, 4, 2]
