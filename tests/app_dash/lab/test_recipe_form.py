"""The form of a new run: what is typed is checked, and what the check says stands beside it."""

from __future__ import annotations

import json
import tomllib
from typing import Any

from component_tree import words
from lab_calls import GRU, RECIPE, Lab, add_dataset
from office import Office, message_of

from app_dash.lab.answers import Check, Derived, Fault, Lane, Offers, Span
from app_dash.lab.recipe_verdict import bounds, split_axis, verdict
from app_dash.lab.typed_recipe import queue_choices
from solar.time import parse_time

OUTPUTS = (
    ("lab-form", "children"),
    ("lab-contents", "children"),
    ("lab-verdict", "children"),
    ("lab-toml", "children"),
    ("lab-marks", "data"),
    ({"name": "recipe", "type": "lab-input"}, "value"),
    ({"name": "parameters", "type": "lab-input"}, "value"),
)
FOUND = {
    "first_at": "2010-05-01T00:00:00Z",
    "last_at": "2020-05-01T00:00:00Z",
    "features": [{"name": "TOTUSJH"}, {"name": "USFLUX"}],
    "steps": 8,
    "cadence_hours": 0.2,
    "events": [{"event": "M1.0", "events": 3, "none": 9}, {"event": "X1.0", "unknown": 12}],
}
LAYOUT = {"layout": "sharp", "rows": "rows.csv", "flares": "flares.parquet"}


def type_in(
    office: Office,
    edits: Any,
    *,
    by: str = "ann",
    kind: str = "train",
    datasets: tuple[str, ...] = (),
    queue: str = "cpu",
) -> Any:
    """Hand over what was typed, and return the answer by component."""
    given = {
        "lab-edits.data": edits,
        "kind": kind,
        "datasets": list(datasets),
        "queue": queue,
    }
    inputs = [
        {"id": "lab-edits", "property": "data", "value": edits},
        *(
            {"id": {"type": "lab-input", "name": name}, "property": "value", "value": given[name]}
            for name in ("kind", "datasets", "queue")
        ),
    ]
    output = next(key for key in office.app.callback_map if key.startswith("..lab-form.children"))
    body = {
        "output": output,
        "outputs": [{"id": one, "property": name} for one, name in OUTPUTS],
        "inputs": inputs,
        "changedPropIds": ["lab-edits.data"],
    }
    answer = office.browser(by).post("/_dash-update-component", json=body)
    return answer if answer.status_code != 200 else answer.get_json()


def test_a_changed_field_changes_the_toml_and_what_is_wrong_stands_beside_it(
    lab: Lab, office: Office
) -> None:
    edits = {"key": "a", "origin": RECIPE, "base": RECIPE, "redraws": False, "seq": 3}
    typed = edits | {
        "edits": [["/window/steps", "61"], ["/split@rolling-years/embargo_hours", "24"]]
    }

    answer = type_in(office, typed)
    response = answer["response"]
    text = response['{"name":"recipe","type":"lab-input"}']["value"]

    assert "steps = 61" in text
    assert "lab-form" not in response
    told = response["lab-marks"]["data"]
    assert (told["seq"], told["ok"]) == (3, False)
    assert "must be at least 36" in told["errors"]["/split/embargo_hours"]
    assert told["uses"] == {"/split/embargo_hours": "36"}
    assert told["had"]["/window/steps"] == "was left out before"
    assert '"className": "wrong"' in json.dumps(response["lab-toml"])
    assert "1 thing to put right" in json.dumps(response["lab-verdict"])
    assert "36 h needed" in json.dumps(answer["sideUpdate"]["lab-split"])
    assert type_in(office, typed, by="vic").status_code == 403


def test_a_chosen_form_is_drawn_anew_with_what_no_worker_has(lab: Lab, office: Office) -> None:
    lab.worker("train", "estimator:logistic-regression")
    dataset_id = add_dataset(
        lab.engine,
        lab.ids["ann"],
        "rows.csv",
        "flares.parquet",
        name="found",
        breakdown=json.dumps(FOUND),
        layout=json.dumps(LAYOUT),
    )
    edits = {"base": RECIPE, "origin": RECIPE, "edits": [["=/estimator", "gru"]], "seq": 1}

    answer = type_in(office, edits, datasets=(dataset_id,))

    form = json.dumps(answer["response"]["lab-form"])
    for text in (
        "Dropout",
        "gru: no worker has torch",
        "svm: no worker offers it",
        "rows.csv",
        "As found v1 is laid out",
        "HOURS_SINCE_M",
        "Fold 2013",
    ):
        assert text in form, text
    assert len(form) < 200_000
    assert "no worker offers gru" in json.dumps(answer["response"]["lab-verdict"])


def test_the_text_is_the_truth_and_one_that_is_no_toml_has_no_form(
    lab: Lab, office: Office
) -> None:
    comment = "# kept\n" + RECIPE
    own = type_in(office, {"base": comment, "redraws": True, "seq": 1})["response"]
    broken = type_in(office, {"base": "a = \nb = 1", "redraws": True, "seq": 2})["response"]

    assert '{"name":"recipe","type":"lab-input"}' not in own
    assert "# kept" in json.dumps(own["lab-toml"])
    assert "is no TOML" in json.dumps(broken["lab-form"])
    assert broken["lab-marks"]["data"]["ok"] is False
    for odd in ({"edits": [["=/estimator", {"a": [1]}]], "base": RECIPE}, {"base": "x"}, None):
        assert "response" in type_in(office, odd)
    assert type_in(office, {"edits": 5}).status_code == 422


def test_parameters_are_drawn_from_their_schema_and_checked(lab: Lab, office: Office) -> None:
    edits = {"base": RECIPE, "edits": [["parameters/threshold", "3"], ["parameters/most", "50"]]}

    wrong = type_in(office, edits, kind="network")["response"]
    scored = type_in(office, {"base": RECIPE}, kind="evaluate")["response"]

    form = json.dumps(wrong["lab-form"])
    for text in ("Max neighbours", "smallest correlation that joins two; from 0 to 1", "M5.0"):
        assert text in form, text
    assert wrong['{"name":"parameters","type":"lab-input"}']["value"] == (
        '{"threshold": 3.0, "most": 50}'
    )
    assert list(wrong["lab-marks"]["data"]["errors"]) == ["parameters/threshold"]
    assert "Estimator" not in json.dumps(scored["lab-form"])
    assert list(scored["lab-marks"]["data"]["errors"]) == ["parameters/run_id"]


def test_the_form_begins_with_a_data_set_or_with_a_run(lab: Lab, office: Office) -> None:
    dataset_id = add_dataset(
        lab.engine,
        lab.ids["ann"],
        "rows.csv",
        "flares.parquet",
        name="found",
        breakdown=json.dumps(FOUND),
        layout=json.dumps(LAYOUT),
    )
    run = lab.run(recipe=GRU, tags=["gru"])

    new = office.open(f"/lab/new?dataset={dataset_id}&kind=audit", of="ann")
    like = office.open(f"/lab/new?run={run['run_id']}", of="ann")
    values = {"from": f"train {run['run_id']}", "experiment": lab.experiment_id, "kind": "train"}
    values |= {"recipe": GRU.replace("seed = 7", "seed = 8"), "datasets": [lab.dataset_id]}
    made = office.press("lab", "new-run", "draft k", by="ann", pathname="/lab/new", **values)

    begun = ("validate_from = 2016-04-30", 'keywords = [\\"TOTUSJH\\", \\"USFLUX\\"]', "audit")
    # The window is looked at whole, and the embargo is its reach and the horizon.
    whole = ("steps = 8", "embargo_hours = 26", 'events = [\\"M1.0\\"]')
    for text in (*begun, *whole):
        assert text in new.replace("\\\\", "\\"), text
    assert "from train run" in like
    assert message_of(made) == ""
    runs = lab.get("ann", "/runs")["items"]
    parent = lab.get("ann", f"/recipes/{runs[0]['recipe_id']}")["parent"]
    assert parent == run["recipe_id"]


def test_the_form_begins_anew_with_a_ticked_data_set_until_something_is_typed(
    lab: Lab, office: Office
) -> None:
    found = {"breakdown": json.dumps(FOUND), "layout": json.dumps(LAYOUT)}
    dataset_id = add_dataset(lab.engine, lab.ids["ann"], "rows.csv", name="found", **found)
    blank = {"key": "a", "origin": "seed = 1", "base": "seed = 1", "follows": True}

    begun = tick(office, dataset_id, blank)
    typed = tick(office, dataset_id, blank | {"edits": [["/seed", "3"]]})
    pasted = tick(office, dataset_id, blank | {"base": "seed = 2"})
    cloned = tick(office, dataset_id, blank | {"follows": False})
    nothing = tick(office, None, blank)

    assert begun["key"] != "a"
    assert begun["writes"]
    assert begun["base"] == begun["origin"]
    assert tomllib.loads(begun["base"])["keywords"] == ["TOTUSJH", "USFLUX"]
    assert [typed, pasted, cloned, nothing] == [None] * 4
    assert tick(office, dataset_id, begun) is None


def tick(office: Office, dataset_id: str | None, edits: Any) -> Any:
    """Tick a data set, or none, and return what the form begins with; None if it stays."""
    kept, ticked = ({"type": "lab-input", "name": name} for name in ("kept", "datasets"))
    body = {
        "output": "lab-edits.data",
        "outputs": {"id": "lab-edits", "property": "data"},
        "inputs": [
            {"id": kept, "property": "value", "value": None},
            {"id": ticked, "property": "value", "value": [dataset_id] if dataset_id else []},
        ],
        "state": [{"id": "lab-edits", "property": "data", "value": edits}],
        "changedPropIds": ['{"name":"datasets","type":"lab-input"}.value'],
    }
    answer = office.browser("ann").post("/_dash-update-component", json=body)
    return answer.get_json()["response"].get("lab-edits", {"data": None})["data"]


def test_queues_say_which_graphics_processors_there_are() -> None:
    seen = queue_choices(Offers(workers=2, queues=["cpu", "gpu.helios.1"]))
    none = queue_choices(Offers())

    assert seen["gpu.helios.1"] == "gpu 1 of helios"
    assert seen["cpu"] == "processor"
    assert none["gpu"].endswith("no GPU found")
    assert none["cpu"].endswith("no worker is there yet")


def test_the_verdict_and_the_split_say_the_same_in_words_as_in_the_picture() -> None:
    at = parse_time("2014-01-01T00:00:00Z")
    lanes = [
        Lane(name="Final", spans=[Span(part="train", to_at=at), Span(part="test", from_at=at)])
    ]
    made = [Lane(name="Part 0", spans=[Span(part="test", cases=1200)])]
    fault = Fault(path="/seed", message="Input should be less than or equal to 9 <b>")

    drawn = split_axis(Derived(split=lanes, embargo_hours=24, reach_hours=24))

    assert not isinstance(drawn, str)
    assert "train to 2014-01-01, test from 2014-01-01" in json.dumps(
        drawn.to_plotly_json(), default=str
    )
    assert "48 h needed" in words(drawn)
    assert "Part 0: test 1,200" in words(split_axis(Derived(split=made)))
    assert split_axis(None) == ""
    assert bounds([fault]) == {"/seed": "9"}
    assert "seed Input should be" in words(verdict(Check(ok=False, errors=[fault]), queue="cpu"))
    assert "about 2 min" in words(verdict(Check(ok=True, estimate_s=120), queue="gpu"))
