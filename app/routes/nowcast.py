"""The nowcast over HTTP: the X-ray flux now, and the flares that were seen in it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from operator import attrgetter
from typing import Any

from flask import Blueprint, Response

from app.contract.answers import NowcastAnswer, NowcastCountsAnswer
from app.contract.pages import NowcastEventsPage
from app.contract.queries import NowcastCountsQuery, NowcastEventsQuery, NowcastQuery
from app.contract.responses import cut_page, json_response, page, read_cursor
from app.routes.operation import operation
from app.services import services
from database.engine import reading
from database.nowcast.nowcast import (
    NowcastEvent,
    count_nowcast_events,
    list_nowcast_events,
    read_nowcast,
)
from database.people.principal import READ
from solar.flares import peak_flux

blueprint = Blueprint("nowcast", __name__)


@blueprint.get("/nowcast")
@operation(
    "The X-ray flux now, and the flare in progress",
    permission=READ,
    query=NowcastQuery,
    answer=NowcastAnswer,
)
def get_nowcast(query: NowcastQuery) -> Response:
    now = services().time_read(query.at)
    with reading(services().engine) as connection:
        nowcast = read_nowcast(connection, now)
    fields = {name: getattr(nowcast, name) for name in nowcast.__dataclass_fields__}
    fields["event"] = None if nowcast.event is None else _item(nowcast.event)
    return json_response({"class" if k == "goes_class" else k: v for k, v in fields.items()})


@blueprint.get("/nowcast/events")
@operation(
    "Flares seen in the X-rays, by the time of their start",
    permission=READ,
    query=NowcastEventsQuery,
    answer=NowcastEventsPage,
)
def get_nowcast_events(query: NowcastEventsQuery) -> Response:
    now = services().time_read(query.at)
    with reading(services().engine) as connection:
        events = list_nowcast_events(
            connection,
            query.window,
            now=now,
            limit=query.limit + 1,
            after=read_cursor(query.cursor, datetime, str),
        )
    events, cursor = cut_page(events, query.limit, attrgetter("start_at", "event_id"))
    return page([_item(event) for event in events], next_cursor=cursor)


@blueprint.get("/nowcast/counts")
@operation(
    "How the flares seen in the X-rays compare with the flare list",
    permission=READ,
    query=NowcastCountsQuery,
    answer=NowcastCountsAnswer,
)
def get_nowcast_counts(query: NowcastCountsQuery) -> Response:
    now = services().time_read(query.at)
    with reading(services().engine) as connection:
        counts = count_nowcast_events(
            connection, query.window, least_flux=peak_flux(query.min_class), now=now
        )
    return json_response(asdict(counts))


def _item(event: NowcastEvent) -> dict[str, Any]:
    return {**asdict(event), "r_scale": event.r_scale}
