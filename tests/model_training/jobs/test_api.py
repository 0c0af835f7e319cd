"""What a job asks of a real API, when answers are lost, offsets differ, or its attempt is over."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from running_lab import Lab

from model_training.jobs.api import (
    PIECE_BYTES,
    ApiAwayError,
    ApiRefusedError,
    AttemptOverError,
    RunApi,
    WorkerApi,
    patiently,
)
from model_training.jobs.inputs import fetch
from model_training.jobs.settings import WorkerSettings
from solar.identifiers import new_id

OFFERS = ["train", "only-here"]


class ClaimedRun(RunApi):
    """The API for a run whose job is this test."""

    claimed: dict[str, Any]
    token: str


def register(api: WorkerApi, worker_id: str | None = None, *, free: int) -> str:
    worker = {"host": "here", "code_version": "1", "offers": OFFERS, "queue": "cpu", "slots": 1}
    answer = api.register(worker | {"worker_id": worker_id, "free": free, "is_draining": False})
    return str(answer["worker_id"])


@pytest.fixture
def run(lab: Lab) -> Iterator[ClaimedRun]:
    worker_api = WorkerApi(WorkerSettings(api_url=lab.address))
    worker_id = register(worker_api, free=1)
    run_id = lab.run(needs=OFFERS)
    lab.wait_for(run_id, "published")
    api = ClaimedRun(worker_api, run_id, lab.read(run_id).attempt)
    api.token = new_id(datetime.now(UTC))
    api.claimed = api.claim(claim_of(worker_id, api.token))
    register(worker_api, worker_id, free=0)
    yield api
    if lab.read(run_id).state == "running":
        api.end({"outcome": "failed"})


def claim_of(worker_id: str, token: str) -> dict[str, Any]:
    return {"worker_id": worker_id, "token": token, "host": "here", "code_version": "1"}


def test_the_same_claim_has_the_same_answer_and_another_one_none(lab: Lab, run: ClaimedRun) -> None:
    worker_id = lab.read(run.run_id).worker_id or ""

    assert run.claim(claim_of(worker_id, run.token))["datasets"] == run.claimed["datasets"]
    with pytest.raises(AttemptOverError):
        run.claim(claim_of(worker_id, new_id(datetime.now(UTC))))


def test_an_output_of_several_pieces_goes_on_where_it_was_cut(
    lab: Lab, run: ClaimedRun, tmp_path: Path
) -> None:
    content = bytes(range(256)) * (10 * 2**20 // 256)
    (tmp_path / "large").write_bytes(content)
    # The first piece has arrived, but its answer has not.
    sha256 = run.deliver(tmp_path / "large", "tables/large.bin", kind="file", patience_seconds=5)
    second = content[::-1]
    (tmp_path / "large").write_bytes(second)
    incoming = lab.folder / "lab" / "incoming"
    _cut(run, tmp_path / "large", PIECE_BYTES)
    assert [path.stat().st_size for path in incoming.iterdir()] == [PIECE_BYTES]

    run.deliver(tmp_path / "large", "tables/large.bin", kind="file", patience_seconds=5)

    output = lab.outputs(run.run_id)["tables/large.bin"]
    assert (output.bytes, output.sha256) != (len(content), sha256)
    assert lab.content(output) == second


def _cut(run: ClaimedRun, path: Path, size: int) -> None:
    """Deliver the first piece of a file, as a job that is killed after it."""
    content = path.read_bytes()
    query = {"kind": "file", "bytes": len(content), "offset": 0}
    digest = hashlib.sha256(content).hexdigest()
    run._put("tables/large.bin", query | {"sha256": digest}, content[:size])


def test_an_empty_file_is_an_output_too(lab: Lab, run: ClaimedRun, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()

    run.deliver(tmp_path / "empty", "empty", kind="file", patience_seconds=5)

    assert lab.outputs(run.run_id)["empty"].bytes == 0


def test_inputs_are_fetched_by_their_hash_and_others_are_refused(
    lab: Lab, run: ClaimedRun, tmp_path: Path
) -> None:
    ((file,),) = [dataset["files"] for dataset in run.claimed["datasets"]]

    fetch(file["sha256"], file["bytes"], tmp_path / "data" / file["name"], run.read)

    assert (tmp_path / "data" / file["name"]).stat().st_size == file["bytes"]
    with pytest.raises(AttemptOverError):
        run.read("0" * 64, start=0, end=10)


def test_after_its_end_an_attempt_is_over_and_the_same_end_is_not(
    lab: Lab, run: ClaimedRun
) -> None:
    run.end({"outcome": "failed", "reason": "it was a test"})

    assert run.end({"outcome": "failed", "reason": "it was a test"}) == {"state": "failed"}
    with pytest.raises(AttemptOverError):
        run.report({"log": {"from_byte": 0, "text": "too late"}})


def test_a_request_that_the_api_does_not_understand_is_not_repeated(run: ClaimedRun) -> None:
    with pytest.raises(ApiRefusedError, match="422"):
        patiently(lambda: run.report({"nonsense": 1}), seconds=60)


def test_patience_with_an_api_that_is_away_ends() -> None:
    api = WorkerApi(WorkerSettings(api_url="http://127.0.0.1:1"))

    with pytest.raises(ApiAwayError, match="does not answer"):
        patiently(lambda: register(api, free=0), seconds=0.5)


def test_a_worker_that_the_api_does_not_know_is_told_so(lab: Lab) -> None:
    api = WorkerApi(WorkerSettings(api_url=lab.address))

    with pytest.raises(AttemptOverError):
        register(api, new_id(datetime.now(UTC)), free=0)
