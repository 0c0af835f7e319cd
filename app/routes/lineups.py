"""Line-ups over HTTP: which models serve and have served, in which processes, and rolling back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response

from app.contract.bodies import read_json, read_model
from app.contract.lifecycle import LineUpItem, LineUpsPage, RollBackBody, ServerProcessesPage
from app.contract.queries import PageQuery
from app.contract.responses import cut_page, json_response, page, read_cursor
from app.routes.operation import operation
from app.services import services
from database.engine import reading, store_time, transact
from database.lineups import LineUp, list_lineups, roll_back
from database.people.principal import OPERATE, READ
from database.server_processes import list_processes

blueprint = Blueprint("lineups", __name__)


@blueprint.get("/lineups")
@operation(
    "Which models served since when, the newest first, who chose them and why",
    permission=READ,
    query=PageQuery,
    answer=LineUpsPage,
)
def get_lineups(query: PageQuery) -> Response:
    after = read_cursor(query.cursor, int)
    with reading(services().engine) as connection:
        rows = list_lineups(connection, limit=query.limit + 1, before=after[0] if after else None)
    rows, cursor = cut_page(rows, query.limit, lambda row: (row.number,))
    return page([_item(row) for row in rows], next_cursor=cursor)


@blueprint.get("/processes")
@operation(
    "The processes that score records, and which line-up each of them serves",
    permission=READ,
    answer=ServerProcessesPage,
)
def get_processes() -> Response:
    with reading(services().engine) as connection:
        rows = list_processes(connection)
    return page([asdict(row) for row in rows], next_cursor=None)


@blueprint.post("/lab/models/rollback")
@operation(
    "Let the model that was live before be live again",
    permission=OPERATE,
    body=RollBackBody,
    answer=LineUpItem,
    conflict="No other model was live before.",
)
def post_rollback() -> Response:
    why, who = read_model(RollBackBody, read_json()).why, services().guard.principal()

    def work(connection: sa.Connection) -> LineUp:
        return roll_back(connection, who, why=why, now=store_time(connection))

    return json_response(_item(transact(services().engine, work)))


def _item(line_up: LineUp) -> dict[str, Any]:
    return {name: value for name, value in asdict(line_up).items() if name != "seed_sha256"}
