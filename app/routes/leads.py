"""Leads over HTTP: the matrix of a region, with every event in every window."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response

from app.contract.answers import LeadMatrix
from app.contract.queries import LeadsQuery
from app.contract.responses import json_response
from app.routes.operation import operation
from app.scoring.lead_matrix import (
    Probabilities,
    lead_matrix,
    repaired_of_day,
    repaired_targets,
)
from app.services import services
from database.engine import reading
from database.leads.leads import LeadRow, newest_lead
from database.models import ModelRow, find_model
from database.people.principal import READ
from database.predictions.predictions import newest_of_region
from solar.errors import NotFoundError
from solar.flares import EVENTS, LEADS
from solar.time import isoformat

blueprint = Blueprint("leads", __name__)


@blueprint.get("/leads")
@operation(
    "The forecasts of a region for every event in every window",
    permission=READ,
    query=LeadsQuery,
    answer=LeadMatrix,
)
def get_leads(query: LeadsQuery) -> Response:
    name = services().served_models.live.model_id if query.model == "live" else query.model
    at = services().time_read(query.at)
    with reading(services().known_at(query.at)) as connection:
        model = find_model(connection, name)
        return json_response(_matrix(connection, model, query.region, at))


def _matrix(
    connection: sa.Connection, model: ModelRow, region_id: int, at: datetime
) -> dict[str, Any]:
    """Return the newest matrix; without other windows it is that of the newest forecast."""
    lead = newest_lead(connection, model.model_id, region_id, at=at)
    of_day = newest_of_region(
        connection, model.model_id, region_id, at=at if lead is None else lead.t_rec
    )
    if lead is not None and of_day is not None and of_day["t_rec"] != lead.t_rec:
        # The one of the same record was deleted for its age.
        of_day = None
    if of_day is None and lead is None:
        raise NotFoundError(
            f"no forecast of region {region_id} by {model.model_id} up to {isoformat(at)}; choose"
            " a later time, or a region of /api/v1/regions"
        )
    t_rec: datetime = lead.t_rec if lead is not None else (of_day or {})["t_rec"]
    values = of_day or {}
    probabilities = {event.name: values.get(event.column) for event in EVENTS}
    if lead is not None:
        names = (target.name for target in LEADS)
        probabilities |= dict(zip(names, lead.probabilities, strict=True))
    return lead_matrix(
        region_id,
        t_rec,
        model.model_id,
        model.manifest,
        probabilities=probabilities,
        repaired=_repaired(lead, model, probabilities, values),
    )


def _repaired(
    lead: LeadRow | None,
    model: ModelRow,
    probabilities: Probabilities,
    of_day: Mapping[str, Any],
) -> Mapping[str, bool]:
    """Return what is stored; otherwise it is known of the next 24 h alone, from the raw values."""
    if lead is not None and lead.repaired is not None:
        return repaired_targets(lead.repaired)
    raw = [of_day.get(f"{event.column}_raw") for event in EVENTS]
    return repaired_of_day(model.manifest, probabilities, raw)
