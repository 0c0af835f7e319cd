"""Models: the registered artefacts and the stage of each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from database.people.audit import record
from database.people.principal import PROGRAM, Principal
from database.schema.tables import model_stages, models
from database.upsert import upsert
from solar.errors import InvalidInputError, NotFoundError

# The forecasts of an agency come from outside: no model is served, promoted or retired for it.
AGENCY = "agency"
ELSEWHERE = "elsewhere"
STAGES = ("candidate", "shadow", "live", "retired", AGENCY)
_COLUMNS = tuple(column.name for column in models.columns)
_MAX_MODELS = 1_000
_STAGE_COLUMNS = ("model_id", "from_at", "stage")


@dataclass(frozen=True)
class ModelRow:
    """One registered model; `thresholds` are those frozen on validation data, by event name.

    `made_by` is "flarewatch" or "elsewhere". For a model made elsewhere `evaluation` holds the
    scores and the leak audit measured here, and `unaudited` why it serves without them; None
    where there is none. `sha256` is of all of these. `files` are the hashes of the files of the
    artefact in the file store, by name; None where it lies only in a folder of artefacts.
    """

    model_id: str
    name: str
    version: str
    stage: str
    manifest: dict[str, Any]
    thresholds: dict[str, float | None]
    registered_at: datetime
    made_by: str = "flarewatch"
    unaudited: str | None = None
    evaluation: dict[str, Any] | None = None
    sha256: str = ""
    files: dict[str, str] | None = None

    @property
    def origin(self) -> str:
        """Who made the model and how it was checked here, in words."""
        if self.made_by != ELSEWHERE:
            return "made here"
        if self.unaudited is not None:
            return f"made elsewhere, not audited: {self.unaudited}"
        if self.evaluation is not None:
            return f"made elsewhere, evaluated here on {self.evaluation['part']} cases"
        return "made elsewhere"


@dataclass(frozen=True)
class StageRow:
    """The stage of a model from a time on."""

    model_id: str
    from_at: datetime
    stage: str


def register(
    connection: sa.Connection,
    manifest: Mapping[str, Any],
    *,
    sha256: str,
    stage: str,
    now: datetime,
    staged_at: datetime | None = None,
    files: Mapping[str, str] | None = None,
) -> None:
    """Write a model and its stage; only one model is live, the one before it retires.

    Parameters
    ----------
    manifest : the artefact's manifest with at least ``name``, ``version`` and ``events``,
        each event with its ``name`` and its ``threshold`` or None; it may also have
        ``evaluation`` and ``unaudited``
    sha256 : of the manifest, which names the hash of every other file
    staged_at : since when it has the stage, by the time of its forecasts; now where it is None
    files : name -> sha256 of each file of the artefact in the file store; None keeps the known
    """
    if stage not in STAGES:
        raise InvalidInputError(f"no stage {stage!r}; choose one of {', '.join(STAGES)}")
    model_id = f"{manifest['name']}@{manifest['version']}"
    if stage == "live":
        _retire_others(connection, model_id, staged_at=staged_at or now, now=now)
    before = connection.execute(
        sa.select(models.c.stage, models.c.sha256, models.c.files).where(
            models.c.model_id == model_id
        )
    ).first()
    files_text = None if files is None else json.dumps(dict(files), sort_keys=True)
    if before is not None and tuple(before) == (stage, sha256, files_text or before.files):
        return
    row = (
        model_id,
        manifest["name"],
        manifest["version"],
        stage,
        json.dumps(dict(manifest), sort_keys=True),
        sha256,
        now,
        now,
        files_text,
    )
    kept = ("registered_at", *(["files"] if files is None else []))
    upsert(connection, models, columns=_COLUMNS, rows=[row], keep=kept)
    if before is None or before.stage != stage:
        _record_stage(connection, [model_id], stage, now=staged_at or now)
        known = None if before is None else before.stage
        _record_change(connection, PROGRAM, model_id, known, stage, now=now)


def move(
    connection: sa.Connection,
    who: Principal,
    stages: Mapping[str, str],
    *,
    now: datetime,
    staged_at: datetime,
) -> None:
    """Give registered models another stage, each with its row in the audit.

    Parameters
    ----------
    stages : model_id -> stage; a model that has it already, or is unknown, is left as it is
    staged_at : since when they have it, by the time of their forecasts
    """
    known = connection.execute(
        sa.select(models.c.model_id, models.c.stage).where(models.c.model_id.in_(list(stages)))
    )
    for model_id, before in known.all():
        stage = stages[model_id]
        if stage != before:
            is_it = models.c.model_id == model_id
            connection.execute(models.update().where(is_it).values(stage=stage, staged_at=now))
            _record_stage(connection, [model_id], stage, now=staged_at)
            _record_change(connection, who, model_id, before, stage, now=now)


def serving(connection: sa.Connection) -> list[str]:
    """Return the models whose stage is live or shadow."""
    is_serving = models.c.stage.in_(["live", "shadow"])
    return list(connection.scalars(sa.select(models.c.model_id).where(is_serving)))


def _retire_others(
    connection: sa.Connection, model_id: str, *, staged_at: datetime, now: datetime
) -> None:
    others = (models.c.stage == "live") & (models.c.model_id != model_id)
    retired = list(connection.scalars(sa.select(models.c.model_id).where(others)))
    connection.execute(models.update().where(others).values(stage="retired", staged_at=now))
    _record_stage(connection, retired, "retired", now=staged_at)
    for other in retired:
        _record_change(connection, PROGRAM, other, "live", "retired", now=now)


def _record_change(
    connection: sa.Connection,
    who: Principal,
    model_id: str,
    before: str | None,
    after: str,
    *,
    now: datetime,
) -> None:
    record(connection, who, "changed", "stage", model_id, before=before, after=after, now=now)


def _record_stage(
    connection: sa.Connection, model_ids: Sequence[str], stage: str, *, now: datetime
) -> None:
    rows = [(model_id, now, stage) for model_id in model_ids]
    upsert(connection, model_stages, columns=_STAGE_COLUMNS, rows=rows)


def redate_stages(connection: sa.Connection, at: datetime) -> None:
    """Let every model have been in its present stage since a time, as at the start of a replay."""
    present = connection.execute(sa.select(models.c.model_id, models.c.stage)).all()
    connection.execute(sa.delete(model_stages))
    rows = [(row.model_id, at, row.stage) for row in present]
    upsert(connection, model_stages, columns=_STAGE_COLUMNS, rows=rows)


def stage_history(connection: sa.Connection) -> list[StageRow]:
    """Return every change of a stage, the oldest first."""
    table = model_stages.c
    rows = connection.execute(
        sa.select(table.model_id, table.from_at, table.stage)
        .order_by(table.from_at, table.model_id)
        .limit(_MAX_MODELS)
    )
    return [StageRow(*row) for row in rows]


def live_since(connection: sa.Connection) -> list[StageRow]:
    """Return when each live model began to be live, the oldest first."""
    return [row for row in stage_history(connection) if row.stage == "live"]


def live_model(connection: sa.Connection) -> ModelRow | None:
    """Return the model whose forecasts people act on, None before the first one."""
    row = connection.execute(sa.select(models).where(models.c.stage == "live").limit(1)).first()
    return None if row is None else _model(row)


def list_models(connection: sa.Connection) -> list[ModelRow]:
    """Return every registered model, the live one first."""
    rows = connection.execute(sa.select(models).limit(_MAX_MODELS))
    order = {"live": 0, "shadow": 1, "candidate": 2, "retired": 3, AGENCY: 4}
    return sorted((_model(row) for row in rows), key=lambda m: (order[m.stage], m.model_id))


def agencies(connection: sa.Connection) -> frozenset[str]:
    """Return the model ids of the agencies."""
    query = sa.select(models.c.model_id).where(models.c.stage == AGENCY).limit(_MAX_MODELS)
    return frozenset(connection.scalars(query))


def find_model(connection: sa.Connection, model_id: str) -> ModelRow:
    """Return one model by its ``name@version``; the error for an unknown one lists the known."""
    row = connection.execute(sa.select(models).where(models.c.model_id == model_id)).first()
    if row is None:
        known = ", ".join(m.model_id for m in list_models(connection)) or "none yet"
        raise NotFoundError(f"no model {model_id!r}; registered are: {known}")
    return _model(row)


def _model(row: sa.Row[Any]) -> ModelRow:
    manifest = json.loads(row.manifest)
    targets = (*manifest["events"], *manifest.get("targets", ()))
    thresholds = {target["name"]: target["threshold"] for target in targets}
    unaudited, evaluation = manifest.pop("unaudited", None), manifest.pop("evaluation", None)
    made_by = manifest.get("made_by", ELSEWHERE if row.stage == AGENCY else "flarewatch")
    return ModelRow(
        row.model_id,
        row.name,
        row.version,
        row.stage,
        manifest,
        thresholds,
        row.registered_at,
        made_by,
        unaudited,
        evaluation,
        row.sha256,
        None if row.files is None else json.loads(row.files),
    )
