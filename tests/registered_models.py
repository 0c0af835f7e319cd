"""Models that are registered as a finished run leaves them: a row, and files in the file store."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from database.engine import transact
from database.lab.file_store import FileStore
from database.lineups import change_stage
from database.models import register
from database.people.principal import COMMAND_LINE

NOW = datetime(2014, 3, 1, tzinfo=UTC)


def register_candidate(
    engine: sa.Engine, folder: Path, store: FileStore, *, broken: bool = False
) -> str:
    """Register the artefact of a folder; a broken one has a graph that is none."""
    content = {path.name: path.read_bytes() for path in folder.iterdir()}
    manifest = json.loads(content["manifest.json"])
    if broken:
        content["model.onnx"] = b"no graph"
        manifest["files"]["model.onnx"] = hashlib.sha256(content["model.onnx"]).hexdigest()
        content["manifest.json"] = json.dumps(manifest).encode()
    files = {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}
    for name, data in content.items():
        store.write(files[name], [data])
    transact(
        engine,
        lambda connection: register(
            connection,
            manifest,
            sha256=files["manifest.json"],
            stage="candidate",
            now=NOW,
            files=files,
        ),
    )
    return f"{manifest['name']}@{manifest['version']}"


def go_live(engine: sa.Engine, model_id: str, *, stage: str = "live") -> int:
    """Let a model serve, and return the number of the line-up."""
    now = datetime.now(UTC)
    line_up = transact(
        engine,
        lambda connection: change_stage(
            connection, COMMAND_LINE, model_id, stage, why="to test it", now=now
        ),
    )
    return line_up.number
