"""Data sets as tests ask for them, and the run that looks into one, executed as by a worker."""

from __future__ import annotations

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
    engine = running(client).engine
    claim = Claim(1, WORKER, WORKER, "host", "1", {})
    with writing(engine) as connection:
        run = read_run(connection, made["described_by"])
        publish(connection, run, WORKER, now=run.created_at)
        claim_run(connection, COMMAND_LINE, run.run_id, claim, lease=LEASE, now=run.created_at)
    body = {"attempt": 1, "outcome": "succeeded"} | end
    answer = client.post(f"/api/v1/worker/runs/{run.run_id}/end", json=body)
    assert answer.status_code == 200, answer.text


def one(client: FlaskClient, dataset_id: str, **who: str) -> dict[str, Any]:
    answer = client.get(f"{DATASETS}/{dataset_id}", headers=who)
    assert answer.status_code == 200, answer.text
    content: dict[str, Any] = answer.get_json()
    return content
