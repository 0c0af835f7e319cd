"""Alerts over HTTP: the list of them, and the acknowledgement of one."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import Any

from flask import Blueprint, Response

from app.contract.bodies import read_json, read_model
from app.contract.pages import AlertItem, AlertsPage
from app.contract.queries import AlertsQuery, KnownQuery
from app.contract.responses import cut_page, json_response, page, read_cursor
from app.contract.schemas import AcknowledgeBody
from app.routes.operation import operation
from app.services import services
from database.alerts.alerts import Alert, acknowledge, find_alert, list_alerts
from database.engine import reading, transact
from database.people.principal import ACKNOWLEDGE, READ
from solar.errors import NotFoundError
from solar.flares import event as find_event

blueprint = Blueprint("alerts", __name__)

_ALERT_ID = re.compile(r"[A-Za-z0-9.\-]{1,64}")


@blueprint.get("/alerts")
@operation("Alerts, the newest opened first", permission=READ, query=AlertsQuery, answer=AlertsPage)
def get_alerts(query: AlertsQuery) -> Response:
    with reading(services().known_at(query.at)) as connection:
        alerts = list_alerts(
            connection,
            window=query.window,
            states=query.state.split(",") if query.state else (),
            region_id=query.region,
            events=query.targets,
            limit=query.limit + 1,
            after=read_cursor(query.cursor, datetime, str),
        )
    alerts, cursor = cut_page(alerts, query.limit, attrgetter("opened_at", "alert_id"))
    return page([_item(alert) for alert in alerts], next_cursor=cursor)


@blueprint.get("/alerts/<alert_id>")
@operation("One alert", permission=READ, query=KnownQuery, answer=AlertItem)
def get_alert(query: KnownQuery, alert_id: str) -> Response:
    with reading(services().known_at(query.at)) as connection:
        return json_response(_item(find_alert(connection, _checked_id(alert_id))))


@blueprint.post("/alerts/<alert_id>/acknowledge")
@operation(
    "Acknowledge an alert; the first acknowledgement stays",
    permission=ACKNOWLEDGE,
    body=AcknowledgeBody,
    answer=AlertItem,
)
def post_acknowledgement(alert_id: str) -> Response:
    body = read_model(AcknowledgeBody, read_json())
    running = services()
    work = partial(
        acknowledge,
        who=running.guard.principal(),
        alert_id=_checked_id(alert_id),
        comment=body.comment,
        now=running.clock(),
    )
    return json_response(_item(transact(running.engine, work)))


def _checked_id(alert_id: str) -> str:
    if not _ALERT_ID.fullmatch(alert_id):
        raise NotFoundError(f"no alert {alert_id[:64]!r}; GET /api/v1/alerts lists them")
    return alert_id


def _item(alert: Alert) -> dict[str, Any]:
    fields = asdict(alert)
    names = {"alert_id": "id", "region_id": "region", "model_id": "model"}
    item = {names.get(name, name): value for name, value in fields.items()}
    return item | {"window": find_event(alert.event).window.name}
