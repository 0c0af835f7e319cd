"""Observations over HTTP: batches come in, stored records go out."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from operator import itemgetter
from typing import Any

from flask import Blueprint, Response, request

from app import metrics
from app.contract.answers import IngestAnswer
from app.contract.cursors import cut, place_of
from app.contract.operations import operation
from app.contract.pages import ObservationsPage
from app.contract.problems import RequestError
from app.contract.queries import IngestQuery, TableQuery
from app.contract.responses import (
    CSV,
    OBSERVATION_COLUMNS,
    PARQUET,
    file_page,
    flat_observation,
    json_response,
    observation_item,
    page,
    prediction_items,
)
from app.contract.schemas import UNNAMED_SENDER, Envelope, ObservationsBody, Sender
from app.ingest import arrow_rows, observation_rows, rules
from app.ingest.batch import Batch, Rejection
from app.ingest.bodies import (
    JSON_TYPE,
    media_type,
    read_json,
    read_model,
    refuse_media_type,
    take_rows,
)
from app.ingest.causes import causes_of_request
from app.ingest.gate import BusyError, GiveWay
from app.ingest.ingest import Outcome, ingest
from app.ingest.intake import discard_body, read_body
from app.logs import began_at
from app.services import services
from database.delivery.rejections import record_rejections
from database.engine import reading, transact
from database.observations.records import list_observations
from solar.errors import StoreUnavailableError

blueprint = Blueprint("observations", __name__)


@blueprint.post("/observations")
@operation(
    "Store observations and forecast from them", scope="ingest", query=IngestQuery,
    body=ObservationsBody, answer=IngestAnswer, also_body=(arrow_rows.MEDIA_TYPE,),
)  # fmt: skip
def post_observations(query: IngestQuery) -> Response:
    try:
        with services().gate.entered(request.content_length) as give_way:
            return _take_in(query, give_way)
    except BusyError:
        discard_body()
        raise


def _take_in(query: IngestQuery, give_way: GiveWay) -> Response:
    now = services().clock()
    batch, rejected, sender = _read_or_note(query, now=now)
    batch, refused = rules.apply(batch, now=now)
    rejected += refused
    given = services()
    outcome = ingest(
        given.engine, given.lineup, batch,
        rejected=rejected, sender=sender, now=now, watch=given.watch, began=began_at(),
        give_way=give_way,
    )  # fmt: skip
    metrics.count_rows(outcome.delivery)
    metrics.count_conflicts(outcome.conflicts)
    if not len(batch):
        raise _nothing_acceptable(rejected)
    return json_response(_answer(outcome, query))


def _read_or_note(query: IngestQuery, *, now: datetime) -> tuple[Batch, list[Rejection], Sender]:
    """Read the request; why one was refused whole is written down before it is answered."""
    try:
        return _read(query)
    except RequestError as error:
        causes = causes_of_request(str(error), error.faults)
        named = query.sender or UNNAMED_SENDER.id
        # Where the store is away the refusal is answered all the same.
        with suppress(StoreUnavailableError):
            transact(
                services().engine,
                lambda connection: record_rejections(connection, causes, sender_id=named, now=now),
            )
        raise


def _read(query: IngestQuery) -> tuple[Batch, list[Rejection], Sender]:
    if media_type() == arrow_rows.MEDIA_TYPE:
        batch, rejected = arrow_rows.read_stream(read_body())
        return batch, rejected, _sender_of(query)
    if media_type() != JSON_TYPE:
        raise refuse_media_type(JSON_TYPE, arrow_rows.MEDIA_TYPE)
    content = read_json()
    rows = take_rows(content, observation_rows.NAME)
    sender = read_model(Envelope, content).sender
    return *observation_rows.read_rows(rows), sender


def _sender_of(query: IngestQuery) -> Sender:
    named = query.sender or UNNAMED_SENDER.id
    return Sender(id=named, sequence=query.sequence, sent=query.sent, spooled=query.spooled)


def _answer(outcome: Outcome, query: IngestQuery) -> dict[str, Any]:
    wants_all = query.return_ == "predictions"
    forecasts = prediction_items(outcome.forecasts) if wants_all else len(outcome.forecasts)
    return {
        **{name: getattr(outcome.delivery, name) for name in ("accepted", "duplicates", "revised")},
        "rejected": rejected_rows(outcome.rejected),
        "predictions": forecasts,
    }


def rejected_rows(rejected: list[Rejection]) -> list[dict[str, Any]]:
    """Show the rows that were not taken, in the order of the request."""
    ordered = sorted(rejected, key=lambda rejection: rejection.index)
    return [{"index": r.index, "errors": [asdict(fault) for fault in r.faults]} for r in ordered]


def _nothing_acceptable(rejected: list[Rejection]) -> RequestError:
    ordered = sorted(rejected, key=lambda rejection: rejection.index)
    faults = [fault for rejection in ordered for fault in rejection.faults]
    return RequestError("no row could be used; see errors", faults=faults)


@blueprint.get("/observations")
@operation(
    "Stored observations", scope="read", query=TableQuery, answer=ObservationsPage,
    also_answer=(CSV, PARQUET),
)  # fmt: skip
def get_observations(query: TableQuery) -> Response:
    with reading(services().engine) as connection:
        rows = list_observations(
            connection,
            window=query.window,
            region_id=query.region,
            limit=query.limit + 1,
            after=place_of(query.cursor, datetime, int),
        )
    rows, cursor = cut(rows, query.limit, itemgetter("t_rec", "region_id"))
    if query.format == "json":
        return page([observation_item(row) for row in rows], next_cursor=cursor)
    flat = [flat_observation(row) for row in rows]
    return file_page(
        flat, OBSERVATION_COLUMNS, kind=query.format, name="observations", next_cursor=cursor
    )
