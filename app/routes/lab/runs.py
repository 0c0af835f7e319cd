"""Runs of the Lab over HTTP, with their log and history."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote, unquote

import sqlalchemy as sa
from flask import Blueprint, Response, request

from app.contract.bodies import read_json, read_model
from app.contract.lab import (
    MOST_ROWS,
    BulkBody,
    CloneBody,
    LogQuery,
    RunBody,
    RunChanges,
    RunsQuery,
)
from app.contract.lab_answers import (
    AttemptItem,
    BulkAnswer,
    DeletedAnswer,
    HistoryAnswer,
    RunDetail,
    RunsPage,
)
from app.contract.problems import Fault, RequestError
from app.contract.responses import cut_page, json_response, page, read_cursor
from app.lab.differences import differing_runs
from app.lab.new_runs import body_of_clone, draft_run
from app.lab.run_items import run_detail, run_items, why_no_gpu
from app.routes.lab.experiments import Work, found_run, in_lab, owner_of
from app.routes.operation import operation
from app.services import services
from database.engine import reading, store_time
from database.lab.attempts import list_attempts
from database.lab.datasets import finish_description, read_datasets
from database.lab.recipes import share_recipe
from database.lab.run_lists import NUMBERS, TEXTS, RunFilter, RunOrder, placed_runs, stored_bytes
from database.lab.runs import (
    DRAFT,
    UNDER_WAY,
    Run,
    change_run,
    delete_run,
    find_run,
    restart_run,
    start_run,
    stop_run,
)
from database.lab.streams import read_stream
from database.lab.workers import list_workers
from database.people.audit import acts_on
from database.people.principal import LAB, LAB_READ, OPERATE, Principal
from solar.errors import ConflictError, FlarewatchError, NotAllowedError

blueprint = Blueprint("runs", __name__)
TEXT = "text/plain; charset=utf-8"
_CONFLICT = "The run is in a state in which this cannot be done to it."
_LONGEST_KEY = 200
Queue = Callable[..., Run]


@blueprint.get("/lab/runs")
@operation(
    "Runs that one may see, the newest first, or sorted",
    permission=LAB_READ,
    query=RunsQuery,
    answer=RunsPage,
)
def get_runs(query: RunsQuery) -> Response:
    who, order = services().guard.principal(), RunOrder(query.sort, query.event, query.up)
    chosen, after = _filter_of(query, who), _place_of(query)
    with reading(services().engine) as connection:
        rows = placed_runs(connection, who, chosen, order, limit=query.limit + 1, after=after)
        rows, cursor = cut_page(rows, query.limit, lambda row: _written(row[1]))
        shown = [run for run, _ in rows]
        items = run_items(connection, who, shown, now=store_time(connection))
        if query.experiment is not None and shown:
            differs = differing_runs(connection, who, query.experiment, shown)
            items = [item | {"differs": differs[item["run_id"]]} for item in items]
    return page(items, next_cursor=cursor)


def _filter_of(query: RunsQuery, who: Principal) -> RunFilter:
    event, _, least = (query.bss_min or "").partition(":")
    plain = query.model_dump(include={"kind", "tag", "text", "estimator", "recipe"})
    return RunFilter(
        **plain,
        experiment_id=query.experiment,
        states=[state for state in query.state.split(",") if state],
        owner=owner_of(query, who),
        least_bss=(event, float(least)) if least else None,
    )


def _place_of(query: RunsQuery) -> tuple[Any, ...] | None:
    """Return the place in the order at which the page before ended."""
    if query.sort in TEXTS:
        named = read_cursor(query.cursor, str, str)
        return named and (unquote(named[0]), named[1])
    kinds = [float, str] if query.sort in NUMBERS else [str]
    place: tuple[Any, ...] | None = read_cursor(query.cursor, *kinds)
    return place


def _written(place: tuple[Any, ...]) -> tuple[Any, ...]:
    """Write a place for a cursor, the texts of which are ASCII."""
    return tuple(quote(value) if isinstance(value, str) else float(value) for value in place)


@blueprint.post("/lab/runs")
@operation(
    "Draft a run, and queue it with `start`; the same Idempotency-Key is the same run",
    permission=LAB,
    body=RunBody,
    answer=RunDetail,
    conflict="The run cannot be queued now; it stays a draft.",
)
def post_runs() -> Response:
    return _drafted(read_model(RunBody, read_json()))


@blueprint.get("/lab/runs/<run_id>")
@operation("A run", permission=LAB_READ, answer=RunDetail)
def get_run(run_id: str) -> Response:
    run, who = found_run(run_id), services().guard.principal()
    with reading(services().engine) as connection:
        return json_response(run_detail(connection, who, run, now=store_time(connection)))


@blueprint.patch("/lab/runs/<run_id>")
@operation(
    "Change tags, note or visibility of a run; a shared run shares its recipe",
    permission=LAB,
    body=RunChanges,
    answer=RunDetail,
)
def patch_run(run_id: str) -> Response:
    changes = read_model(RunChanges, read_json()).model_dump(exclude_none=True)

    def work(connection: sa.Connection, who: Principal, now: datetime) -> Run:
        run = change_run(connection, who, run_id, changes, now=now)
        if changes.get("visibility") == "shared" and run.recipe_id is not None:
            share_recipe(connection, run.recipe_id, owner=run.owner)
        return run

    return _shown(work)


@blueprint.delete("/lab/runs/<run_id>")
@operation("Put a run into the trash", permission=LAB, answer=DeletedAnswer, conflict=_CONFLICT)
def delete_one_run(run_id: str) -> Response:
    size = in_lab(lambda c, who, now: _deleted(c, who, run_id, now=now))
    return json_response({"deleted": run_id, "bytes": size})


@blueprint.post("/lab/runs/<run_id>/start")
@operation("Queue a draft", permission=LAB, answer=RunDetail, conflict=_CONFLICT)
def post_run_start(run_id: str) -> Response:
    return _shown_when_queued(run_id, start_run)


@blueprint.post("/lab/runs/<run_id>/restart")
@operation(
    "Queue a run again that did not succeed; it goes on from its checkpoints",
    permission=LAB,
    answer=RunDetail,
    conflict=_CONFLICT,
)
def post_run_restart(run_id: str) -> Response:
    return _shown(lambda c, who, now: _queued(c, who, run_id, restart_run, now))


@blueprint.post("/lab/runs/<run_id>/stop")
@operation(
    "Ask a run to stop; operators stop any run",
    permission=LAB_READ,
    answer=RunDetail,
    conflict=_CONFLICT,
)
def post_run_stop(run_id: str) -> Response:
    _refuse_readers()
    return _shown(lambda c, who, now: _stopped(c, who, run_id, now=now))


@blueprint.post("/lab/runs/<run_id>/clone")
@operation(
    "Draft a run like one that may be seen, with changes",
    permission=LAB,
    body=CloneBody,
    answer=RunDetail,
    conflict="What it needs is not ready.",
)
def post_run_clone(run_id: str) -> Response:
    changes = read_model(CloneBody, read_json()).model_dump(exclude_none=True)
    run = found_run(run_id)
    return _drafted(body_of_clone(run, changes), parent=run.recipe_id)


@blueprint.post("/lab/runs/bulk")
@operation(
    "Start, stop, restart, tag, untag or delete several runs",
    permission=LAB_READ,
    body=BulkBody,
    answer=BulkAnswer,
)
def post_runs_bulk() -> Response:
    _refuse_readers()
    body = read_model(BulkBody, read_json())
    items = [_done_to(run_id, body) for run_id in dict.fromkeys(body.ids)]
    return json_response({"items": items})


@blueprint.get("/lab/runs/<run_id>/log")
@operation(
    "Up to 64 kB of the log or the events of an attempt; X-Next-Offset says where it goes on",
    permission=LAB_READ,
    query=LogQuery,
    answer="text/plain",
)
def get_run_log(query: LogQuery, run_id: str) -> Response:
    run = found_run(run_id)
    attempt = query.attempt or run.attempt
    with reading(services().engine) as connection:
        piece = read_stream(connection, run_id, attempt, query.stream, from_byte=query.from_)
    # The end of a character of which not every byte is there comes with the next piece.
    text = piece.data[: codecs.utf_8_decode(piece.data, "replace", False)[1]]
    response = Response(text, content_type=TEXT)
    response.headers["X-Offset"] = str(piece.from_byte)
    response.headers["X-Next-Offset"] = str(piece.from_byte + len(text))
    response.headers["X-State"] = run.state
    response.headers["X-Attempt"] = str(attempt)
    return response


@blueprint.get("/lab/runs/<run_id>/history")
@operation(
    "The attempts of a run, and who did what to it", permission=LAB_READ, answer=HistoryAnswer
)
def get_run_history(run_id: str) -> Response:
    found_run(run_id)
    with reading(services().engine) as connection:
        attempts = list_attempts(connection, run_id)
        acts = acts_on(connection, "run", run_id, limit=MOST_ROWS)
    items = [{name: getattr(one, name) for name in AttemptItem.model_fields} for one in attempts]
    return json_response({"attempts": items, "audit": acts})


def _drafted(asked: RunBody, *, parent: str | None = None) -> Response:
    """Store a draft, and queue it if that is asked for; where it cannot be, the draft stays."""
    key, longest = _start_key(), services().settings.lab_time_limit_seconds
    run = in_lab(
        lambda c, who, now: draft_run(
            c, who, asked, start_key=key, parent=parent, time_limit_s=longest, now=now
        )
    )
    if asked.start and run.state == DRAFT:
        return _shown_when_queued(run.run_id, start_run)
    return _shown(lambda connection, who, _now: find_run(connection, who, run.run_id))


def _start_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 0 < len(key) <= _LONGEST_KEY:
        fault = Fault("Idempotency-Key", f"has 1 to {_LONGEST_KEY} characters")
        raise RequestError("the request cannot be used; see errors", faults=[fault])
    return hashlib.sha256(key.encode()).hexdigest()


def _shown_when_queued(run_id: str, queue: Queue) -> Response:
    def work(connection: sa.Connection, who: Principal, now: datetime) -> Run:
        return _queued(connection, who, run_id, queue, now)

    try:
        return _shown(work)
    except ConflictError:
        # A second click that was faster has queued it: then there is nothing left to do.
        return _shown(work)


def _queued(
    connection: sa.Connection, who: Principal, run_id: str, queue: Queue, now: datetime
) -> Run:
    """Queue a run, unless what it needs is gone."""
    was_under_way = find_run(connection, who, run_id).state in UNDER_WAY
    run = queue(connection, who, run_id, now=now)
    finish_description(connection, run, None, now=now)
    if was_under_way:
        return run
    reason = why_no_gpu(run.queue, list_workers(connection, now=now))
    known = {dataset.dataset_id for dataset in read_datasets(connection, run.dataset_ids)}
    if len(known) < len(set(run.dataset_ids)):
        reason = "a data set of the run is no longer there; clone it with another"
    if reason is not None:
        raise ConflictError(f"the run is not queued: {reason}")
    return run


def _stopped(connection: sa.Connection, who: Principal, run_id: str, *, now: datetime) -> Run:
    """Stop a run; the data set that a cancelled one would have looked into is told so."""
    run = stop_run(connection, who, run_id, now=now)
    finish_description(connection, run, None, now=now)
    return run


def _deleted(connection: sa.Connection, who: Principal, run_id: str, *, now: datetime) -> int:
    """Delete a run; return how many bytes go with it."""
    delete_run(connection, who, run_id, now=now)
    return stored_bytes(connection, [run_id]).get(run_id, 0)


def _tagged(
    connection: sa.Connection, who: Principal, run_id: str, body: BulkBody, *, now: datetime
) -> Run:
    """Put a tag on a run, or take it off."""
    run = find_run(connection, who, run_id)
    others = [tag for tag in run.tags if tag != body.tag]
    tags = [*others, body.tag] if body.action == "tag" else others
    changes = RunChanges.model_validate({"tags": tags}).model_dump(exclude_none=True)
    return change_run(connection, who, run_id, changes, now=now)


def _done_to(run_id: str, body: BulkBody) -> dict[str, Any]:
    done: dict[str, Any] = {"run_id": run_id, "state": None, "bytes": None, "error": None}

    def work(connection: sa.Connection, who: Principal, now: datetime) -> dict[str, Any]:
        if body.action == "delete":
            return {"state": "deleted", "bytes": _deleted(connection, who, run_id, now=now)}
        if body.tag is not None:
            return {"state": _tagged(connection, who, run_id, body, now=now).state}
        if body.action == "stop":
            return {"state": _stopped(connection, who, run_id, now=now).state}
        queue = start_run if body.action == "start" else restart_run
        return {"state": _queued(connection, who, run_id, queue, now).state}

    try:
        return done | in_lab(work)
    except FlarewatchError as error:
        # One that cannot be done holds up none of the others.
        return done | {"error": str(error)}


def _refuse_readers() -> None:
    who = services().guard.principal()
    if not (who.may(LAB) or who.may(OPERATE)):
        raise NotAllowedError(
            f"{who.name} may not stop runs; it needs the role researcher, operator or admin"
        )


def _shown(work: Work[Run]) -> Response:
    """Do something in a transaction and return the run that it leaves."""

    def shown(connection: sa.Connection, who: Principal, now: datetime) -> dict[str, Any]:
        run = work(connection, who, now)
        return run_detail(connection, who, run, now=now)

    return json_response(in_lab(shown))
