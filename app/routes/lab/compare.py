"""The comparison of runs over HTTP."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response

from app.contract.comparison import CompareAnswer, CompareQuery
from app.contract.responses import json_response
from app.lab.comparison import (
    EVIDENCE,
    KINDS,
    MOST_BYTES,
    Forecasts,
    compare_runs,
    parameter_rows,
    read_forecasts,
)
from app.lab.differences import every_option, options_of
from app.lab.run_items import run_items
from app.routes.lab.experiments import found_run
from app.routes.operation import operation
from app.services import services
from database.engine import reading, store_time
from database.lab.outputs import find_output
from database.lab.recipes import find_recipe
from database.lab.runs import SUCCEEDED, Run
from database.people.principal import LAB_READ
from solar.bootstrap import RESAMPLES
from solar.errors import ConflictError, InvalidInputError, NotFoundError

blueprint = Blueprint("compare", __name__)


@blueprint.get("/lab/compare")
@operation(
    "Runs side by side: scores, paired differences to the first one, and what they were told",
    permission=LAB_READ,
    query=CompareQuery,
    answer=CompareAnswer,
    conflict="A run has not succeeded.",
)
def get_comparison(query: CompareQuery) -> Response:
    runs = {run_id: found_run(run_id) for run_id in query.runs.split(",")}
    forecasts = {run_id: _forecasts(run, query.part) for run_id, run in runs.items()}
    with reading(services().engine) as connection:
        who = services().guard.principal()
        items = run_items(connection, who, list(runs.values()), now=store_time(connection))
    names = {item["run_id"]: f"{item['name']}, run {item['number']}" for item in items}
    return json_response(
        {
            "part": query.part,
            "interval": {"level": 0.95, "resamples": RESAMPLES},
            "runs": items,
            "events": compare_runs(forecasts, names),
            "parameters": parameter_rows({run_id: _settings(run) for run_id, run in runs.items()}),
        }
    )


def _forecasts(run: Run, part: str) -> dict[str, Forecasts]:
    """Read what a run has forecast; raises with the run that is in the way."""
    if run.kind not in KINDS:
        raise InvalidInputError(
            f"run {run.run_id} is of the kind {run.kind}; compare runs that {' or '.join(KINDS)}"
        )
    if run.state != SUCCEEDED:
        raise ConflictError(f"run {run.run_id} is {run.state}; compare runs that succeeded")
    with reading(services().engine) as connection:
        output = find_output(connection, run.run_id, EVIDENCE)
    if output.bytes > MOST_BYTES:
        raise InvalidInputError(
            f"the evidence of run {run.run_id} has {output.bytes:,} bytes, of {MOST_BYTES:,} that"
            " are read here; download it and use flarewatch compare"
        )
    try:
        return read_forecasts(services().file_store.read(output.sha256), part)
    except InvalidInputError as error:
        raise InvalidInputError(f"the {EVIDENCE} of run {run.run_id} {error}") from error


def _settings(run: Run) -> dict[str, Any]:
    """Return what a run was told, by name; its recipe may be private to somebody else."""
    told: dict[str, Any] = {"kind": run.kind, "datasets": run.dataset_ids}
    told |= options_of({"parameters": run.parameters})
    if run.recipe_id is None:
        return told
    try:
        with reading(services().engine) as connection:
            recipe = find_recipe(connection, services().guard.principal(), run.recipe_id)
    except NotFoundError:
        return told
    return told | dict(every_option(recipe.document))
