"""Uploads are resumable, tell the truth after a crash, and are refused before the first byte."""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from curl_uploads import Curl
from flask import Flask
from flask.testing import FlaskClient
from stored_rows import let_rows_come
from tus_client import UPLOADS, VERSION, ask, begin, bring, key_of, make, running, send, sign_in
from werkzeug.serving import make_server

from app.lab import uploads as lab_uploads
from database.engine import reading
from database.people.audit import list_audit
from database.schema.lab_tables import uploads

MakeApp = Callable[..., Flask]
ROOT = Path(__file__).parents[4]


@pytest.fixture
def sender(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def small(engine_sqlite: sa.Engine, make_app: MakeApp, tmp_path: Path) -> FlaskClient:
    """An API that takes files of 1,000 bytes, and 2,500 bytes of each person."""
    app = make_app(engine_sqlite, data_dir=tmp_path, lab_upload_bytes=1_000, lab_quota_bytes=2_500)
    return app.test_client()


def arriving(client: FlaskClient, upload_id: str) -> Path:
    return running(client).file_store.incoming(f"upload-{upload_id}")


def test_a_file_comes_in_pieces_and_each_answer_says_how_far_it_is(sender: FlaskClient) -> None:
    begun = begin(sender, "rows.csv", 10)
    upload_id = begun.get_json()["upload_id"]

    first = bring(sender, upload_id, b"a,b\n1", offset=0)
    between = ask(sender, upload_id)
    last = bring(sender, upload_id, b",2\n3\n", offset=5)
    after = ask(sender, upload_id)

    assert (begun.status_code, begun.headers["Upload-Offset"]) == (201, "0")
    assert begun.headers["Location"] == f"{UPLOADS}/{upload_id}"
    assert (first.status_code, first.headers["Upload-Offset"]) == (204, "5")
    assert (between.headers["Upload-Offset"], between.headers["Upload-Length"]) == ("5", "10")
    assert between.headers["Cache-Control"] == "no-store"
    assert between.headers["Upload-Expires"] == "Wed, 02 Apr 2014 00:00:00 GMT"
    assert (last.status_code, after.headers["Upload-Offset"]) == (204, "10")
    with reading(running(sender).engine) as connection:
        (row,) = connection.execute(sa.select(uploads)).all()
        acts = [act.action for act in list_audit(connection, object_kinds=["upload"], limit=9)]
    assert (row.state, row.sha256) == ("complete", hashlib.sha256(b"a,b\n1,2\n3\n").hexdigest())
    assert sorted(acts) == ["began", "completed"]


def test_what_uploads_can_do_is_told(small: FlaskClient) -> None:
    told = small.options(UPLOADS)

    assert told.status_code == 204
    assert told.headers["Tus-Version"] == told.headers["Tus-Resumable"] == "1.0.0"
    assert told.headers["Tus-Extension"] == "creation,expiration"
    assert told.headers["Tus-Max-Size"] == "1000"


def test_a_piece_at_another_offset_changes_nothing(small: FlaskClient) -> None:
    upload_id = begin(small, "rows.csv", 10).get_json()["upload_id"]
    bring(small, upload_id, b"12345", offset=0)

    refused = [bring(small, upload_id, b"67890", offset=n) for n in (0, 2, 7, "x", "-1")]

    assert [answer.status_code for answer in refused] == [409, 409, 409, 422, 422]
    assert ask(small, upload_id).headers["Upload-Offset"] == "5"
    assert arriving(small, upload_id).read_bytes() == b"12345"


def test_bytes_that_a_crash_left_behind_the_last_known_one_come_again(sender: FlaskClient) -> None:
    upload_id = begin(sender, "rows.csv", 10).get_json()["upload_id"]
    bring(sender, upload_id, b"12345", offset=0)
    with arriving(sender, upload_id).open("ab") as file:
        file.write(b"torn")

    told = ask(sender, upload_id).headers["Upload-Offset"]
    bring(sender, upload_id, b"67890", offset=5)

    assert told == "5"
    assert arriving(sender, upload_id).read_bytes() == b"1234567890"


def test_bytes_that_the_disk_has_lost_come_again(sender: FlaskClient) -> None:
    upload_id = begin(sender, "rows.csv", 10).get_json()["upload_id"]
    bring(sender, upload_id, b"12345", offset=0)
    os.truncate(arriving(sender, upload_id), 3)

    told = ask(sender, upload_id).headers["Upload-Offset"]

    assert told == "3"
    assert bring(sender, upload_id, b"4567890", offset=3).status_code == 204
    assert arriving(sender, upload_id).read_bytes() == b"1234567890"


def test_of_two_requests_that_bring_one_piece_one_does(sender: FlaskClient) -> None:
    upload_id = begin(sender, "rows.csv", 8 << 20).get_json()["upload_id"]
    piece, statuses = b"x" * (4 << 20), []

    def try_it() -> None:
        client = sender.application.test_client()
        statuses.append(bring(client, upload_id, piece, offset=0).status_code)

    threads = [threading.Thread(target=try_it) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [204, 409]
    assert arriving(sender, upload_id).stat().st_size == 4 << 20


def test_while_another_process_writes_to_an_upload_nobody_else_does(small: FlaskClient) -> None:
    upload_id = begin(small, "rows.csv", 10).get_json()["upload_id"]

    with arriving(small, upload_id).open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        brought = bring(small, upload_id, b"12345", offset=0)
        withdrawn = small.delete(f"{UPLOADS}/{upload_id}", headers=VERSION)

    assert (brought.status_code, withdrawn.status_code) == (409, 409)
    assert "at this moment" in brought.get_json()["detail"]


def test_a_size_that_cannot_be_is_refused_before_the_first_byte(small: FlaskClient) -> None:
    sizes = (1_001, 0, "x", "9" * 30)

    answers = [begin(small, "rows.csv", size) for size in sizes]

    assert [answer.status_code for answer in answers] == [413, 422, 422, 422]
    assert "1,001 bytes, and at most 1,000" in answers[0].get_json()["detail"]
    assert "Upload-Length is '0'" in answers[1].get_json()["detail"]


BAD_NAMES = (
    "",
    "..",
    "../x.csv",
    "/etc/passwd",
    "a//b",
    "a/../b",
    "a\\b",
    "C:x",
    "a\0b",
    "\u202egnp.csv",
    "x" * 201,
    "a/ b",
    "\ud800.csv",
    "é" * 150,
)
GOOD_NAMES = (
    "<script>alert(1)<_script>.csv",
    "partition1/FL/M1.0@265:Primary_ar115.csv",
    "наблюдения 2014.csv",
)


def test_a_name_that_leads_elsewhere_or_misleads_is_refused(small: FlaskClient) -> None:
    refused = {name: begin(small, name, 10).status_code for name in BAD_NAMES}
    kept = [begin(small, name, 10).get_json()["name"] for name in GOOD_NAMES]

    assert refused == dict.fromkeys(BAD_NAMES, 422)
    assert kept == list(GOOD_NAMES)


def test_the_quota_counts_what_is_sent_and_what_data_sets_hold(small: FlaskClient) -> None:
    dataset = make(small, "first", ("rows.csv", b"x" * 1_000)).get_json()
    other = begin(small, "more.csv", 1_000).get_json()["upload_id"]

    over = begin(small, "most.csv", 501)
    small.delete(f"{UPLOADS}/{other}", headers=VERSION)
    after_withdrawal = begin(small, "most.csv", 1_000)
    small.delete(f"/api/v1/lab/datasets/{dataset['dataset_id']}")
    after_deletion = begin(small, "again.csv", 1_000)

    assert over.status_code == 413
    assert "2,000 of 2,500 bytes" in over.get_json()["detail"]
    assert (after_withdrawal.status_code, after_deletion.status_code) == (201, 201)


def test_what_the_disk_has_no_space_for_is_refused_before_the_first_byte(
    small: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lab_uploads, "SPARE_BYTES", 2**62)

    refused = begin(small, "rows.csv", 10)

    assert refused.status_code == 507
    assert "space for 0 more" in refused.get_json()["detail"]


def test_another_version_of_tus_is_refused(small: FlaskClient) -> None:
    place = f"{UPLOADS}/{begin(small, 'a', 1).get_json()['upload_id']}"
    asked = [("POST", UPLOADS), *((method, place) for method in ("HEAD", "PATCH", "DELETE"))]

    for method, path in asked:
        refused = small.open(path, method=method, headers={"Tus-Resumable": "0.2.2"})
        assert (refused.status_code, refused.headers["Tus-Resumable"]) == (412, "1.0.0")


def test_a_piece_that_is_too_large_or_of_another_type_is_refused(sender: FlaskClient) -> None:
    upload_id = begin(sender, "rows.csv", 6 << 20).get_json()["upload_id"]
    small_one = begin(sender, "rows.csv", 3).get_json()["upload_id"]
    headers = {**VERSION, "Upload-Offset": "0"}

    too_large = bring(sender, upload_id, b"x" * ((4 << 20) + 1), offset=0)
    beyond = bring(sender, small_one, b"1234", offset=0)
    other = sender.patch(f"{UPLOADS}/{small_one}", data=b"123", headers=headers)

    assert [answer.status_code for answer in (too_large, beyond, other)] == [413, 413, 415]
    assert ask(sender, small_one).headers["Upload-Offset"] == "0"


def test_an_upload_of_somebody_else_answers_as_one_that_is_not(
    small: FlaskClient, clock: Callable[[], object]
) -> None:
    store = running(small).engine
    owner = sign_in(store, "ana", "researcher", now=clock())
    upload_id = begin(small, "rows.csv", 10, owner).get_json()["upload_id"]
    others = [
        sign_in(store, "ben", "researcher", now=clock()),
        sign_in(store, "root", "admin", now=clock()),
        key_of(store, "lab", now=clock()),
    ]

    for who in others:
        for known in (upload_id, "01ARZ3NDEKTSV4RRFFQ69G5FAV", "x"):
            delete = small.delete(f"{UPLOADS}/{known}", headers={**VERSION, **who})
            answers = [ask(small, known, who), bring(small, known, b"1", offset=0, who=who), delete]
            assert [answer.status_code for answer in answers] == [404] * 3
            assert "no such upload" in delete.get_json()["detail"]
    assert ask(small, upload_id, owner).headers["Upload-Offset"] == "0"


def test_who_may_not_have_objects_is_refused_whatever_the_method(
    small: FlaskClient, clock: Callable[[], object]
) -> None:
    viewer = {**VERSION, **sign_in(running(small).engine, "vic", "viewer", now=clock())}

    statuses = [
        small.open(f"{UPLOADS}{path}", method=method, headers=headers).status_code
        for method, path in (("OPTIONS", ""), ("HEAD", "/x"))
        for headers in (viewer, VERSION)
    ]

    assert statuses == [403, 401, 403, 401]


def test_an_upload_that_is_silent_for_a_day_is_given_up_with_its_file(
    sender: FlaskClient, clock: Callable[[], object]
) -> None:
    silent, alive = (begin(sender, "rows.csv", 10).get_json()["upload_id"] for _ in range(2))
    bring(sender, silent, b"12345", offset=0)
    clock.now += timedelta(hours=23)  # type: ignore[attr-defined]  # the clock of the tests
    bring(sender, alive, b"12345", offset=0)
    clock.now += timedelta(hours=2)  # type: ignore[attr-defined]  # the clock of the tests
    arriving(sender, f"{silent}-0").write_bytes(b"of an archive that was being unpacked")

    running(sender).uploads.expire()

    assert ask(sender, silent).status_code == 404
    assert ask(sender, alive).headers["Upload-Offset"] == "5"
    assert running(sender).file_store.arriving() == [f"upload-{alive}"]


def test_curl_sends_a_file(sender: FlaskClient) -> None:
    content = os.urandom(3 << 20).hex().encode()
    server = make_server("127.0.0.1", 0, sender.application, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()

    try:
        curl = Curl(f"http://127.0.0.1:{server.server_port}", content)
        statuses = [curl.bring_next(), curl.bring_next()]
        end = curl.offset()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

    assert (statuses, end) == (["204", "204"], len(content))
    (key,) = running(sender).file_store.arriving()
    assert running(sender).file_store.incoming(key).read_bytes() == content


def test_the_pieces_of_a_finished_upload_are_not_taken_again(small: FlaskClient) -> None:
    upload_id = send(small, "rows.csv", b"a\n1\n")

    refused = bring(small, upload_id, b"", offset=4)

    assert (refused.status_code, "complete" in refused.get_json()["detail"]) == (409, True)


def test_while_rows_pour_in_pieces_come_slowly_and_are_all_there_in_the_end(
    sender: FlaskClient, engine: sa.Engine
) -> None:
    upload_id = begin(sender, "rows.csv", 6).get_json()["upload_id"]
    let_rows_come(engine, 1_000_000)

    first = bring(sender, upload_id, b"a,b", offset=0)
    began = time.monotonic()
    at_once = bring(sender, upload_id, b"\n1,", offset=3)

    assert (first.status_code, at_once.status_code) == (204, 204)
    assert 1.4 < time.monotonic() - began < 6
    assert at_once.headers["Upload-Offset"] == "6"
