"""The health and readiness of the dashboard, and the next steps of a new installation."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Flask, Response, jsonify

from app_dash.guard import route
from database.engine import reading
from database.flares.coverage import coverage
from database.people.principal import PUBLIC
from database.regions.current import data_state, data_version
from solar.errors import StoreUnavailableError

_NO_RECORDS = (
    "It has no records yet; they come from a sender, for example: flarewatch send simulate"
    " (docs/senders.md)"
)
_NO_FLARES = (
    "It has no flares yet and shows no skill without them; they come from the senders simulate and"
    " swpc, or from a list: flarewatch database import-flares FILE (docs/operations.md)"
)


def register(server: Flask, engine: sa.Engine) -> None:
    """Serve ``/health``, which always succeeds, and ``/ready``, which needs the store."""

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
