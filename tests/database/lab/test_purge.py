"""The purge: old trash with all that belongs to it, and files that nothing has named for a day."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from lab_calls import add_dataset

from app.settings import LabSettings
from database.__main__ import main
from database.engine import reading, writing
from database.lab.datasets import ensure_experiment
from database.lab.file_store import FileStore
from database.lab.outputs import Output, put_output
from database.lab.runs import NewRun, add_run, delete_run, start_run
from database.lab.stored_files import purge
from database.models import register
from database.people.principal import OWNER
from database.schema.lab_tables import datasets, outputs, runs
from solar.errors import InvalidInputError

NOW = datetime(2014, 4, 20, 9, 30, tzinfo=UTC)
LONG_AGO, LATELY = NOW - timedelta(days=9), NOW - timedelta(days=2)


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(LabSettings(data_dir=tmp_path))


def keep(store: FileStore, content: bytes, *, at: datetime = LONG_AGO) -> str:
    """Put content into the store as if it had been there since a time."""
    store.incoming("x").write_bytes(content)
    sha256 = store.keep("x")
    path = store.incoming("").parent / "files" / sha256[:2] / sha256
    os.utime(path, (at.timestamp(), at.timestamp()))
    return sha256


def data_set(engine: sa.Engine, sha256: str, **changes: Any) -> str:
    files = json.dumps([{"name": "rows.csv", "sha256": sha256, "bytes": 3}])
    return add_dataset(engine, OWNER.owner, files=files, **changes)


def run_on(engine: sa.Engine, *dataset_ids: str, sha256: str, deleted_at: datetime | None) -> str:
    """Make a run with an output, which may be in the trash."""
    with writing(engine) as connection:
        experiment = ensure_experiment(connection, OWNER, "x", description="", now=NOW)
        new = NewRun(experiment, "train", "cpu", "f", 60, dataset_ids=dataset_ids)
        run_id = add_run(connection, OWNER, new, now=NOW).run_id
        put_output(connection, Output(run_id, "model.onnx", "model", sha256, 1, 1, NOW))
        if deleted_at is not None:
            delete_run(connection, OWNER, run_id, now=deleted_at)
        else:
            start_run(connection, OWNER, run_id, now=NOW)
    return run_id


def ids(engine: sa.Engine, column: sa.Column[str]) -> set[str]:
    with reading(engine) as connection:
        return set(connection.execute(sa.select(column)).scalars())


def test_old_trash_goes_with_its_files_and_what_is_used_or_named_stays(
    engine: sa.Engine, store: FileStore, tmp_path: Path
) -> None:
    kept, gone, shared, made, lost, young = (
        keep(store, name.encode()) for name in ("kept", "gone", "shared", "made", "lost", "young")
    )
    ours = data_set(engine, kept)
    old = data_set(engine, gone, deleted_at=LONG_AGO)
    new = data_set(engine, shared, deleted_at=LATELY)
    used = data_set(engine, shared, deleted_at=LONG_AGO)
    alive = run_on(engine, used, sha256=made, deleted_at=None)
    trashed = run_on(engine, old, sha256=lost, deleted_at=LONG_AGO)
    keep(store, b"young", at=NOW - timedelta(hours=23))
    notes = tmp_path / "lab/files/notes.txt"
    notes.write_text("nothing that the store wrote")
    os.utime(notes, (LONG_AGO.timestamp(), LONG_AGO.timestamp()))

    purged = purge(engine, f"file://{tmp_path}/lab/files", "", now=NOW)

    assert ids(engine, datasets.c.dataset_id) == {ours, new, used}
    assert (ids(engine, runs.c.run_id), ids(engine, outputs.c.run_id)) == ({alive}, {alive})
    assert trashed not in ids(engine, runs.c.run_id)
    assert {one for one in (kept, gone, shared, made, lost, young) if store.has(one)} == {
        kept,
        shared,
        made,
        young,
    }
    assert purged.rows == {"experiments": 0, "runs": 1, "datasets": 1}
    assert (purged.files, purged.bytes) == (2, 8)
    again = purge(engine, f"file://{tmp_path}/lab/files", "", now=NOW)
    assert (sum(again.rows.values()), again.files) == (0, 0)
    assert notes.exists()


def test_content_that_comes_again_is_left_until_it_is_named(
    engine_sqlite: sa.Engine, store: FileStore, tmp_path: Path
) -> None:
    sha256 = keep(store, b"again")

    assert store.has(sha256)

    purge(engine_sqlite, f"file://{tmp_path}/lab/files", "", now=datetime.now(UTC))
    assert store.has(sha256)


def test_the_age_of_trash_is_a_setting_and_a_store_that_cannot_be_opened_is_said(
    engine_sqlite: sa.Engine, tmp_path: Path
) -> None:
    trashed = data_set(engine_sqlite, "0" * 64, deleted_at=LONG_AGO)

    purge(engine_sqlite, f"file://{tmp_path}/none", "trash_datasets=30d", now=NOW)

    assert trashed in ids(engine_sqlite, datasets.c.dataset_id)
    with pytest.raises(InvalidInputError, match="FLARE_LAB_STORE cannot be opened"):
        purge(engine_sqlite, "odd://x", "", now=NOW)


def test_the_command_says_what_it_deleted(
    engine_sqlite: sa.Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(
        "FLARE_DATABASE_URL", engine_sqlite.url.render_as_string(hide_password=False)
    )
    monkeypatch.setenv("FLARE_DATA_DIR", str(tmp_path))
    keep(FileStore(LabSettings(data_dir=tmp_path)), b"gone")

    assert main(["lab", "purge"]) == 0
    said = capsys.readouterr().out
    assert said == "deleted 0 experiments, 0 runs, 0 datasets; 1 files with 4 bytes\n"


def test_the_files_of_a_registered_model_stay(
    engine_sqlite: sa.Engine, store: FileStore, tmp_path: Path
) -> None:
    sha256 = keep(store, b"graph")
    manifest = {"name": "m", "version": "1.0.0", "events": []}
    with writing(engine_sqlite) as connection:
        files = {"model.onnx": sha256}
        register(connection, manifest, sha256="0", stage="candidate", now=NOW, files=files)

    purge(engine_sqlite, f"file://{tmp_path}/lab/files", "", now=NOW)

    assert store.has(sha256)
