"""X-ray flux over HTTP: the minutes that a GOES satellite measured come in."""

from __future__ import annotations

from functools import partial

from flask import Blueprint, Response

from app.contract.answers import XrayAnswer
from app.contract.operations import operation
from app.contract.problems import Fault, RequestError
from app.contract.responses import json_response
from app.contract.schemas import XrayBody, XrayEnvelope, XrayMinute
from app.ingest.batch import Rejection
from app.ingest.bodies import check_rows, read_json, read_model, take_rows
from app.ingest.rules import CLOCK_TOLERANCE
from app.routes.observations import rejected_rows
from app.services import services
from database.engine import transact
from database.flares.xray import XrayMinute as StoredMinute
from database.flares.xray import store_flux

NAME = "flux"

blueprint = Blueprint("xray", __name__)


@blueprint.post("/xray-flux")
@operation("Store GOES X-ray flux, minute by minute; posting a minute again revises it",
           scope="ingest", body=XrayBody, answer=XrayAnswer)  # fmt: skip
def post_xray_flux() -> Response:
    content = read_json()
    rows = take_rows(content, NAME)
    satellite = read_model(XrayEnvelope, content).satellite
    checked, rejected = check_rows(XrayMinute, rows, NAME)
    latest = services().clock() + CLOCK_TOLERANCE
    usable = [(index, row) for index, row in checked if row.minute_at <= latest]
    rejected += [_from_future(index) for index, row in checked if row.minute_at > latest]
    if not usable:
        faults = [fault for rejection in rejected for fault in rejection.faults]
        raise RequestError("no minute could be used; see errors", faults=faults)
    minutes = [
        StoredMinute(row.minute_at.replace(second=0, microsecond=0), row.flux_w_m2, satellite)
        for _, row in usable
    ]
    report = transact(services().engine, partial(store_flux, minutes=minutes))
    return json_response(
        {
            "accepted": report.added,
            "duplicates": report.unchanged,
            "revised": report.revised,
            "rejected": rejected_rows(rejected),
        }
    )


def _from_future(index: int) -> Rejection:
    return Rejection(index, (Fault(f"{NAME}[{index}].minute_at", "lies in the future"),))
