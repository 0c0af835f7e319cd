"""The pages of the Lab: the home, and a run with its tabs, as each person sees them."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from component_tree import words
from dash import html
from lab_calls import RECIPE, Lab
from office import Office, message_of, serving_api
from ports import free_port
from werkzeug.test import TestResponse

from app_dash.api_client import Api
from app_dash.create_app import pages_of
from app_dash.frame import routing
from app_dash.settings import DashSettings
from database.engine import store_time, writing
from database.lab.attempts import Report, report_run
from database.lab.streams import Piece
from database.people.principal import PROGRAM

OFFERS = ("train", "estimator:logistic-regression")
EVENTS = b"".join(
    json.dumps(
        {
            "place": "fold 2012/M1.0",
            "event": "epoch",
            "step": step,
            "of": 3,
            "eta_seconds": 1.0,
            "loss": 1 / step,
        }
    ).encode()
    + b"\n"
    for step in (1, 2, 3)
)


def running(lab: Lab, *, who: str = "ann", **changes: Any) -> str:
    """Have a run that a worker executes, and return its id."""
    run_id: str = lab.run(who, start=True, **changes)["run_id"]
    lab.claimed(run_id, lab.worker(*OFFERS))
    return run_id


def tell(lab: Lab, run_id: str, *, log: bytes = b"", events: bytes = b"", **more: Any) -> None:
    """Have the job of a run report."""
    with writing(lab.engine) as connection:
        now = store_time(connection)
        said = Report(1, Piece(0, log), Piece(0, events), **more)
        report_run(connection, PROGRAM, run_id, said, lease=now - now, now=now)


def refreshed(office: Office, path: str, *, of: str, drawn: Any = None) -> Any:
    """Have the open page of an address ask for what is new; return the answer by kind of part."""
    (output,) = (key for key in office.app.callback_map if '"lab-live"' in key)

    def part(kind: str, prop: str, **more: Any) -> dict[str, Any]:
        return {"id": {"at": path, "type": kind}, "property": prop, **more}

    names = ("lab-live.children", "lab-drawn.data", "lab-note.children", "lab-tick.interval")
    known = drawn or {"marks": [], "states": {}}
    body = {
        "output": output,
        "outputs": [part(*name.split(".")) for name in names],
        "inputs": [part("lab-tick", "n_intervals", value=1)],
        "state": [
            {"id": "theme", "property": "data", "value": "light"},
            part("lab-drawn", "data", value=known),
            # No input stands on the page.
            [],
        ],
        "changedPropIds": [json.dumps({"at": path, "type": "lab-tick"}) + ".n_intervals"],
    }
    answer = office.browser(of).post("/_dash-update-component", json=body)
    assert answer.status_code == 200, answer.text
    content = answer.get_json()
    parts = content.get("response", {}).items()
    return {json.loads(name)["type"]: props for name, props in parts} | {
        "said": content.get("sideUpdate")
    }


def test_the_home_shows_my_runs_the_line_and_the_slots(lab: Lab, office: Office) -> None:
    live = running(lab)
    tell(lab, live, progress=0.5, doing="fold 2012", eta_s=120.0)
    failed = running(lab)
    lab.ended(failed, "failed")
    lab.run(start=True)

    mine, others = (office.open("/lab", of=name) for name in ("ann", "ben"))

    for text in ("Asks for you", "Under way", "fold 2012", "2 min left", "Waiting", "Slots"):
        assert text in mine, text
    assert "run-state running" in mine
    assert "run-state failed" in mine
    assert "None of your runs is under way." in others
    # Ben sees that Ann waits and for what kind of work, not which run it is.
    assert "Ann" in others
    assert live not in others


def test_an_empty_lab_says_how_to_begin(lab: Lab, office: Office) -> None:
    page = office.open("/lab", of="ann")

    assert "None of your runs is under way." in page
    assert "Nobody waits." in page
    assert "No worker is there, so queued runs wait." in page
    assert "New run" in page
    assert "Look around" in page
    assert "make demo LAB=1" in page
    assert "New run" not in office.open("/lab", of="vic")
    lab.worker("train")
    page = office.open("/lab", of="ann")
    assert "make demo LAB=1" not in page
    assert "Look around" in page
    assert "Nobody waits: a run starts at once." in page
    running(lab)
    assert "Look around" not in office.open("/lab", of="ann")


def test_a_run_shows_what_it_does_its_steps_and_its_curves(lab: Lab, office: Office) -> None:
    run_id = running(lab)
    tell(lab, run_id, events=EVENTS + b'{"cut off', log=b"begin\n", progress=0.4)

    progress = office.open(f"/lab/runs/{run_id}", of="ann")
    recipe, log, outputs, history = (
        office.open(f"/lab/runs/{run_id}?tab={tab}", of="ann")
        for tab in ("recipe", "log", "outputs", "history")
    )

    assert "Training loss" in progress
    assert "fold 2012 · M1.0" in progress
    assert "logistic-regression" in recipe
    assert f'"data-run": "{run_id}"' in log
    assert "This run has made no files yet." in outputs
    assert "Ann" in history


def test_a_run_shows_its_machine_and_what_its_recipe_differs_in(lab: Lab, office: Office) -> None:
    run_id = running(lab)
    nothing = office.open(f"/lab/runs/{run_id}?tab=machine", of="ann")
    told = {"event": "machine", "place": ""}
    samples = [
        told | {"at": f"2026-11-30T08:00:{10 * i:02}Z", "cpu_s": 5.0 * i, "rss": 2_000_000_000}
        for i in range(3)
    ]
    lines = b"".join(json.dumps(one).encode() + b"\n" for one in samples)
    tell(lab, run_id, events=lines)
    other = {"recipe": RECIPE.replace("seed = 7", "seed = 8")}
    clone = lab.post("ann", f"/runs/{run_id}/clone", other)["run_id"]

    machine = office.open(f"/lab/runs/{run_id}?tab=machine", of="ann")
    first, changed = (
        office.open(f"/lab/runs/{one}?tab=recipe", of="ann") for one in (run_id, clone)
    )

    assert "Nothing yet" in nothing
    for text in (
        "cores by minute, at the end 0.500",
        "GB by minute, at the end 2.000",
        "none: the",
    ):
        assert text in machine, text
    assert "7 → 8" in changed
    assert "What differs" not in first


def test_buttons_exist_only_where_the_api_allows_them(lab: Lab, office: Office) -> None:
    run_id = running(lab)
    lab.call("ann", "PATCH", f"/runs/{run_id}", json={"visibility": "shared"})
    names = ("ann", "ben", "vic", "olga")

    pages = {name: office.open(f"/lab/runs/{run_id}", of=name) for name in names}

    offered = {
        name: [verb for verb in ("Stop", "Clone", "Restart") if f'"{verb} small' in page]
        for name, page in pages.items()
    }
    assert offered == {"ann": ["Stop", "Clone"], "ben": ["Clone"], "vic": [], "olga": ["Stop"]}


def test_a_run_of_somebody_else_is_like_none(lab: Lab, office: Office) -> None:
    run_id = running(lab)

    foreign, none = (office.open(f"/lab/runs/{one}", of="ben") for one in (run_id, "X" * 26))

    assert "or it is not shared with you" in foreign
    without_time = re.compile(r'"now": "[^"]*"')
    assert without_time.sub("", foreign.replace(run_id, "X" * 26)) == without_time.sub("", none)


def test_a_run_is_started_stopped_restarted_cloned_and_deleted(lab: Lab, office: Office) -> None:
    run_id = lab.run()["run_id"]
    there = f"/lab/runs/{run_id}"

    def press(action: str, **values: Any) -> TestResponse:
        return office.press("lab", action, run_id, by="ann", pathname=there, **values)

    started = press("start")
    stopped = press("stop")
    twice = press("stop")
    noted = press("note", note="a <b>note", tags="gru, day-end")
    cloned = press("clone")
    deleted = press("delete")

    assert [message_of(one) for one in (started, stopped, noted, cloned, deleted)] == [""] * 5
    assert "pill queued" in started.text
    # The page of a draft asks seldom; now something goes on.
    assert started.get_json()["sideUpdate"][f'{{"at":"{there}","type":"lab-tick"}}'] == {
        "interval": 2_000
    }
    assert "pill cancelled" in stopped.text
    assert "cancelled" in message_of(twice)
    assert "a <b>note" in json.dumps(noted.get_json())
    assert cloned.get_json()["sideUpdate"]["url"]["pathname"] != there
    assert deleted.get_json()["sideUpdate"]["url"] == {"pathname": "/lab/runs", "search": ""}
    assert message_of(press("start")) != ""
    assert message_of(office.press("lab", "no-such-action", by="ann", pathname="/lab")) != ""


def test_an_open_page_gets_what_has_changed_and_says_a_state_once(lab: Lab, office: Office) -> None:
    run_id = running(lab)
    there = f"/lab/runs/{run_id}"
    first = refreshed(office, there, of="ann")
    drawn = first["lab-drawn"]["data"]
    again = refreshed(office, there, of="ann", drawn=drawn)
    lab.ended(run_id, "succeeded")
    ended = refreshed(office, there, of="ann", drawn=drawn)

    assert set(again) <= {"lab-note", "lab-tick", "said"}
    assert "small, run 1: Succeeded" in json.dumps(ended["said"])
    assert ended["lab-tick"]["interval"] > first["lab-tick"]["interval"]
    lab.call("ann", "DELETE", there.removeprefix("/lab"))
    gone = refreshed(office, there, of="ann", drawn=drawn)
    assert "There is no such run" in json.dumps(gone["lab-live"])
    assert refreshed(office, "/lab/new", of="ann").keys() == {"lab-note", "lab-tick", "said"}


def test_the_log_and_the_outputs_pass_through_as_they_are(lab: Lab, office: Office) -> None:
    run_id = running(lab)
    text = "begin ☀\n" * 3
    tell(lab, run_id, log=text.encode())
    browser = office.browser("ann")

    first = browser.get(f"/lab/log?run={run_id}&attempt=1&from=0")
    rest = browser.get(f"/lab/log?run={run_id}&from=6")
    file = browser.get(f"/lab/log?run={run_id}&attempt=1&download=1")

    assert first.get_data(as_text=True) == text == file.get_data(as_text=True)
    assert rest.get_data() == text.encode()[6:]
    assert int(first.headers["X-Next-Offset"]) == len(text.encode())
    assert first.headers["X-State"] == "running"
    assert file.headers["Content-Disposition"].startswith("attachment")
    assert browser.get(f"/lab/outputs/{run_id}/model.onnx").status_code == 404
    assert browser.get(f"/lab/log?run={run_id}&from=x").status_code == 422
    assert office.browser("ben").get(f"/lab/log?run={run_id}&from=0").status_code == 404
    assert office.browser().get(f"/lab/log?run={run_id}").status_code == 303


def test_an_operator_drains_a_worker_and_nobody_else(lab: Lab, office: Office) -> None:
    worker_id = lab.worker(*OFFERS)

    refused = office.press("lab", "drain", worker_id, by="ann")
    done = office.press("lab", "drain", worker_id, by="olga")

    assert message_of(refused) != ""
    assert message_of(done) == ""
    assert "run-state draining" in done.text


def test_a_lab_that_is_off_is_not_in_the_navigation_and_its_page_says_so(
    engine_sqlite: sa.Engine,
) -> None:
    settings = DashSettings(_env_file=None, lab="off")
    view = routing.read_context(engine_sqlite, settings=settings, theme=None)

    frame = routing.draw_frame(view, pages_of(settings), pathname="/lab", search="")

    assert "FLARE_LAB is off" in words(frame["page"])
    assert "Lab" not in words(html.Div(frame["navigation"]))
    assert "Lab" in words(html.Div(frame["title"]))


def test_an_api_without_a_lab_is_said_on_each_page_of_it(office: Office) -> None:
    with serving_api(office.engine, lab="off") as address:
        old = Office(office.engine, address)
        old.add("zoe", "researcher")
        pages = [old.open(path, of="zoe") for path in ("/lab", "/lab/runs", "/lab/new")]

    assert all("The API has no Lab" in page for page in pages)


@pytest.mark.parametrize("search", ["?tab=nothing", "?attempt=-1"])
def test_a_tab_that_does_not_exist_opens_the_first(lab: Lab, office: Office, search: str) -> None:
    run_id = lab.run()["run_id"]

    assert "A draft: it starts when you say so." in office.open(
        f"/lab/runs/{run_id}{search}", of="ann"
    )


def test_while_the_api_is_away_the_page_keeps_what_it_shows(lab: Lab, office: Office) -> None:
    closed = f"http://127.0.0.1:{free_port()}"
    away = Office(office.engine, closed)
    away.admit("ann", lab.tokens["ann"])

    first = away.open("/lab", of="ann")
    later = refreshed(away, "/lab", of="ann")

    assert "cannot be reached" in first
    assert "cannot be reached" in later["lab-note"]["children"]
    assert "lab-live" not in later


def test_a_moment_in_which_the_api_leaves_no_thread_to_the_lab_is_waited_for(
    lab: Lab, office: Office
) -> None:
    api = Api(office.settings.api_url, token=lab.tokens["ann"])

    with ThreadPoolExecutor(16) as askers:
        answers = list(askers.map(lambda _: api.get("/api/v1/lab/runs", {}), range(48)))

    assert {answer.status_code for answer in answers} == {200}
