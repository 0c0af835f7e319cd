"""Experiments of the Lab over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from flask import Blueprint, Response

from app.contract.bodies import read_json, read_model
from app.contract.lab import ExperimentBody, ExperimentChanges, ExperimentsQuery, LabQuery
from app.contract.lab_answers import (
    DeletedAnswer,
    ExperimentDetail,
    ExperimentItem,
    ExperimentsPage,
)
from app.contract.responses import cut_page, json_response, page, read_cursor
from app.lab.run_items import owner_names
from app.routes.operation import operation
from app.services import services
from database.engine import reading, store_time, transact
from database.lab.datasets import Dataset
from database.lab.experiments import (
    Experiment,
    ExperimentFilter,
    add_experiment,
    change_experiment,
    count_runs,
    delete_experiment,
    experiment_bytes,
    find_experiment,
    list_experiments,
)
from database.lab.ownership import PRIVATE, note_look
from database.lab.recipes import KeptRecipe
from database.lab.runs import Run, find_run
from database.people.principal import LAB, LAB_READ, Principal

blueprint = Blueprint("experiments", __name__)

Result = TypeVar("Result")
Work = Callable[[sa.Connection, Principal, datetime], Result]


@blueprint.get("/lab/experiments")
@operation(
    "Experiments that one may see, the newest first",
    permission=LAB_READ,
    query=ExperimentsQuery,
    answer=ExperimentsPage,
)
def get_experiments(query: ExperimentsQuery) -> Response:
    who = services().guard.principal()
    chosen = ExperimentFilter(owner_of(query, who), query.text, query.archived)
    with reading(services().engine) as connection:
        before = before_of(query)
        rows = list_experiments(connection, who, chosen, limit=query.limit + 1, before=before)
        rows, cursor = cut_page(rows, query.limit, lambda row: (row.experiment_id,))
        return page(_experiment_items(connection, who, rows), next_cursor=cursor)


@blueprint.post("/lab/experiments")
@operation("Begin an experiment", permission=LAB, body=ExperimentBody, answer=ExperimentItem)
def post_experiments() -> Response:
    body = read_model(ExperimentBody, read_json())
    return _changed(lambda c, who, now: add_experiment(c, who, **body.model_dump(), now=now))


@blueprint.get("/lab/experiments/<experiment_id>")
@operation("An experiment", permission=LAB_READ, answer=ExperimentDetail)
def get_experiment(experiment_id: str) -> Response:
    who = services().guard.principal()
    with reading(services().engine) as connection:
        experiment = find_experiment(connection, who, experiment_id)
        size = {"bytes": experiment_bytes(connection, who, experiment_id)}
        item = _experiment_items(connection, who, [experiment])[0] | size
    looked_at("experiment", experiment_id, experiment)
    return json_response(item)


@blueprint.patch("/lab/experiments/<experiment_id>")
@operation(
    "Change or archive an experiment", permission=LAB, body=ExperimentChanges, answer=ExperimentItem
)
def patch_experiment(experiment_id: str) -> Response:
    changes = read_model(ExperimentChanges, read_json()).model_dump(exclude_none=True)
    return _changed(lambda c, who, now: change_experiment(c, who, experiment_id, changes, now=now))


@blueprint.delete("/lab/experiments/<experiment_id>")
@operation(
    "Put an experiment and its runs into the trash",
    permission=LAB,
    answer=DeletedAnswer,
    conflict="Runs of it are under way.",
)
def delete_one_experiment(experiment_id: str) -> Response:
    def work(connection: sa.Connection, who: Principal, now: datetime) -> int:
        size = experiment_bytes(connection, who, experiment_id)
        delete_experiment(connection, who, experiment_id, now=now)
        return size

    return json_response({"deleted": experiment_id, "bytes": in_lab(work)})


def owner_of(query: LabQuery, who: Principal) -> str | None:
    """Return whose objects a listing asks for."""
    return who.owner if query.owner == "me" else query.owner


def before_of(query: LabQuery) -> str | None:
    """Return the id at which the page before ended."""
    position = read_cursor(query.cursor, str)
    return None if position is None else position[0]


def looked_at(noun: str, object_id: str, shown: Dataset | Experiment | KeptRecipe | Run) -> None:
    """Note the look of an admin at what is private to somebody else."""
    who = services().guard.principal()
    if shown.visibility == PRIVATE and shown.owner != who.owner:
        in_lab(lambda c, who, now: note_look(c, who, noun, object_id, now=now))


def found_run(run_id: str) -> Run:
    """Return a run that somebody may see; raises NotFoundError."""
    with reading(services().engine) as connection:
        run = find_run(connection, services().guard.principal(), run_id)
    looked_at("run", run_id, run)
    return run


def in_lab(work: Work[Result]) -> Result:
    """Do in one transaction what somebody asks for, at the time of the store."""
    who = services().guard.principal()
    return transact(services().engine, lambda c: work(c, who, store_time(c)))


def _changed(work: Work[Experiment]) -> Response:
    def shown(connection: sa.Connection, who: Principal, now: datetime) -> dict[str, Any]:
        return _experiment_items(connection, who, [work(connection, who, now)])[0]

    return json_response(in_lab(shown))


def _experiment_items(
    connection: sa.Connection, who: Principal, rows: Sequence[Experiment]
) -> list[dict[str, Any]]:
    owners = owner_names(connection, (row.owner for row in rows))
    counted = count_runs(connection, who, (row.experiment_id for row in rows))
    items = []
    for row in rows:
        item = {name: value for name, value in vars(row).items() if name != "deleted_at"}
        owner = {"id": row.owner, "name": owners[row.owner]}
        items.append(item | {"owner": owner, "runs": counted.get(row.experiment_id, {})})
    return items
