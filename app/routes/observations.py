"""Observations over HTTP: batches come in; records, superseded versions and regions go out."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from operator import attrgetter, itemgetter
from typing import Any

from flask import Blueprint, Response, request

from app import metrics
from app.contract.answers import IngestAnswer
from app.contract.bodies import (
    JSON_TYPE,
    media_type,
    read_body,
    read_json,
    read_model,
    refuse_media_type,
    take_rows,
)
from app.contract.pages import ConflictsPage, ObservationsPage, RegionsPage
from app.contract.problems import Rejection, RequestError, nothing_usable
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
    json_response,
    observation_item,
    page,
    prediction_items,
    read_cursor,
    rejected_rows,
)
from app.contract.schemas import UNNAMED_SENDER, ObservationsBody, ObservationsEnvelope, Sender
from app.ingest import arrow_rows, json_rows
from app.ingest.admission import YieldToLive, is_live
from app.ingest.batch import Batch
from app.ingest.group_commit import Stored
from app.ingest.outcomes import IngestRequest, causes_of_request
from app.ingest.validation import validate
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
    now = services().clock()
    batch, rejected, sender = _read_or_record(query, now=now)
    batch, refused = validate(batch, now=now)
    rejected += refused
    stored = _store(IngestRequest(batch, rejected, sender, began_at()), yield_to_live)
    counts = stored.outcomes.counts()
    metrics.count_rows(counts)
    if not len(batch):
        raise nothing_usable("row", sorted(rejected, key=attrgetter("index")))
    wants_all = query.return_ == "predictions"
    answer = {
        **{name: getattr(counts, name) for name in ("accepted", "duplicates", "revised")},
        "rejected": rejected_rows(rejected),
        "predictions": (
            prediction_items(stored.forecasts()) if wants_all else stored.outcomes.predictions
        ),
    }
    return json_response(answer)


def _store(ingest_request: IngestRequest, yield_to_live: YieldToLive) -> Stored:
    """Store live records with others that wait, and bulk by itself."""
    running = services()
    if is_live(request.content_length):
        return running.group_commit.submit(ingest_request)
    result = running.ingest_store.store(
        [ingest_request], now=running.clock(), yield_to_live=yield_to_live
    )
    return Stored(result, 0)


def _read_or_record(query: IngestQuery, *, now: datetime) -> tuple[Batch, list[Rejection], Sender]:
    """Read the request; the cause of a refusal of all of it is recorded before the answer."""
    try:
        return _read(query)
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


def _read(query: IngestQuery) -> tuple[Batch, list[Rejection], Sender]:
    if media_type() == arrow_rows.MEDIA_TYPE:
        batch, rejected = arrow_rows.read_stream(read_body())
        return batch, rejected, _sender_of(query)
    if media_type() != JSON_TYPE:
        raise refuse_media_type(JSON_TYPE, arrow_rows.MEDIA_TYPE)
    content = read_json()
    rows = take_rows(content, json_rows.NAME)
    sender = read_model(ObservationsEnvelope, content).sender
    return *json_rows.read_rows(rows), sender


def _sender_of(query: IngestQuery) -> Sender:
    sender_id = query.sender or UNNAMED_SENDER.id
    return Sender(id=sender_id, sequence=query.sequence, sent=query.sent, spooled=query.spooled)


@blueprint.get("/observations")
@operation(
    "Stored observations",
    permission=READ,
    query=TableQuery,
    answer=ObservationsPage,
    also_answer=(CSV, PARQUET),
)
def get_observations(query: TableQuery) -> Response:
    with reading(services().engine) as connection:
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
        flat, OBSERVATION_COLUMNS, kind=query.format, name="observations", next_cursor=cursor
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
    with reading(services().engine) as connection:
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
        flat, CONFLICT_COLUMNS, kind=query.format, name="conflicts", next_cursor=cursor
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
    with reading(services().engine) as connection:
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
