"""Data sets: made of uploads, refused when they can do harm, and looked into by a run."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import pickle
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from dataset_calls import CSV, end_description, one, zipped
from flask import Flask
from flask.testing import FlaskClient
from tus_client import DATASETS, ask, begin, make, running, send

from database.engine import reading
from database.lab.runs import read_run
from database.people.audit import list_audit
from database.schema.lab_tables import experiments
from database.schema.lab_tables import uploads as upload_rows

MakeApp = Callable[..., Flask]


def arrays(**named: Any) -> bytes:
    packed = io.BytesIO()
    np.savez(packed, **named)
    return packed.getvalue()


def test_a_data_set_is_made_of_uploads_and_a_run_is_queued_that_looks_into_it(
    client: FlaskClient,
) -> None:
    made = make(client, "Rows of 2014", ("rows.csv", CSV), ("flares/flares.csv", b"start\n"))
    again = make(client, "Rows of 2014", ("rows.csv", CSV))

    dataset = made.get_json()
    assert made.status_code == 200, made.text
    assert (dataset["version"], again.get_json()["version"]) == (1, 2)
    assert (dataset["state"], dataset["described_state"]) == ("checking", "queued")
    assert dataset["owner"] == {"id": "local local", "name": "local"}
    assert dataset["files"][0] == {
        "name": "rows.csv",
        "sha256": hashlib.sha256(CSV).hexdigest(),
        "bytes": len(CSV),
    }
    assert one(client, dataset["dataset_id"]) == dataset
    with reading(running(client).engine) as connection:
        run = read_run(connection, dataset["described_by"])
        (experiment,) = connection.execute(sa.select(experiments)).all()
        states = connection.execute(sa.select(upload_rows.c.state)).scalars().all()
        acts = [act.action for act in list_audit(connection, object_kinds=["data set"], limit=9)]
    assert (run.kind, run.needs, run.queue) == ("describe", ["describe"], "cpu")
    assert (run.dataset_ids, run.experiment_id) == ([dataset["dataset_id"]], experiment[0])
    assert (experiment.name, set(states), acts) == ("Data sets", {"consumed"}, ["created"] * 2)
    assert running(client).file_store.arriving() == []


def test_one_upload_becomes_one_data_set_however_often_that_is_asked(client: FlaskClient) -> None:
    upload_id = send(client, "rows.csv", CSV)
    asked = {"name": "rows", "upload_ids": [upload_id]}

    answers = [client.post(DATASETS, json=asked) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 404]
    assert len(client.get(DATASETS).get_json()["items"]) == 1


def test_a_request_that_broke_off_after_the_file_was_kept_can_be_sent_again(
    client: FlaskClient,
) -> None:
    upload_id = send(client, "rows.csv", CSV)
    store = running(client).file_store
    store.bring(f"upload-{upload_id}", hashlib.sha256(CSV).hexdigest())

    made = client.post(DATASETS, json={"name": "rows", "upload_ids": [upload_id]})

    assert made.status_code == 200, made.text


def test_an_upload_that_is_not_whole_is_no_data_set_yet(quick: FlaskClient) -> None:
    upload_id = begin(quick, "rows.csv", 10).get_json()["upload_id"]

    refused = quick.post(DATASETS, json={"name": "rows", "upload_ids": [upload_id]})

    assert refused.status_code == 409
    assert "0 of 10 bytes of rows.csv are here" in refused.get_json()["detail"]


class Dangerous:
    """What writes to the file that would show it was read."""

    def __reduce__(self) -> Any:
        return (os.mkdir, ("was-read",))


HDF5 = b"\x89HDF\r\n\x1a\n" + bytes(100)
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF"


HARMFUL: dict[str, tuple[bytes, str]] = {
    **{f"p{n}.csv": (pickle.dumps(Dangerous(), n), "pd.read_pickle") for n in range(6)},
    "list.csv": (pickle.dumps([[0.5] * 9], 0), "pd.read_pickle"),
    "packed.csv.gz": (gzip.compress(pickle.dumps([1.0] * 99)), "is a pickle"),
    "store.parquet": (HDF5, "pd.read_hdf"),
    "x.npy": (b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order'", "allow_pickle=True"),
    "x.npz": (arrays(X=np.array([{}], object)), "allow_pickle=True"),
    "photo.csv": (JPEG, "send parquet, CSV or TSV in UTF-8"),
    "wide.csv": ("a,b".encode("utf-16"), "UTF-8"),
    "rows.csv.gz": (b"\x1f\x8b\x08\x00" + bytes(20), "damaged"),
}


def test_what_can_run_code_or_is_not_read_is_refused_with_the_way_out(quick: FlaskClient) -> None:
    answers = {name: make(quick, "set", (name, HARMFUL[name][0])) for name in HARMFUL}

    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(
        HARMFUL, 422
    )
    details = {name: answer.get_json()["detail"] for name, answer in answers.items()}
    assert [d for name, d in details.items() if HARMFUL[name][1] not in d] == []
    assert quick.get(DATASETS).get_json()["items"] == []
    assert not Path("was-read").exists()


def test_text_is_taken_for_text(quick: FlaskClient) -> None:
    texts = (b"a.b\n1.5,2.", b"2014-03-01,5.", b"(x) 1.", "größe\n1\n".encode("latin-1"))

    assert [make(quick, "set", ("rows.csv", text)).status_code for text in texts] == [200] * 4


def test_an_archive_becomes_the_files_in_it_and_arrays_stay_one_file(client: FlaskClient) -> None:
    swan = zipped(
        ("partition1/FL/M1.0@265:Primary_ar115.csv", CSV),
        ("partition1/NF/FQ_ar116.csv", CSV + CSV),
        ("__MACOSX/._x", b"\0"),
    )

    made = make(client, "swan", ("swan.zip", swan)).get_json()
    windows = make(client, "windows", ("w.npz", arrays(X=np.zeros(3)))).get_json()

    assert [(file["name"], file["bytes"]) for file in made["files"]] == [
        ("partition1/FL/M1.0@265:Primary_ar115.csv", len(CSV)),
        ("partition1/NF/FQ_ar116.csv", 2 * len(CSV)),
    ]
    assert [file["name"] for file in windows["files"]] == ["w.npz"]
    path = f"{DATASETS}/{made['dataset_id']}/files/{made['files'][1]['sha256']}"
    with client.get(path) as got:
        assert got.data == CSV + CSV
    assert running(client).file_store.arriving() == []


def link() -> zipfile.ZipInfo:
    member = zipfile.ZipInfo("passwd.csv")
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    return member


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "bomb": (lambda: zipped(("x.csv", bytes(70 << 20))), "200 times its size"),
    "many": (lambda: zipped(*((f"{i}.csv", b"1") for i in range(1_001))), "1,001 members"),
    "crowd": (lambda: zipped(*((f"{i:050}", b"") for i in range(11_000))), "more than 1,000"),
    "parent": (lambda: zipped(("../x.csv", CSV)), "leads out of the archive"),
    "absolute": (lambda: zipped(("/etc/x.csv", CSV)), "leads out of the archive"),
    "link": (lambda: zipped((link(), b"/etc/passwd")), "has a link"),
    "nested": (lambda: zipped(("x.zip", zipped(("x.csv", CSV)))), "has an archive in it"),
    "disguised": (lambda: zipped(("x.csv", zipped(("x.csv", CSV)))), "has an archive in it"),
    "pickle": (lambda: zipped(("x.csv", pickle.dumps([1]))), "can run code"),
    "method": (lambda: zipped(("x.csv", CSV), method=zipfile.ZIP_LZMA), "unusual way"),
    "damaged": (lambda: zipped(("x.csv", os.urandom(999)))[:-60], "damaged"),
    "flipped": (lambda: zipped(("x.csv", CSV), method=0).replace(b"harp", b"hard"), "damaged"),
    "empty": (lambda: zipped(("a/", b"")), "has 0 files"),
    "clash": (lambda: zipped(("a", CSV), ("a/b.csv", CSV)), "two files"),
}


def test_an_archive_that_may_do_harm_is_refused_from_its_directory(quick: FlaskClient) -> None:
    answers = {name: make(quick, "set", ("x.zip", pack())) for name, (pack, _) in HOSTILE.items()}

    assert {answer.status_code for answer in answers.values()} == {422}
    details = {name: answer.get_json()["detail"] for name, answer in answers.items()}
    assert [(n, d) for n, d in details.items() if HOSTILE[n][1] not in d] == []
    assert len(running(quick).file_store.arriving()) == len(HOSTILE)


def test_an_archive_that_unpacks_beyond_the_quota_is_refused(quick: FlaskClient) -> None:
    packed = zipped(*((f"{i}.csv", bytes(1_000_000)) for i in range(11)))

    refused = make(quick, "set", ("x.zip", packed))

    assert refused.status_code == 413, refused.text
    assert "FLARE_LAB_QUOTA_BYTES" in refused.get_json()["detail"]


def test_two_files_of_one_name_are_refused(quick: FlaskClient) -> None:
    refused = make(quick, "set", ("rows.csv", CSV), ("rows.csv", CSV + CSV))

    assert "two files of the data set are called 'rows.csv'" in refused.get_json()["detail"]


def test_a_name_that_no_folder_can_have_is_refused(quick: FlaskClient) -> None:
    upload_id = send(quick, "rows.csv", CSV)
    names = (".", "..", "a/b", "a\\b", " ", "x" * 81, "\u202ex", "a\0")

    answers = [quick.post(DATASETS, json={"name": n, "upload_ids": [upload_id]}) for n in names]

    assert {answer.status_code for answer in answers} == {422}
    assert ask(quick, upload_id).status_code == 200


def test_a_data_set_that_was_looked_into_is_ready_with_its_break_down(client: FlaskClient) -> None:
    dataset = make(client, "rows", ("rows.csv", CSV)).get_json()
    found = {"layout": {"layout": "sharp"}, "breakdown": {"cases": 1}, "rows": 1}

    end_description(client, dataset, dataset=found)

    shown = one(client, dataset["dataset_id"])
    assert (shown["state"], shown["rows"], shown["layout"]) == ("ready", 1, {"layout": "sharp"})
    breakdown = client.get(f"{DATASETS}/{dataset['dataset_id']}/breakdown").get_json()
    assert breakdown == {"dataset_id": dataset["dataset_id"], "breakdown": {"cases": 1}}


def test_a_question_is_answered_and_the_data_set_looked_into_again(client: FlaskClient) -> None:
    dataset = make(client, "windows", ("w.npz", arrays(X=np.zeros(3)))).get_json()
    place = f"{DATASETS}/{dataset['dataset_id']}"
    question = {"text": "Which axis is time?", "answers": [{"value": "1", "label": "the second"}]}
    end_description(client, dataset, dataset={"question": question})
    asked = one(client, dataset["dataset_id"])

    wrong = client.post(f"{place}/answer", json={"value": "7"})
    answered = client.post(f"{place}/answer", json={"value": "1"})
    twice = client.post(f"{place}/answer", json={"value": "1"})

    assert (asked["state"], asked["question"]) == ("asks", question)
    assert (wrong.status_code, "choose from 1" in wrong.get_json()["detail"]) == (422, True)
    assert (answered.get_json()["state"], answered.get_json()["answer"]) == ("checking", "1")
    assert twice.status_code == 409
    assert answered.get_json()["described_by"] != dataset["described_by"]
    with reading(running(client).engine) as connection:
        run = read_run(connection, answered.get_json()["described_by"])
    assert (run.state, run.parameters) == ("queued", {"answer": "1"})


def test_a_data_set_whose_owner_takes_no_answer_is_refused_with_the_way_out(
    client: FlaskClient,
) -> None:
    dataset = make(client, "windows", ("w.npz", arrays(X=np.zeros(3)))).get_json()
    question = {
        "text": "Which axis is time?",
        "answers": [{"value": "1", "label": "the second"}],
        "message": "declare axes in a recipe",
    }
    end_description(client, dataset, dataset={"question": question})

    refused = client.post(f"{DATASETS}/{dataset['dataset_id']}/answer", json={"value": None})

    shown = refused.get_json()
    assert (shown["state"], shown["described_by"]) == ("refused", dataset["described_by"])
    assert "Which axis is time?. declare axes in a recipe" in shown["reason"]


def test_a_data_set_that_cannot_be_read_is_refused_with_the_reason(quick: FlaskClient) -> None:
    ends: list[tuple[dict[str, Any], str]] = [
        ({"dataset": {"reason": "needs more than 4 GiB"}}, "needs more than 4 GiB"),
        ({"outcome": "failed", "reason": "killed by SIGKILL"}, "killed by SIGKILL"),
        ({"outcome": "timed_out"}, "the run that looked into it is timed_out; look again"),
    ]
    for end, reason in ends:
        dataset = make(quick, "rows", ("rows.csv", CSV)).get_json()

        end_description(quick, dataset, **end)

        shown = one(quick, dataset["dataset_id"])
        assert (shown["state"], shown["reason"]) == ("refused", reason)


def test_a_run_that_is_handed_back_leaves_its_data_set_as_it_was(quick: FlaskClient) -> None:
    dataset = make(quick, "rows", ("rows.csv", CSV)).get_json()

    end_description(quick, dataset, outcome="handed_back")

    assert one(quick, dataset["dataset_id"])["state"] == "checking"
