"""Outputs: whole, in part, in one archive, and never as something that a browser runs."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable
from datetime import datetime

import pytest
from lab_calls import SHA, Lab

from app.lab.uploads import output_key
from app.services import services
from database.engine import writing
from database.lab.outputs import Output, put_output

REPORT = b"<script>alert(1)</script>" + bytes(3 * 2**20)
FILES = {
    "report.html": REPORT,
    "scores.json": b"{}",
    "checkpoints/a.txt": b"",
    "m/model.onnx": b"m",
}


@pytest.fixture
def lab(lab_sqlite: Lab) -> Lab:
    return lab_sqlite


@pytest.fixture
def outputs(lab: Lab, clock: Callable[[], datetime]) -> str:
    """Return the address of the outputs of a run."""
    run_id: str = lab.run()["run_id"]
    with lab.client.application.app_context():
        store = services().file_store
    for number, (name, content) in enumerate(FILES.items()):
        store.append(str(number), content, offset=0)
        digest = store.keep(str(number))
        output = Output(run_id, name, "report", digest, len(content), 1, clock())
        with writing(lab.engine) as connection:
            put_output(connection, output)
    return f"/runs/{run_id}/outputs"


def test_outputs_are_listed_with_their_hash(lab: Lab, outputs: str) -> None:
    items = lab.get("ann", outputs)["items"]

    assert [item["name"] for item in items] == sorted(FILES)
    assert items[-2]["sha256"] == hashlib.sha256(REPORT).hexdigest()
    assert items[-2]["bytes"] == len(REPORT)


def test_what_has_come_of_an_output_goes_once_its_attempt_is_over(lab: Lab) -> None:
    run_id = lab.run(start=True)["run_id"]
    lab.claimed(run_id, lab.worker("train", "estimator:logistic-regression"))
    with lab.client.application.app_context():
        uploads = services().uploads
    store, key = uploads.store, output_key(run_id, 1, SHA)
    store.append(key, b"the first piece of it", offset=0)
    store.append("kept by somebody", b"", offset=0)

    uploads.expire()
    assert key in store.arriving()
    lab.ended(run_id, "failed")
    uploads.expire()

    assert store.arriving() == ["kept by somebody"]


def test_only_what_no_browser_runs_is_shown_in_place(lab: Lab, outputs: str) -> None:
    answers = {name: lab.call("ann", "GET", f"{outputs}/{name}") for name in FILES}

    assert {name: answer.data for name, answer in answers.items()} == FILES
    assert {answer.headers["X-Content-Type-Options"] for answer in answers.values()} == {"nosniff"}
    placed = {name: answer.headers["Content-Disposition"] for name, answer in answers.items()}
    assert placed == {
        "report.html": "attachment; filename=report.html",
        "scores.json": "inline; filename=scores.json",
        "checkpoints/a.txt": "inline; filename=a.txt",
        "m/model.onnx": "attachment; filename=model.onnx",
    }
    assert answers["report.html"].mimetype == "application/octet-stream"
    assert lab.call("ann", "GET", f"{outputs}/../../runs").status_code == 404


def test_a_range_is_that_part_of_the_file(lab: Lab, outputs: str) -> None:
    asked = {"0-3": slice(0, 4), "2000000-": slice(2_000_000, None), "-5": slice(-5, None)}

    answers = {
        text: lab.call("ann", "GET", f"{outputs}/report.html", headers={"Range": f"bytes={text}"})
        for text in (*asked, f"{len(REPORT)}-", "0-1,4-5")
    }

    assert [answer.status_code for answer in answers.values()] == [206, 206, 206, 416, 200]
    for text, span in asked.items():
        start, end, _ = span.indices(len(REPORT))
        assert answers[text].data == REPORT[span]
        assert answers[text].headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(REPORT)}"


def test_the_archive_holds_every_output_as_it_is(lab: Lab, outputs: str) -> None:
    answer = lab.call("ann", "GET", f"{outputs}.zip", buffered=False)

    pieces = list(answer.iter_encoded())
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert archive.testzip() is None
        assert {info.filename: archive.read(info) for info in archive.infolist()} == FILES
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
    assert max(map(len, pieces)) < 2**21
    assert answer.headers["Content-Disposition"] == 'attachment; filename="train-1.zip"'


def test_a_file_that_is_gone_from_the_store_is_not_found(lab: Lab, outputs: str) -> None:
    with lab.client.application.app_context():
        services().file_store.delete(hashlib.sha256(REPORT).hexdigest())

    answers = [
        lab.call("ann", "GET", path) for path in (f"{outputs}/report.html", f"{outputs}.zip")
    ]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert "no longer in the store" in answers[0].get_json()["detail"]
