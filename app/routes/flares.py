"""Flares over HTTP: observed events come in and can be revised, the list goes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import Any

from flask import Blueprint, Response

from app.contract.answers import FlaresAnswer
from app.contract.cursors import cut, place_of
from app.contract.operations import operation
from app.contract.pages import FlaresPage
from app.contract.problems import Fault, RequestError
from app.contract.queries import FlaresQuery
from app.contract.responses import json_response, page
from app.contract.schemas import Flare, FlaresBody, FlaresEnvelope
from app.ingest.batch import Rejection
from app.ingest.bodies import check_rows, read_json, read_model, take_rows
from app.ingest.rules import CLOCK_TOLERANCE
from app.routes.observations import rejected_rows
from app.services import services
from database.engine import reading, transact
from database.flares.flare_files import FlareRow, RepairedFlare, merge_duplicates, repair_row
from database.flares.flares import Flare as StoredFlare
from database.flares.flares import list_flares, store_flares
from solar.errors import InvalidInputError
from solar.flares import FluxScale, peak_flux
from solar.time import Window, isoformat

NAME = "flares"

blueprint = Blueprint("flares", __name__)


@blueprint.post("/flares")
@operation(
    "Store observed flares; posting one again revises it", scope="ingest",
    body=FlaresBody, answer=FlaresAnswer,
)  # fmt: skip
def post_flares() -> Response:
    content = read_json()
    rows = take_rows(content, NAME, may_be_empty="covers" in content)
    envelope = read_model(FlaresEnvelope, content)
    now = services().clock()
    covers = None
    if envelope.covers is not None:
        covers = Window(envelope.covers.from_, envelope.covers.to)
        _refuse_future(covers, now=now)
    mended, rejected = _mended(rows, now=now)
    merged = merge_duplicates(mended)
    if not merged and rejected:
        faults = [fault for rejection in rejected for fault in rejection.faults]
        raise RequestError("no flare could be used; see errors", faults=faults)
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
            "repaired": sum(1 for one in mended if one.repairs),
            "rejected": rejected_rows(rejected),
        }
    )


def _refuse_future(covers: Window, *, now: datetime) -> None:
    if covers.end_at > now + CLOCK_TOLERANCE:
        message = "lies in the future; what has not happened yet is not covered"
        raise RequestError("the body cannot be used; see errors", faults=[
            Fault("covers.to", message)
        ])  # fmt: skip


def _mended(rows: Sequence[Any], *, now: datetime) -> tuple[list[RepairedFlare], list[Rejection]]:
    checked, rejected = check_rows(Flare, rows, NAME)
    mended: list[RepairedFlare] = []
    for index, flare in checked:
        try:
            mended.append(_mend(index, flare, now=now))
        except InvalidInputError as error:
            rejected.append(Rejection(index, (Fault(f"{NAME}[{index}]", str(error)),)))
    return mended, rejected


def _mend(index: int, flare: Flare, *, now: datetime) -> RepairedFlare:
    if max(flare.start, flare.peak) > now + CLOCK_TOLERANCE:
        raise InvalidInputError(f"lies in the future; it is {isoformat(now)} now")
    row = FlareRow(
        index + 1, flare.start, flare.peak, flare.end, flare.goes_class, flare.noaa_ar,
        flare.harpnum, None,
    )  # fmt: skip
    return repair_row(row, flux_scale=FluxScale(flare.flux_scale))


@blueprint.get("/flares")
@operation("Stored flares", scope="read", query=FlaresQuery, answer=FlaresPage)
def get_flares(query: FlaresQuery) -> Response:
    with reading(services().engine) as connection:
        flares = list_flares(
            connection,
            window=query.window,
            region_id=query.region,
            min_flux=None if query.min_class is None else peak_flux(query.min_class),
            limit=query.limit + 1,
            after=place_of(query.cursor, datetime, str),
        )
    flares, cursor = cut(flares, query.limit, attrgetter("peak_at", "flare_id"))
    return page([_item(flare) for flare in flares], next_cursor=cursor)


_SAME = (
    "goes_class", "peak_flux_w_m2", "flux_scale", "noaa_ar", "harpnum", "assignment", "satellite",
    "source", "repairs", "revision",
)  # fmt: skip


def _item(flare: StoredFlare) -> dict[str, Any]:
    return {
        "id": flare.flare_id,
        "start": flare.start_at,
        "peak": flare.peak_at,
        "end": flare.end_at,
        "region": flare.region_id,
        **{name: getattr(flare, name) for name in _SAME},
    }
