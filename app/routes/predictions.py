"""Predictions over HTTP: stored and new ones, explanations, skill and the models."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial

import sqlalchemy as sa
from flask import Blueprint, Response

from app.contract.answers import (
    ExplanationAnswer,
    LeadSkillAnswer,
    PredictAnswer,
    SkillAnswer,
    StrataAnswer,
)
from app.contract.bodies import read_json, read_model, take_rows
from app.contract.pages import ModelItem, ModelsPage, PredictionsPage
from app.contract.problems import nothing_usable
from app.contract.queries import (
    ExplanationQuery,
    LeadSkillQuery,
    PredictionsQuery,
    SkillQuery,
    StrataQuery,
    WindowQuery,
)
from app.contract.responses import (
    CSV,
    PARQUET,
    PREDICTION_COLUMNS,
    cut_page,
    file_page,
    flat_prediction,
    json_response,
    page,
    prediction_item,
    prediction_items,
    read_cursor,
    rejected_rows,
)
from app.contract.schemas import WindowBody, WindowEnvelope
from app.contract.times import LATEST_AT
from app.ingest import json_rows
from app.ingest.forecasting import predict
from app.ingest.validation import validate
from app.routes.operation import operation
from app.scoring.explanations import explain
from app.scoring.lead_matrix import lead_matrices
from app.services import services
from database.engine import reading
from database.leads.leads import list_leads
from database.models import find_model, list_models
from database.people.principal import READ
from database.predictions.predictions import list_predictions, place
from database.verification.entrants import ENTRANTS
from database.verification.lead_skill import lead_skill
from database.verification.skill import skill
from database.verification.strata import strata
from model_training.artefact.artifact import Artifact
from solar.errors import NotFoundError
from solar.flares import event as find_event
from solar.time import Window
from solar.windows import DAY
from solar.windows import forecast_window as find_window

blueprint = Blueprint("predictions", __name__)

# HMI has observed since then; a range without a start does not reach further back.
_HMI_BEGAN_AT = datetime(2010, 5, 1, tzinfo=UTC)


@blueprint.post("/predict")
@operation(
    "Forecast from observations without storing them",
    permission=READ,
    body=WindowBody,
    answer=PredictAnswer,
)
def post_predict() -> Response:
    content = read_json()
    rows = take_rows(content, json_rows.NAME)
    flares = read_model(WindowEnvelope, content).flares
    now = services().clock()
    batch, misformed = json_rows.read_rows(rows)
    batch, refused = validate(batch, now=now)
    rejected = [*misformed, *refused]
    if not len(batch):
        raise nothing_usable("row", rejected)
    issued_at = services().sun_clock.now()
    live = services().served_models.live
    with reading(services().engine) as connection:
        forecasts = predict(connection, live, batch, flares=flares, now=issued_at)
    body = {"predictions": prediction_items(forecasts), "rejected": rejected_rows(rejected)}
    if live.manifest.targets:
        body["leads"] = lead_matrices(live, forecasts)
    return json_response(body)


@blueprint.get("/predictions")
@operation(
    "Stored forecasts",
    permission=READ,
    query=PredictionsQuery,
    answer=PredictionsPage,
    also_answer=(CSV, PARQUET),
)
def get_predictions(query: PredictionsQuery) -> Response:
    of = find_window(query.forecast_window)
    listed = list_predictions if of == DAY else partial(list_leads, of=of)
    after = read_cursor(query.cursor, datetime, int, str)
    with reading(services().known_at(query.at)) as connection:
        rows = listed(
            connection,
            window=query.window,
            models=_chosen_models(connection, query.model),
            region_id=query.region,
            as_of=query.as_of,
            event=find_event(query.event) if query.event else None,
            min_probability=query.min_probability,
            limit=query.limit + 1,
            after=after,
        )
    rows, cursor = cut_page(rows, query.limit, place)
    mode = services().mode()
    if query.format == "json":
        response = page([prediction_item(row, window=of) for row in rows], next_cursor=cursor)
        response.headers.update(mode)
        return response
    return file_page(
        [flat_prediction(row, window=of) for row in rows],
        PREDICTION_COLUMNS,
        kind=query.format,
        name="predictions" if of == DAY else f"predictions-{of.name}",
        next_cursor=cursor,
        mode=mode,
    )


def _chosen_models(connection: sa.Connection, name: str) -> list[str]:
    """Return the model ids for ``live``, ``all`` or a name."""
    if name == "live":
        return [services().served_models.live.model_id]
    if name == "all":
        return [model.model_id for model in list_models(connection)]
    return [find_model(connection, name).model_id]


@blueprint.get("/explanations")
@operation(
    "What each feature adds to the log-odds of a forecast",
    permission=READ,
    query=ExplanationQuery,
    answer=ExplanationAnswer,
    conflict="There was no forecast, or the model has no training reference.",
)
def get_explanation(query: ExplanationQuery) -> Response:
    model = _served_model(query.model)
    with reading(services().known_at(query.at)) as connection:
        body = explain(
            connection,
            model,
            find_event(query.event).within(find_window(query.forecast_window)),
            region_id=query.region,
            at=query.at or LATEST_AT,
            back=timedelta(hours=query.hours_back),
        )
    return json_response(body)


def _served_model(name: str) -> Artifact:
    served = services().served_models
    by_name = {model.model_id: model for model in served.models} | {"live": served.live}
    if name not in by_name:
        raise NotFoundError(
            f"no model {name!r} serves; those that can explain themselves are"
            f" {', '.join(sorted(by_name))}"
        )
    return by_name[name]


@blueprint.get("/skill")
@operation(
    "Verification of a model and of the entrants on the same cases",
    permission=READ,
    query=SkillQuery,
    answer=SkillAnswer,
)
def get_skill(query: SkillQuery) -> Response:
    with reading(services().known_at(query.at)) as connection:
        body = skill(
            connection,
            model_id=_verified_model(connection, query.model),
            event=query.target,
            window=_window(query),
            scope=query.scope,
            region_id=query.region,
            threshold=query.threshold,
            cases=query.cases,
        )
    return json_response(body)


@blueprint.get("/skill/strata")
@operation(
    "Verification by kinds of cases: first flares, all-clears, longitude, month, latency",
    permission=READ,
    query=StrataQuery,
    answer=StrataAnswer,
)
def get_strata(query: StrataQuery) -> Response:
    with reading(services().known_at(query.at)) as connection:
        body = strata(
            connection,
            model_id=_verified_model(connection, query.model),
            event=query.target,
            window=_window(query),
            scope=query.scope,
            threshold=query.threshold,
        )
    return json_response(body)


@blueprint.get("/skill/leads")
@operation(
    "Brier skill by the window of the forecast, of everyone who has forecasts",
    permission=READ,
    query=LeadSkillQuery,
    answer=LeadSkillAnswer,
)
def get_lead_skill(query: LeadSkillQuery) -> Response:
    with reading(services().known_at(query.at)) as connection:
        body = lead_skill(
            connection,
            model_id=_verified_model(connection, query.model),
            event=query.event,
            window=_window(query),
            scope=query.scope,
        )
    return json_response(body)


def _verified_model(connection: sa.Connection, name: str) -> str:
    if name == "live":
        return services().served_models.live.model_id
    return name if name in ENTRANTS else find_model(connection, name).model_id


def _window(query: WindowQuery) -> Window | None:
    if query.from_ is None and query.to is None:
        return None
    end_at = query.to or (query.at or services().sun_clock.now()) + timedelta(days=1)
    return Window(query.from_ or _HMI_BEGAN_AT, end_at)


@blueprint.get("/models")
@operation("Registered models, the live one first", permission=READ, answer=ModelsPage)
def get_models() -> Response:
    with reading(services().engine) as connection:
        models = [asdict(model) for model in list_models(connection)]
    shown = ModelItem.model_fields.keys() - {"model"}
    items = [{"model": m["model_id"], **{name: m[name] for name in shown}} for m in models]
    return page(items, next_cursor=None)
