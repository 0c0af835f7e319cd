"""Observations over HTTP: batches come in; records, superseded versions and regions go out."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from operator import attrgetter, itemgetter
from typing import Any

from flask import Blueprint, Response, request

from app import metrics
from app.contract.answers import IngestAnswer
from app.contract.bodies import JSON_TYPE, media_type, read_body, refuse_media_type
from app.contract.pages import ConflictsPage, ObservationsPage, RegionsPage
from app.contract.problems import RequestError, nothing_usable
from app.contract.queries import IngestQuery, ListQuery, TableQuery
from app.contract.responses import (
    CONFLICT_COLUMNS,
    CSV,
    OBSERVATION_COLUMNS,
    PARQUET,
    conflict_item,
    cut_page,
    file_page,
    flat_conflict,
    flat_observation,
    ingest_answer,
    json_response,
    observation_item,
    page,
    prediction_items,
    read_cursor,
)
from app.contract.schemas import UNNAMED_SENDER, ObservationsBody
from app.ingest import arrow_rows
from app.ingest.admission import YieldToLive
from app.ingest.ingest_request import IngestRequest, read_request
from app.ingest.outcomes import causes_of_request
from app.logs import began_at
from app.routes.operation import operation
from app.services import services
from database.delivery.rejections import record_rejections
from database.engine import reading, transact
from database.observations.records import list_observations
from database.observations.versions import list_conflicts
from database.people.principal import INGEST, READ
from database.regions.regions import COLUMNS, list_regions, noaa_numbers
from solar.errors import StoreUnavailableError

blueprint = Blueprint("observations", __name__)


@blueprint.post("/observations")
@operation(
    "Store observations and forecast from them",
    permission=INGEST,
    query=IngestQuery,
    body=ObservationsBody,
    answer=IngestAnswer,
    also_body=(arrow_rows.MEDIA_TYPE,),
)
def post_observations(query: IngestQuery) -> Response:
    with services().admission.entered(request.content_length) as yield_to_live:
        return _ingest(query, yield_to_live)


def _ingest(query: IngestQuery, yield_to_live: YieldToLive) -> Response:
    running = services()
    ingest_request = _read_or_record(query, now=running.clock())
    result = running.ingest_store.store(
        [ingest_request], now=running.clock(), yield_to_live=yield_to_live
    )
    (outcomes,) = result.outcomes
    metrics.count_rows(outcomes.counts())
    if not len(ingest_request.batch):
        raise nothing_usable("row", sorted(ingest_request.rejected, key=attrgetter("index")))
    wants_all = query.return_ == "predictions"
    predictions = prediction_items(result.forecasts) if wants_all else outcomes.predictions
    return json_response(ingest_answer(outcomes.counts(), ingest_request.rejected, predictions))


def _read_or_record(query: IngestQuery, *, now: datetime) -> IngestRequest:
    """Read the request; the cause of a refusal of all of it is recorded before the answer."""
    try:
        return _read(query, now=now)
    except RequestError as error:
        sender_id = query.sender or UNNAMED_SENDER.id
        causes = causes_of_request(str(error), error.faults, sender_id)
        # When the store is away the request is refused all the same.
        with suppress(StoreUnavailableError):
            transact(
                services().engine,
                lambda connection: record_rejections(connection, causes, now=now),
            )
        raise


def _read(query: IngestQuery, *, now: datetime) -> IngestRequest:
    if media_type() not in (JSON_TYPE, arrow_rows.MEDIA_TYPE):
        raise refuse_media_type(JSON_TYPE, arrow_rows.MEDIA_TYPE)
    return read_request(media_type(), read_body(), query, now=now, began=began_at())


@blueprint.get("/observations")
@operation(
    "Stored observations",
    permission=READ,
    query=TableQuery,
    answer=ObservationsPage,
    also_answer=(CSV, PARQUET),
)
def get_observations(query: TableQuery) -> Response:
    with reading(services().known_at(query.at)) as connection:
        rows = list_observations(
            connection,
            window=query.window,
            region_id=query.region,
            limit=query.limit + 1,
            after=read_cursor(query.cursor, datetime, int),
        )
    rows, cursor = cut_page(rows, query.limit, itemgetter("t_rec", "region_id"))
    if query.format == "json":
        return page([observation_item(row) for row in rows], next_cursor=cursor)
    flat = [flat_observation(row) for row in rows]
    return file_page(
        flat,
        OBSERVATION_COLUMNS,
        kind=query.format,
        name="observations",
        next_cursor=cursor,
        mode=services().mode(),
    )


@blueprint.get("/conflicts")
@operation(
    "Record versions that contradicted the current one and were superseded",
    permission=READ,
    query=TableQuery,
    answer=ConflictsPage,
    also_answer=(CSV, PARQUET),
)
def get_conflicts(query: TableQuery) -> Response:
    with reading(services().known_at(query.at)) as connection:
        rows = list_conflicts(
            connection,
            window=query.window,
            region_id=query.region,
            limit=query.limit + 1,
            after=read_cursor(query.cursor, datetime, int, int),
        )
    rows, cursor = cut_page(rows, query.limit, itemgetter("t_rec", "region_id", "content_hash"))
    if query.format == "json":
        return page([conflict_item(row) for row in rows], next_cursor=cursor)
    flat = [flat_conflict(row) for row in rows]
    return file_page(
        flat,
        CONFLICT_COLUMNS,
        kind=query.format,
        name="conflicts",
        next_cursor=cursor,
        mode=services().mode(),
    )


@blueprint.get("/regions")
@operation(
    "Active regions seen in a range of time",
    permission=READ,
    query=ListQuery,
    answer=RegionsPage,
)
def get_regions(query: ListQuery) -> Response:
    after = read_cursor(query.cursor, int)
    with reading(services().known_at(query.at)) as connection:
        rows = list_regions(
            connection,
            window=query.window,
            region_id=query.region,
            limit=query.limit + 1,
            after=after[0] if after else None,
        )
    rows, cursor = cut_page(rows, query.limit, lambda row: (row["region_id"],))
    return page([_region(row) for row in rows], next_cursor=cursor)


def _region(row: dict[str, Any]) -> dict[str, Any]:
    item = {name: row[name] for name in COLUMNS[1:]}
    return {"region": row["region_id"], **item, "noaa_ars": noaa_numbers(row["noaa_ars"])}
