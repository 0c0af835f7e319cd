"""Runs as people draft, queue, find, stop and delete them, each seeing what is theirs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import sqlalchemy as sa
from lab_calls import GRU, PEOPLE, RECIPE, Lab, add_dataset

from database.engine import reading, store_time, writing
from database.lab.attempts import Report, report_run
from database.lab.streams import Piece
from database.people.principal import PROGRAM
from database.schema.lab_tables import recipes, runs, workers

TRAIN = ("train", "evaluate", "estimator:logistic-regression")
UNKNOWN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


def count(lab: Lab, table: sa.Table) -> int:
    with reading(lab.engine) as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def test_a_draft_becomes_a_run_in_the_line(lab: Lab) -> None:
    lab.worker(*TRAIN)
    run = lab.run(note="first try", tags=["day-end"])

    queued = lab.post("ann", f"/runs/{run['run_id']}/start")

    assert (run["state"], run["number"], run["name"]) == ("draft", 1, "small")
    assert run["actions"] == ["start", "clone", "change", "delete"]
    assert (run["note"], run["tags"]) == ("first try", ["day-end"])
    assert run["needs"] == ["train", "estimator:logistic-regression"]
    assert (queued["state"], queued["position"], queued["reason"]) == ("queued", 1, None)
    assert queued["owner"] == {"id": lab.ids["ann"], "name": "Ann"}
    assert queued["actions"] == ["stop", "clone", "change"]
    (waiting,) = lab.get("ben", "/line")["items"]
    assert waiting["owner"]["name"] == "Ann"
    assert (waiting["run_id"], waiting["name"], waiting["kind"]) == (None, None, "train")


def test_two_clicks_are_one_run(lab: Lab) -> None:
    lab.worker(*TRAIN)
    headers = {"Idempotency-Key": "click 1"}

    def click(_: int) -> tuple[str, str]:
        run = lab.post("ann", "/runs", lab.body(start=True), headers={"Idempotency-Key": "click 1"})
        return run["run_id"], run["state"]

    with ThreadPoolExecutor(2) as pool:
        answers = set(pool.map(click, range(2)))
    again = lab.post("ann", "/runs", lab.body(start=True), headers=headers)
    other = lab.post("ann", "/runs", lab.body(start=True), headers={"Idempotency-Key": "click 2"})

    assert answers == {(again["run_id"], "queued")}
    assert other["run_id"] != again["run_id"]
    assert other["same_as"] == [again["run_id"]]
    assert (count(lab, runs), count(lab, recipes)) == (2, 2)
    started = lab.post("ann", f"/runs/{again['run_id']}/start")
    assert (started["state"], started["queued_at"]) == ("queued", again["queued_at"])


def test_a_recipe_that_cannot_be_used_stores_nothing(lab: Lab) -> None:
    body = lab.body(recipe=RECIPE.replace('"rows.csv"', '"../rows.csv"'), start=True)

    answer = lab.call("ann", "POST", "/runs", json=body)

    assert answer.status_code == 422
    (fault,) = answer.get_json()["errors"]
    assert fault["path"] == "/data/rows"
    assert "leads out of the data set" in fault["message"]
    assert (count(lab, runs), count(lab, recipes)) == (0, 0)


def test_a_file_that_the_data_set_lacks_is_named_before_the_run(lab_sqlite: Lab) -> None:
    lab = lab_sqlite
    second = add_dataset(lab.engine, lab.ids["ann"], "flares.parquet", name="flares")
    both = lab.body(dataset_ids=[lab.dataset_id, second])

    answer = lab.call("ann", "POST", "/runs", json=both)
    named = RECIPE.replace('"rows.csv"', '"daily/rows.csv"').replace(
        '"flares.parquet"', '"flares/flares.parquet"'
    )

    assert [fault["path"] for fault in answer.get_json()["errors"]] == [
        "/data/rows",
        "/data/flares",
    ]
    assert "daily/rows.csv" in answer.get_json()["errors"][0]["message"]
    assert lab.run(dataset_ids=both["dataset_ids"], recipe=named)["state"] == "draft"


def test_a_run_that_no_worker_can_do_says_what_it_waits_for(lab: Lab) -> None:
    waits = lab.run(recipe=GRU, start=True)
    assert waits["reason"].startswith("no worker for cpu is there; start one")

    lab.worker(*TRAIN)
    shown = lab.get("ann", f"/runs/{waits['run_id']}")

    assert (shown["state"], shown["position"]) == ("queued", 1)
    assert shown["reason"].startswith("no worker offers gru:")
    (placed,) = lab.get("ann", "/line")["items"]
    assert placed["waits_for"] == shown["reason"]


def test_a_run_that_asks_for_a_gpu_which_is_not_there_stays_a_draft(lab: Lab) -> None:
    lab.worker(*TRAIN)

    answer = lab.call("ann", "POST", "/runs", json=lab.body(queue="gpu", start=True))

    assert answer.status_code == 409
    assert "no worker has gpu; start one with --gpu" in answer.get_json()["detail"]
    (draft,) = lab.get("ann", "/runs")["items"]
    assert draft["state"] == "draft"
    lab.worker("train", "estimator:logistic-regression", queue="gpu.a.0")
    assert lab.post("ann", f"/runs/{draft['run_id']}/start")["state"] == "queued"
    with writing(lab.engine) as connection:
        an_hour_ago = store_time(connection) - timedelta(hours=1)
        connection.execute(workers.update().values(last_seen_at=an_hour_ago))
    waits_for = lab.get("ann", f"/runs/{draft['run_id']}")["reason"]
    assert waits_for.startswith("waits for gpu.a.0 of a, away since")


def test_what_has_ended_is_not_stopped_and_what_succeeded_is_scored(lab: Lab) -> None:
    worker = lab.worker(*TRAIN)
    run = lab.run(start=True)
    lab.claimed(run["run_id"], worker)
    lab.ended(run["run_id"], "succeeded")

    stopped = lab.call("ann", "POST", f"/runs/{run['run_id']}/stop")
    scored = lab.post(
        "ann",
        "/runs",
        {
            "experiment_id": lab.experiment_id,
            "kind": "evaluate",
            "parameters": {"run_id": run["run_id"]},
        },
    )

    assert stopped.status_code == 409
    assert "the run is succeeded" in stopped.get_json()["detail"]
    assert scored["parameters"] == {"run_id": run["run_id"], "on": "test"}
    assert (scored["recipe_id"], scored["datasets"]) == (run["recipe_id"], [lab.dataset_id])
    assert scored["needs"] == ["evaluate"]
    (attempt,) = lab.get("ann", f"/runs/{run['run_id']}/history")["attempts"]
    assert (attempt["outcome"], attempt["host"]) == ("succeeded", "a")
    body = lab.body(kind="evaluate", parameters={"run_id": scored["run_id"]})
    assert "no model to score" in lab.call("ann", "POST", "/runs", json=body).get_json()["detail"]


def test_what_is_private_does_not_exist_for_others_and_what_is_shared_is_only_read(
    lab: Lab,
) -> None:
    run_id = lab.run()["run_id"]
    ways = [
        ("GET", ""),
        ("GET", "/log"),
        ("GET", "/history"),
        ("GET", "/outputs"),
        ("GET", "/outputs.zip"),
        ("GET", "/outputs/report.html"),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/start"),
        ("POST", "/stop"),
        ("POST", "/restart"),
        ("POST", "/clone"),
    ]

    def answers(run_id: str) -> list[tuple[int, bytes]]:
        found = [
            lab.call("ben", method, f"/runs/{run_id}{path}", json={"note": "mine"})
            for method, path in ways
        ]
        return [(answer.status_code, answer.data) for answer in found]

    assert answers(run_id) == answers(UNKNOWN)
    assert {status for status, _ in answers(run_id)} == {404}
    assert lab.get("ben", "/runs")["items"] == []

    lab.call("ann", "PATCH", f"/runs/{run_id}", json={"visibility": "shared"})
    (shared,) = lab.get("vic", "/runs")["items"]
    refused = [
        lab.call("ben", *way, json={"note": "x"}).status_code
        for way in (
            ("PATCH", f"/runs/{run_id}"),
            ("DELETE", f"/runs/{run_id}"),
            ("POST", f"/runs/{run_id}/start"),
        )
    ]

    assert (shared["run_id"], shared["actions"]) == (run_id, [])
    assert refused == [403] * 3
    assert RECIPE in lab.get("ben", f"/recipes/{shared['recipe_id']}")["document"]


def test_an_operator_stops_a_private_run_and_sees_little_of_it(lab: Lab) -> None:
    worker = lab.worker(*TRAIN)
    run = lab.run(start=True, note="secret", tags=["secret"])
    lab.claimed(run["run_id"], worker)

    (slot,) = lab.get("olga", "/workers")["items"][0]["runs"]
    hidden = lab.call("olga", "GET", f"/runs/{run['run_id']}").status_code
    stopped = lab.post("olga", f"/runs/{run['run_id']}/stop")

    assert (slot["run_id"], slot["owner"]["name"], slot["name"]) == (run["run_id"], "Ann", None)
    assert slot["actions"] == ["stop"]
    assert hidden == 404
    assert stopped["stop_asked_at"] is not None
    assert "secret" not in str(stopped)
    assert lab.get("vic", "/workers")["items"][0]["runs"][0]["run_id"] is None
    assert lab.call("ann", "POST", f"/workers/{worker}/drain").status_code == 403
    assert lab.post("olga", f"/workers/{worker}/drain")["state"] == "draining"


def test_an_admin_sees_what_is_private_and_each_look_is_in_the_audit(lab_sqlite: Lab) -> None:
    run = lab_sqlite.run()
    for _ in range(2):
        lab_sqlite.get("ada", f"/runs/{run['run_id']}")
        lab_sqlite.get("ada", f"/recipes/{run['recipe_id']}")
        lab_sqlite.get("ada", f"/experiments/{lab_sqlite.experiment_id}")

    acts = lab_sqlite.get("ann", f"/runs/{run['run_id']}/history")["audit"]
    looks = lab_sqlite.client.get(
        "/api/v1/audit?text=looked", headers={"Authorization": f"Bearer {lab_sqlite.tokens['ada']}"}
    ).get_json()["items"]

    assert [(act["actor"], act["action"]) for act in acts] == [
        ("Ada", "looked at"),
        ("Ann", "created"),
    ]
    assert {look["object_kind"] for look in looks} == {"run", "recipe", "experiment"}
    assert len(looks) == 3


def test_a_clone_is_like_its_run_but_for_what_changes(lab: Lab) -> None:
    run = lab.run(note="first")
    theirs = lab.post("ben", "/experiments", {"name": "mine"})["experiment_id"]

    clone = lab.post("ann", f"/runs/{run['run_id']}/clone", {"recipe": GRU, "note": "second"})
    lab.call("ann", "PATCH", f"/runs/{run['run_id']}", json={"visibility": "shared"})
    foreign = {"experiment_id": theirs}
    without_data = lab.call("ben", "POST", f"/runs/{run['run_id']}/clone", json=foreign)

    assert (clone["number"], clone["note"], clone["datasets"]) == (2, "second", run["datasets"])
    assert clone["needs"] == ["train", "estimator:gru"]
    assert lab.get("ann", f"/recipes/{clone['recipe_id']}")["parent"] == run["recipe_id"]
    assert clone["fingerprint"] != run["fingerprint"]
    # The data set of the run is still private.
    assert "no such data set" in without_data.get_json()["detail"]


def test_many_runs_at_once_and_one_that_cannot_holds_up_no_other(lab: Lab) -> None:
    lab.worker(*TRAIN)
    ids = [lab.run()["run_id"] for _ in range(2)]

    started = lab.post("ann", "/runs/bulk", {"ids": [*ids, UNKNOWN, "x"], "action": "start"})
    deleted = lab.post("ann", "/runs/bulk", {"ids": ids[:1], "action": "delete"})
    stopped = lab.post("olga", "/runs/bulk", {"ids": ids, "action": "stop"})

    assert [item["state"] for item in started["items"]] == ["queued", "queued", None, None]
    assert started["items"][2]["error"] == "there is no such run"
    assert deleted["items"][0]["error"] == "the run is queued; stop it first"
    assert [item["state"] for item in stopped["items"]] == ["cancelled"] * 2


def test_a_list_is_filtered_and_goes_on_where_it_ended(lab: Lab) -> None:
    lab.worker(*TRAIN)
    made = [lab.run(tags=["a"] if i % 2 else ["b"], note=f"try {i}")["run_id"] for i in range(5)]
    lab.post("ann", f"/runs/{made[4]}/start")

    def ids(query: str) -> list[str]:
        return [item["run_id"] for item in lab.get("ann", f"/runs?{query}")["items"]]

    first = lab.get("ann", "/runs?limit=3")
    second = lab.get("ann", f"/runs?limit=3&cursor={first['next_cursor']}")

    listed = [item["run_id"] for answer in (first, second) for item in answer["items"]]
    assert sorted(listed) == sorted(made)
    assert listed == sorted(listed, reverse=True)
    assert second["next_cursor"] is None
    assert ids("state=queued,running") == [made[4]]
    assert set(ids("tag=a")) == {made[1], made[3]}
    assert ids("text=TRY+3") == [made[3]]
    assert set(ids(f"owner=me&kind=train&experiment={lab.experiment_id}")) == set(made)
    assert ids(f"owner={lab.ids['ben']}") == ids("tag=%25") == []


def test_a_log_goes_on_from_any_byte_and_cuts_no_character(lab: Lab) -> None:
    worker = lab.worker(*TRAIN)
    run_id = lab.run(start=True)["run_id"]
    empty = lab.call("ann", "GET", f"/runs/{run_id}/log")
    lab.claimed(run_id, worker)
    text = ("a" + "ü" * 2**14 + "\n").encode()
    with writing(lab.engine) as connection:
        now = store_time(connection)
        for i in range(3):
            report = Report(1, Piece(i * len(text), text), Piece(0, b""))
            report_run(connection, PROGRAM, run_id, report, lease=now - now, now=now)

    read, offset, states = b"", 0, set()
    while piece := (answer := lab.call("ann", "GET", f"/runs/{run_id}/log?from={offset}")).data:
        piece.decode()
        read, offset = read + piece, int(answer.headers["X-Next-Offset"])
        states.add((answer.headers["X-State"], answer.headers["X-Attempt"]))

    assert (empty.data, empty.headers["X-Attempt"]) == (b"", "0")
    assert read == text * 3
    assert states == {("running", "1")}
    assert answer.mimetype == "text/plain"


def test_names_are_text_or_refused(lab_sqlite: Lab) -> None:
    lab = lab_sqlite
    kept = lab.post("ann", "/experiments", {"name": "<script>alert(1)</script>"})

    refused = [
        lab.call("ann", "POST", "/experiments", json={"name": name})
        for name in (
            "a" * 10**5,
            "nul\0",
            "gpj.\u202eexe",
            "bell\a",
            "two\nlines",
            "",
        )
    ]
    note = lab.run(note="two\nlines: \U0001f31e")["note"]
    tags = lab.call("ann", "POST", "/runs", json=lab.body(tags=["\U0001f31e" * 40] * 10))

    assert kept["name"] == "<script>alert(1)</script>"
    assert [answer.status_code for answer in refused] == [422] * len(refused)
    assert "U+202E" in refused[2].get_json()["errors"][0]["message"]
    assert note == "two\nlines: \U0001f31e"
    assert tags.status_code == 422


def test_a_closed_lab_says_so_to_everybody(lab_sqlite: Lab, make_app: object) -> None:
    lab = lab_sqlite
    closed = make_app(lab.engine, lab="off").test_client()  # type: ignore[operator]

    answers = [
        closed.get(path, headers={"Authorization": f"Bearer {lab.tokens[name]}"})
        for path in ("/api/v1/lab/runs", "/api/v1/lab/experiments", "/api/v1/lab/nothing")
        for name in PEOPLE
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert "FLARE_LAB is off" in answers[0].get_json()["detail"]
