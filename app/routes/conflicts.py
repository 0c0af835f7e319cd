"""Conflicts over HTTP: accounts of records that lost against others."""

from __future__ import annotations

from datetime import datetime
from operator import itemgetter

from flask import Blueprint, Response

from app.contract.cursors import cut, place_of
from app.contract.operations import operation
from app.contract.pages import ConflictsPage
from app.contract.queries import TableQuery
from app.contract.responses import (
    CONFLICT_COLUMNS,
    CSV,
    PARQUET,
    conflict_item,
    file_page,
    flat_conflict,
    page,
)
from app.services import services
from database.engine import reading
from database.observations.versions import list_conflicts

blueprint = Blueprint("conflicts", __name__)


@blueprint.get("/conflicts")
@operation(
    "Accounts of records that contradicted the one that held, and lost", scope="read",
    query=TableQuery, answer=ConflictsPage, also_answer=(CSV, PARQUET),
)  # fmt: skip
def get_conflicts(query: TableQuery) -> Response:
    with reading(services().engine) as connection:
        rows = list_conflicts(
            connection,
            window=query.window,
            region_id=query.region,
            limit=query.limit + 1,
            after=place_of(query.cursor, datetime, int, int),
        )
    rows, cursor = cut(rows, query.limit, itemgetter("t_rec", "region_id", "content_hash"))
    if query.format == "json":
        return page([conflict_item(row) for row in rows], next_cursor=cursor)
    flat = [flat_conflict(row) for row in rows]
    return file_page(
        flat, CONFLICT_COLUMNS, kind=query.format, name="conflicts", next_cursor=cursor
    )
