"""Explanations over HTTP: what moved a forecast, feature by feature."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, Response

from app.contract.answers import ExplanationAnswer
from app.contract.operations import operation
from app.contract.queries import ExplanationQuery
from app.contract.responses import json_response
from app.contract.times import LATEST_AT
from app.explanations.explanation import explain
from app.services import services
from database.engine import reading
from model_training.artifact import Artifact
from solar.errors import NotFoundError
from solar.flares import event

blueprint = Blueprint("explanations", __name__)


@blueprint.get("/explanations")
@operation(
    "What each feature adds to the log-odds of a forecast", scope="read",
    query=ExplanationQuery, answer=ExplanationAnswer,
    conflict="There was no forecast, or the model has no training reference.",
)  # fmt: skip
def get_explanation(query: ExplanationQuery) -> Response:
    model = _serving(query.model)
    with reading(services().engine) as connection:
        body = explain(
            connection,
            model,
            event(query.event),
            region_id=query.region,
            at=query.at or LATEST_AT,
            back=timedelta(hours=query.hours_back),
        )
    return json_response(body)


def _serving(name: str) -> Artifact:
    lineup = services().lineup
    by_name = {model.model_id: model for model in lineup.models} | {"live": lineup.live}
    if name not in by_name:
        raise NotFoundError(
            f"no model {name!r} serves; those that can explain themselves are"
            f" {', '.join(sorted(by_name))}"
        )
    return by_name[name]
