"""Data sets as tests ask for them, and the run that looks into one, executed as by a worker."""

from __future__ import annotations

import hashlib
import io
import zipfile
from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient
from tus_client import DATASETS, running

from database.engine import writing
from database.lab.attempts import Claim, claim_run, publish
from database.lab.runs import read_run
from database.people.principal import COMMAND_LINE

WORKER = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
LEASE = timedelta(hours=1)
CSV = b"t_rec,harpnum\n2014-03-01T00:00:00Z,3721\n"


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes], method: int = 8) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return packed.getvalue()


def end_description(client: FlaskClient, made: dict[str, Any], /, **end: Any) -> None:
    """Execute the run that looks into a data set as a worker would, over HTTP to its end."""
    claim_as_worker(client, made["described_by"])
    end_as_worker(client, made["described_by"], **end)


def claim_as_worker(client: FlaskClient, run_id: str) -> None:
    """Begin the first attempt of a queued run."""
    claim = Claim(1, WORKER, WORKER, "host", "1", {})
    with writing(running(client).engine) as connection:
        run = read_run(connection, run_id)
        publish(connection, run, WORKER, now=run.created_at)
        claim_run(connection, COMMAND_LINE, run_id, claim, lease=LEASE, now=run.created_at)


def end_as_worker(client: FlaskClient, run_id: str, /, **end: Any) -> None:
    """End that attempt, over HTTP."""
    body = {"attempt": 1, "outcome": "succeeded"} | end
    answer = client.post(f"/api/v1/worker/runs/{run_id}/end", json=body)
    assert answer.status_code == 200, answer.text


def deliver(client: FlaskClient, run_id: str, name: str, content: bytes) -> None:
    """Deliver an output of that attempt, over HTTP."""
    query = {"kind": "data", "offset": 0, "bytes": len(content), "attempt": 1}
    answer = client.put(
        f"/api/v1/worker/runs/{run_id}/outputs/{name}",
        query_string=query | {"sha256": hashlib.sha256(content).hexdigest()},
        data=content,
        content_type="application/octet-stream",
    )
    assert answer.status_code == 200, answer.text


def one(client: FlaskClient, dataset_id: str, **who: str) -> dict[str, Any]:
    answer = client.get(f"{DATASETS}/{dataset_id}", headers=who)
    assert answer.status_code == 200, answer.text
    content: dict[str, Any] = answer.get_json()
    return content
