"""The Lab as people call it, who are signed in, with a data set and a recipe."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.services import services
from database.engine import store_time, writing
from database.lab.attempts import Claim, End, claim_run, end_run, publish
from database.lab.outputs import Output, put_output
from database.lab.runs import read_run
from database.lab.workers import register_worker, see_worker
from database.people.people import add_person
from database.people.principal import COMMAND_LINE, PROGRAM
from database.people.sessions import begin_session
from database.schema.lab_tables import datasets
from solar.identifiers import new_id

PEOPLE = {
    "ann": "researcher",
    "ben": "researcher",
    "vic": "viewer",
    "olga": "operator",
    "ada": "admin",
}
SHA = "0" * 64

RECIPE = """
name = "small"
version = "1.0.0"
description = "Two keywords"
seed = 7
keywords = ["TOTUSJH", "USFLUX"]
[data]
rows = "rows.csv"
flares = "flares.parquet"
[split]
kind = "rolling-years"
validation_years = [2012, 2013]
test_from = 2014-01-01
embargo_hours = 24.0
[estimator]
kind = "logistic-regression"
"""
GRU = RECIPE.replace("logistic-regression", "gru")


@dataclass
class Lab:
    """The Lab as people call it, who are signed in."""

    client: FlaskClient
    engine: sa.Engine
    tokens: dict[str, str]
    ids: dict[str, str]
    dataset_id: str = ""
    experiment_id: str = ""

    def call(self, who: str, method: str, path: str, **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.tokens[who]}"} | options.pop("headers", {})
        # Read whole, as a server does: until then the answer holds one of the Lab's threads.
        options = {"buffered": True} | options | {"method": method, "headers": headers}
        return self.client.open(f"/api/v1/lab{path}", **options)

    def get(self, who: str, path: str) -> Any:
        answer = self.call(who, "GET", path)
        assert answer.status_code == 200, answer.text
        return answer.get_json()

    def post(self, who: str, path: str, body: Any = None, **options: Any) -> Any:
        answer = self.call(who, "POST", path, **({"json": body} if body else {}), **options)
        assert answer.status_code == 200, answer.text
        return answer.get_json()

    def body(self, **changes: Any) -> dict[str, Any]:
        return {
            "experiment_id": self.experiment_id,
            "kind": "train",
            "recipe": RECIPE,
            "dataset_ids": [self.dataset_id],
        } | changes

    def run(self, who: str = "ann", **changes: Any) -> Any:
        return self.post(who, "/runs", self.body(**changes))

    def worker(self, *offers: str, queue: str = "cpu") -> str:
        """Register a worker with a free slot."""
        with writing(self.engine) as connection:
            now = store_time(connection)
            worker = register_worker(
                connection, host="a", code_version="1", offers=offers, queue=queue, slots=1, now=now
            )
            see_worker(connection, worker.worker_id, free=1, is_draining=False, now=now)
        return worker.worker_id

    def claimed(self, run_id: str, worker_id: str) -> None:
        """Have a worker begin a queued run."""
        with writing(self.engine) as connection:
            now = store_time(connection)
            run = publish(connection, read_run(connection, run_id), worker_id, now=now)
            claim = Claim(run.attempt, worker_id, new_id(now), "a", "1", {"numpy": "2"})
            claim_run(connection, PROGRAM, run_id, claim, lease=now - now, now=now)

    def delivered(self, run_id: str, name: str, content: bytes) -> None:
        """Have the job of a run deliver a file."""
        with self.client.application.app_context():
            store = services().file_store
        key = new_id(datetime.now(UTC))
        # An empty file comes in one empty piece.
        store.append(key, content, offset=0)
        now = datetime.now(UTC)
        output = Output(run_id, name, "file", store.keep(key), len(content), 1, now)
        with writing(self.engine) as connection:
            put_output(connection, output)

    def ended(self, run_id: str, outcome: str) -> None:
        """Have the job of a run end."""
        with writing(self.engine) as connection:
            run = read_run(connection, run_id)
            end = End(run.attempt, outcome, headline={"M1.0": {"bss": 0.1, "low": 0, "high": 0.2}})
            end_run(connection, PROGRAM, run_id, end, now=store_time(connection))


def add_dataset(engine: sa.Engine, owner: str, *names: str, **changes: Any) -> str:
    now = datetime(2014, 4, 1, tzinfo=UTC)
    files = [{"name": name, "sha256": SHA, "bytes": 3} for name in names]
    values = {
        "dataset_id": new_id(now),
        "owner": owner,
        "name": "daily",
        "version": 1,
        "visibility": "private",
        "state": "ready",
        "description": "",
        "licence": "",
        "files": json.dumps(files),
        "created_at": now,
    }
    with writing(engine) as connection:
        connection.execute(datasets.insert().values(values | changes))
    return str(values["dataset_id"])


def make_lab(engine: sa.Engine, app: Flask, now: datetime) -> Lab:
    tokens, ids = {}, {}
    with writing(engine) as connection:
        for name, role in PEOPLE.items():
            person = add_person(
                connection, COMMAND_LINE, name, roles=[role], display_name=name.title(), now=now
            )
            tokens[name] = begin_session(connection, person.person_id, agent="", now=now)
            ids[name] = person.person_id
    lab = Lab(app.test_client(), engine, tokens, ids)
    lab.dataset_id = add_dataset(engine, ids["ann"], "rows.csv", "flares.parquet")
    lab.experiment_id = lab.post("ann", "/experiments", {"name": "first"})["experiment_id"]
    return lab
