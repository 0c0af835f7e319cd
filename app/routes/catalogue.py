"""The catalogue over HTTP: regions, models and senders."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response

from app.contract.cursors import cut, place_of
from app.contract.operations import operation
from app.contract.pages import ModelsPage, RegionsPage, SendersPage
from app.contract.queries import ListQuery, PageQuery
from app.contract.responses import page
from app.services import services
from database.delivery.row_outcomes import OUTCOMES
from database.delivery.senders import list_senders, lost_rows
from database.engine import reading
from database.models import list_models
from database.regions.regions import COLUMNS, list_regions, noaa_numbers

blueprint = Blueprint("catalogue", __name__)


@blueprint.get("/regions")
@operation("Active regions seen in a stretch of time", scope="read", query=ListQuery,
           answer=RegionsPage)  # fmt: skip
def get_regions(query: ListQuery) -> Response:
    window, after = query.window, place_of(query.cursor, int)
    with reading(services().engine) as connection:
        rows = list_regions(
            connection,
            window=window,
            region_id=query.region,
            limit=query.limit + 1,
            after=after[0] if after else None,
        )
    rows, cursor = cut(rows, query.limit, lambda row: (row["region_id"],))
    return page([_region(row) for row in rows], next_cursor=cursor)


def _region(row: dict[str, Any]) -> dict[str, Any]:
    item = {name: row[name] for name in COLUMNS[1:]}
    return {"region": row["region_id"], **item, "noaa_ars": noaa_numbers(row["noaa_ars"])}


@blueprint.get("/models")
@operation("Registered models, the live one first", scope="read", answer=ModelsPage)
def get_models() -> Response:
    with reading(services().engine) as connection:
        models = [asdict(model) for model in list_models(connection)]
    return page([{"model": m.pop("model_id"), **m} for m in models], next_cursor=None)


@blueprint.get("/senders")
@operation("Senders and what became of their rows", scope="read", query=PageQuery,
           answer=SendersPage)  # fmt: skip
def get_senders(query: PageQuery) -> Response:
    after = place_of(query.cursor, str)
    with reading(services().engine) as connection:
        rows = list_senders(connection, limit=query.limit + 1, after=after[0] if after else None)
    rows, cursor = cut(rows, query.limit, lambda row: (row["sender_id"],))
    return page([_sender(row) for row in rows], next_cursor=cursor)


def _sender(row: dict[str, Any]) -> dict[str, Any]:
    names = ("first_seen_at", "last_seen_at", "last_sequence", "sent", *OUTCOMES, "late", "spooled")
    item = {name: row[name] for name in names}
    return {"sender": row["sender_id"], **item, "lost": lost_rows(row)}
