"""Predictions over HTTP: the stored ones, and those of a window that is not stored."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response

from app.contract.answers import PredictAnswer
from app.contract.cursors import cut, place_of
from app.contract.operations import operation
from app.contract.pages import PredictionsPage
from app.contract.problems import RequestError
from app.contract.queries import PredictionsQuery
from app.contract.responses import (
    CSV,
    PARQUET,
    PREDICTION_COLUMNS,
    file_page,
    flat_prediction,
    json_response,
    page,
    prediction_item,
    prediction_items,
)
from app.contract.schemas import WindowBody, WindowEnvelope
from app.ingest import observation_rows, rules
from app.ingest.bodies import read_json, read_model, take_rows
from app.prediction import predict
from app.routes.observations import rejected_rows
from app.services import services
from database.engine import reading
from database.models import find_model, list_models
from database.predictions.predictions import list_predictions, place
from solar.flares import event as find_event

blueprint = Blueprint("predictions", __name__)


@blueprint.post("/predict")
@operation(
    "Forecast from observations without storing them", scope="read",
    body=WindowBody, answer=PredictAnswer,
)  # fmt: skip
def post_predict() -> Response:
    content = read_json()
    rows = take_rows(content, observation_rows.NAME)
    flares = read_model(WindowEnvelope, content).flares
    now = services().clock()
    batch, rejected = observation_rows.read_rows(rows)
    batch, refused = rules.apply(batch, now=now)
    rejected += refused
    if not len(batch):
        faults = [fault for rejection in rejected for fault in rejection.faults]
        raise RequestError("no row could be used; see errors", faults=faults)
    with reading(services().engine) as connection:
        forecasts = predict(connection, services().lineup.live, batch, flares=flares, now=now)
    return json_response(
        {"predictions": prediction_items(forecasts), "rejected": rejected_rows(rejected)}
    )


@blueprint.get("/predictions")
@operation(
    "Stored forecasts", scope="read", query=PredictionsQuery, answer=PredictionsPage,
    also_answer=(CSV, PARQUET),
)  # fmt: skip
def get_predictions(query: PredictionsQuery) -> Response:
    window, after = query.window, place_of(query.cursor, datetime, int, str)
    with reading(services().engine) as connection:
        rows = list_predictions(
            connection,
            window=window,
            models=chosen_models(connection, query.model),
            region_id=query.region,
            as_of=query.as_of,
            event=find_event(query.event) if query.event else None,
            min_probability=query.min_probability,
            limit=query.limit + 1,
            after=after,
        )
    return _page(rows, query)


def chosen_models(connection: sa.Connection, name: str) -> list[str]:
    """Return the model ids that a query means by ``live``, ``all`` or a name."""
    if name == "live":
        return [services().lineup.live.model_id]
    if name == "all":
        return [model.model_id for model in list_models(connection)]
    return [find_model(connection, name).model_id]


def _page(rows: list[dict[str, Any]], query: PredictionsQuery) -> Response:
    rows, cursor = cut(rows, query.limit, place)
    if query.format == "json":
        return page([prediction_item(row) for row in rows], next_cursor=cursor)
    flat = [flat_prediction(row) for row in rows]
    return file_page(
        flat, PREDICTION_COLUMNS, kind=query.format, name="predictions", next_cursor=cursor
    )
