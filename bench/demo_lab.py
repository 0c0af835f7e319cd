"""The example that `make demo` shows in the Lab, made anew: three data sets and three runs.

`make demo-lab` simulates active regions, brings them to an API and a worker of its own as people
do, has three models trained, and writes what the Lab then shares to `demo_lab.zip`.
"""

from __future__ import annotations

import base64
import os
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import requests
import sqlalchemy as sa

from bench.demo_data import (
    KEYWORDS,
    days_file,
    flares_file,
    instances_file,
    lives,
    windows_file,
)
from database.engine import create_engine, reading, writing
from database.lab.example import ROWS, files_of
from database.lab.file_store import FileStore
from database.lab.outputs import CHECKPOINT
from database.lab.ownership import SHARED
from database.migrations import upgrade
from database.people.keys import add_key
from database.people.principal import COMMAND_LINE
from database.schema.lab_tables import (
    attempts,
    datasets,
    experiments,
    log_chunks,
    outputs,
    recipes,
    runs,
)
from database.settings import DatabaseSettings, FileSettings
from tests.processes import free_port, serving

FILE = Path(__file__).parents[1] / "demo_lab.zip"
LICENCE = "simulated; free to use"
SECONDS = 900.0

RECIPE = """\
name = "{name}"
version = "1.0.0"
description = "{text}"
seed = 20230101
keywords = [{keywords}]
history = [{history}]
events = ["C1.0", "M1.0"]

[data]
layout = "sharp"
rows = "days.parquet"
flares = "goes_flares.parquet"
licence = "simulated; free to use"
{window}
# Training ends in October 2023; the test are the last five months.
[split]
kind = "chronological"
validate_from = 2023-11-01
test_from = 2024-02-01
embargo_hours = 96.0

[estimator]
{estimator}
"""
HISTORY = '"FLARES_C_24H", "FLARES_M_24H", "FLARE_INDEX_DECAYED", "HOURS_SINCE_C"'
WINDOW = "\n[window]\nsteps = 3\ncadence_hours = 24.0\ntolerance_hours = 1.0\n"
MODELS = (
    (
        "days-regression",
        "Logistic regression on eight keywords and the flares before",
        HISTORY,
        "",
        'kind = "logistic-regression"',
    ),
    (
        "days-boosting",
        "LightGBM on eight keywords and the flares before",
        HISTORY,
        "",
        'kind = "gradient-boosting"\ntrees = 60',
    ),
    (
        "days-gru",
        "GRU on eight keywords of three days",
        "",
        WINDOW,
        'kind = "gru"\nlayers = 1\nhidden = 16\ndropout = 0.1\nlearning_rate = 0.005\nepochs = 20\n'
        'preparation = { missing = "mean", scaling = "signed-log" }',
    ),
)


def main() -> int:
    """Make the example and replace the one that is there."""
    with TemporaryDirectory() as temporary, running(Path(temporary)) as (lab, engine):
        begin = lab.experiment(
            "Three models of simulated days",
            "How likely a flare is in the next 24 hours: one recipe, three estimators",
        )
        days = lab.datasets()
        for model in MODELS:
            lab.train(begin, days, model)
        store = FileStore(FileSettings(data_dir=Path(temporary), lab_store=""))
        with reading(engine) as connection:
            export(connection, store, FILE)
        print(f"{FILE.name}: {FILE.stat().st_size:,} bytes")
    return 0


class DemoLab:
    """The Lab as the key `demo` calls it."""

    def __init__(self, address: str, key: str) -> None:
        self._address, self._session = f"{address}/api/v1/lab", requests.Session()
        self._session.headers["X-API-Key"] = key

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Ask the Lab, again where it says that forecasting goes first."""
        while True:
            answer = self._session.request(method, self._address + path, timeout=60, **options)
            if answer.ok:
                return answer
            if answer.status_code != 503:
                raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text}")
            time.sleep(1)

    def datasets(self) -> str:
        """Make the three data sets, and return the id of the first."""
        regions = list(lives())
        days = self._dataset(
            "Simulated days",
            "Region-days of 18 months at 23:48 TAI with eight SHARP keywords, and every flare",
            {"days.parquet": days_file(regions), "goes_flares.parquet": flares_file(regions)},
        )
        self._dataset(
            "Simulated windows",
            "12 hours of six SHARP keywords every 12 minutes, and the flares of the 24 hours after",
            {"windows.npz": windows_file(regions)},
        )
        self._dataset(
            "Simulated SWAN-SF",
            "Instances laid out like those of SWAN-SF; keywords that are not simulated are empty",
            {"instances.zip": instances_file(regions)},
        )
        return days

    def _dataset(self, name: str, text: str, files: dict[str, bytes]) -> str:
        uploads = [self._upload(one, content) for one, content in files.items()]
        body = {"name": name, "description": text, "licence": LICENCE, "upload_ids": uploads}
        path = f"/datasets/{self.call('POST', '/datasets', json=body).json()['dataset_id']}"
        self._wait(path, "ready", "checking")
        return str(self._share(path)["dataset_id"])

    def _upload(self, name: str, content: bytes) -> str:
        encoded = base64.b64encode(name.encode()).decode()
        tus = {"Tus-Resumable": "1.0.0"}
        told = {"Upload-Length": str(len(content)), "Upload-Metadata": f"filename {encoded}"}
        upload_id = self.call("POST", "/uploads", headers=tus | told).json()["upload_id"]
        piece = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        self.call("PATCH", f"/uploads/{upload_id}", headers=tus | piece, data=content)
        return str(upload_id)

    def experiment(self, name: str, text: str) -> str:
        body = {"name": name, "description": text, "tags": ["demo"], "visibility": "shared"}
        return str(self.call("POST", "/experiments", json=body).json()["experiment_id"])

    def train(self, experiment_id: str, dataset_id: str, model: tuple[str, ...]) -> None:
        name, text, history, window, estimator = model
        keywords = ", ".join(f'"{name}"' for name in KEYWORDS)
        recipe = RECIPE.format(
            name=name,
            text=text,
            keywords=keywords,
            history=history,
            window=window,
            estimator=estimator,
        )
        kept = {"document": recipe, "visibility": "shared"}
        recipe_id = self.call("POST", "/recipes", json=kept).json()["recipe_id"]
        body = {"experiment_id": experiment_id, "kind": "train", "recipe_id": recipe_id}
        body |= {"dataset_ids": [dataset_id], "start": True}
        made = self.call("POST", "/runs", json=body).json()
        path = f"/runs/{made['run_id']}"
        run = self._wait(path, "succeeded", "queued", "published", "running")
        print(name, {event: score["bss"] for event, score in run["headline"].items()})
        self._share(path)

    def _share(self, path: str) -> Any:
        return self.call("PATCH", path, json={"visibility": "shared"}).json()

    def _wait(self, path: str, state: str, *before: str) -> Any:
        deadline = time.monotonic() + SECONDS
        while (found := self.call("GET", path).json())["state"] in before:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{path} is still {found['state']} after {SECONDS:.0f} s")
            time.sleep(0.5)
        if found["state"] != state:
            raise RuntimeError(f"{path} is {found['state']}: {found.get('reason')}")
        return found


@contextmanager
def running(folder: Path) -> Iterator[tuple[DemoLab, sa.Engine]]:
    """Run an API and a worker on an empty store in a folder until the block ends."""
    engine = create_engine(DatabaseSettings(database_url=f"sqlite:///{folder}/store.db"))
    upgrade(engine)
    with writing(engine) as connection:
        now = datetime.now(UTC)
        key = add_key(connection, COMMAND_LINE, "demo", scopes=["lab", "work"], now=now)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    environment = os.environ | {
        "FLARE_DATABASE_URL": str(engine.url),
        "FLARE_DATA_DIR": str(folder),
        "FLARE_LAB_STORE": "",
        "FLARE_BROKER_URL": "",
        "FLARE_API_PORT": port,
        "FLARE_API_URL": address,
        "FLARE_API_KEY": "",
        "FLARE_WORKER_KEY": key,
    }
    worker = ("model_training", "work", "--slots", "1")
    health = f"{address}/health"
    with (
        serving("app", "serve", ready=health, environment=environment),
        serving(*worker, ready=health, environment=environment, log=folder / "worker.log"),
    ):
        yield DemoLab(address, key), engine
    engine.dispose()


def export(connection: sa.Connection, store: FileStore, path: Path) -> None:
    """Write what is shared, and how its runs went, as `database.lab.example` reads it."""

    def read(table: sa.Table, *conditions: sa.ColumnElement[bool]) -> list[dict[str, Any]]:
        query = sa.select(table).where(*conditions).order_by(*table.primary_key.columns)
        return [dict(row) for row in connection.execute(query).mappings()]

    shared = (datasets, experiments, recipes, runs)
    rows = {table.name: read(table, table.c.visibility == SHARED) for table in shared}
    run_ids = [run["run_id"] for run in rows["runs"]]
    for table in (attempts, log_chunks, outputs):
        rows[table.name] = read(table, table.c.run_id.in_(run_ids))
    rows["outputs"] = [one for one in rows["outputs"] if one["kind"] != CHECKPOINT]
    for attempt in rows["attempts"]:
        # Whose machine made it is nobody's business.
        attempt["host"] = "demo"
    for chunk in rows["log_chunks"]:
        chunk["data"] = chunk["data"].decode("latin-1")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        # The names of columns are a kind of text of their own.
        options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
        archive.writestr(ROWS, orjson.dumps(rows, option=options))
        for sha256 in sorted(files_of(rows)):
            archive.writestr(sha256, store.read(sha256))


if __name__ == "__main__":
    sys.exit(main())
