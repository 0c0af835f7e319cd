"""The health, readiness and status of the dashboard, and the next steps of a new installation."""

from __future__ import annotations

import time
from dataclasses import replace

import sqlalchemy as sa
from flask import Flask, Response, jsonify, request

from app_dash.api_client import api_of
from app_dash.guard import route
from app_dash.settings import DashSettings
from database.engine import reading
from database.flares.coverage import coverage
from database.people.principal import PUBLIC
from database.regions.current import data_state, data_version
from database.status.watch import StoreWatch
from solar.errors import FlarewatchError, StoreUnavailableError
from solar.status.checks import BROKEN, Check, Status, judge, read_document
from solar.status.facts import Heartbeat
from solar.status.page import html_page, text_table

# As long as the API waits for the store, and a moment.
_STATUS_SECONDS = 2.5
_NO_API = Check("API", BROKEN, "does not answer")
_NO_RECORDS = (
    "It has no records yet; they come from a sender, for example: flarewatch send simulate"
    " (docs/senders.md)"
)
_NO_FLARES = (
    "It has no flares yet and shows no skill without them; they come from the senders simulate and"
    " swpc, or from a list: flarewatch database import-flares FILE (docs/operations.md)"
)


def register(
    server: Flask, engine: sa.Engine, watch: StoreWatch, *, settings: DashSettings
) -> None:
    """Serve ``/health``, which always succeeds, ``/ready``, which needs the store, ``/status``."""

    @route(server, "/health", permission=PUBLIC)
    def health() -> Response:
        return jsonify(status="alive")

    @route(server, "/ready", permission=PUBLIC)
    def ready() -> Response:
        try:
            with reading(engine) as connection:
                data_version(connection)
        except StoreUnavailableError as error:
            response = jsonify(status="waiting", detail=str(error))
            response.status_code = 503
            return response
        return jsonify(status="ready")

    @route(server, "/status", permission=PUBLIC)
    def status() -> Response:
        response = _status_response(read_status(settings, watch), request.args.get("format"))
        response.headers["Cache-Control"] = "no-store"
        return response


def read_status(settings: DashSettings, watch: StoreWatch) -> Status:
    """Return the status that the API gives or, while it gives none, what the store tells."""
    began = time.monotonic()
    try:
        answer = api_of(settings, timeout_seconds=_STATUS_SECONDS).get(
            "/status", {"format": "json"}
        )
        status = read_document(answer.json())
    except (FlarewatchError, ValueError):
        return judge(watch.look(), heartbeat=Heartbeat(), has_channels=None, api=_NO_API)
    took = f"{1000 * (time.monotonic() - began):.0f} ms"
    checks = [replace(one, detail=took) if one.name == "API" else one for one in status.checks]
    return replace(status, checks=tuple(checks))


def _status_response(status: Status, kind: str | None) -> Response:
    if kind == "json":
        return jsonify(status.document())
    if kind == "text":
        return Response(text_table(status), content_type="text/plain; charset=utf-8")
    return Response(html_page(status), content_type="text/html; charset=utf-8")


def next_steps(engine: sa.Engine, address: str) -> list[str]:
    """Return lines for the log: the address of the dashboard, and what a new store lacks."""
    lines = [f"Flarewatch is open at {address}"]
    try:
        with reading(engine) as connection:
            if data_state(connection).newest_t_rec is None:
                lines.append(_NO_RECORDS)
            if coverage(connection) is None:
                lines.append(_NO_FLARES)
    except StoreUnavailableError as error:
        lines.append(f"It shows nothing yet: {error}")
    return lines
