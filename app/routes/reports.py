"""Reports of observatories and agencies over HTTP: flares, X-ray flux, regions and forecasts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from functools import partial
from operator import attrgetter, itemgetter
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response

from app.contract.answers import FlaresAnswer, ReportsAnswer, XrayAnswer
from app.contract.bodies import check_rows, read_json, read_model, take_rows
from app.contract.pages import FlaresPage, RegionReportsPage
from app.contract.problems import Fault, Rejection, RequestError, nothing_usable
from app.contract.queries import FlaresQuery, ReportsQuery
from app.contract.responses import cut_page, json_response, page, read_cursor, rejected_rows
from app.contract.schemas import (
    LONGEST_VERSION,
    AgencyForecast,
    Flare,
    FlaresBody,
    FlaresEnvelope,
    ForecastsBody,
    ForecastsEnvelope,
    RegionReport,
    ReportsBody,
    ReportsEnvelope,
    XrayBody,
    XrayEnvelope,
    XrayMinute,
)
from app.ingest.validation import CLOCK_TOLERANCE
from app.routes.operation import operation
from app.services import services
from database.agencies.forecasts import DERIVED, GRACE, AgencyReport, derived, store_forecasts
from database.agencies.forecasts import AgencyForecast as StoredForecast
from database.agencies.region_reports import RegionReport as StoredReport
from database.agencies.region_reports import list_reports, store_reports
from database.clock.clock import read_clock
from database.engine import reading, store_time, transact
from database.flares.flare_files import FlareRow, RepairedFlare, merge_duplicates, repair_row
from database.flares.flares import Flare as StoredFlare
from database.flares.flares import list_flares, store_flares
from database.nowcast.detection import store_minutes
from database.nowcast.notices import Audience
from database.people.principal import INGEST, READ
from solar.clock import Reading
from solar.errors import InvalidInputError
from solar.flare_detection import XrayMinute as StoredMinute
from solar.flares import EVENTS, FluxScale, peak_flux
from solar.time import Window, isoformat
from solar.windows import DAY, forecast_window

FLARES, FLUX, REPORTS, FORECASTS = "flares", "flux", "reports", "forecasts"
# Agencies forecast up to the third day from now; what lies further ahead is a slip.
_FURTHEST_AHEAD = 4 * DAY.validity
# How far senders of a replay may be ahead of its clock, on the wall.
_SENDERS_AHEAD = timedelta(seconds=5)

blueprint = Blueprint("reports", __name__)


@blueprint.post("/flares")
@operation(
    "Store observed flares; posting one again revises it",
    permission=INGEST,
    body=FlaresBody,
    answer=FlaresAnswer,
)
def post_flares() -> Response:
    content = read_json()
    rows = take_rows(content, FLARES, may_be_empty="covers" in content)
    envelope = read_model(FlaresEnvelope, content)
    now = services().clock()
    covers = None
    if envelope.covers is not None:
        covers = Window(envelope.covers.from_, envelope.covers.to)
        _refuse_future(covers, now=now)
    mended, rejected = _mended(rows, now=now)
    merged = merge_duplicates(mended)
    if not merged and rejected:
        raise nothing_usable("flare", rejected)
    records = [replace(m.record, repairs="; ".join(m.repairs)[:255] or None) for m in merged]
    report = transact(
        services().engine,
        partial(store_flares, records=records, source=envelope.source, covers=covers, now=now),
    )
    return json_response(
        {
            "accepted": report.added,
            "duplicates": report.unchanged + len(mended) - len(merged),
            "revised": report.revised,
            "repaired": sum(1 for flare in mended if flare.repairs),
            "rejected": rejected_rows(rejected),
        }
    )


def _refuse_future(covers: Window, *, now: datetime) -> None:
    if covers.end_at > now + CLOCK_TOLERANCE:
        message = "lies in the future; what has not happened yet is not covered"
        fault = Fault("covers.to", message)
        raise RequestError("the body cannot be used; see errors", faults=[fault])


def _mended(rows: Sequence[Any], *, now: datetime) -> tuple[list[RepairedFlare], list[Rejection]]:
    checked, rejected = check_rows(Flare, rows, FLARES)
    mended: list[RepairedFlare] = []
    for index, flare in checked:
        try:
            mended.append(_mend(index, flare, now=now))
        except InvalidInputError as error:
            rejected.append(Rejection(index, (Fault(f"{FLARES}[{index}]", str(error)),)))
    return mended, rejected


def _mend(index: int, flare: Flare, *, now: datetime) -> RepairedFlare:
    if max(flare.start, flare.peak) > now + CLOCK_TOLERANCE:
        raise InvalidInputError(f"lies in the future; it is {isoformat(now)} now")
    row = FlareRow(
        index + 1,
        flare.start,
        flare.peak,
        flare.end,
        flare.goes_class,
        flare.noaa_ar,
        flare.harpnum,
        None,
    )
    return repair_row(row, flux_scale=FluxScale(flare.flux_scale))


@blueprint.get("/flares")
@operation("Stored flares", permission=READ, query=FlaresQuery, answer=FlaresPage)
def get_flares(query: FlaresQuery) -> Response:
    with reading(services().known_at(query.at)) as connection:
        flares = list_flares(
            connection,
            window=query.window,
            region_id=query.region,
            min_flux=None if query.min_class is None else peak_flux(query.min_class),
            limit=query.limit + 1,
            after=read_cursor(query.cursor, datetime, str),
        )
    flares, cursor = cut_page(flares, query.limit, attrgetter("peak_at", "flare_id"))
    return page([_flare_item(flare) for flare in flares], next_cursor=cursor)


def _flare_item(flare: StoredFlare) -> dict[str, Any]:
    return {
        "id": flare.flare_id,
        "start": flare.start_at,
        "peak": flare.peak_at,
        "end": flare.end_at,
        "region": flare.region_id,
        "goes_class": flare.goes_class,
        "peak_flux_w_m2": flare.peak_flux_w_m2,
        "flux_scale": flare.flux_scale,
        "noaa_ar": flare.noaa_ar,
        "harpnum": flare.harpnum,
        "assignment": flare.assignment,
        "satellite": flare.satellite,
        "source": flare.source,
        "repairs": flare.repairs,
        "revision": flare.revision,
    }


@blueprint.post("/xray-flux")
@operation(
    "Store GOES X-ray flux, minute by minute; posting a minute again revises it",
    permission=INGEST,
    body=XrayBody,
    answer=XrayAnswer,
)
def post_xray_flux() -> Response:
    content = read_json()
    rows = take_rows(content, FLUX)
    satellite = read_model(XrayEnvelope, content).satellite
    checked, rejected = check_rows(XrayMinute, rows, FLUX)
    running = services()
    wall = running.clock()
    # Read anew: a moment ago it may have been hours earlier, before a jump.
    with reading(running.engine) as connection:
        clock, at = read_clock(connection), store_time(connection)
    now = clock.now(at) if clock.is_replay else wall
    latest = _latest_minute(clock, now)
    usable = [row for _, row in checked if row.minute_at <= latest]
    rejected += [
        _rejection(FLUX, index, "minute_at", "lies in the future")
        for index, row in checked
        if row.minute_at > latest
    ]
    if not usable:
        raise nothing_usable("minute", rejected)
    minutes = [
        StoredMinute(row.minute_at.replace(second=0, microsecond=0), row.flux_w_m2, satellite)
        for row in usable
    ]
    audience = Audience(running.alert_config.channels, now, wall)
    report = transact(running.engine, partial(store_minutes, minutes=minutes, audience=audience))
    return _answer(report.added, report.unchanged, report.revised, rejected)


def _latest_minute(clock: Reading, now: datetime) -> datetime:
    """Return the time after which a minute lies in the future when it is `now` for the Sun.

    Senders of a replay are a moment ahead of it, and hear late that it was paused. At a speed
    without limit the clock stands where they are, so that the end of the replay counts.
    """
    if not clock.is_replay:
        return now + CLOCK_TOLERANCE
    speed = clock.speed_before if clock.is_paused else clock.speed
    if speed is None:
        return max(now, clock.ends_at or now) + DAY.validity
    return now + max(CLOCK_TOLERANCE, speed * _SENDERS_AHEAD)


@blueprint.post("/region-reports")
@operation(
    "Store an agency's reports on regions; posting one again revises it",
    permission=INGEST,
    body=ReportsBody,
    answer=ReportsAnswer,
)
def post_region_reports() -> Response:
    content = read_json()
    rows = take_rows(content, REPORTS)
    source = read_model(ReportsEnvelope, content).source
    checked, rejected = check_rows(RegionReport, rows, REPORTS)
    now = services().clock()
    latest = now + CLOCK_TOLERANCE
    usable = [row for _, row in checked if row.observed_at <= latest]
    rejected += [
        _rejection(REPORTS, index, "observed_at", "lies in the future")
        for index, row in checked
        if row.observed_at > latest
    ]
    if not usable:
        raise nothing_usable("report", rejected)
    reports = [StoredReport(source, **row.model_dump()) for row in usable]
    report = transact(services().engine, partial(store_reports, reports=reports, now=now))
    return _answer(report.added, report.unchanged, report.revised, rejected)


@blueprint.get("/region-reports")
@operation(
    "What agencies reported on regions",
    permission=READ,
    query=ReportsQuery,
    answer=RegionReportsPage,
)
def get_region_reports(query: ReportsQuery) -> Response:
    with reading(services().known_at(query.at)) as connection:
        reports = list_reports(
            connection,
            window=query.window,
            noaa_ar=query.noaa_ar,
            limit=query.limit + 1,
            after=read_cursor(query.cursor, datetime, int, str),
        )
    reports, cursor = cut_page(reports, query.limit, itemgetter("observed_at", "noaa_ar", "source"))
    return page(reports, next_cursor=cursor)


@blueprint.post("/agency-forecasts")
@operation(
    "Store an agency's own forecasts, to be scored beside the models",
    permission=INGEST,
    body=ForecastsBody,
    answer=ReportsAnswer,
)
def post_agency_forecasts() -> Response:
    content = read_json()
    rows = take_rows(content, FORECASTS)
    envelope = read_model(ForecastsEnvelope, content)
    derived_id = _derived_name(envelope)
    checked, rejected = check_rows(AgencyForecast, rows, FORECASTS)
    now, sun_now = services().clock(), services().sun_clock.now()
    usable = []
    for index, row in checked:
        wrong = _misplaced(row, now=now)
        if wrong is None:
            usable.append(_stored_forecast(index, row, now=now, sun_now=sun_now))
        else:
            rejected.append(_rejection(FORECASTS, index, "valid_from", wrong))
    if not usable:
        raise nothing_usable("forecast", rejected)

    def store(connection: sa.Connection) -> AgencyReport:
        report = store_forecasts(connection, envelope.model, usable, now=sun_now)
        if derived_id is not None:
            store_forecasts(connection, derived_id, derived(usable), now=sun_now)
        return report

    report = transact(services().engine, store)
    late = (
        f"changes a forecast more than {GRACE.seconds // 3600} h after the time that its window is"
        " counted from"
    )
    rejected += [_rejection(FORECASTS, index, "probabilities", late) for index in report.late]
    return _answer(report.added, report.unchanged, report.revised, rejected)


def _derived_name(envelope: ForecastsEnvelope) -> str | None:
    if not envelope.derived:
        return None
    name = envelope.model + DERIVED
    if len(name.partition("@")[2]) > LONGEST_VERSION:
        fault = Fault("model", f"{name} is too long; give the dataset a shorter name")
        raise RequestError("the body cannot be used; see errors", faults=[fault])
    return name


def _misplaced(row: AgencyForecast, *, now: datetime) -> str | None:
    if row.valid_from > now + _FURTHEST_AHEAD:
        return f"lies more than four days ahead; it is {isoformat(now)} now"
    if row.noaa_ar is None and row.valid_from.time() != time():
        return "a forecast of the full disk begins at 00:00 UTC"
    return None


def _stored_forecast(
    index: int, row: AgencyForecast, *, now: datetime, sun_now: datetime
) -> StoredForecast:
    probabilities, lower, upper = (
        tuple(by_event.get(event.name) for event in EVENTS)
        for by_event in (row.probabilities, row.lower, row.upper)
    )
    return StoredForecast(
        index,
        row.valid_from,
        row.noaa_ar,
        probabilities,
        min(row.issued_at or sun_now, now),
        forecast_window(row.window),
        row.semantics,
        lower,
        upper,
    )


def _rejection(name: str, index: int, field: str, message: str) -> Rejection:
    return Rejection(index, (Fault(f"{name}[{index}].{field}", message),))


def _answer(
    accepted: int, duplicates: int, revised: int, rejected: Iterable[Rejection]
) -> Response:
    return json_response(
        {
            "accepted": accepted,
            "duplicates": duplicates,
            "revised": revised,
            "rejected": rejected_rows(rejected),
        }
    )
