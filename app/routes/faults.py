"""Injected faults over HTTP: what testers damage in a replay, and what the product says of it."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response

from app.contract.answers import ReportsAnswer
from app.contract.bodies import read_json, read_model
from app.contract.pages import FaultsPage
from app.contract.problems import Fault, RequestError
from app.contract.queries import PageQuery
from app.contract.responses import cut_page, json_response, page, read_cursor
from app.contract.schemas import FaultsBody, InjectedFaultBody
from app.routes.operation import operation
from app.services import services
from database.engine import reading, transact
from database.injected_faults import (
    Statement,
    StoredFault,
    list_faults,
    refuse_present,
    statements,
    store_faults,
)
from database.people.principal import INGEST, READ
from solar.errors import InvalidInputError
from solar.injected_faults import InjectedFault, checked_fault

blueprint = Blueprint("faults", __name__)


@blueprint.post("/faults")
@operation(
    "Report the faults that a sender injects into a replay or a simulation; each counts once",
    permission=INGEST,
    body=FaultsBody,
    answer=ReportsAnswer,
    refusals={"409": "The store has real records of the last days, and no replay."},
)
def post_faults() -> Response:
    body = read_model(FaultsBody, read_json())
    now = services().clock()
    faults = [(_checked(place, given), given.affected) for place, given in enumerate(body.faults)]

    def work(connection: sa.Connection) -> int:
        refuse_present(connection, now=now)
        return store_faults(connection, faults, sender=body.sender.id, now=now)

    new = transact(services().engine, work)
    counts = {"accepted": new, "duplicates": len(faults) - new, "revised": 0, "rejected": []}
    return json_response(counts)


def _checked(place: int, given: InjectedFaultBody) -> InjectedFault:
    fault = InjectedFault(given.kind, given.from_, given.to, given.region, given.amount, given.seed)
    try:
        return checked_fault(fault)
    except InvalidInputError as error:
        field, _, message = str(error).partition(": ")
        faults = [Fault(f"faults[{place}].{field}", message)]
        raise RequestError("the body cannot be used; see errors", faults=faults) from error


@blueprint.get("/faults")
@operation(
    "Injected faults that have begun, and what the product has said of each",
    permission=READ,
    query=PageQuery,
    answer=FaultsPage,
)
def get_faults(query: PageQuery) -> Response:
    now = services().sun_clock.now()
    after = read_cursor(query.cursor, datetime, str)
    with reading(services().engine) as connection:
        faults = list_faults(connection, until=now, limit=query.limit + 1, after=after)
        faults, cursor = cut_page(
            faults, query.limit, lambda stored: (stored.fault.start_at, stored.fault.fault_id)
        )
        told = statements(connection, faults, now=now)
    items = map(partial(_item, now=now), faults, told)
    return page(list(items), next_cursor=cursor)


def _item(stored: StoredFault, statement: Statement, *, now: datetime) -> dict[str, Any]:
    fault, at = stored.fault, statement.at
    return {
        "fault": fault.fault_id,
        "sender": stored.sender_id,
        "kind": fault.kind,
        "from": fault.start_at,
        "to": fault.end_at if fault.end_at <= now else None,
        "region": fault.region,
        "amount": fault.amount,
        "seed": fault.seed,
        "affected": stored.affected,
        "first_seen_at": stored.first_seen_at,
        "said": list(statement.said),
        "said_at": at,
        "within_s": None if at is None else (at - fault.start_at).total_seconds(),
    }
