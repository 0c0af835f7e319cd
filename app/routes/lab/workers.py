"""The line in which runs wait, and the workers that execute them, over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response

from app.contract.lab import MOST_ROWS, SPANS, MachinesQuery
from app.contract.lab_answers import LinePage, MachinesPage, WorkerItem, WorkersPage
from app.contract.responses import json_response, page
from app.lab.run_items import line_items, worker_items
from app.routes.lab.experiments import in_lab
from app.routes.operation import operation
from app.services import services
from database.engine import reading, store_time
from database.lab.machines import list_machines
from database.lab.workers import drain_worker
from database.people.principal import LAB_READ, OPERATE, Principal

blueprint = Blueprint("lab_workers", __name__)


@blueprint.get("/lab/line")
@operation(
    "What waits, the oldest first, and what it waits for", permission=LAB_READ, answer=LinePage
)
def get_line() -> Response:
    who = services().guard.principal()
    with reading(services().engine) as connection:
        items = line_items(connection, who, limit=MOST_ROWS, now=store_time(connection))
    return page(items, next_cursor=None)


@blueprint.get("/lab/workers")
@operation("Workers, and what they execute", permission=LAB_READ, answer=WorkersPage)
def get_workers() -> Response:
    who = services().guard.principal()
    with reading(services().engine) as connection:
        items = worker_items(connection, who, now=store_time(connection))
    return page(items, next_cursor=None)


@blueprint.get("/lab/machines")
@operation(
    "Machines: what they have, and how much of it was in use",
    permission=LAB_READ,
    query=MachinesQuery,
    answer=MachinesPage,
)
def get_machines(query: MachinesQuery) -> Response:
    span = SPANS[query.span]
    with reading(services().engine) as connection:
        found = list_machines(connection, span=span, now=store_time(connection))
    return page([vars(machine) for machine in found], next_cursor=None)


@blueprint.post("/lab/workers/<worker_id>/drain")
@operation("Give a worker nothing more to do", permission=OPERATE, answer=WorkerItem)
def post_worker_drain(worker_id: str) -> Response:
    def work(connection: sa.Connection, who: Principal, now: datetime) -> dict[str, Any]:
        drain_worker(connection, who, worker_id, now=now)
        items = worker_items(connection, who, now=now)
        return next(item for item in items if item["worker_id"] == worker_id)

    return json_response(in_lab(work))
