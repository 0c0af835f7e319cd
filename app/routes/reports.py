"""Reports of others over HTTP: region summaries, and the forecasts that an agency makes itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time
from functools import partial
from operator import itemgetter

from flask import Blueprint, Response

from app.contract.cursors import cut, place_of
from app.contract.operations import operation
from app.contract.problems import Fault, RequestError
from app.contract.reports import (
    AgencyForecast,
    ForecastsBody,
    ForecastsEnvelope,
    RegionReport,
    RegionReportsPage,
    ReportsAnswer,
    ReportsBody,
    ReportsEnvelope,
    ReportsQuery,
)
from app.contract.responses import json_response, page
from app.ingest.batch import Rejection
from app.ingest.bodies import check_rows, read_json, read_model, take_rows
from app.ingest.rules import CLOCK_TOLERANCE
from app.routes.observations import rejected_rows
from app.services import services
from database.agencies.forecasts import GRACE, store_forecasts
from database.agencies.forecasts import AgencyForecast as StoredForecast
from database.agencies.region_reports import RegionReport as StoredReport
from database.agencies.region_reports import list_reports, store_reports
from database.engine import reading, transact
from solar.flares import EVENTS, HORIZON
from solar.time import isoformat

REPORTS, FORECASTS = "reports", "forecasts"
# Forecasts for the third day from now are issued; what lies further ahead is a slip.
_FURTHEST_AHEAD = 4 * HORIZON

blueprint = Blueprint("reports", __name__)


@blueprint.post("/region-reports")
@operation("Store an agency's reports on regions; posting one again revises it", scope="ingest",
           body=ReportsBody, answer=ReportsAnswer)  # fmt: skip
def post_region_reports() -> Response:
    content = read_json()
    rows = take_rows(content, REPORTS)
    source = read_model(ReportsEnvelope, content).source
    checked, rejected = check_rows(RegionReport, rows, REPORTS)
    now = services().clock()
    usable = [(k, row) for k, row in checked if row.observed_at <= now + CLOCK_TOLERANCE]
    rejected += [
        _rejection(REPORTS, k, "observed_at", "lies in the future")
        for k, row in checked
        if row.observed_at > now + CLOCK_TOLERANCE
    ]
    _refuse_if_nothing(usable, rejected, "report")
    reports = [StoredReport(source, **row.model_dump()) for _, row in usable]
    done = transact(services().engine, partial(store_reports, reports=reports, now=now))
    return _answer(done.added, done.unchanged, done.revised, rejected)


@blueprint.get("/region-reports")
@operation("What agencies reported on regions", scope="read", query=ReportsQuery,
           answer=RegionReportsPage)  # fmt: skip
def get_region_reports(query: ReportsQuery) -> Response:
    with reading(services().engine) as connection:
        found = list_reports(
            connection,
            window=query.window,
            noaa_ar=query.noaa_ar,
            limit=query.limit + 1,
            after=place_of(query.cursor, datetime, int, str),
        )
    found, cursor = cut(found, query.limit, itemgetter("observed_at", "noaa_ar", "source"))
    return page(found, next_cursor=cursor)


@blueprint.post("/agency-forecasts")
@operation("Store an agency's own forecasts, to be scored beside the models", scope="ingest",
           body=ForecastsBody, answer=ReportsAnswer)  # fmt: skip
def post_agency_forecasts() -> Response:
    content = read_json()
    rows = take_rows(content, FORECASTS)
    model_id = read_model(ForecastsEnvelope, content).model
    checked, rejected = check_rows(AgencyForecast, rows, FORECASTS)
    now = services().clock()
    usable = []
    for index, row in checked:
        wrong = _misplaced(row, now=now)
        if wrong is None:
            usable.append(_stored(index, row, now=now))
        else:
            rejected.append(_rejection(FORECASTS, index, "valid_from", wrong))
    _refuse_if_nothing(usable, rejected, "forecast")
    done = transact(
        services().engine,
        partial(store_forecasts, model_id=model_id, forecasts=usable, now=now),
    )
    late = f"changes a forecast more than {GRACE.seconds // 3600} h after its window has begun"
    rejected += [_rejection(FORECASTS, index, "probabilities", late) for index in done.late]
    return _answer(done.added, done.unchanged, done.revised, rejected)


def _misplaced(row: AgencyForecast, *, now: datetime) -> str | None:
    if row.valid_from > now + _FURTHEST_AHEAD:
        return f"lies more than four days ahead; it is {isoformat(now)} now"
    if row.noaa_ar is None and row.valid_from.time() != time():
        return "a forecast of the full disk begins at 00:00 UTC"
    return None


def _stored(index: int, row: AgencyForecast, *, now: datetime) -> StoredForecast:
    said = row.probabilities
    probabilities = tuple(said.get(event.name) for event in EVENTS)
    issued_at = min(row.issued_at or now, now)
    return StoredForecast(index, row.valid_from, row.noaa_ar, probabilities, issued_at)


def _refuse_if_nothing(usable: Sequence[object], rejected: Sequence[Rejection], noun: str) -> None:
    if not usable:
        faults = [fault for rejection in rejected for fault in rejection.faults]
        raise RequestError(f"no {noun} could be used; see errors", faults=faults)


def _rejection(name: str, index: int, field: str, message: str) -> Rejection:
    return Rejection(index, (Fault(f"{name}[{index}].{field}", message),))


def _answer(
    accepted: int, duplicates: int, revised: int, rejected: Sequence[Rejection]
) -> Response:
    ordered = sorted(rejected, key=lambda rejection: rejection.index)
    return json_response(
        {
            "accepted": accepted,
            "duplicates": duplicates,
            "revised": revised,
            "rejected": rejected_rows(ordered),
        }
    )
