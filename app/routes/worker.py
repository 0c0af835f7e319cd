"""Workers over HTTP: they register, and their jobs claim runs, report, deliver and end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import sqlalchemy as sa
from flask import Blueprint, Response, request

from app.contract.bodies import read_body, read_json, read_model
from app.contract.problems import problem
from app.contract.responses import PARQUET, json_response, table_page
from app.contract.worker import (
    ClaimAnswer,
    ClaimBody,
    EndBody,
    FileQuery,
    OutputAnswer,
    OutputQuery,
    PieceBody,
    RegisterAnswer,
    RegisterBody,
    ReportAnswer,
    ReportBody,
    StateAnswer,
    StoreQuery,
)
from app.lab.store_pages import store_page
from app.lab.uploads import output_key, too_large
from app.routes.operation import operation
from app.services import services
from database.engine import reading, store_time, transact
from database.lab.attempts import (
    Claim,
    End,
    Received,
    Report,
    claim_run,
    end_run,
    find_current,
    report_run,
)
from database.lab.children import make_child
from database.lab.datasets import DataFile, Dataset, finish_description, read_datasets
from database.lab.file_store import PIECE_BYTES
from database.lab.machines import add_sample
from database.lab.outputs import (
    CHECKPOINT,
    MODEL,
    Output,
    check_output_name,
    list_outputs,
    put_output,
)
from database.lab.recipes import read_document
from database.lab.runs import Run
from database.lab.streams import Piece
from database.lab.workers import Worker, register_worker, see_worker
from database.people.principal import WORK
from solar.errors import NotFoundError

blueprint = Blueprint("worker", __name__)
OCTETS = "application/octet-stream"

Result = TypeVar("Result")


@blueprint.post("/register")
@operation(
    "Register a worker, or say that it goes on",
    permission=WORK,
    body=RegisterBody,
    answer=RegisterAnswer,
)
def post_register() -> Response:
    body = read_model(RegisterBody, read_json())

    told = body.model_dump(exclude={"worker_id", "free", "is_draining", "machine"})

    def work(connection: sa.Connection, now: datetime) -> Worker:
        worker_id = body.worker_id or register_worker(connection, **told, now=now).worker_id
        if body.machine is not None:
            add_sample(connection, body.host, body.machine.sample(), now=now)
        return see_worker(
            connection, worker_id, free=body.free, is_draining=body.is_draining, now=now
        )

    worker = _transact(work)
    return json_response({"worker_id": worker.worker_id, "state": worker.state, **_times()})


@blueprint.post("/runs/<run_id>/claim")
@operation(
    "Begin an attempt of a run",
    permission=WORK,
    body=ClaimBody,
    answer=ClaimAnswer,
    conflict="the run is not for this job to begin",
)
def post_claim(run_id: str) -> Response:
    body, who = read_model(ClaimBody, read_json()), services().guard.principal()
    claim = Claim(**body.model_dump())

    def work(connection: sa.Connection, now: datetime) -> tuple[Run, _Inputs]:
        run = claim_run(connection, who, run_id, claim, lease=_lease(), now=now)
        return run, _inputs_of(connection, run)

    run, inputs = _transact(work)
    told = {name: getattr(run, name) for name in ("kind", "number", "parameters", "time_limit_s")}
    return json_response(
        told
        | {
            "recipe": inputs.recipe,
            "datasets": [
                {"dataset_id": one.dataset_id, "name": one.name, "layout": one.layout}
                | {"files": _files(one.files)}
                for one in inputs.datasets
            ],
            "inputs": _files(inputs.outputs),
            "checkpoints": _files(inputs.checkpoints),
            **_times(),
        }
    )


@blueprint.post("/runs/<run_id>/report")
@operation(
    "Take log and events of a job, and renew its lease",
    permission=WORK,
    body=ReportBody,
    answer=ReportAnswer,
    conflict="the attempt is over: the job ends itself",
)
def post_report(run_id: str) -> Response:
    body, who = read_model(ReportBody, read_json()), services().guard.principal()
    values = body.model_dump(exclude={"log", "events"})
    report = Report(log=_piece(body.log), events=_piece(body.events), **values)

    def work(connection: sa.Connection, now: datetime) -> Received:
        return report_run(connection, who, run_id, report, lease=_lease(), now=now)

    got = _transact(work)
    arrived = {"log_bytes": got.log_bytes, "event_bytes": got.event_bytes}
    return json_response({"stop": got.is_to_stop, **arrived})


@blueprint.put("/runs/<run_id>/outputs/<path:name>")
@operation(
    "Deliver a piece of an output",
    permission=WORK,
    query=OutputQuery,
    answer=OutputAnswer,
    conflict="the attempt is over, or the piece is not the next",
)
def put_piece(query: OutputQuery, run_id: str, name: str) -> Response:
    check_output_name(name, query.kind)
    with reading(services().engine) as connection:
        find_current(connection, run_id, query.attempt)
    key, store = output_key(run_id, query.attempt, query.sha256), services().file_store
    received = query.bytes
    if not store.has(query.sha256):
        if (received := store.received(key)) != query.offset:
            return _not_the_next(received)
        received = _receive(key, query)
        if received < query.bytes:
            return json_response({"received": received, "is_complete": False})
        store.keep(key, sha256=query.sha256)

    def work(connection: sa.Connection, now: datetime) -> None:
        find_current(connection, run_id, query.attempt)
        told = (query.kind, query.sha256, query.bytes, query.attempt)
        put_output(connection, Output(run_id, name, *told, now))

    _transact(work)
    return json_response({"received": received, "is_complete": True})


def _not_the_next(received: int) -> Response:
    response = problem(409, "Conflict", detail=f"{received} bytes are here; go on from there")
    response.headers["X-Next-Offset"] = str(received)
    return response


def _receive(key: str, query: OutputQuery) -> int:
    piece = read_body()
    if len(piece) > PIECE_BYTES or query.offset + len(piece) > query.bytes:
        raise too_large(f"a piece has {PIECE_BYTES >> 20} MiB at most, and ends within the file")
    return services().file_store.append(key, piece, offset=query.offset)


@blueprint.get("/files/<sha256>")
@operation(
    "Fetch a range of a file that the run reads", permission=WORK, query=FileQuery, answer=OCTETS
)
def get_worker_file(query: FileQuery, sha256: str) -> Response:
    with reading(services().engine) as connection:
        run = find_current(connection, query.run_id, query.attempt)
        if sha256 not in _inputs_of(connection, run).hashes:
            raise NotFoundError("the run reads no such file")
    start, length = _range()
    content = services().file_store.read(sha256, start=start, length=length)
    response = Response(content, status=206, content_type=OCTETS)
    response.headers["Content-Range"] = f"bytes {start}-{start + len(content) - 1}/*"
    return response


@blueprint.get("/runs/<run_id>/store/<table>")
@operation(
    "A page of records, flares, regions or coverage of the time that a snapshot run asks for",
    permission=WORK,
    query=StoreQuery,
    answer=PARQUET,
    conflict="the attempt is over",
)
def get_store_page(query: StoreQuery, run_id: str, table: str) -> Response:
    with reading(services().engine) as connection:
        run = find_current(connection, run_id, query.attempt)
        rows, cursor = store_page(connection, run, table, query.cursor)
    return table_page(rows, kind="parquet", name=table, next_cursor=cursor)


def _range() -> tuple[int, int]:
    """Return where the asked range begins and its length, which is bounded."""
    wanted = request.range
    start, end = wanted.ranges[0] if wanted is not None and wanted.ranges else (0, None)
    return max(0, start), min(PIECE_BYTES, PIECE_BYTES if end is None else max(0, end - start))


@blueprint.post("/runs/<run_id>/end")
@operation(
    "End an attempt of a run",
    permission=WORK,
    body=EndBody,
    answer=StateAnswer,
    conflict="the attempt is over",
)
def post_end(run_id: str) -> Response:
    body, who = read_model(EndBody, read_json()), services().guard.principal()
    end = End(**body.model_dump(exclude={"dataset"}))

    def work(connection: sa.Connection, now: datetime) -> Run:
        run = end_run(connection, who, run_id, end, now=now)
        found = None if body.dataset is None else body.dataset.model_dump()
        finish_description(connection, run, found, now=now)
        make_child(connection, run, now=now)
        return run

    return json_response({"state": _transact(work).state})


def _transact(work: Callable[[sa.Connection, datetime], Result]) -> Result:
    """Do work in a transaction, with the time of the store, by which leases are judged."""
    return transact(services().engine, lambda connection: work(connection, store_time(connection)))


def _times() -> dict[str, float]:
    lease, grace = services().settings.lab_lease_seconds, services().settings.lab_grace_seconds
    return {"lease_seconds": lease, "grace_seconds": grace}


def _lease() -> timedelta:
    return timedelta(seconds=services().settings.lab_lease_seconds)


def _files(files: Iterable[DataFile | Output]) -> list[dict[str, Any]]:
    return [{"name": one.name, "sha256": one.sha256, "bytes": one.bytes} for one in files]


def _piece(body: PieceBody) -> Piece:
    return Piece(body.from_byte, body.text.encode())


@dataclass(frozen=True)
class _Inputs:
    """What a job reads: recipe, data sets, outputs of another run, and its own checkpoints."""

    recipe: str | None
    datasets: list[Dataset]
    outputs: list[Output]
    checkpoints: list[Output]

    @property
    def hashes(self) -> set[str]:
        """The content that the job may fetch."""
        files = {file.sha256 for dataset in self.datasets for file in dataset.files}
        return files | {output.sha256 for output in (*self.outputs, *self.checkpoints)}


def _inputs_of(connection: sa.Connection, run: Run) -> _Inputs:
    """Return what the job of a run reads."""
    other = run.parameters.get("run_id")
    return _Inputs(
        recipe=read_document(connection, run.recipe_id) if run.recipe_id else None,
        datasets=read_datasets(connection, run.dataset_ids),
        outputs=list_outputs(connection, other, kind=MODEL) if other else [],
        checkpoints=list_outputs(connection, run.run_id, kind=CHECKPOINT),
    )
