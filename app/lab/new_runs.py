"""New runs: what is asked for is checked against what there is, before anything is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError

from app.contract.bodies import read_model
from app.contract.lab import PARAMETERS, RunBody
from app.contract.problems import Fault, RequestError, field_names, message_of, path_of
from app.lab.checks import checked_recipe, files_of, fingerprint, needs_of
from database.lab.datasets import READY, Dataset, check_dataset_name, find_dataset
from database.lab.experiments import own_experiment
from database.lab.recipes import add_recipe, find_recipe
from database.lab.runs import (
    SNAPSHOT,
    SUCCEEDED,
    NewRun,
    Run,
    add_run,
    change_run,
    find_run,
    run_with_key,
)
from database.people.principal import Principal
from model_training.recipe.recipe import Recipe
from solar.errors import ConflictError


@dataclass(frozen=True)
class _Plan:
    """What a run is made of."""

    recipe_id: str | None
    document: str
    recipe: Recipe | None
    datasets: Sequence[Dataset]
    parameters: dict[str, Any]


def draft_run(
    connection: sa.Connection,
    who: Principal,
    asked: RunBody,
    *,
    start_key: str | None,
    parent: str | None = None,
    time_limit_s: int,
    now: datetime,
) -> Run:
    """Store a draft of what is asked for; the same key returns the run that it made before.

    `parent` is the recipe that a new one was made from.

    Raises
    ------
    RequestError
        When recipe, data sets or parameters cannot be used; nothing is stored then.
    NotFoundError, NotAllowedError
        When something is named that the person may not see, or not use.
    """
    own_experiment(connection, who, asked.experiment_id)
    known = None if start_key is None else run_with_key(connection, who, start_key)
    if known is not None:
        return known
    plan = _plan(connection, who, asked)
    recipe_id = plan.recipe_id
    if recipe_id is None and plan.recipe is not None:
        kept = add_recipe(connection, who, plan.recipe.name, plan.document, parent=parent, now=now)
        recipe_id = kept.recipe_id
    kind, recipe, datasets, parameters = asked.kind, plan.recipe, plan.datasets, plan.parameters
    new = NewRun(
        asked.experiment_id,
        kind,
        asked.queue,
        fingerprint(kind=kind, recipe=recipe, datasets=datasets, parameters=parameters),
        _time_limit(asked, time_limit_s),
        recipe_id=recipe_id,
        dataset_ids=[dataset.dataset_id for dataset in datasets],
        parameters=parameters,
        needs=needs_of(kind, recipe, parameters),
    )
    run = add_run(connection, who, new, start_key=start_key, now=now)
    if not asked.tags and not asked.note:
        return run
    changes = {"tags": asked.tags, "note": asked.note}
    return change_run(connection, who, run.run_id, changes, now=now)


def _time_limit(asked: RunBody, longest: int) -> int:
    if asked.time_limit_s is not None and asked.time_limit_s > longest:
        raise _refused("time_limit_s", f"is more than {longest} s, the longest that a run may take")
    return asked.time_limit_s or longest


def _plan(connection: sa.Connection, who: Principal, asked: RunBody) -> _Plan:
    parameters = parameters_of(asked.kind, asked.parameters)
    recipe_id, dataset_ids = asked.recipe_id, asked.dataset_ids
    if asked.kind == SNAPSHOT:
        if recipe_id or asked.recipe or dataset_ids:
            raise _refused("kind", "reads the store: leave out recipe and data sets")
        return _Plan(None, "", None, (), parameters)
    if asked.kind == "evaluate":
        trained = _trained(connection, who, parameters["run_id"])
        recipe_id = recipe_id or (None if asked.recipe else trained.recipe_id)
        dataset_ids = dataset_ids or trained.dataset_ids
    if (recipe_id is None) == (asked.recipe is None):
        raise _refused("recipe", "name a recipe_id, or send a recipe; one of both")
    if not dataset_ids:
        raise _refused("dataset_ids", "name one data set at least")
    found = [ready_dataset(connection, who, one) for one in dict.fromkeys(dataset_ids)]
    document = asked.recipe
    if recipe_id is not None:
        document = find_recipe(connection, who, recipe_id).document
    recipe = checked_recipe(document or "", files=files_of(found))
    return _Plan(recipe_id, document or "", recipe, found, parameters)


def parameters_of(kind: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of a kind of run with their defaults; raises RequestError."""
    model = PARAMETERS[kind]
    try:
        asked = model.model_validate(given).model_dump(mode="json", by_alias=True)
    except ValidationError as error:
        names, details = field_names(model), error.errors(include_url=False, include_context=False)
        faults = [
            Fault(path_of(one["loc"], "parameters"), message_of(one, names)) for one in details
        ]
        raise RequestError("the parameters cannot be used; see errors", faults=faults) from error
    if asked.get("name") is not None:
        check_dataset_name(asked["name"])
    return asked


def _trained(connection: sa.Connection, who: Principal, run_id: str) -> Run:
    run = find_run(connection, who, run_id)
    if run.kind != "train" or run.state != SUCCEEDED:
        raise ConflictError(f"run {run.number} is a {run.kind} run, {run.state}; no model to score")
    return run


def ready_dataset(connection: sa.Connection, who: Principal, dataset_id: str) -> Dataset:
    """Return a data set that a run may read; raises ConflictError where it is not ready."""
    dataset = find_dataset(connection, who, dataset_id)
    if dataset.state != READY:
        raise ConflictError(f"the data set {dataset.name} is {dataset.state}, not {READY}")
    return dataset


def _refused(path: str, message: str) -> RequestError:
    return RequestError("the run cannot be made; see errors", faults=[Fault(path, message)])


def body_of_clone(run: Run, changes: dict[str, Any]) -> RunBody:
    """Return what to ask for to have a run like another, with changes."""
    kept = ("experiment_id", "kind", "dataset_ids", "parameters", "queue", "time_limit_s", "tags")
    like = {name: getattr(run, name) for name in kept}
    if "recipe" not in changes:
        like["recipe_id"] = run.recipe_id
    return read_model(RunBody, like | changes)
