"""Data sets of several people: who sees, changes, lists, deletes and downloads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from dataset_calls import CSV, end_description, zipped
from flask import Flask
from flask.testing import FlaskClient
from tus_client import DATASETS, UPLOADS, VERSION, ask, make, running, send, sign_in
from werkzeug.test import TestResponse

from app.lab import dataset_files
from database.engine import reading, writing
from database.lab.runs import NewRun, add_run, read_run, start_run
from database.people.audit import list_audit
from database.people.principal import OWNER
from database.schema.lab_tables import datasets, runs

MakeApp = Callable[..., Flask]


@pytest.fixture
def people(quick: FlaskClient, clock: Callable[[], object]) -> dict[str, dict[str, str]]:
    store = running(quick).engine
    roles = {"ana": "researcher", "ben": "researcher", "vic": "viewer", "root": "admin"}
    return {name: sign_in(store, name, role, now=clock()) for name, role in roles.items()}


def test_each_sees_what_is_theirs_or_shared_and_changes_only_what_is_theirs(
    quick: FlaskClient, people: dict[str, dict[str, str]]
) -> None:
    dataset = make(quick, "rows", ("rows.csv", CSV), who=people["ana"]).get_json()
    place = f"{DATASETS}/{dataset['dataset_id']}"
    file = f"{place}/files/{dataset['files'][0]['sha256']}"

    def statuses(name: str) -> list[int]:
        who = people[name]
        answers = [
            quick.get(place, headers=who),
            quick.get(f"{place}/breakdown", headers=who),
            quick.get(file, headers=who),
            quick.patch(place, json={"licence": name}, headers=who),
            quick.post(f"{place}/answer", json={"value": "1"}, headers=who),
        ]
        for answer in answers:
            answer.close()
        return [answer.status_code for answer in answers]

    private = {name: statuses(name) for name in people}
    with reading(running(quick).engine) as connection:
        acts = list_audit(connection, object_kinds=["data set"], text="looked", limit=9)
    shared = quick.patch(place, json={"visibility": "shared"}, headers=people["ana"])
    assert shared.status_code == 200
    after = {name: statuses(name) for name in people}

    assert private["ana"] == private["root"] == [200, 200, 200, 200, 409]
    assert {act.actor for act in acts} == {"root"}
    assert private["ben"] == [404] * 5
    assert private["vic"] == [404, 404, 404, 403, 403]
    assert after["ben"] == after["vic"] == [200, 200, 200, 403, 403]
    assert quick.delete(place, headers=people["ben"]).status_code == 403
    listed = quick.get(DATASETS, headers=people["vic"]).get_json()["items"]
    assert [item["owner"]["name"] for item in listed] == ["ana"]
    assert quick.get(f"{DATASETS}?owner=me", headers=people["ben"]).get_json()["items"] == []


def test_somebody_elses_upload_makes_no_data_set(
    quick: FlaskClient, people: dict[str, dict[str, str]]
) -> None:
    upload_id = send(quick, "rows.csv", CSV, people["ana"])

    refused = quick.post(
        DATASETS, json={"name": "x", "upload_ids": [upload_id]}, headers=people["ben"]
    )

    assert refused.status_code == 404
    assert ask(quick, upload_id, people["ana"]).status_code == 200


def test_the_list_is_filtered_and_goes_on_where_it_ended(quick: FlaskClient) -> None:
    made = [make(quick, name, ("rows.csv", CSV)).get_json() for name in ("a", "b_1", "b%", "c")]
    end_description(quick, made[3], dataset={"rows": 1})

    def names(query: str) -> list[str]:
        return [item["name"] for item in quick.get(f"{DATASETS}?{query}").get_json()["items"]]

    first = quick.get(f"{DATASETS}?limit=3").get_json()
    rest = quick.get(f"{DATASETS}?limit=3&cursor={first['next_cursor']}").get_json()
    listed = [item["name"] for page in (first, rest) for item in page["items"]]
    assert sorted(listed) == ["a", "b%", "b_1", "c"]
    assert rest["next_cursor"] is None
    assert (names("text=B_"), names("state=ready"), names("owner=nobody")) == (["b_1"], ["c"], [])
    assert quick.get(f"{DATASETS}?state=odd").status_code == 422


def test_a_data_set_that_runs_name_is_not_deleted(client: FlaskClient) -> None:
    dataset = make(client, "rows", ("rows.csv", CSV)).get_json()
    place, dataset_id = f"{DATASETS}/{dataset['dataset_id']}", dataset["dataset_id"]
    with writing(running(client).engine) as connection:
        run = read_run(connection, dataset["described_by"])
        new = NewRun(run.experiment_id, "train", "cpu", "f", 60, dataset_ids=[dataset_id])
        draft = add_run(connection, OWNER, new, now=run.created_at)
        start_run(connection, OWNER, draft.run_id, now=run.created_at)

    refused = client.delete(place)
    with writing(running(client).engine) as connection:
        connection.execute(runs.update().values(deleted_at=run.created_at))
    deleted = client.delete(place)

    assert refused.status_code == 409
    assert "Data sets #2 (train, queued)" in refused.get_json()["detail"]
    assert deleted.get_json() == {"deleted": dataset_id, "bytes": len(CSV)}
    assert client.get(place).status_code == 404
    with reading(running(client).engine) as connection:
        (row,) = connection.execute(sa.select(datasets.c.deleted_at)).all()
    assert row.deleted_at is not None


@pytest.fixture
def file(quick: FlaskClient) -> Iterator[Callable[[str], TestResponse]]:
    dataset = make(quick, "rows", ("sub/rows.csv", CSV)).get_json()
    (kept,) = dataset["files"]
    answers: list[TestResponse] = []

    def get(wanted: str) -> TestResponse:
        headers = {"Range": wanted} if wanted else {}
        path = f"{DATASETS}/{dataset['dataset_id']}/files/{kept['sha256']}"
        answers.append(quick.get(path, headers=headers))
        return answers[-1]

    yield get
    for answer in answers:
        answer.close()


def test_a_file_comes_whole_or_in_ranges(file: Callable[[str], TestResponse]) -> None:
    wanted = ("", "bytes=0-4", "bytes=6-", "bytes=-5", "bytes=0-9999", "lines=0-1", "bytes=9999-")
    contents = (CSV, CSV[:5], CSV[6:], CSV[-5:], CSV, CSV)

    answers = []
    for one_range in wanted:
        with file(one_range) as answer:
            answers.append((answer.status_code, answer.data, answer.headers))

    assert [status for status, _, _ in answers] == [200, 206, 206, 206, 206, 200, 416]
    for content, (_, data, headers) in zip(contents, answers, strict=False):
        assert (data, headers["Content-Length"]) == (content, str(len(content)))
        assert headers["Content-Disposition"] == "attachment; filename=rows.csv"


def test_downloads_leave_threads_to_forecasting_until_they_are_read(
    file: Callable[[str], TestResponse],
) -> None:
    first, second = file(""), file("")

    refused = file("")
    first.close()

    assert (second.status_code, refused.status_code) == (200, 503)
    assert file("").status_code == 200


def test_an_archive_is_not_unpacked_before_its_directory_was_read(
    quick: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset_files, "MOST_UNPACKED_BYTES", 10)

    refused = make(quick, "set", ("x.zip", zipped(("x.csv", CSV))))

    assert "and at most 10 are read" in refused.get_json()["detail"]
    assert quick.delete(f"{UPLOADS}/x", headers=VERSION).status_code == 404
