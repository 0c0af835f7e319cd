"""The state of the service over HTTP: alive, ready, measured and documented."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, request
from sqlalchemy.exc import DBAPIError

from app import metrics
from app.contract.answers import Health, StatusAnswer
from app.contract.lifecycle import Ready, ReadyProcess
from app.contract.openapi import document
from app.contract.openapi import html_page as openapi_page
from app.contract.problems import Fault, RequestError
from app.contract.queries import StatusQuery
from app.contract.responses import json_response
from app.routes.operation import operation
from app.services import services
from database.driver_errors import as_domain_error
from database.engine import reading
from database.migrations import is_current
from database.people.principal import METRICS, PUBLIC
from database.server_processes import list_processes
from solar.errors import StoreUnavailableError
from solar.status.checks import OK, Check, Status, judge
from solar.status.page import html_page, text_table
from solar.version import VERSION

# Where a client takes both alike, the first.
_FORMATS = ("text/html", "application/json")

blueprint = Blueprint("status", __name__)


@blueprint.get("/health")
@operation("Is the process alive?", answer=Health, permission=PUBLIC)
def get_health() -> Response:
    return json_response({"status": "alive"})


@blueprint.get("/ready")
@operation("Does the store answer, and is a model live?", answer=Ready, permission=PUBLIC)
def get_ready() -> Response:
    faults = _store_faults()
    if faults:
        detail = "; ".join(fault.message for fault in faults)
        raise RequestError(detail, status=503, title="Not ready", faults=faults)
    served = services().line_up.served()
    with reading(services().engine) as connection:
        processes = list_processes(connection)
    return json_response(
        {
            "status": "ready",
            "model": served.models.live.model_id,
            "shadows": [model.model_id for model in served.models.shadows],
            "line_up": served.number,
            "processes": [
                {name: getattr(one, name) for name in ReadyProcess.model_fields}
                for one in processes
            ],
        }
    )


def _store_faults() -> list[Fault]:
    if services().full_disk.is_recent():
        return [Fault("store", "its disk was full a moment ago; free space there")]
    try:
        with reading(services().engine) as connection:
            current = is_current(connection)
    except StoreUnavailableError as error:
        return [Fault("store", str(error))]
    except DBAPIError as error:
        return [Fault("store", str(as_domain_error(error)))]
    if not current:
        return [Fault("store", "the schema is not current; run `flarewatch database upgrade`")]
    return []


@blueprint.get("/status")
@operation(
    "What is fresh, late or away, for people (HTML) and programs (JSON)",
    permission=PUBLIC,
    query=StatusQuery,
    answer=StatusAnswer,
    also_answer=("text/html", "text/plain"),
)
def get_status(query: StatusQuery) -> Response:
    running = services()
    status = judge(
        running.store_watch.look(),
        heartbeat=running.heartbeat.state(),
        has_channels=bool(running.settings.notification_channels),
        api=Check("API", OK, "up", f"version {VERSION}"),
    )
    response = _status_response(status, query.format or _accepted_format())
    response.headers["Cache-Control"] = "no-store"
    return response


def _accepted_format() -> str:
    return "json" if request.accept_mimetypes.best_match(_FORMATS) == _FORMATS[1] else "html"


def _status_response(status: Status, kind: str) -> Response:
    if kind == "json":
        return json_response(status.document())
    if kind == "text":
        return Response(text_table(status), content_type="text/plain; charset=utf-8")
    return Response(html_page(status), content_type="text/html; charset=utf-8")


@blueprint.get("/metrics")
@operation("Measurements for Prometheus", answer="text/plain", permission=METRICS)
def get_metrics() -> Response:
    running = services()
    body = metrics.exposition(
        running.known_at, running.sun_clock.now, multiprocess=running.metrics_dir
    )
    return Response(body, content_type=metrics.CONTENT_TYPE)


@blueprint.get("/openapi.json")
@operation("This API as OpenAPI 3.1", answer="application/json", permission=PUBLIC)
def get_openapi() -> Response:
    return json_response(document(current_app))


@blueprint.get("/docs")
@operation("This API as a page to read", answer="text/html", permission=PUBLIC)
def get_docs() -> Response:
    return Response(openapi_page(document(current_app)), content_type="text/html; charset=utf-8")
